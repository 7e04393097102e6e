//! Where `http` may go: the address that a guest writes against the binding's grants.

use std::collections::BTreeMap;

use url::Url;

use crate::grants::HttpGrant;
use crate::services::HttpError;

const GRANT_SCHEME: &str = "grant://";
const ADDRESS_BYTES: usize = 8 * 1024;

/// Where a request goes, and by which grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination<'a> {
    pub(crate) url: Url,
    pub(crate) name: &'a str,
    pub(crate) grant: &'a HttpGrant,
}

/// Resolves what the guest wrote to an absolute address inside a grant that allows the method.
///
/// `grant://<name>/<path>` stands for the grant's base with that path; an absolute `http` or `https`
/// address must lie inside a grant: same scheme, host and port, below its path. Of several grants that
/// it lies inside, the first by name that allows the method counts.
pub(crate) fn resolve<'a>(
    grants: &'a BTreeMap<String, HttpGrant>,
    method: &str,
    address: &str,
) -> Result<Destination<'a>, HttpError> {
    if !is_method(method) {
        return Err(HttpError::Invalid(
            "a method is a token in upper case".to_owned(),
        ));
    }
    check_spelling(address)?;
    let candidates: Vec<(&String, &HttpGrant)>;
    let url = match address.strip_prefix(GRANT_SCHEME) {
        Some(rest) => {
            let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
            let (name, grant) = grants
                .get_key_value(name)
                .ok_or_else(|| HttpError::Denied(format!("the binding has no grant `{name}`")))?;
            candidates = vec![(name, grant)];
            parse(&format!("{}{path}", directory(&grant.base)))?
        }
        None => {
            candidates = grants.iter().collect();
            parse(address)?
        }
    };
    let host = url.host_str().unwrap_or_default();
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HttpError::Denied(format!(
            "host {host}: an address with a user name or password is never granted"
        )));
    }
    let mut inside = candidates
        .into_iter()
        .filter(|(_, grant)| lies_inside(&url, &grant.base))
        .peekable();
    let Some((first, _)) = inside.peek().copied() else {
        return Err(HttpError::Denied(format!(
            "host {host}: {} lies in no grant of the binding",
            origin_and_path(&url)
        )));
    };
    match inside.find(|(_, grant)| grant.methods.iter().any(|granted| granted == method)) {
        Some((name, grant)) => Ok(Destination { url, name, grant }),
        None => Err(HttpError::Denied(format!(
            "host {host}: grant `{first}` does not allow {method}"
        ))),
    }
}

/// Whether this is a method as RFC 9110 writes them, in upper case.
pub(crate) fn is_method(method: &str) -> bool {
    (1..=32).contains(&method.len())
        && method
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_')
}

/// Refuses spellings that two readers could understand differently, before anybody parses them.
fn check_spelling(address: &str) -> Result<(), HttpError> {
    let invalid = |reason: &str| Err(HttpError::Invalid(format!("address: {reason}")));
    if address.len() > ADDRESS_BYTES {
        return invalid("longer than 8 KiB");
    }
    if !address.bytes().all(|b| b.is_ascii_graphic()) {
        return invalid("only visible ASCII characters; percent-encode the others");
    }
    if address.contains('\\') {
        return invalid("a backslash");
    }
    if address.contains('#') {
        return invalid("a fragment never leaves the sandbox");
    }
    let path = address.split('?').next().unwrap_or(address);
    let lower = path.to_ascii_lowercase();
    if ["%2f", "%5c", "%2e", "%25", "%00"]
        .iter()
        .any(|escape| lower.contains(escape))
    {
        return invalid("an encoded slash, backslash, dot, percent sign or zero in the path");
    }
    // Some servers cut a segment's parameters off before they resolve dot segments: to them `..;a` is one.
    let is_dots = |segment: &str| {
        let plain = segment.replace("%3b", ";");
        matches!(plain.split(';').next(), Some("." | ".."))
    };
    if lower.split('/').any(is_dots) {
        return invalid("a dot segment in the path");
    }
    Ok(())
}

fn parse(address: &str) -> Result<Url, HttpError> {
    let url =
        Url::parse(address).map_err(|error| HttpError::Invalid(format!("address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(HttpError::Denied(format!(
            "scheme {}: only http and https are reachable",
            url.scheme()
        )));
    }
    Ok(url)
}

fn lies_inside(url: &Url, base: &Url) -> bool {
    url.scheme() == base.scheme()
        && url.host() == base.host()
        && url.port_or_known_default() == base.port_or_known_default()
        && (url.path() == base.path() || url.path().starts_with(&directory_path(base)))
}

fn directory(base: &Url) -> String {
    let text = base.as_str();
    if text.ends_with('/') {
        text.to_owned()
    } else {
        format!("{text}/")
    }
}

fn directory_path(base: &Url) -> String {
    let path = base.path();
    if path.ends_with('/') {
        path.to_owned()
    } else {
        format!("{path}/")
    }
}

fn origin_and_path(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

#[cfg(test)]
mod tests {
    use crate::grants::HttpBounds;

    use super::*;

    fn grants() -> BTreeMap<String, HttpGrant> {
        let url = |text: &str| Url::parse(text).expect("a valid address");
        BTreeMap::from([
            (
                "rates".to_owned(),
                HttpGrant::reading(url("http://127.0.0.1:4711/data/")),
            ),
            (
                "desk".to_owned(),
                HttpGrant {
                    base: url("https://Desk.Example/api"),
                    methods: vec!["GET".into(), "POST".into()],
                    bounds: HttpBounds::default(),
                },
            ),
        ])
    }

    fn reach(address: &str) -> Result<String, HttpError> {
        resolve(&grants(), "GET", address).map(|found| found.url.into())
    }

    #[test]
    fn a_named_grant_stands_for_its_base() {
        assert_eq!(
            reach("grant://rates/a/b.csv?x=1"),
            Ok("http://127.0.0.1:4711/data/a/b.csv?x=1".into())
        );
        assert_eq!(
            reach("grant://desk"),
            Ok("https://desk.example/api/".into())
        );
    }

    #[test]
    fn absolute_addresses_inside_a_grant_are_reached_in_any_spelling_of_scheme_host_and_port() {
        for address in [
            "https://desk.example/api/x",
            "HTTPS://DESK.EXAMPLE:443/api/x",
        ] {
            assert_eq!(reach(address), Ok("https://desk.example/api/x".into()));
        }
        assert_eq!(
            reach("http://127.1:4711/data/x"),
            Ok("http://127.0.0.1:4711/data/x".into())
        );
        assert_eq!(
            reach("https://desk.example/api"),
            Ok("https://desk.example/api".into())
        );
    }

    #[test]
    fn everything_outside_is_denied_and_the_host_is_named() {
        for (address, named) in [
            ("https://evil.example/api/x", "evil.example"),
            (
                "https://desk.example.evil.example/api/x",
                "desk.example.evil.example",
            ),
            ("https://desk.example./api/x", "desk.example."),
            ("http://desk.example/api/x", "desk.example"),
            ("https://desk.example:8443/api/x", "desk.example"),
            ("https://desk.example/apix", "desk.example"),
            ("https://desk.example/API/x", "desk.example"),
            ("https://desk.example/", "desk.example"),
            ("http://127.0.0.1:4712/data/x", "127.0.0.1"),
            ("http://127.0.0.1/data/x", "127.0.0.1"),
            ("http://[::1]:4711/data/x", "[::1]"),
            ("https://desk.example@evil.example/api/x", "evil.example"),
            ("https://me:secret@desk.example/api/x", "desk.example"),
            ("https://me@desk.example/api/x", "desk.example"),
            ("grant://unknown/x", "unknown"),
            ("ftp://desk.example/api/x", "ftp"),
            ("file:///etc/passwd", "file"),
        ] {
            match reach(address) {
                Err(HttpError::Denied(reason)) => {
                    assert!(reason.contains(named), "{address}: {reason}");
                    assert!(!reason.contains("secret"), "{reason}");
                }
                other => panic!("{address}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_first_grant_that_allows_the_method_is_the_one_that_counts() {
        let mut grants = grants();
        let base = grants["desk"].base.clone();
        grants.insert("a-reader".to_owned(), HttpGrant::reading(base));
        let name = |method, address| resolve(&grants, method, address).map(|found| found.name);
        let inside = "https://desk.example/api/x";
        assert_eq!(name("GET", inside), Ok("a-reader"));
        assert_eq!(name("POST", inside), Ok("desk"));
        assert_eq!(name("GET", "grant://desk/x"), Ok("desk"));
    }

    #[test]
    fn ambiguous_spellings_are_invalid() {
        for address in [
            "grant://rates/../secret",
            "grant://rates/a/../../secret",
            "grant://rates/./x",
            "grant://rates/..",
            "grant://rates/..;/admin",
            "grant://rates/a/..;v=1/admin",
            "grant://rates/.;x",
            "grant://rates/..%3B/admin",
            "https://desk.example/api/..%3bx/admin",
            "grant://rates/%2e%2e/secret",
            "grant://rates/.%2E/secret",
            "grant://rates/..%2fsecret",
            "grant://rates/..%5Csecret",
            "grant://rates/%252e%252e/secret",
            "grant://rates/a\\..\\secret",
            "grant://rates/a b",
            "grant://rates/a\tb",
            "grant://rates/a\r\nHost: evil.example",
            "grant://rates/caf\u{e9}",
            "grant://rates/x#fragment",
            "https://desk.example/api/..",
            "//desk.example/api/x",
            "/api/x",
            "",
        ] {
            assert!(
                matches!(reach(address), Err(HttpError::Invalid(_))),
                "{address}: {:?}",
                reach(address)
            );
        }
    }

    #[test]
    fn parameters_of_other_segments_are_part_of_the_address() {
        assert_eq!(
            reach("grant://rates/a;v=1/..b;c%3Bd"),
            Ok("http://127.0.0.1:4711/data/a;v=1/..b;c%3Bd".into())
        );
    }

    #[test]
    fn methods_need_a_grant_and_upper_case() {
        let grants = grants();
        let ask = |method, address| resolve(&grants, method, address).map(|found| found.url);
        assert!(ask("HEAD", "grant://rates/x").is_ok());
        assert!(ask("POST", "grant://desk/x").is_ok());
        assert!(matches!(
            ask("POST", "grant://rates/x"),
            Err(HttpError::Denied(reason)) if reason.contains("127.0.0.1") && reason.contains("POST")
        ));
        for method in ["get", "G ET", "", "GET\r\n"] {
            assert!(matches!(
                ask(method, "grant://rates/x"),
                Err(HttpError::Invalid(_))
            ));
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_reached_lies_inside_a_grant(tail in "[ -~]{0,40}") {
            for prefix in ["grant://rates/", "https://desk.example/api/", "https://desk.example", "http://"] {
                if let Ok(Destination { url, .. }) =
                    resolve(&grants(), "GET", &format!("{prefix}{tail}"))
                {
                    let text = url.as_str();
                    proptest::prop_assert!(
                        text.starts_with("http://127.0.0.1:4711/data/")
                            || text.starts_with("https://desk.example/api/")
                            || text.split('?').next() == Some("https://desk.example/api"),
                        "{}", text
                    );
                    proptest::prop_assert!(!url.path().split('/').any(|segment| segment == ".."));
                }
            }
        }
    }
}

//! Grants of HTTP against what a guest asks for: whatever is reached lies inside one that was granted.
//!
//! The last line is what the guest asks for, a method and an address; each line before it is a grant: a
//! name, a base, and methods.

use cryptlet_container::{Grants, HttpGrant};
use url::Url;

/// Whether the guest reaches anything.
pub fn check(bytes: &[u8]) -> bool {
    let Some((grants, method, address)) = std::str::from_utf8(bytes).ok().and_then(read) else {
        return false;
    };
    if let Err(error) = grants.check_http() {
        assert!(!error.to_string().is_empty());
        return false;
    }
    let reached = match grants.reach(&method, &address) {
        Ok(reached) => reached,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    assert!(
        grants
            .http
            .values()
            .any(|grant| gives(grant, &method, &reached)),
        "{reached}"
    );
    assert_eq!(Url::parse(reached.as_str()).as_ref(), Ok(&reached));
    true
}

fn read(text: &str) -> Option<(Grants, String, String)> {
    let (granted, asked) = text.trim_end_matches('\n').rsplit_once('\n')?;
    let (method, address) = asked.split_once(' ')?;
    let mut grants = Grants::default();
    for line in granted.lines() {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        let mut grant = HttpGrant::reading(words.next()?.parse().ok()?);
        grant.methods = words.map(str::to_owned).collect();
        grants.http.insert(name, grant);
    }
    Some((grants, method.to_owned(), address.to_owned()))
}

fn gives(grant: &HttpGrant, method: &str, reached: &Url) -> bool {
    let base = grant.base.path();
    let below = format!("{}/", base.trim_end_matches('/'));
    let is_inside = reached.path() == base || reached.path().starts_with(&below);
    let goes_up = reached.path().split('/').any(|part| part == "..");
    let origin = |url: &Url| {
        let host = url.host_str().map(str::to_owned);
        (url.scheme().to_owned(), host, url.port_or_known_default())
    };
    origin(reached) == origin(&grant.base)
        && is_inside
        && !goes_up
        && reached.username().is_empty()
        && reached.password().is_none()
        && reached.fragment().is_none()
        && grant.methods.iter().any(|granted| granted == method)
}

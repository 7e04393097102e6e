//! The real web against servers and resolvers of a test's own.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::*;

#[test]
fn a_server_that_drips_is_cut_off_in_time() -> Result<(), Box<dyn std::error::Error>> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}/", listener.local_addr()?);
    // Ends when the client hangs up: then writing fails.
    let server = std::thread::spawn(move || -> std::io::Result<()> {
        use std::io::Write as _;
        let (mut stream, _) = listener.accept()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
        loop {
            stream.write_all(b".")?;
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let limits = HttpLimits {
        timeout: Duration::from_millis(300),
        ..LIMITS
    };
    let refusal = PublicWeb::new()?.fetch(&get(&url), &limits);
    assert!(refusal.is_err(), "it was read to its end");
    assert!(server.join().is_ok_and(|ended| ended.is_err()));
    Ok(())
}

/// Gives one answer after the other, and counts.
#[derive(Default)]
struct Rebinding {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Rebinding {
    fn with(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = answers.iter().map(|addresses| {
            let addresses = addresses.iter();
            addresses
                .map(|address| address.parse().expect("an address"))
                .collect()
        });
        Arc::new(Self {
            answers: Mutex::new(parsed.collect()),
            ..Self::default()
        })
    }
}

impl Resolver for Rebinding {
    fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        self.asked.lock().expect("no panic").push(name.to_owned());
        let next = self.answers.lock().expect("no panic").pop_front();
        next.ok_or_else(|| std::io::Error::other("no such name"))
    }
}

fn destination(url: &str, resolver: &dyn Resolver) -> Result<Destination, HttpError> {
    Destination::of(&Url::parse(url).expect("a URL"), resolver)
}

fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
    }
}

const LIMITS: HttpLimits = HttpLimits {
    response_bytes: 1 << 20,
    timeout: Duration::from_secs(20),
};

/// Answers one connection after the other in this way, and returns how many there were.
fn serve(
    answers: &'static [&'static str],
) -> std::io::Result<(u16, std::thread::JoinHandle<std::io::Result<Vec<String>>>)> {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let server = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept()?;
            let mut head = String::new();
            let mut lines = BufReader::new(stream.try_clone()?);
            while lines.read_line(&mut head)? > 2 {}
            stream.write_all(answer.as_bytes())?;
            heads.push(head);
        }
        Ok(heads)
    });
    Ok((port, server))
}

#[test]
fn a_name_is_resolved_once_and_the_connection_goes_there() -> Result<(), Box<dyn std::error::Error>>
{
    let (port, server) = serve(&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"])?;
    // Who asked a second time would not come to the server.
    let resolver = Rebinding::with(&[&["127.0.0.1"], &["127.0.0.9"]]);
    let web = PublicWeb::new()?.resolving_by(resolver.clone());
    let url = format!("http://rebinding.localhost:{port}/rates.csv");
    let answer = web.fetch(&get(&url), &LIMITS)?;
    assert_eq!((answer.status, answer.body), (200, b"ok".to_vec()));
    assert_eq!(
        *resolver.asked.lock().expect("no panic"),
        ["rebinding.localhost"]
    );
    let heads = server.join().expect("it served")?;
    assert!(
        heads[0].contains(&format!("host: rebinding.localhost:{port}")),
        "{heads:?}"
    );
    Ok(())
}

#[test]
fn a_name_that_turns_private_is_refused_at_the_next_request() {
    let resolver = Rebinding::with(&[&["93.184.216.34"], &["10.0.0.7"]]);
    let url = "https://rates.example/a.csv";
    let first = destination(url, resolver.as_ref()).expect("it is public");
    assert_eq!(
        first.addresses,
        [SocketAddr::from(([93, 184, 216, 34], 443))]
    );
    match destination(url, resolver.as_ref()) {
        Err(HttpError::Denied(reason)) => {
            assert!(
                reason.contains("rates.example resolves to 10.0.0.7"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_address_inside_spoils_the_others() {
    for inside in [
        "169.254.169.254",
        "127.0.0.1",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
    ] {
        let resolver = Rebinding::with(&[&["93.184.216.34", inside]]);
        let refusal = destination("http://rates.example/", resolver.as_ref());
        assert!(
            matches!(refusal, Err(HttpError::Denied(_))),
            "{inside}: {refusal:?}"
        );
    }
}

#[test]
fn a_local_name_reaches_nothing_but_this_machine() {
    for (address, reached) in [("127.0.0.1", true), ("::1", true), ("93.184.216.34", false)] {
        let resolver = Rebinding::with(&[&[address]]);
        let found = destination("http://desk.localhost/", resolver.as_ref());
        assert_eq!(found.is_ok(), reached, "{address}: {found:?}");
    }
}

#[test]
fn a_redirect_is_an_answer_and_nobody_is_asked_for_it() -> Result<(), Box<dyn std::error::Error>> {
    let (port, server) = serve(&[
        "HTTP/1.1 302 Found\r\nlocation: http://metadata.localhost/\r\ncontent-length: 0\r\n\r\n",
    ])?;
    let resolver = Rebinding::with(&[&["127.0.0.1"], &["127.0.0.1"]]);
    let web = PublicWeb::new()?.resolving_by(resolver.clone());
    let answer = web.fetch(&get(&format!("http://rates.localhost:{port}/")), &LIMITS)?;
    assert_eq!(answer.status, 302);
    let location = (
        "location".to_owned(),
        "http://metadata.localhost/".to_owned(),
    );
    assert!(answer.headers.contains(&location), "{:?}", answer.headers);
    assert_eq!(
        *resolver.asked.lock().expect("no panic"),
        ["rates.localhost"]
    );
    assert_eq!(server.join().expect("it served")?.len(), 1);
    Ok(())
}

#[test]
fn an_answer_larger_than_allowed_is_cut_off() -> Result<(), Box<dyn std::error::Error>> {
    let (port, server) = serve(&["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfives"])?;
    let limits = HttpLimits {
        response_bytes: 4,
        ..LIMITS
    };
    let url = format!("http://127.0.0.1:{port}/");
    let refusal = PublicWeb::new()?.fetch(&get(&url), &limits);
    assert_eq!(refusal, Err(HttpError::TooLarge(4)));
    server.join().expect("it served")?;
    Ok(())
}

#[test]
fn a_literal_address_is_used_as_it_stands() {
    let nobody = Rebinding::with(&[]);
    for (url, host, address) in [
        ("http://127.0.0.1:8080/x", "127.0.0.1", "127.0.0.1:8080"),
        ("http://[::1]:8080/x", "[::1]", "[::1]:8080"),
    ] {
        let found = destination(url, nobody.as_ref()).expect("it is granted by name");
        assert_eq!(found.host, host);
        assert_eq!(found.addresses, [address.parse().expect("an address")]);
    }
    assert!(nobody.asked.lock().expect("no panic").is_empty());
}

#[test]
fn more_headers_than_a_map_of_them_holds_are_refused() -> Result<(), Box<dyn std::error::Error>> {
    let mut request = get("http://127.0.0.1:9/");
    request.headers = (0..30_000)
        .map(|number| (format!("x{number}"), String::new()))
        .collect();
    let refusal = PublicWeb::new()?.fetch(&request, &LIMITS);
    assert!(
        matches!(&refusal, Err(HttpError::Invalid(reason)) if reason.starts_with("30000 headers")),
        "{refusal:?}"
    );
    Ok(())
}

//! Guests that look for a way round their grants, against the real web client and real servers.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use cryptlet_fabric::{PublicWeb, Resolver};

use crate::folder;
use crate::host::{Ending, Host, judge};
use crate::web::Outside;

/// A server that answers its first request so, and the thread that does.
fn answering(answer: String) -> Result<(String, std::thread::JoinHandle<std::io::Result<()>>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let base = format!("http://{}/", listener.local_addr()?);
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        read_request(&mut stream)?;
        stream.write_all(answer.as_bytes())
    });
    Ok((base, server))
}

/// Reads to the end of the headers; a GET has no more.
fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        seen.push(byte[0]);
    }
    Ok(())
}

/// Where nobody may come.
struct Inside(TcpListener);

impl Inside {
    fn new() -> Result<Inside> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        Ok(Inside(listener))
    }

    fn was_reached(&self) -> Result<bool> {
        match self.0.accept() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[test]
fn a_redirect_to_the_inside_is_an_answer_and_goes_nowhere() -> Result<()> {
    let inside = Inside::new()?;
    let place = inside.0.local_addr()?;
    let (base, server) = answering(format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{place}/latest/meta-data/\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    ))?;
    let host = Host::new(4)?;
    let mut attack = folder::attack("redirect-to-metadata")?;
    attack.verdict.binding.http.insert("rates".to_owned(), base);
    attack.verdict.says = vec!["127.0.0.1".to_owned()];
    let armed = host.arm(&attack)?.ok().context("it is loaded")?;
    let outside = Arc::new(Outside::on(Arc::new(PublicWeb::new()?)));
    let run = host.run_with(&armed, Arc::clone(&outside));
    judge(&attack.verdict, &Ending::Ran(Box::new(run)))?;
    ensure!(
        outside.asked.load(Ordering::SeqCst) == 1,
        "the second request was to be denied before it left"
    );
    ensure!(!inside.was_reached()?, "it was followed");
    server.join().expect("the server does not panic")?;
    Ok(())
}

/// A resolver that gives one answer after the other, each once, and counts how often it is asked.
struct LeadsTo(Vec<IpAddr>, AtomicUsize);

impl LeadsTo {
    fn each(answers: &[&str]) -> Result<Arc<LeadsTo>> {
        let answers = answers.iter().map(|answer| answer.parse());
        let answers = answers.collect::<Result<_, _>>()?;
        Ok(Arc::new(LeadsTo(answers, AtomicUsize::new(0))))
    }

    fn was_asked(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

impl Resolver for LeadsTo {
    fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let answer = self.0.get(self.1.fetch_add(1, Ordering::SeqCst));
        let answer = answer.ok_or_else(|| std::io::Error::other("asked too often"))?;
        Ok(vec![*answer])
    }
}

#[test]
fn a_name_that_leads_inside_is_denied_before_anything_is_sent() -> Result<()> {
    let host = Host::new(4)?;
    let inside = Inside::new()?;
    let port = inside.0.local_addr()?.port();
    for address in ["169.254.169.254", "127.0.0.1", "::ffff:10.0.0.1"] {
        let mut attack = folder::attack("name-that-leads-inside")?;
        let base = format!("http://rates.example:{port}/");
        attack.verdict.binding.http.insert("rates".to_owned(), base);
        attack.verdict.says = vec![address.to_owned()];
        let armed = host.arm(&attack)?.ok().context("it is loaded")?;
        let resolver = LeadsTo::each(&[address])?;
        let web = PublicWeb::new()?.resolving_by(Arc::clone(&resolver) as _);
        let run = host.run_with(&armed, Arc::new(Outside::on(Arc::new(web))));
        judge(&attack.verdict, &Ending::Ran(Box::new(run)))?;
        ensure!(resolver.was_asked() == 1, "resolved once a call");
    }
    ensure!(!inside.was_reached()?, "something was sent");
    Ok(())
}

/// The name is one of this machine, so that its first answer is served; whatever it leads to then is
/// refused as a public name's is.
#[test]
fn a_name_that_leads_elsewhere_the_second_time_is_denied_then() -> Result<()> {
    let host = Host::new(4)?;
    for inside in ["169.254.169.254", "10.0.0.1", "::ffff:169.254.169.254"] {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let (base, server) = answering(answer.to_owned())?;
        let base = base.replace("127.0.0.1", "rates.localhost");
        let mut attack = folder::attack("rebinding-name")?;
        attack.verdict.binding.http.insert("rates".to_owned(), base);
        attack.verdict.says = vec![format!("rates.localhost resolves to {inside}")];
        let armed = host.arm(&attack)?.ok().context("it is loaded")?;
        let resolver = LeadsTo::each(&["127.0.0.1", inside])?;
        let web = PublicWeb::new()?.resolving_by(Arc::clone(&resolver) as _);
        let run = host.run_with(&armed, Arc::new(Outside::on(Arc::new(web))));
        judge(&attack.verdict, &Ending::Ran(Box::new(run)))?;
        ensure!(resolver.was_asked() == 2, "resolved once a call");
        server.join().expect("the server does not panic")?;
    }
    Ok(())
}

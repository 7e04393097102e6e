//! Guests that look for a way round their grants, against the real web client and real servers.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result, ensure};
use cryptlet_fabric::PublicWeb;

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
    attack.verdict.says = Some("127.0.0.1".to_owned());
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

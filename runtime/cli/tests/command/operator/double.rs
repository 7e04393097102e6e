//! Something that listens like a service and says what a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use crate::Desk;

/// Answers one request after the other with what it was given, and remembers the requests.
pub struct Double {
    address: SocketAddr,
    thread: JoinHandle<std::io::Result<Vec<String>>>,
}

impl Double {
    /// Gives `answers` in turn: status line, headers and body.
    pub fn answering(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            answers
                .into_iter()
                .map(|answer| {
                    let (mut stream, _) = listener.accept()?;
                    let request = read(&mut stream)?;
                    stream.write_all(answer.as_bytes())?;
                    Ok(request)
                })
                .collect()
        });
        Self { address, thread }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes the desk's state folder that of this service.
    pub fn runs_on(&self, desk: &Desk) {
        announce(desk, &self.url(), std::process::id());
    }

    /// The requests, once all answers are given.
    pub fn requests(self) -> Vec<String> {
        self.thread.join().unwrap().unwrap()
    }
}

/// Writes what a service writes when it starts.
pub fn announce(desk: &Desk, url: &str, pid: u32) {
    std::fs::create_dir_all(desk.path().join(".cryptlet")).unwrap();
    desk.file(".cryptlet/operator.token", "cfa_0123\n");
    desk.file(
        ".cryptlet/service.json",
        format!(r#"{{"url":"{url}","pid":{pid}}}"#),
    );
}

/// An answer with a body.
pub fn answer(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nRetry-After: 7\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A problem as the service would tell it.
pub fn problem(status: u16, detail: &str) -> String {
    let body = format!(r#"{{"type":"any","status":{status},"detail":"{detail}"}}"#);
    answer(&format!("{status} Any"), "application/problem+json", &body)
}

fn read(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
        request.push_str(&line);
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.push_str(&String::from_utf8_lossy(&body));
    Ok(request)
}

//! A witness that is killed, seen from a log.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use cryptlet_attest::log::{AddCheckpoint, MemoryHashes, WitnessKey, accept_cosignatures, root};
use cryptlet_attest::{LeafHash, TrustedKey, sign_checkpoint};
use ed25519_dalek::SigningKey;
use reqwest::blocking::Client;
use rustix::process::{Pid, Signal, kill_process};

use super::Desk;

/// Entries of each log.
const SIZE: u64 = 2;

/// A witness' process; it is killed with the value.
struct Serving {
    child: Child,
    url: String,
}

impl Serving {
    fn on(desk: &Desk) -> Self {
        let mut child = desk
            .command([
                "witness",
                "serve",
                "witness",
                "--listen=127.0.0.1:0",
                "--passphrase-file=passphrase",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.split_once("http://").unwrap().1;
        let address = address.split_once(';').unwrap().0;
        Self {
            child,
            url: format!("http://{address}/add-checkpoint"),
        }
    }

    fn ask(&self, request: &AddCheckpoint) -> Option<(u16, String)> {
        let tls = cryptlet_fabric::tls_configuration().unwrap();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let answer = client.post(&self.url).body(request.to_text()).send().ok()?;
        Some((answer.status().as_u16(), answer.text().ok()?))
    }
}

impl Serving {
    /// Whatever was written before stays: the disk's cache is the system's, not the process's.
    fn kill(&self) {
        let pid = Pid::from_child(&self.child);
        // It may be dead already, but nobody has waited for it yet, so the number is its own.
        kill_process(pid, Signal::KILL).unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
        self.child.wait().unwrap();
    }
}

/// Two entries of a log, one history of them for each `side`, to whoever cosigned `old` of them.
fn request(origin: &str, side: &str, old: u64) -> AddCheckpoint {
    let mut hashes = MemoryHashes::default();
    for index in 0..SIZE {
        let leaf = LeafHash::of(format!("{side} {index}").as_bytes());
        hashes.append(&leaf).unwrap();
    }
    let root = root(SIZE, &hashes).unwrap();
    AddCheckpoint {
        old,
        proof: Vec::new(),
        checkpoint: sign_checkpoint(origin, SIZE, &root, &log_key()).unwrap(),
    }
}

fn log_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

#[test]
fn a_killed_witness_never_cosigns_two_histories() {
    let desk = Desk::new();
    desk.file("passphrase", "correct horse\n");
    let made = desk.run([
        "witness",
        "init",
        "--at=witness",
        "--name=acme/w1",
        "--cost=light",
        "--passphrase-file=passphrase",
    ]);
    let key: WitnessKey = made.done().trim().parse().unwrap();
    let is_cosigned = |request: &AddCheckpoint, answer: &Option<(u16, String)>| {
        answer.as_ref().is_some_and(|(status, said)| {
            let key = std::slice::from_ref(&key);
            let accepted = accept_cosignatures(&request.checkpoint, said, key).unwrap();
            *status == 200 && !accepted.is_empty()
        })
    };
    let mut witness = Serving::on(&desk);
    for round in 0..6 {
        let origin = format!("fabric.example/{round}");
        let log = TrustedKey::new(&origin, &log_key().verifying_key().to_bytes()).unwrap();
        desk.run(["witness", "add-log", "witness", &log.to_string()])
            .done();
        let left = request(&origin, "left", 0);
        // Killed after its answer, or while it answers.
        let first = if round % 2 == 0 {
            let first = witness.ask(&left);
            assert!(is_cosigned(&left, &first), "{first:?}");
            first
        } else {
            thread::scope(|scope| {
                let asking = scope.spawn(|| witness.ask(&left));
                witness.kill();
                asking.join().unwrap()
            })
        };
        witness.kill();
        witness = Serving::on(&desk);
        let right = [0, SIZE].map(|old| request(&origin, "right", old));
        let taken = right
            .iter()
            .any(|right| is_cosigned(right, &witness.ask(right)));
        assert!(
            !(taken && is_cosigned(&left, &first)),
            "two histories of {origin} are cosigned"
        );
    }
}

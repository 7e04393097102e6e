//! What was logged, from the files of several days.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::Desk;

fn event(day: u32, level: &str, message: &str, binding: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-03-{day:02}T10:00:00.5Z\",\"level\":\"{level}\",\"message\":\"{message}\",\
         \"binding\":\"{binding}\",\"target\":\"guest\"}}\n"
    )
}

/// Two days, and a line that a crash cut off.
fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path().join(".cryptlet/logs")).unwrap();
    let first = event(1, "INFO", "one", "a") + &event(1, "WARN", "two", "b") + "{\"timest\n";
    desk.file(".cryptlet/logs/cryptlet.2026-03-01.jsonl", first);
    let second = event(2, "ERROR", "three", "a") + &event(2, "DEBUG", "four", "b");
    desk.file(".cryptlet/logs/cryptlet.2026-03-02.jsonl", second);
    desk
}

fn messages(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            event["message"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn shows_the_events_of_all_days_in_their_order() {
    let desk = desk();
    let said = desk.run(["logs"]).done();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[0],
        "2026-03-01T10:00:00.500Z  INFO   one  binding=a  guest"
    );
    assert_eq!(lines[2], "{\"timest");
    assert_eq!(lines.len(), 5);
}

#[test]
fn shows_what_was_asked_for() {
    let desk = desk();
    for (options, expected) in [
        (&["--lines=2"][..], &["three", "four"][..]),
        (&["-n", "0"], &[]),
        (&["--level=warn"], &["two", "three"]),
        (&["--binding=a"], &["one", "three"]),
        (&["--binding=b", "--level=info"], &["two"]),
        (&["--since=2026-03-02T00:00:00Z"], &["three", "four"]),
        (&["--since=1s"], &[]),
        (&[], &["one", "two", "three", "four"]),
    ] {
        let said = desk.run(["logs", "--json"].iter().chain(options)).done();
        assert_eq!(messages(&said), expected, "{options:?}");
    }
}

#[test]
fn follows_from_one_day_to_the_next() {
    let desk = desk();
    let mut child = desk
        .command(["logs", "--follow", "--lines=1", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || messages(&lines.next().unwrap().unwrap()).remove(0);
    assert_eq!(next(), "four");

    // Half a line is none yet.
    let whole = event(2, "INFO", "five", "a");
    let (start, end) = whole.split_at(30);
    let path = desk.path().join(".cryptlet/logs/cryptlet.2026-03-02.jsonl");
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(start.as_bytes()).unwrap();
    file.write_all(end.as_bytes()).unwrap();
    assert_eq!(next(), "five");

    desk.file(
        ".cryptlet/logs/cryptlet.2026-03-03.jsonl",
        event(3, "INFO", "six", "a"),
    );
    assert_eq!(next(), "six");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_cannot_be_followed_has_status_2() {
    let desk = Desk::new();
    let sentence = desk.run(["logs"]).failed(2);
    assert!(
        sentence.contains(".cryptlet/logs holds no log files"),
        "{sentence}"
    );
    for option in ["--since=yesterday", "--level=loud", "--lines=all"] {
        desk.run(["logs", option]).failed(2);
    }
}

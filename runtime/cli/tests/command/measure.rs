use std::fs::File;

use crate::{Desk, Outcome};

/// The BLAKE3 hash of nothing, from the test vectors of its authors.
const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
/// The BLAKE3 hash of `hi`, as b3sum 1.2.0 prints it.
const HI: &str = "85052e9aab1b67b6622d94a08441b09fd5b7aca61ee360416d70de5da67d86ca";

#[test]
fn prints_a_line_for_each_file_as_b3sum_does() {
    let desk = Desk::new();
    desk.file("empty.wasm", "");
    desk.file("two words", "hi");
    assert_eq!(
        desk.run(["measure", "empty.wasm", "two words", "./empty.wasm"])
            .done(),
        format!("{EMPTY}  empty.wasm\n{HI}  two words\n{EMPTY}  ./empty.wasm\n")
    );
}

#[test]
fn escapes_names_that_would_break_the_line() {
    let desk = Desk::new();
    desk.file("a\\b", "hi");
    desk.file("a\nb", "hi");
    assert_eq!(
        desk.run(["measure", "a\\b", "a\nb"]).done(),
        format!("\\{HI}  a\\\\b\n\\{HI}  a\\nb\n")
    );
}

#[test]
fn measures_the_standard_input() {
    let desk = Desk::new();
    let input = File::open(desk.file("input", "hi")).unwrap();
    let outcome: Outcome = desk
        .command(["measure", "-"])
        .stdin(input)
        .output()
        .unwrap()
        .into();
    assert_eq!(outcome.done(), format!("{HI}  -\n"));
}

#[test]
fn measures_what_it_can_and_names_what_it_cannot() {
    let desk = Desk::new();
    desk.file("here", "hi");
    let outcome = desk.run(["measure", "missing", "here", "."]);
    assert_eq!(outcome.status, 2);
    assert_eq!(outcome.output, format!("{HI}  here\n"));
    assert!(outcome.errors.contains("there is no file missing"));
    assert!(outcome.errors.contains(". is a folder"));
}

#[test]
fn needs_a_file() {
    let sentence = Desk::new().run(["measure"]).failed(2);
    assert!(sentence.contains("<FILE>"), "{sentence}");
}

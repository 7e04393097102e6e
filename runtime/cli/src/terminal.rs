//! A person's terminal: what is safe to show on it, in which colours, and in which columns.

mod colour;
mod progress;
mod table;

use jiff::Timestamp;

pub use colour::{BAD, Colour, FAINT, GOOD, HEADING, output};
pub use progress::{Progress, progress};
pub use table::{Cell, Table};

/// `text` without anything that a terminal would act upon or that reorders what
/// is read: receipts and file names may come from somebody hostile.
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| match character {
            '"' | '\'' | '\\' => vec![character],
            other => other.escape_debug().collect(),
        })
        .collect()
}

/// So many of a thing: `1 ledger`, `2 ledgers`.
pub fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// Milliseconds since 1970 as RFC 3339 has them, in UTC: whole seconds, or
/// three decimals when there are any.
pub fn instant(milliseconds: u64) -> String {
    let timestamp = i64::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    match timestamp {
        Some(timestamp) if milliseconds.is_multiple_of(1000) => format!("{timestamp:.0}"),
        Some(timestamp) => format!("{timestamp:.3}"),
        // After the year 9999: only a damaged document says so.
        None => format!("{milliseconds} ms after 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::{instant, printable};

    #[test]
    fn leaves_ordinary_text_alone() {
        let text = r#"key `a` isn't in "C:\keys"; größe 40 €"#;
        assert_eq!(printable(text), text);
    }

    #[test]
    fn shows_what_a_terminal_would_obey() {
        assert_eq!(
            printable("a\u{1b}[2Jb\r\nc\u{202e}d\u{7}"),
            "a\\u{1b}[2Jb\\r\\nc\\u{202e}d\\u{7}"
        );
    }

    #[test]
    fn says_instants_in_utc() {
        assert_eq!(instant(0), "1970-01-01T00:00:00Z");
        assert_eq!(instant(1_141_776_000_000), "2006-03-08T00:00:00Z");
    }

    #[test]
    fn keeps_milliseconds_that_are_not_zero() {
        assert_eq!(instant(1_141_776_000_050), "2006-03-08T00:00:00.050Z");
    }

    #[test]
    fn an_instant_beyond_the_calendar_is_shown_as_its_number() {
        assert_eq!(instant(u64::MAX), "18446744073709551615 ms after 1970");
    }
}

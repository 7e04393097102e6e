//! Text from elsewhere, on its way to a person's terminal.

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

#[cfg(test)]
mod tests {
    use super::printable;

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
}

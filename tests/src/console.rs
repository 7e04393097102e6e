//! Commands in the documentation: what a reader types, and what must come of it.
//!
//! A fenced block `console` holds them. A line that begins with `$ ` is a command, lines that begin
//! with `> ` go on with it, and all other lines are what it prints: a line `…` stands for any
//! number of lines, and `…` within a line for any text. A command with nothing under it may print
//! anything. One that ends in ` &` goes on while others run; what it must print is waited for.
//! Every other command must end well; one that fails on purpose says so: `… || echo "status $?"`.

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it begins in its file, counted from 1.
    pub line: usize,
    /// What is typed, without the ` &` of one that goes on.
    pub command: String,
    /// Whether the reader goes on without waiting for its end.
    pub background: bool,
    /// What it prints.
    pub expected: Vec<String>,
}

/// The commands of a document, in order.
#[must_use]
pub fn steps(markdown: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (index, line) in markdown.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            inside = !inside && language == "console";
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                line: index + 1,
                command: command.to_owned(),
                background: false,
                expected: Vec::new(),
            });
        } else if let Some(step) = steps.last_mut() {
            match line.strip_prefix("> ") {
                Some(more) if step.expected.is_empty() => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                _ => step.expected.push(line.trim_end().to_owned()),
            }
        }
    }
    for step in &mut steps {
        if let Some(command) = step.command.strip_suffix(" &") {
            step.command = command.to_owned();
            step.background = true;
        }
    }
    steps
}

/// Whether a command printed what was expected of it.
#[must_use]
pub fn matches(expected: &[String], printed: &str) -> bool {
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    expected.is_empty() || lines_match(expected, &printed)
}

/// Whether a command that goes on has printed at least what was expected of it.
#[must_use]
pub fn begins(expected: &[String], printed: &str) -> bool {
    let mut open = expected.to_vec();
    open.push(ANYTHING.to_owned());
    matches(&open, printed)
}

const ANYTHING: &str = "…";

fn lines_match(expected: &[String], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == ANYTHING => {
            (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

fn line_matches(expected: &str, printed: &str) -> bool {
    let Some((first, rest)) = expected.split_once(ANYTHING) else {
        return expected == printed;
    };
    let Some(printed) = printed.strip_prefix(first) else {
        return false;
    };
    // The last text belongs at the end; those before it are taken where they first occur.
    let (middle, last) = rest.rsplit_once(ANYTHING).unwrap_or(("", rest));
    let mut left = printed;
    for part in middle.split(ANYTHING) {
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn commands_are_read_with_their_lines_and_what_they_print() {
        let markdown = "Text.\n\n```console\n$ echo one\none\n$ cat <<END\n> two\n> END\ntwo\n$ serve &\n```\n\n```sh\n$ not this\n```\n";

        let steps = steps(markdown);

        let commands: Vec<_> = steps.iter().map(|step| step.command.as_str()).collect();
        assert_eq!(commands, ["echo one", "cat <<END\ntwo\nEND", "serve"]);
        let places: Vec<_> = steps.iter().map(|step| step.line).collect();
        assert_eq!(places, [4, 6, 10]);
        assert_eq!(steps[1].expected, ["two"]);
        assert!(steps[2].background && !steps[0].background);
    }

    #[test]
    fn an_ellipsis_stands_for_any_lines_or_any_text() {
        assert!(matches(&lines("a\n…\nb … d"), "a\nx\ny\nb and c and d\n"));
        assert!(matches(&lines("a\n…\nb"), "a\nb\n"));
        assert!(!matches(&lines("a\n…\nb"), "a\nb\nc\n"));
        assert!(!matches(&lines("b … d"), "b and c\n"));
        assert!(!matches(&lines("aa…a"), "aa\n"));
    }

    #[test]
    fn nothing_expected_lets_everything_pass() {
        assert!(matches(&[], "anything\n"));
        assert!(!matches(&lines("nothing"), ""));
    }

    #[test]
    fn what_goes_on_may_print_more_later() {
        assert!(begins(&lines("ready"), "ready\nand more\n"));
        assert!(!begins(&lines("ready"), "nearly\n"));
    }
}

//! What two texts differ in, line by line.

/// A line of one text, of the other, or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// In both.
    Same(&'a str),
    /// Only in what was expected.
    Missing(&'a str),
    /// Only in what was found.
    New(&'a str),
}

/// The lines of both texts, in order: those in common that are the most, and what differs.
pub fn lines<'a>(expected: &'a str, found: &'a str) -> Vec<Line<'a>> {
    let expected: Vec<&str> = expected.lines().collect();
    let found: Vec<&str> = found.lines().collect();
    // The length of the longest common part of what follows each pair of places.
    let mut common = vec![vec![0_usize; found.len() + 1]; expected.len() + 1];
    for i in (0..expected.len()).rev() {
        for j in (0..found.len()).rev() {
            common[i][j] = if expected[i] == found[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < expected.len() || j < found.len() {
        if i < expected.len() && j < found.len() && expected[i] == found[j] {
            lines.push(Line::Same(expected[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == found.len() || i < expected.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(Line::Missing(expected[i]));
            i += 1;
        } else {
            lines.push(Line::New(found[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_common_and_marks_the_rest() {
        assert_eq!(
            lines("a\nb\nc", "a\nx\nc\nd"),
            [
                Line::Same("a"),
                Line::Missing("b"),
                Line::New("x"),
                Line::Same("c"),
                Line::New("d"),
            ]
        );
    }

    #[test]
    fn equal_texts_have_only_common_lines() {
        let all = lines("a\nb", "a\nb");
        assert!(all.iter().all(|line| matches!(line, Line::Same(_))));
        assert_eq!(lines("", "a"), [Line::New("a")]);
        assert_eq!(lines("a", ""), [Line::Missing("a")]);
    }
}

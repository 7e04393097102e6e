//! Who decided on a move, and why.

/// Greatest length of a decider's name, in bytes.
pub const MAXIMUM_BY: usize = 100;
/// Greatest length of a reason, in bytes.
pub const MAXIMUM_REASON: usize = 500;

/// Who decided on a move, and why: both stand in the log for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    by: String,
    reason: String,
    drops_state_changes: bool,
}

/// A decision that the log does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// Nothing is said.
    #[error("the decision says nothing about {0}; every move is recorded with who made it and why")]
    Empty(&'static str),
    /// Too much is said.
    #[error("{what} has {length} bytes, and {most} fit into the log; say it in fewer words")]
    TooLong {
        /// `who` or `why`.
        what: &'static str,
        /// How many bytes it has.
        length: usize,
        /// How many it may have.
        most: usize,
    },
    /// It would not be one line wherever it is shown.
    #[error("{0} is not one line of plain text; leave out line breaks and control characters")]
    NotALine(&'static str),
}

impl Decision {
    /// What `by` decided for the sake of `reason`.
    ///
    /// # Errors
    ///
    /// If either is empty, longer than [`MAXIMUM_BY`] or [`MAXIMUM_REASON`] bytes, or not one line.
    pub fn new(by: impl Into<String>, reason: impl Into<String>) -> Result<Self, DecisionError> {
        let decision = Self {
            by: by.into(),
            reason: reason.into(),
            drops_state_changes: false,
        };
        for (what, text, most) in [
            ("who", &decision.by, MAXIMUM_BY),
            ("why", &decision.reason, MAXIMUM_REASON),
        ] {
            if text.trim().is_empty() {
                return Err(DecisionError::Empty(what));
            }
            if text.len() > most {
                return Err(DecisionError::TooLong {
                    what,
                    length: text.len(),
                    most,
                });
            }
            if text.chars().any(breaks_a_line) {
                return Err(DecisionError::NotALine(what));
            }
        }
        Ok(decision)
    }

    /// What the fabric decided by itself. A reason that is too long is cut.
    #[must_use]
    pub fn of_fabric(reason: &str) -> Self {
        let mut line: String = reason
            .chars()
            .map(|letter| if breaks_a_line(letter) { ' ' } else { letter })
            .collect();
        line.truncate(line.floor_char_boundary(MAXIMUM_REASON));
        Self {
            by: "fabric".into(),
            reason: line,
            drops_state_changes: false,
        }
    }

    /// The same decision, which accepts that a rollback restores an earlier state and so drops what
    /// runs have changed since.
    #[must_use]
    pub fn dropping_state_changes(self) -> Self {
        Self {
            drops_state_changes: true,
            ..self
        }
    }

    /// Whether what runs have changed in the state may be lost.
    #[must_use]
    pub fn drops_state_changes(&self) -> bool {
        self.drops_state_changes
    }

    /// Who decided: the name of a token, or `fabric`.
    #[must_use]
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Control characters, separators of lines, and letters that reorder those around them.
pub(crate) fn breaks_a_line(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_decision_without_who_or_why_is_none() {
        assert_eq!(Decision::new("", "x"), Err(DecisionError::Empty("who")));
        assert_eq!(Decision::new("ann", " "), Err(DecisionError::Empty("why")));
    }

    #[test]
    fn a_reason_is_one_bounded_line() {
        assert_eq!(
            Decision::new("ann", "a\nb"),
            Err(DecisionError::NotALine("why"))
        );
        let long = "é".repeat(MAXIMUM_REASON);
        assert!(matches!(
            Decision::new("ann", long),
            Err(DecisionError::TooLong { what: "why", .. })
        ));
        assert!(Decision::new("ann", "x".repeat(MAXIMUM_REASON)).is_ok());
    }

    proptest! {
        #[test]
        fn what_the_fabric_says_is_a_decision_that_everybody_may_make(reason in "[a-z]\\PC*|[a-z](?s:.)*") {
            let decision = Decision::of_fabric(&reason);
            prop_assert_eq!(Decision::new(decision.by(), decision.reason()), Ok(decision));
        }
    }
}

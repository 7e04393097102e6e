//! Colour: decided once, for every stream.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// The names of columns and the beginnings of parts.
pub const HEADING: Style = Style::new().bold();
/// What is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is not.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What only the curious read.
pub const FAINT: Style = Style::new().dimmed();

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    // Comments of rustdoc would take five lines in the help of every command.
    // On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    // Even into a file or a pipe.
    Always,
    // Not even on a terminal.
    Never,
}

impl Colour {
    /// Makes the choice hold for both streams of this process.
    pub fn decide(self) {
        let choice = match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// The standard output; styles that it shall not show are left out.
pub fn output() -> impl Write {
    AutoStream::auto(io::stdout().lock())
}

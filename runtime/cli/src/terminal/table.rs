//! Columns that line up, whatever the script of their words.

use std::io::{self, Write};

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::{FAINT, HEADING, printable};

const GAP: &str = "  ";

/// One entry of a [`Table`], made [`printable`].
pub struct Cell {
    text: String,
    style: Style,
    number: bool,
}

impl Cell {
    /// The same in a style of [`super`].
    #[must_use]
    pub fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    fn width(&self) -> usize {
        self.text.width()
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self {
            text: printable(text),
            style: Style::new(),
            number: false,
        }
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// Numbers stand at the right of their column.
impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self {
            text: number.to_string(),
            style: Style::new(),
            number: true,
        }
    }
}

/// Rows under headings.
pub struct Table<const COLUMNS: usize> {
    headings: [&'static str; COLUMNS],
    lines: Vec<Line<COLUMNS>>,
}

enum Line<const COLUMNS: usize> {
    Row([Cell; COLUMNS]),
    Note(String),
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// An empty table.
    pub fn new(headings: [&'static str; COLUMNS]) -> Self {
        Self {
            headings,
            lines: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [Cell; COLUMNS]) {
        self.lines.push(Line::Row(cells));
    }

    /// Adds words on the row above that fit in no column.
    pub fn note(&mut self, text: &str) {
        self.lines.push(Line::Note(printable(text)));
    }

    /// Prints the headings and everything below them.
    pub fn print(&self, output: &mut impl Write) -> io::Result<()> {
        let columns: [Column; COLUMNS] = std::array::from_fn(|index| self.column(index));
        let headings = self.headings.map(|heading| Cell {
            text: heading.into(),
            style: HEADING,
            number: false,
        });
        print_row(&columns, &headings, output)?;
        for line in &self.lines {
            match line {
                Line::Row(cells) => print_row(&columns, cells, output)?,
                Line::Note(text) => writeln!(output, "    {FAINT}{text}{FAINT:#}")?,
            }
        }
        Ok(())
    }

    fn column(&self, index: usize) -> Column {
        let cells = || {
            self.lines.iter().filter_map(move |line| match line {
                Line::Row(cells) => Some(&cells[index]),
                Line::Note(_) => None,
            })
        };
        let widest = cells().map(Cell::width).max().unwrap_or_default();
        Column {
            width: widest.max(self.headings[index].width()),
            of_numbers: cells().any(|cell| cell.number),
        }
    }
}

struct Column {
    width: usize,
    of_numbers: bool,
}

/// Blanks are written when something follows them, so that none trail.
fn print_row(columns: &[Column], cells: &[Cell], output: &mut impl Write) -> io::Result<()> {
    let mut owed = 0;
    for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
        if index > 0 {
            owed += GAP.len();
        }
        let missing = column.width - cell.width();
        if cell.text.is_empty() {
            owed += missing;
            continue;
        }
        let (before, after) = match column.of_numbers {
            true => (missing, 0),
            false => (0, missing),
        };
        let style = cell.style;
        write!(output, "{:1$}", "", owed + before)?;
        write!(output, "{style}{}{style:#}", cell.text)?;
        owed = after;
    }
    writeln!(output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::GOOD;

    fn printed<const COLUMNS: usize>(table: &Table<COLUMNS>) -> String {
        let mut output = Vec::new();
        table.print(&mut output).expect("memory takes everything");
        String::from_utf8(output).expect("all of it is text")
    }

    fn plain<const COLUMNS: usize>(table: &Table<COLUMNS>) -> String {
        anstream::adapter::strip_str(&printed(table)).to_string()
    }

    #[test]
    fn lines_up_words_at_the_left_and_numbers_at_the_right() {
        let mut table = Table::new(["LEAF", "CRYPTLET", "FUEL"]);
        table.row([7.into(), "rates".into(), 401_581.into()]);
        table.row([12.into(), "interest-rate-swap".into(), 9.into()]);

        let expected = "\
LEAF  CRYPTLET              FUEL
   7  rates               401581
  12  interest-rate-swap       9
";
        assert_eq!(plain(&table), expected);
    }

    #[test]
    fn no_line_ends_in_blanks() {
        let mut table = Table::new(["NAME", "NOTE", "END"]);
        table.row(["a".into(), "b".into(), "c".into()]);
        table.row(["only a long name".into(), "".into(), "".into()]);

        for line in plain(&table).lines() {
            assert_eq!(line, line.trim_end());
        }
    }

    #[test]
    fn measures_what_is_seen_rather_than_what_is_stored() {
        let mut table = Table::new(["NAME", "NUMBER"]);
        table.row(["東京".into(), 1.into()]);
        table.row(["größe".into(), 2.into()]);

        assert_eq!(
            plain(&table),
            "NAME   NUMBER\n東京        1\ngröße       2\n"
        );
    }

    #[test]
    fn a_hostile_cell_stays_in_its_line() {
        let mut table = Table::new(["NAME"]);
        table.row(["a\u{1b}[2J\nb".into()]);
        table.note("c\r");

        assert_eq!(plain(&table), "NAME\na\\u{1b}[2J\\nb\n    c\\r\n");
    }

    #[test]
    fn colours_do_not_move_the_columns() {
        let mut table = Table::new(["STATE", "NAME"]);
        table.row([Cell::from("good").styled(GOOD), "first".into()]);
        table.row(["bad".into(), "second".into()]);

        assert!(printed(&table).contains(&format!("{GOOD}good{GOOD:#}   first")));
        assert_eq!(plain(&table), "STATE  NAME\ngood   first\nbad    second\n");
    }
}

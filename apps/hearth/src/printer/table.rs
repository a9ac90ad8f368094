//! Tables without borders: aligned on a terminal, with tabs in a pipe.

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    escape_lines,
    stream::{TerminalStream, Tone},
};
use crate::time;

/// One field of a row.
#[derive(Debug, Clone)]
pub enum Cell {
    /// A text, possibly from a stranger.
    Text(String),
    /// An instant.
    Time(Timestamp),
}

/// Rows with the same columns. Only lists are cut, and only on a terminal: first the last column, then the
/// widest.
#[derive(Debug, Clone, Default)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    is_uncut: bool,
}

impl Table {
    /// Creates a table with these headings and no rows.
    pub fn with_headings(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new(), is_uncut: false }
    }

    /// Creates a table without headings that is never cut.
    pub fn new_uncut() -> Self {
        Self { headings: Vec::new(), rows: Vec::new(), is_uncut: true }
    }

    /// Creates a table with a row for each pair of a name and a value.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (&'static str, Cell)>) -> Self {
        let rows = pairs.into_iter().map(|(name, value)| vec![Cell::from(name), value]).collect();
        Self { headings: Vec::new(), rows, is_uncut: true }
    }

    /// Adds a row.
    pub fn add_row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Renders the table for `stream`, a line for each row, or for each line of the longest cell of an uncut
    /// table.
    pub(super) fn render_lines(&self, stream: &TerminalStream, now: Timestamp) -> String {
        let rows = self.rows.iter().flat_map(|row| {
            let cells: Vec<Vec<String>> =
                row.iter().map(|cell| cell.render_cell_lines(stream, now, self.is_uncut)).collect();
            split_row(&cells)
        });
        if !stream.is_terminal {
            return rows.map(|row: Vec<String>| row.join("\t") + "\n").collect();
        }
        let mut all: Vec<Vec<String>> = Vec::new();
        if !self.headings.is_empty() && !self.rows.is_empty() {
            all.push(self.headings.iter().map(|heading| (*heading).to_owned()).collect());
        }
        let headed = all.len();
        all.extend(rows);
        let columns = all.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            all.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..columns).map(width).collect();
        if !self.is_uncut {
            fit_widths(&mut widths, stream.columns);
        }
        let lines = all.iter().enumerate().map(|(at, row)| {
            let line = align_row(row, &widths);
            if at < headed { stream.colour_text(Tone::Heading, &line) + "\n" } else { line + "\n" }
        });
        lines.collect()
    }
}

/// The number of spaces between two columns.
const COLUMN_GAP: usize = 2;

/// The minimum width of a cut column.
const MIN_COLUMN_WIDTH: usize = 10;

/// Narrows columns until a row fits into `max_width`: the last one first, then repeatedly the widest.
fn fit_widths(widths: &mut [usize], max_width: usize) {
    let gaps = COLUMN_GAP * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(max_width);
    if let Some(last) = widths.last_mut() {
        let cut = excess.min(last.saturating_sub(MIN_COLUMN_WIDTH));
        *last -= cut;
        excess -= cut;
    }
    while excess > 0 {
        let Some(widest) = widths.iter_mut().filter(|width| **width > MIN_COLUMN_WIDTH).max() else { return };
        *widest -= 1;
        excess -= 1;
    }
}

/// Splits a row whose cells have several lines into rows, in which shorter cells are empty.
fn split_row(cells: &[Vec<String>]) -> Vec<Vec<String>> {
    let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line_of = |at: usize| cells.iter().map(|cell| cell.get(at).cloned().unwrap_or_default()).collect();
    (0..lines).map(line_of).collect()
}

fn align_row(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let cell = cut_text(cell, *width);
        line.push_str(&cell);
        line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + COLUMN_GAP));
    }
    line.trim_end().to_owned()
}

/// Cuts `text` to at most `max_width` columns.
pub(super) fn cut_text(text: &str, max_width: usize) -> String {
    if text.width() <= max_width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for symbol in text.chars() {
        used += symbol.width().unwrap_or(0);
        if used >= max_width {
            break;
        }
        kept.push(symbol);
    }
    kept.trim_end().to_owned() + "…"
}

impl Cell {
    /// Renders the lines of a cell; in a list, one line.
    fn render_cell_lines(&self, stream: &TerminalStream, now: Timestamp, is_uncut: bool) -> Vec<String> {
        match self {
            Self::Text(text) if is_uncut => escape_lines(text).collect(),
            Self::Text(text) => vec![escape_lines(text).collect::<Vec<_>>().join(" ")],
            Self::Time(at) if stream.is_terminal => vec![time::format_relative(now, *at)],
            Self::Time(at) => vec![at.to_string()],
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Timestamp> for Cell {
    fn from(at: Timestamp) -> Self {
        Self::Time(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_sample_table() -> Table {
        let mut table = Table::with_headings(&["name", "made", "description"]);
        let made = Timestamp::UNIX_EPOCH;
        table.add_row([
            "dup-finder".into(),
            made.into(),
            "finds duplicates in very long lists of things".into(),
        ]);
        table.add_row(["日本".into(), made.into(), "a\tb".into()]);
        table
    }

    fn render_sample_table(terminal: bool) -> String {
        let now = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(300);
        build_sample_table().render_lines(
            &TerminalStream { is_terminal: terminal, has_color: false, can_rewrite: false, columns: 50 },
            now,
        )
    }

    #[test]
    fn terminal_table_is_aligned_and_cut_in_its_last_column() {
        insta::assert_snapshot!(render_sample_table(true), @r"
        name        made       description
        dup-finder  5 min ago  finds duplicates in very l…
        日本        5 min ago  a\tb
        ");
    }

    #[test]
    fn wide_table_is_cut_in_its_widest_columns() {
        let mut table = Table::with_headings(&["job", "command", "status"]);
        table.add_row(["tidy".into(), "a command that goes on and on".into(), "Waiting for its time".into()]);
        let stream = TerminalStream { is_terminal: true, has_color: false, can_rewrite: false, columns: 32 };
        insta::assert_snapshot!(table.render_lines(&stream, Timestamp::UNIX_EPOCH), @"
        job   command         status
        tidy  a command tha…  Waiting f…
        ");
    }

    #[test]
    fn lines_of_a_cell_are_lines_of_a_record_and_one_line_of_a_list() {
        let stream = TerminalStream { is_terminal: true, has_color: false, can_rewrite: false, columns: 80 };
        let record =
            Table::from_pairs([("state", Cell::from("it failed:\nno module\u{1b}")), ("job", "web".into())]);
        insta::assert_snapshot!(record.render_lines(&stream, Timestamp::UNIX_EPOCH), @r"
        state  it failed:
               no module\u{1b}
        job    web
        ");
        let mut list = Table::with_headings(&["job", "state"]);
        list.add_row(["web".into(), "it failed:\nno module".into()]);
        insta::assert_snapshot!(list.render_lines(&stream, Timestamp::UNIX_EPOCH), @"
        job  state
        web  it failed: no module
        ");
    }

    #[test]
    fn piped_table_is_uncut_with_exact_times() {
        assert_eq!(
            render_sample_table(false),
            "dup-finder\t1970-01-01T00:00:00Z\tfinds duplicates in very long lists of things\n\
             日本\t1970-01-01T00:00:00Z\ta\\tb\n"
        );
    }
}

//! Tables without borders: aligned for people, with tabs for programs.

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    stream::{Stream, Tone},
    visible,
};
use crate::time;

/// One field of a row.
#[derive(Debug, Clone)]
pub enum Cell {
    /// A text, which may be a stranger's.
    Text(String),
    /// An instant.
    Time(Timestamp),
}

/// Rows with the same columns. Only a list is cut, and only on a terminal: in its last column, then where it is
/// widest.
#[derive(Debug, Clone, Default)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    whole: bool,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn of(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new(), whole: false }
    }

    /// A table without headings of which nothing is cut.
    pub fn whole() -> Self {
        Self { headings: Vec::new(), rows: Vec::new(), whole: true }
    }

    /// A row for each pair of a name and a value.
    pub fn pairs(pairs: impl IntoIterator<Item = (&'static str, Cell)>) -> Self {
        let rows = pairs.into_iter().map(|(name, value)| vec![Cell::from(name), value]).collect();
        Self { headings: Vec::new(), rows, whole: true }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text for `stream`, a line a row.
    pub(super) fn lines(&self, stream: &Stream, now: Timestamp) -> String {
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| cell.text(stream, now)).collect());
        if !stream.terminal {
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
        if !self.whole {
            fit(&mut widths, stream.width);
        }
        let lines = all.iter().enumerate().map(|(at, row)| {
            let line = aligned(row, &widths);
            if at < headed { stream.paint(Tone::Heading, &line) + "\n" } else { line + "\n" }
        });
        lines.collect()
    }
}

/// What stands between two columns.
const GAP: usize = 2;

/// The narrowest that a column is made.
const NARROWEST: usize = 10;

/// Narrows columns until a row fits into `room`: the last one first, then always the widest.
fn fit(widths: &mut [usize], room: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(room);
    if let Some(last) = widths.last_mut() {
        let cut = excess.min(last.saturating_sub(NARROWEST));
        *last -= cut;
        excess -= cut;
    }
    while excess > 0 {
        let Some(widest) = widths.iter_mut().filter(|width| **width > NARROWEST).max() else { return };
        *widest -= 1;
        excess -= 1;
    }
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let cell = cut(cell, *width);
        line.push_str(&cell);
        line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + GAP));
    }
    line.trim_end().to_owned()
}

/// `text` in at most `room` columns.
pub(super) fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for symbol in text.chars() {
        used += symbol.width().unwrap_or(0);
        if used >= room {
            break;
        }
        kept.push(symbol);
    }
    kept.trim_end().to_owned() + "…"
}

impl Cell {
    fn text(&self, stream: &Stream, now: Timestamp) -> String {
        match self {
            Self::Text(text) => visible(text),
            Self::Time(at) if stream.terminal => time::relative(now, *at),
            Self::Time(at) => at.to_string(),
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

    fn table() -> Table {
        let mut table = Table::of(&["name", "made", "what it is for"]);
        let made = Timestamp::UNIX_EPOCH;
        table.row(["dup-finder".into(), made.into(), "finds duplicates in very long lists of things".into()]);
        table.row(["日本".into(), made.into(), "a\tb".into()]);
        table
    }

    fn lines(terminal: bool) -> String {
        let now = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(300);
        table().lines(&Stream { terminal, color: false, rewrites: false, width: 50 }, now)
    }

    #[test]
    fn on_a_terminal_columns_are_aligned_and_the_last_one_is_cut() {
        insta::assert_snapshot!(lines(true), @r"
        name        made       what it is for
        dup-finder  5 min ago  finds duplicates in very l…
        日本        5 min ago  a\tb
        ");
    }

    #[test]
    fn what_is_too_wide_is_cut_where_it_is_widest() {
        let mut table = Table::of(&["job", "command", "how it is"]);
        table.row(["tidy".into(), "a command that goes on and on".into(), "Waiting for its time".into()]);
        let stream = Stream { terminal: true, color: false, rewrites: false, width: 32 };
        insta::assert_snapshot!(table.lines(&stream, Timestamp::UNIX_EPOCH), @"
        job   command         how it is
        tidy  a command tha…  Waiting f…
        ");
    }

    #[test]
    fn in_a_pipe_nothing_is_cut_and_times_are_exact() {
        assert_eq!(
            lines(false),
            "dup-finder\t1970-01-01T00:00:00Z\tfinds duplicates in very long lists of things\n\
             日本\t1970-01-01T00:00:00Z\ta\\tb\n"
        );
    }
}

//! What a bench found, as a table for people and a line for programs. Nothing else prints results.

use std::fmt::Write;

use serde_json::{Value, json};

/// What a bench found.
#[derive(Debug)]
pub struct Report {
    bench: &'static str,
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// One measure of Hearth's, what stands beside it, and what it should be.
#[derive(Debug)]
pub struct Row {
    measure: String,
    unit: &'static str,
    hearth: f64,
    beside: Option<(&'static str, f64)>,
    goal: Option<Goal>,
}

/// What a measure should be.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At most this much.
    AtMost(f64),
    /// At most so many times what stands beside it.
    TimesBeside(f64),
    /// At least so many times quicker than what stands beside it.
    Quicker(f64),
}

impl Row {
    /// A measure of Hearth's.
    pub fn new(measure: impl Into<String>, hearth: f64, unit: &'static str) -> Self {
        Self { measure: measure.into(), unit, hearth, beside: None, goal: None }
    }

    /// The same of something else, in the same unit.
    #[must_use]
    pub fn beside(self, name: &'static str, value: f64) -> Self {
        Self { beside: Some((name, value)), ..self }
    }

    /// What it should be.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// How many times that of the other Hearth's is.
    fn ratio(&self) -> Option<f64> {
        self.beside.filter(|(_, value)| *value > 0.0).map(|(_, value)| self.hearth / value)
    }

    /// Whether it is as it should be, where both can be told.
    fn met(&self) -> Option<bool> {
        match self.goal? {
            Goal::AtMost(most) => Some(self.hearth <= most),
            Goal::TimesBeside(times) => self.ratio().map(|ratio| ratio <= times),
            Goal::Quicker(times) => self.ratio().map(|ratio| ratio * times <= 1.0),
        }
    }

    fn goal_text(&self) -> String {
        match self.goal {
            None => String::new(),
            Some(Goal::AtMost(most)) => format!("≤ {most} {}", self.unit),
            Some(Goal::TimesBeside(times)) => format!("≤ {times} ×"),
            Some(Goal::Quicker(times)) => format!("≤ 1/{times} ×"),
        }
    }

    fn verdict(&self) -> &'static str {
        match (self.goal, self.met()) {
            (None, _) => "",
            (Some(_), Some(true)) => "met",
            (Some(_), Some(false)) => "missed",
            (Some(_), None) => "not told",
        }
    }

    fn cells(&self) -> [String; 6] {
        let beside =
            self.beside.map_or_else(String::new, |(name, value)| format!("{name}: {}", self.figure(value)));
        let ratio = self.ratio().map_or_else(String::new, |ratio| format!("{ratio:.2} ×"));
        [
            self.measure.clone(),
            self.figure(self.hearth),
            beside,
            ratio,
            self.goal_text(),
            self.verdict().to_owned(),
        ]
    }

    fn figure(&self, value: f64) -> String {
        let digits = if value < 10.0 { 2 } else { 1 };
        format!("{value:.digits$} {}", self.unit)
    }

    fn json(&self) -> Value {
        json!({
            "measure": self.measure,
            "unit": self.unit,
            "hearth": rounded(self.hearth),
            "beside": self.beside.map(|(name, value)| json!({"name": name, "value": rounded(value)})),
            "ratio": self.ratio().map(rounded),
            "goal": self.goal.map(|_| self.goal_text()),
            "met": self.met(),
        })
    }
}

impl Report {
    /// Of this bench.
    pub fn new(bench: &'static str) -> Self {
        Self { bench, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds something to know about the rows: what is not there, for instance.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Prints it.
    #[expect(clippy::print_stdout, reason = "this program's purpose is to print, and it does so only here")]
    pub fn print(&self) {
        println!("{}{}", self.table(), self.json());
    }

    /// As Markdown writes tables.
    fn table(&self) -> String {
        let head = ["measure", "Hearth", "beside it", "ratio", "goal", ""].map(str::to_owned);
        let rows: Vec<[String; 6]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        let mut text = format!("## {}\n\n", self.bench);
        for (number, row) in rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(widths) {
                let _in_memory = write!(text, "| {cell:width$} ");
            }
            text.push_str("|\n");
            if number == 0 {
                text.extend(widths.iter().map(|width| format!("|{}", "-".repeat(width + 2))));
                text.push_str("|\n");
            }
        }
        text.push('\n');
        for note in &self.notes {
            let _in_memory = writeln!(text, "- {note}");
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        text
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({"bench": self.bench, "rows": rows, "notes": self.notes})
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_by_the_figure_or_by_the_ratio() {
        let row = |goal| Row::new("start", 20.0, "ms").beside("podman", 300.0).goal(goal);
        assert_eq!(row(Goal::AtMost(10.0)).met(), Some(false));
        assert_eq!(row(Goal::TimesBeside(2.0)).met(), Some(true));
        assert_eq!(row(Goal::Quicker(10.0)).met(), Some(true));
        assert_eq!(row(Goal::Quicker(20.0)).met(), Some(false));
        assert_eq!(Row::new("start", 1.0, "ms").goal(Goal::Quicker(2.0)).met(), None);
    }

    #[test]
    fn the_table_is_markdown_and_the_line_is_json() {
        let mut report = Report::new("cli");
        report.row(Row::new("version", 1.5, "ms").goal(Goal::AtMost(2.0)));
        assert!(report.table().contains("| version | 1.50 ms |"), "{}", report.table());
        assert_eq!(report.json()["rows"][0]["met"], true);
    }
}

//! Report of a bench: a Markdown table for people and a line of JSON for programs. Only this module prints
//! results.

use std::fmt::Write;

use serde_json::{Value, json};

/// Report of a bench.
#[derive(Debug)]
pub struct BenchReport {
    bench: &'static str,
    rows: Vec<ReportRow>,
    notes: Vec<String>,
}

/// One measure of Hearth, with a peer's value and a goal.
#[derive(Debug)]
pub struct ReportRow {
    measure: String,
    unit: &'static str,
    hearth: f64,
    peer: Option<(&'static str, f64)>,
    goal: Option<Goal>,
}

/// Goal of a measure.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At most this value.
    AtMost(f64),
    /// At most this many times the peer's value.
    RatioAtMost(f64),
    /// At least this many times quicker than the peer.
    TimesQuicker(f64),
}

impl ReportRow {
    /// Measure of Hearth.
    pub fn new(measure: impl Into<String>, hearth: f64, unit: &'static str) -> Self {
        Self { measure: measure.into(), unit, hearth, peer: None, goal: None }
    }

    /// Adds a peer's value, in the same unit.
    #[must_use]
    pub fn with_peer(self, name: &'static str, value: f64) -> Self {
        Self { peer: Some((name, value)), ..self }
    }

    /// Sets the goal.
    #[must_use]
    pub fn with_goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// Ratio of Hearth's value to the peer's.
    fn compute_ratio(&self) -> Option<f64> {
        self.peer.filter(|(_, value)| *value > 0.0).map(|(_, value)| self.hearth / value)
    }

    /// Returns whether the goal is met; `None` without a goal, or if the peer was not measured.
    fn is_met(&self) -> Option<bool> {
        match self.goal? {
            Goal::AtMost(most) => Some(self.hearth <= most),
            Goal::RatioAtMost(times) => self.compute_ratio().map(|ratio| ratio <= times),
            Goal::TimesQuicker(times) => self.compute_ratio().map(|ratio| ratio * times <= 1.0),
        }
    }

    fn render_goal(&self) -> String {
        match self.goal {
            None => String::new(),
            Some(Goal::AtMost(most)) => format!("≤ {most} {}", self.unit),
            Some(Goal::RatioAtMost(times)) => format!("≤ {times} ×"),
            Some(Goal::TimesQuicker(times)) => format!("≤ 1/{times} ×"),
        }
    }

    fn render_verdict(&self) -> &'static str {
        match (self.goal, self.is_met()) {
            (None, _) => "",
            (Some(_), Some(true)) => "met",
            (Some(_), Some(false)) => "missed",
            (Some(_), None) => "unknown",
        }
    }

    fn render_cells(&self) -> [String; 6] {
        let beside = self
            .peer
            .map_or_else(String::new, |(name, value)| format!("{name}: {}", self.render_value(value)));
        let ratio = self.compute_ratio().map_or_else(String::new, |ratio| format!("{ratio:.2} ×"));
        [
            self.measure.clone(),
            self.render_value(self.hearth),
            beside,
            ratio,
            self.render_goal(),
            self.render_verdict().to_owned(),
        ]
    }

    fn render_value(&self, value: f64) -> String {
        let digits = if value < 10.0 { 2 } else { 1 };
        format!("{value:.digits$} {}", self.unit)
    }

    fn to_json(&self) -> Value {
        json!({
            "measure": self.measure,
            "unit": self.unit,
            "hearth": round_value(self.hearth),
            "beside": self.peer.map(|(name, value)| json!({"name": name, "value": round_value(value)})),
            "ratio": self.compute_ratio().map(round_value),
            "goal": self.goal.map(|_| self.render_goal()),
            "met": self.is_met(),
        })
    }
}

impl BenchReport {
    /// Empty report of a bench.
    pub fn new(bench: &'static str) -> Self {
        Self { bench, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row.
    pub fn add_row(&mut self, row: ReportRow) {
        self.rows.push(row);
    }

    /// Adds a note on the rows, for example that a peer is not installed.
    pub fn add_note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Prints the table and the line of JSON.
    #[expect(clippy::print_stdout, reason = "the program prints its result only here")]
    pub fn print_report(&self) {
        println!("{}{}", self.render_table(), self.to_json());
    }

    /// Renders the rows and notes as Markdown.
    fn render_table(&self) -> String {
        let head = ["measure", "Hearth", "peer", "ratio", "goal", ""].map(str::to_owned);
        let rows: Vec<[String; 6]> =
            std::iter::once(head).chain(self.rows.iter().map(ReportRow::render_cells)).collect();
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

    fn to_json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(ReportRow::to_json).collect();
        json!({"bench": self.bench, "rows": rows, "notes": self.notes})
    }
}

fn round_value(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goal_is_met_by_the_value_or_by_the_ratio() {
        let row = |goal| ReportRow::new("start", 20.0, "ms").with_peer("podman", 300.0).with_goal(goal);
        assert_eq!(row(Goal::AtMost(10.0)).is_met(), Some(false));
        assert_eq!(row(Goal::RatioAtMost(2.0)).is_met(), Some(true));
        assert_eq!(row(Goal::TimesQuicker(10.0)).is_met(), Some(true));
        assert_eq!(row(Goal::TimesQuicker(20.0)).is_met(), Some(false));
        assert_eq!(ReportRow::new("start", 1.0, "ms").with_goal(Goal::TimesQuicker(2.0)).is_met(), None);
    }

    #[test]
    fn report_is_a_markdown_table_and_a_json_line() {
        let mut report = BenchReport::new("cli");
        report.add_row(ReportRow::new("version", 1.5, "ms").with_goal(Goal::AtMost(2.0)));
        assert!(report.render_table().contains("| version | 1.50 ms |"), "{}", report.render_table());
        assert_eq!(report.to_json()["rows"][0]["met"], true);
    }
}

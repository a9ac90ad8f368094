//! Progress of long work in steps. On a terminal the line of the current step is redrawn; elsewhere one line
//! is printed at its start and one at its end.

use std::time::{Duration, Instant};

use super::{Printer, escape_hidden, stream::Tone};
use crate::{progress, time::format_duration};

/// The steps of long work.
#[derive(Debug)]
pub struct Steps<'a> {
    printer: &'a Printer,
    open: Option<OpenStep>,
}

/// The current step.
#[derive(Debug)]
struct OpenStep {
    name: String,
    detail: String,
    since: Instant,
    is_drawn: bool,
}

/// The width of the column with the step's name.
const NAME_WIDTH: usize = 7;

impl Printer {
    /// Begins long work.
    pub fn open_steps(&self) -> Steps<'_> {
        Steps { printer: self, open: None }
    }

    /// Returns true when progress is redrawn in place.
    fn is_drawing(&self) -> bool {
        self.err.can_rewrite && !self.options.quiet && self.options.json.is_none()
    }
}

/// The interval between two redraws of a step's line.
const REDRAW_INTERVAL: Duration = Duration::from_secs(1);

impl Steps<'_> {
    /// Begins a step.
    pub fn begin_step(&mut self, name: &str) {
        self.begin_step_quietly(name);
        if !self.printer.is_drawing() {
            self.printer.print_note(&format!("… {name}"));
        }
        self.draw_line();
    }

    /// Begins a step of which only the end is printed.
    pub fn begin_step_quietly(&mut self, name: &str) {
        self.clear_line();
        let open =
            OpenStep { name: name.to_owned(), detail: String::new(), since: Instant::now(), is_drawn: false };
        self.open = Some(open);
    }

    /// Returns the name of the current step.
    pub fn current_step(&self) -> Option<&str> {
        self.open.as_ref().map(|open| open.name.as_str())
    }

    /// Sets the detail text of the current step.
    pub fn set_detail(&mut self, detail: &str) {
        if let Some(open) = &mut self.open {
            detail.clone_into(&mut open.detail);
        }
        self.draw_line();
    }

    /// Prints a line of output under the current step. It stays on the screen.
    pub fn print_output_line(&mut self, text: &str) {
        self.clear_line();
        self.printer.print_program_line(&format!("  │ {text}"));
        self.draw_line();
    }

    /// Ends the current step as succeeded.
    pub fn mark_done(&mut self, detail: &str) {
        self.end_step(Tone::Good, "✓", detail);
    }

    /// Ends the current step as failed.
    pub fn mark_failed(&mut self, detail: &str) {
        self.end_step(Tone::Bad, "✗", detail);
    }

    /// Waits for `work` and shows that the step is still running.
    pub async fn wait_for<T>(&mut self, work: impl Future<Output = T>) -> T {
        let every = if self.printer.is_drawing() { REDRAW_INTERVAL } else { progress::NOTICE_INTERVAL };
        progress::wait_with_ticks(work, every, |_| self.report_waiting()).await
    }

    /// Shows that the current step is still running.
    fn report_waiting(&mut self) {
        if self.printer.is_drawing() {
            self.draw_line();
        } else if let Some(open) = &self.open {
            self.printer.print_note(&describe_waiting(&open.name, open.since.elapsed(), &open.detail));
        }
    }

    fn end_step(&mut self, tone: Tone, mark: &str, detail: &str) {
        self.clear_line();
        let Some(OpenStep { name, since, .. }) = self.open.take() else { return };
        let took = if detail.is_empty() { format_duration(since.elapsed()) } else { String::new() };
        let line = format!(" {name:<NAME_WIDTH$} {}{took}", escape_hidden(detail));
        self.printer.print_marked_note(tone, mark, line.trim_end());
    }

    fn draw_line(&mut self) {
        let Some(open) = self.open.as_mut().filter(|_| self.printer.is_drawing()) else { return };
        let took = format_duration(open.since.elapsed());
        let text =
            format!("· {:<NAME_WIDTH$} {took}  {}", escape_hidden(&open.name), escape_hidden(&open.detail));
        let room = self.printer.err.columns.saturating_sub(1);
        self.printer.redraw_line(&super::table::cut_text(text.trim_end(), room));
        open.is_drawn = true;
    }

    fn clear_line(&mut self) {
        if let Some(open) = self.open.as_mut().filter(|open| open.is_drawn) {
            self.printer.redraw_line("");
            open.is_drawn = false;
        }
    }
}

/// The width of the detail in a line about a step that is still running.
const MAX_DETAIL_WIDTH: usize = 160;

/// Describes a step that is still running: its detail names what it waits for.
fn describe_waiting(name: &str, elapsed: Duration, detail: &str) -> String {
    let detail = super::table::cut_text(&escape_hidden(detail), MAX_DETAIL_WIDTH);
    format!("… {name}  {}  {detail}", format_duration(elapsed)).trim_end().to_owned()
}

impl Drop for Steps<'_> {
    fn drop(&mut self) {
        self.clear_line();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_a_running_step_names_its_detail() {
        let elapsed = Duration::from_secs(13);
        let detail = "0 of 1 are ready; it listens on port 5000, not on port 8000";
        assert_eq!(describe_waiting("switch", elapsed, detail), format!("… switch  13 s  {detail}"));
        assert_eq!(describe_waiting("build", elapsed, ""), "… build  13 s");
        assert!(describe_waiting("build", elapsed, &"x".repeat(1000)).len() < 200);
    }
}

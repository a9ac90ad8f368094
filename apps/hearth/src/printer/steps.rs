//! Something long, step by step. On a terminal the line of the present step is rewritten; elsewhere one line says
//! that it began and one how it ended.

use std::time::{Duration, Instant};

use super::{Printer, stream::Tone, visible};
use crate::{patience, time::seconds};

/// The steps of something long.
#[derive(Debug)]
pub struct Steps<'a> {
    printer: &'a Printer,
    open: Option<Open>,
}

/// The present step.
#[derive(Debug)]
struct Open {
    name: String,
    detail: String,
    since: Instant,
    shown: bool,
}

/// The column in which what is said about a step begins.
const NAME_WIDTH: usize = 7;

impl Printer {
    /// Something long begins.
    pub fn steps(&self) -> Steps<'_> {
        Steps { printer: self, open: None }
    }

    /// Whether progress is drawn, and not only told.
    fn draws(&self) -> bool {
        self.err.rewrites && !self.manner.quiet && self.manner.json.is_none()
    }
}

/// How often the line of a step is rewritten.
const BEAT: Duration = Duration::from_secs(1);

impl Steps<'_> {
    /// A step begins.
    pub fn begin(&mut self, name: &str) {
        self.begin_quietly(name);
        if !self.printer.draws() {
            self.printer.note(&format!("… {name}"));
        }
        self.draw();
    }

    /// A step begins of which only the end is told.
    pub fn begin_quietly(&mut self, name: &str) {
        self.clear();
        let open = Open { name: name.to_owned(), detail: String::new(), since: Instant::now(), shown: false };
        self.open = Some(open);
    }

    /// Which step is under way.
    pub fn current(&self) -> Option<&str> {
        self.open.as_ref().map(|open| open.name.as_str())
    }

    /// What there is to say about the present step while it lasts.
    pub fn say(&mut self, detail: &str) {
        if let Some(open) = &mut self.open {
            detail.clone_into(&mut open.detail);
        }
        self.draw();
    }

    /// A line of output under the present step: kept on the screen.
    pub fn line(&mut self, text: &str) {
        self.clear();
        self.printer.note_line(&format!("  │ {text}"));
        self.draw();
    }

    /// The present step ended well.
    pub fn done(&mut self, detail: &str) {
        self.end(Tone::Good, "✓", detail);
    }

    /// The present step went wrong.
    pub fn failed(&mut self, detail: &str) {
        self.end(Tone::Bad, "✗", detail);
    }

    /// Waits for `work`, never in silence.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let every = if self.printer.draws() { BEAT } else { patience::SILENCE };
        patience::during(work, every, |_| self.beat()).await
    }

    /// The present step lasts.
    fn beat(&mut self) {
        if self.printer.draws() {
            self.draw();
        } else if let Some(open) = &self.open {
            self.printer.note(&format!("… {}  {}", open.name, seconds(open.since.elapsed())));
        }
    }

    fn end(&mut self, tone: Tone, mark: &str, detail: &str) {
        self.clear();
        let Some(Open { name, since, .. }) = self.open.take() else { return };
        let took = if detail.is_empty() { seconds(since.elapsed()) } else { String::new() };
        let line = format!(" {name:<NAME_WIDTH$} {}{took}", visible(detail));
        self.printer.painted_note(tone, mark, line.trim_end());
    }

    fn draw(&mut self) {
        let Some(open) = self.open.as_mut().filter(|_| self.printer.draws()) else { return };
        let took = seconds(open.since.elapsed());
        let text = format!("· {:<NAME_WIDTH$} {took}  {}", visible(&open.name), visible(&open.detail));
        let room = self.printer.err.width.saturating_sub(1);
        self.printer.redrawn(&super::table::cut(text.trim_end(), room));
        open.shown = true;
    }

    fn clear(&mut self) {
        if let Some(open) = self.open.as_mut().filter(|open| open.shown) {
            self.printer.redrawn("");
            open.shown = false;
        }
    }
}

impl Drop for Steps<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

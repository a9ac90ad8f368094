//! The output of results that arrive one after the other: lines that programs wrote.

use hearth_base::Result;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::{ResultOutput, TerminalStream, Tone, fields, program_line, to_json_line};

/// The output of a command whose results arrive one after the other.
#[derive(Debug)]
pub struct StreamOutput<'a, T>(ResultOutput<'a, T>);

/// A piece of a line that a program wrote.
#[derive(Debug, Clone, Copy)]
pub struct LinePiece<'a> {
    /// Another line is open on the screen and ends first.
    pub interrupts: bool,
    /// The time of the line, for its first piece.
    pub time: Option<Timestamp>,
    /// The text.
    pub text: &'a str,
    /// The line ends with this piece.
    pub is_last: bool,
}

/// Formats a line that a program wrote at `time`.
fn format_program_line(out: &TerminalStream, time: Timestamp, line: &str) -> String {
    format!("{} {}\n", format_line_time(out, time), program_line::render_program_line(line, out.has_color))
}

impl<'a, T: Serialize + DeserializeOwned> StreamOutput<'a, T> {
    /// An output that prints values by `output`.
    pub(super) fn from_output(output: ResultOutput<'a, T>) -> Self {
        Self(output)
    }

    /// Prints the next value: as a line of JSON, or as a piece of the program's line.
    pub fn print_piece(&self, value: &T, piece: &LinePiece<'_>) -> Result<()> {
        self.print_stream_value(value, |out| format_piece(out, piece))
    }

    /// Ends a line whose end has not been printed.
    pub fn end_line(&self) -> Result<()> {
        let Self(ResultOutput { printer, fields, result_type: _ }) = self;
        if fields.is_some() { Ok(()) } else { printer.print_raw("\n") }
    }

    /// Prints the next value: as a line of JSON, or as the program's line, once it is complete.
    pub fn print_entry(&self, value: &T, time: Timestamp, line: Option<&str>) -> Result<()> {
        self.print_stream_value(value, |out| {
            line.map(|line| format_program_line(out, time, line)).unwrap_or_default()
        })
    }

    /// Prints a line that was still incomplete at the end. As JSON its pieces were printed already.
    pub fn print_remaining_line(&self, time: Timestamp, line: &str) -> Result<()> {
        let Self(ResultOutput { printer, fields, result_type: _ }) = self;
        if fields.is_some() {
            Ok(())
        } else {
            printer.print_raw(&format_program_line(&printer.out, time, line))
        }
    }

    /// Prints the next value with a line that has no time.
    pub fn print_untimed_line(&self, value: &T, line: &str) -> Result<()> {
        self.print_stream_value(value, |out| {
            format!("{}\n", program_line::render_program_line(line, out.has_color))
        })
    }

    fn print_stream_value(&self, value: &T, human: impl FnOnce(&TerminalStream) -> String) -> Result<()> {
        let Self(ResultOutput { printer, fields, result_type: _ }) = self;
        printer.print_raw(&match fields.as_deref() {
            Some([]) => format!("{}\n", to_json_line(value)),
            Some(fields) => format!("{}\n", to_json_line(&fields::select_fields(value, fields)?)),
            None => human(&printer.out),
        })
    }
}

fn format_piece(out: &TerminalStream, piece: &LinePiece<'_>) -> String {
    let LinePiece { interrupts, time, text, is_last } = *piece;
    let time = time.map(|time| format_line_time(out, time) + " ").unwrap_or_default();
    let text = program_line::render_program_line(text, out.has_color);
    format!("{}{time}{text}{}", if interrupts { "\n" } else { "" }, if is_last { "\n" } else { "" })
}

fn format_line_time(out: &TerminalStream, time: Timestamp) -> String {
    match out.is_terminal {
        true => out.colour_text(Tone::Quiet, &time.strftime("%H:%M:%S").to_string()),
        false => format!("{time:.6}"),
    }
}

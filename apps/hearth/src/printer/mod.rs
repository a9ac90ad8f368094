//! The only owner of output: results go to standard output, everything else to standard error.
//!
//! Printed text may come from strangers, so control characters are escaped before they reach a terminal.

mod entries;
mod escape;
mod fields;
mod program_line;
mod steps;
mod stream;
mod table;

use std::io::{self, Write};

use hearth_base::{Error, Result};
use hearth_wire::reply::Messages;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

pub use entries::{LinePiece, StreamOutput};
pub use escape::{escape_hidden, escape_lines};
pub use fields::Fields;
pub use steps::Steps;
pub use stream::{ColorChoice, TerminalStream};
pub use table::{Cell, Table};

use stream::Tone;

use crate::{io_error::describe_io_error, kept_flags::KeptFlags};

/// The output options of the user.
#[derive(Debug, Clone, Default)]
pub struct OutputOptions {
    /// `--json`: print results and errors as JSON, with these fields.
    pub json: Option<Fields>,
    /// `--quiet`: print results and errors only.
    pub quiet: bool,
    /// `--verbose`: also print the request id of a refusal.
    pub verbose: bool,
    /// The flags that proposed next commands keep.
    pub kept_flags: KeptFlags,
}

/// The printer of a command.
#[derive(Debug, Clone)]
pub struct Printer {
    out: TerminalStream,
    err: TerminalStream,
    options: OutputOptions,
    now: Timestamp,
}

/// The output of a command's result. It is opened before any change, so that a wrong `--json` is refused
/// first.
#[derive(Debug)]
pub struct ResultOutput<'a, T> {
    printer: &'a Printer,
    fields: Option<Vec<&'static str>>,
    result_type: std::marker::PhantomData<T>,
}

impl Printer {
    /// Creates a printer for these streams; relative times are relative to `now`.
    pub fn new(out: TerminalStream, err: TerminalStream, manner: OutputOptions, now: Timestamp) -> Self {
        Self { out, err, options: manner, now }
    }

    /// The instant that relative times are relative to.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns true when standard error is a terminal, so that questions can be seen.
    pub fn is_stderr_a_terminal(&self) -> bool {
        self.err.is_terminal
    }

    /// Returns true when standard output is a terminal.
    pub fn is_stdout_a_terminal(&self) -> bool {
        self.out.is_terminal
    }

    /// Opens the output of a result of type `T`; refuses unknown `--json` fields.
    pub fn open_output<T: Serialize + DeserializeOwned>(&self) -> Result<ResultOutput<'_, T>> {
        let fields = self.options.json.as_ref().map(|fields| fields.resolve_fields::<T>()).transpose()?;
        Ok(ResultOutput { printer: self, fields, result_type: std::marker::PhantomData })
    }

    /// Prints text that is the result itself: a script, a file.
    pub fn print_raw(&self, text: &str) -> Result<()> {
        write_and_flush(io::stdout().lock(), text)
    }

    /// Opens the output of results that arrive one after the other.
    pub fn open_stream<T: Serialize + DeserializeOwned>(&self) -> Result<StreamOutput<'_, T>> {
        self.open_output().map(StreamOutput::from_output)
    }

    /// Prints the help of a group of commands that was named alone.
    pub fn print_help(&self, text: &str) {
        self.print_to_stderr(text.trim_end());
    }

    /// Prints a note, unless `--quiet` or `--json` is set.
    pub fn print_note(&self, sentence: &str) {
        if !self.options.quiet && self.options.json.is_none() {
            self.print_to_stderr(&join_lines(sentence));
        }
    }

    /// Prints a line that a program wrote, as a note.
    pub fn print_program_line(&self, line: &str) {
        if !self.options.quiet && self.options.json.is_none() {
            self.print_to_stderr(&program_line::render_program_line(line, self.err.has_color));
        }
    }

    /// Prints a note with a coloured mark before it.
    fn print_marked_note(&self, tone: Tone, mark: &str, sentence: &str) {
        if !self.options.quiet && self.options.json.is_none() {
            self.print_to_stderr(&format!("{}{sentence}", self.err.colour_text(tone, mark)));
        }
    }

    /// Replaces the current line of the terminal.
    fn redraw_line(&self, text: &str) {
        let _stderr_is_closed = write_and_flush(io::stderr().lock(), &format!("\r\x1b[K{text}"));
    }

    /// Prints the next command.
    pub fn print_next(&self, command: &str) {
        self.print_note(&format!("next:  {}", self.options.kept_flags.add_to_proposal(command)));
    }

    /// Prints rows to standard error: a preview of a change.
    pub fn print_preview(&self, rows: &Table) {
        if self.options.json.is_none() {
            self.print_to_stderr(rows.render_lines(&self.err, self.now).trim_end());
        }
    }

    /// Prints the messages that accompany a server's answer.
    pub fn print_messages(&self, messages: &Messages) {
        messages.info.iter().for_each(|sentence| self.print_note(sentence));
        messages.warning.iter().for_each(|sentence| self.print_warning(sentence));
    }

    /// Prints a warning.
    pub fn print_warning(&self, sentence: &str) {
        if self.options.json.is_some() {
            self.print_to_stderr(&to_json_line(&WarningJson { warning: [sentence] }));
        } else {
            self.print_to_stderr(&format!(
                "{} {}",
                self.err.colour_text(Tone::Warning, "warning:"),
                join_lines(sentence)
            ));
        }
    }

    /// Prints an error with its code, its details and the next command.
    pub fn print_error(&self, error: &Error) {
        let help = error.help_text().map(|next| self.options.kept_flags.add_to_proposal(next));
        if self.options.json.is_some() {
            let refusal = ErrorJson {
                error: error.public_messages().collect(),
                code: error.code(),
                help: help.as_deref(),
                request_id: error.request_id(),
            };
            return self.print_to_stderr(&to_json_line(&refusal));
        }
        let mut lines = Vec::new();
        let mut sentences = error.public_messages().flat_map(escape_lines);
        let first = sentences.next().unwrap_or_default();
        let word = self.err.colour_text(Tone::Bad, "error:");
        lines.push(format!("{word} {first} [{}]", escape_hidden(error.code())));
        lines.extend(sentences.map(|sentence| format!("       {sentence}")));
        if self.options.verbose || crate::exit::Exit::from_error(error) == crate::exit::Exit::ServiceError {
            lines.extend(
                error.request_id().map(|id| format!("       The request id is {}.", escape_hidden(id))),
            );
        }
        lines.extend(help.map(|next| format!("next:  {}", escape_hidden(&next))));
        self.print_to_stderr(&lines.join("\n"));
    }

    /// Prints the message after Ctrl-C.
    pub fn print_interrupted(&self, error: &Error) {
        if self.options.json.is_some() {
            return self.print_error(error);
        }
        self.print_to_stderr(&escape_hidden(error.public_message()));
    }

    /// Starts a new line on a terminal, which has printed ^C.
    pub fn start_new_line(&self) {
        if self.err.is_terminal {
            self.print_to_stderr("");
        }
    }

    /// Prints an escaped line to standard error. A closed standard error is ignored.
    fn print_to_stderr(&self, text: &str) {
        let _stderr_is_closed = write_and_flush(io::stderr().lock(), &format!("{text}\n"));
    }
}

impl<T: Serialize + DeserializeOwned> ResultOutput<'_, T> {
    /// Prints one finished change: a sentence with a check mark.
    pub fn print_done(&self, value: &T, sentence: &str) -> Result<()> {
        self.print_value(value, |printer| {
            format!("{} {}\n", printer.out.colour_text(Tone::Good, "✓"), join_lines(sentence))
        })
    }

    /// Prints one result without a change, or one planned change: a sentence without a mark.
    pub fn print_sentence(&self, value: &T, sentence: &str) -> Result<()> {
        self.print_value(value, |_| format!("{}\n", join_lines(sentence)))
    }

    /// Prints one result as its own text.
    pub fn print_text(&self, value: &T, text: &str) -> Result<()> {
        self.print_value(value, |_| text.to_owned())
    }

    /// Prints one result as rows of a name and a value.
    pub fn print_record(&self, value: &T, rows: &Table) -> Result<()> {
        self.print_value(value, |printer| rows.render_lines(&printer.out, printer.now))
    }

    /// Prints a list, a row for each value.
    pub fn print_list(&self, values: &[T], rows: &Table) -> Result<()> {
        self.print_values(values, |printer| rows.render_lines(&printer.out, printer.now))
    }

    /// Prints a list as one text.
    pub fn print_list_as_text(&self, values: &[T], text: &str) -> Result<()> {
        self.print_values(values, |_| text.to_owned())
    }

    fn print_values(&self, values: &[T], human: impl FnOnce(&Printer) -> String) -> Result<()> {
        let text = match self.fields.as_deref() {
            Some([]) => to_json_text(&values)?,
            Some(fields) => {
                let values = values.iter().map(|value| fields::select_fields(value, fields));
                to_json_text(&values.collect::<Result<Vec<_>>>()?)?
            }
            None => human(self.printer),
        };
        self.printer.print_raw(&text)
    }

    fn print_value(&self, value: &T, human: impl FnOnce(&Printer) -> String) -> Result<()> {
        let text = match self.fields.as_deref() {
            Some([]) => to_json_text(value)?,
            Some(fields) => to_json_text(&fields::select_fields(value, fields)?)?,
            None => human(self.printer),
        };
        self.printer.print_raw(&text)
    }
}

/// Escapes a text of one or more lines; further lines are indented, so that none of them looks like a line of
/// this program.
fn join_lines(text: &str) -> String {
    escape_lines(text).collect::<Vec<_>>().join("\n  ")
}

/// Writes all of `text`. A closed pipe is no error: its reader has read enough.
fn write_and_flush(mut stream: impl Write, text: &str) -> Result<()> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => Err(Error::invalid(
            "output",
            format!("the result cannot be written: {}", describe_io_error(&cause)),
        )),
        _ => Ok(()),
    }
}

fn to_json_text(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string_pretty(value).map_err(Error::internal)?;
    Ok(format!("{}\n", escape::escape_json(&json)))
}

fn to_json_line(value: &impl Serialize) -> String {
    escape::escape_json(&serde_json::to_string(value).unwrap_or_default())
}

/// An error as JSON.
#[derive(Serialize)]
struct ErrorJson<'a> {
    error: Vec<&'a str>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// A warning as JSON.
#[derive(Serialize)]
struct WarningJson<'a> {
    warning: [&'a str; 1],
}

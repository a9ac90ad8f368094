//! The one owner of output: results to standard output, everything else to standard error.
//!
//! Whatever is printed may hold text that strangers wrote, so nothing reaches a terminal unseen: control
//! characters are shown, not sent.

mod fields;
mod lines;
mod steps;
mod stream;
mod table;
mod visible;

use std::io::{self, Write};

use hearth_base::{Error, Result};
use hearth_wire::reply::Messages;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

pub use fields::Fields;
pub use steps::Steps;
pub use stream::{ColorChoice, Stream};
pub use table::{Cell, Table};
pub use visible::visible;

use stream::Tone;

use crate::trouble::why;

/// How the user wants to be spoken to.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// Results and errors as JSON, with these fields.
    pub json: Option<Fields>,
    /// Results and errors, and nothing else.
    pub quiet: bool,
    /// Also what helps to look into a refusal.
    pub verbose: bool,
}

/// Prints.
#[derive(Debug, Clone)]
pub struct Printer {
    out: Stream,
    err: Stream,
    manner: Manner,
    now: Timestamp,
}

/// The place of one command's result: made before anything is done, so that a wrong `--json` is refused first.
#[derive(Debug)]
pub struct Answer<'a, T> {
    printer: &'a Printer,
    fields: Option<Vec<&'static str>>,
    of: std::marker::PhantomData<T>,
}

/// The place of one command's results that come one after the other.
#[derive(Debug)]
pub struct Streaming<'a, T>(Answer<'a, T>);

impl Printer {
    /// Prints to these streams; `now` is what relative times are relative to.
    pub fn new(out: Stream, err: Stream, manner: Manner, now: Timestamp) -> Self {
        Self { out, err, manner, now }
    }

    /// The instant that relative times are relative to.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether a person may be looking at what is asked on standard error.
    pub fn is_seen(&self) -> bool {
        self.err.terminal
    }

    /// Whether results go to a terminal.
    pub fn shows_results(&self) -> bool {
        self.out.terminal
    }

    /// The place of a result of type `T`.
    pub fn answer<T: Serialize + DeserializeOwned>(&self) -> Result<Answer<'_, T>> {
        let fields = self.manner.json.as_ref().map(|fields| fields.of::<T>()).transpose()?;
        Ok(Answer { printer: self, fields, of: std::marker::PhantomData })
    }

    /// Text that is a result as it is: a script, a file.
    pub fn raw(&self, text: &str) -> Result<()> {
        deliver(io::stdout().lock(), text)
    }

    /// The place of results that come one after the other.
    pub fn stream_of<T: Serialize + DeserializeOwned>(&self) -> Result<Streaming<'_, T>> {
        self.answer().map(Streaming)
    }

    /// The help of a group of commands that was named alone: our own text, of several lines.
    pub fn help(&self, text: &str) {
        self.aside(text.trim_end());
    }

    /// Good to know: only without `--quiet` and `--json`.
    pub fn note(&self, sentence: &str) {
        if !self.manner.quiet && self.manner.json.is_none() {
            self.aside(&visible(sentence));
        }
    }

    /// A line that a program wrote, beside the result.
    pub fn note_line(&self, line: &str) {
        if !self.manner.quiet && self.manner.json.is_none() {
            self.aside(&lines::shown(line, self.err.color));
        }
    }

    /// The same, with a mark in front that is coloured.
    fn painted_note(&self, tone: Tone, mark: &str, sentence: &str) {
        if !self.manner.quiet && self.manner.json.is_none() {
            self.aside(&format!("{}{sentence}", self.err.paint(tone, mark)));
        }
    }

    /// Replaces what the terminal's present line shows.
    fn redrawn(&self, text: &str) {
        let _nobody_is_there = deliver(io::stderr().lock(), &format!("\r\x1b[K{text}"));
    }

    /// The command that comes next.
    pub fn next(&self, command: &str) {
        self.note(&format!("next:  {command}"));
    }

    /// Rows beside the result: a preview of what is about to be done.
    pub fn beside(&self, rows: &Table) {
        if self.manner.json.is_none() {
            self.aside(rows.lines(&self.err, self.now).trim_end());
        }
    }

    /// What a server says beside its answer.
    pub fn told(&self, messages: &Messages) {
        messages.info.iter().for_each(|sentence| self.note(sentence));
        messages.warning.iter().for_each(|sentence| self.warning(sentence));
    }

    /// Worth doing something about.
    pub fn warning(&self, sentence: &str) {
        if self.manner.json.is_some() {
            self.aside(&json_line(&Warned { warning: [sentence] }));
        } else {
            self.aside(&format!("{} {}", self.err.paint(Tone::Warning, "warning:"), visible(sentence)));
        }
    }

    /// What was refused, why, and what to do next.
    pub fn error(&self, error: &Error) {
        if self.manner.json.is_some() {
            let refusal = Refused {
                error: error.sentences().collect(),
                code: error.code(),
                help: error.next(),
                request_id: error.request(),
            };
            return self.aside(&json_line(&refusal));
        }
        let mut lines = Vec::new();
        let mut sentences = error.sentences();
        let first = visible(sentences.next().unwrap_or_default());
        let word = self.err.paint(Tone::Bad, "error:");
        lines.push(format!("{word} {first} [{}]", visible(error.code())));
        lines.extend(sentences.map(|sentence| format!("       {}", visible(sentence))));
        if self.manner.verbose || crate::exit::Exit::of(error) == crate::exit::Exit::Service {
            lines.extend(error.request().map(|id| format!("       The request was {}.", visible(id))));
        }
        lines.extend(error.next().map(|next| format!("next:  {}", visible(next))));
        self.aside(&lines.join("\n"));
    }

    /// The end that Ctrl-C makes.
    pub fn interrupted(&self, error: &Error) {
        if self.manner.json.is_some() {
            return self.error(error);
        }
        self.aside(&visible(error.public()));
    }

    /// A new line, where a terminal has written ^C.
    pub fn fresh_line(&self) {
        if self.err.terminal {
            self.aside("");
        }
    }

    /// A line on standard error, already made visible. When nobody can be told, nobody is.
    fn aside(&self, text: &str) {
        let _nobody_is_there = deliver(io::stderr().lock(), &format!("{text}\n"));
    }
}

impl<T: Serialize + DeserializeOwned> Answer<'_, T> {
    /// One thing that was done or found: a sentence for people.
    pub fn done(&self, value: &T, sentence: &str) -> Result<()> {
        self.one(value, |printer| format!("{} {}\n", printer.out.paint(Tone::Good, "✓"), visible(sentence)))
    }

    /// One thing that was already as it was wanted, or that would be done: a sentence without a mark.
    pub fn said(&self, value: &T, sentence: &str) -> Result<()> {
        self.one(value, |_| format!("{}\n", visible(sentence)))
    }

    /// One thing, as the text that it is.
    pub fn verbatim(&self, value: &T, text: &str) -> Result<()> {
        self.one(value, |_| text.to_owned())
    }

    /// One thing, as rows of a name and a value.
    pub fn shown(&self, value: &T, rows: &Table) -> Result<()> {
        self.one(value, |printer| rows.lines(&printer.out, printer.now))
    }

    /// Many things, a row each.
    pub fn listed(&self, values: &[T], rows: &Table) -> Result<()> {
        self.many(values, |printer| rows.lines(&printer.out, printer.now))
    }

    /// Many things, as the text that they make together.
    pub fn listed_as(&self, values: &[T], text: &str) -> Result<()> {
        self.many(values, |_| text.to_owned())
    }

    fn many(&self, values: &[T], human: impl FnOnce(&Printer) -> String) -> Result<()> {
        let text = match self.fields.as_deref() {
            Some([]) => json_text(&values)?,
            Some(fields) => {
                let values = values.iter().map(|value| fields::select(value, fields));
                json_text(&values.collect::<Result<Vec<_>>>()?)?
            }
            None => human(self.printer),
        };
        self.printer.raw(&text)
    }

    fn one(&self, value: &T, human: impl FnOnce(&Printer) -> String) -> Result<()> {
        let text = match self.fields.as_deref() {
            Some([]) => json_text(value)?,
            Some(fields) => json_text(&fields::select(value, fields)?)?,
            None => human(self.printer),
        };
        self.printer.raw(&text)
    }
}

/// A line that a program wrote at `time`.
fn written(out: &Stream, time: Timestamp, line: &str) -> String {
    let time = match out.terminal {
        true => out.paint(Tone::Quiet, &time.strftime("%H:%M:%S").to_string()),
        false => format!("{time:.6}"),
    };
    format!("{time} {}\n", lines::shown(line, out.color))
}

impl<T: Serialize + DeserializeOwned> Streaming<'_, T> {
    /// The next one: a line of JSON, or the line that a program wrote at `time`, when it is whole by now.
    pub fn next(&self, value: &T, time: Timestamp, line: Option<&str>) -> Result<()> {
        self.streamed(value, |out| line.map(|line| written(out, time, line)).unwrap_or_default())
    }

    /// A line that was not whole when the last one came; each piece of it was a line of JSON.
    pub fn rest(&self, time: Timestamp, line: &str) -> Result<()> {
        let Self(Answer { printer, fields, of: _ }) = self;
        if fields.is_some() { Ok(()) } else { printer.raw(&written(&printer.out, time, line)) }
    }

    /// The same for a line of which nobody knows when it was written.
    pub fn bare(&self, value: &T, line: &str) -> Result<()> {
        self.streamed(value, |out| format!("{}\n", lines::shown(line, out.color)))
    }

    fn streamed(&self, value: &T, human: impl FnOnce(&Stream) -> String) -> Result<()> {
        let Self(Answer { printer, fields, of: _ }) = self;
        printer.raw(&match fields.as_deref() {
            Some([]) => format!("{}\n", json_line(value)),
            Some(fields) => format!("{}\n", json_line(&fields::select(value, fields)?)),
            None => human(&printer.out),
        })
    }
}

/// Writes to the end. A reader that has gone away has read enough.
fn deliver(mut stream: impl Write, text: &str) -> Result<()> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::invalid("output", format!("the result cannot be written: {}", why(&cause))))
        }
        _ => Ok(()),
    }
}

fn json_text(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string_pretty(value).map_err(Error::internal)?;
    Ok(format!("{}\n", visible::escaped(&json)))
}

fn json_line(value: &impl Serialize) -> String {
    visible::escaped(&serde_json::to_string(value).unwrap_or_default())
}

/// An error as JSON.
#[derive(Serialize)]
struct Refused<'a> {
    error: Vec<&'a str>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// A warning as JSON.
#[derive(Serialize)]
struct Warned<'a> {
    warning: [&'a str; 1],
}

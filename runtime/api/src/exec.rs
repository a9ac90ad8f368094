//! A second program in a running container, with its streams or a terminal.

use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{End, InstanceId, Process};

/// What to start, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The container.
    pub instance: InstanceId,
    /// The program. Its environment is added to nothing: it is complete.
    pub process: Process,
    /// A terminal of this size, or plain streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalSize>,
}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// What goes to the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecInput {
    /// Bytes of its standard input.
    Data(Vec<u8>),
    /// Its standard input ends.
    Close,
    /// Its terminal has another size.
    Resize(TerminalSize),
}

/// What comes from the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecOutput {
    /// Bytes of its standard output or its terminal.
    Out(Vec<u8>),
    /// Bytes of its standard error.
    Err(Vec<u8>),
    /// It is over; nothing follows.
    Ended(End),
}

/// A program that runs. Dropping the session ends it.
#[derive(Debug)]
pub struct ExecSession {
    /// To the program.
    pub input: mpsc::Sender<ExecInput>,
    /// From the program.
    pub output: mpsc::Receiver<ExecOutput>,
    /// What carries the streams; it ends with the session.
    carriers: JoinSet<()>,
}

impl ExecSession {
    /// A session and the two ends that serve it.
    pub fn pair() -> (Self, mpsc::Receiver<ExecInput>, mpsc::Sender<ExecOutput>) {
        let (input, inputs) = mpsc::channel(16);
        let (outputs, output) = mpsc::channel(16);
        (Self { input, output, carriers: JoinSet::new() }, inputs, outputs)
    }

    /// Gives the session a task that carries its streams. Needs a tokio runtime.
    pub fn carried_by(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.carriers.spawn(task);
    }

    /// Reads to the end and keeps nothing. `None`, when the runtime does not say how the program ended.
    pub async fn wait_for_end(&mut self) -> Option<End> {
        while let Some(output) = self.output.recv().await {
            if let ExecOutput::Ended(end) = output {
                return Some(end);
            }
        }
        None
    }

    /// Ends the input and reads to the end: output, errors, and how it ended.
    pub async fn finish(self) -> (Vec<u8>, Vec<u8>, End) {
        let Self { input, mut output, carriers: _carriers } = self;
        drop(input);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        while let Some(output) = output.recv().await {
            match output {
                ExecOutput::Out(bytes) => out.extend(bytes),
                ExecOutput::Err(bytes) => err.extend(bytes),
                ExecOutput::Ended(end) => return (out, err, end),
            }
        }
        (out, err, End::Lost)
    }
}

//! Exec sessions: an additional program in a running container, with streams or a terminal.

use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{InstanceId, Process, Termination};

/// Request to start an additional program in a running container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRequest {
    /// The container.
    pub instance: InstanceId,
    /// The program. Its environment is complete; nothing is inherited from the container's process.
    pub process: Process,
    /// Size of the terminal; without one, the program has plain streams.
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

/// Input to the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecInput {
    /// Bytes of its standard input.
    Data(Vec<u8>),
    /// End of its standard input.
    Close,
    /// New size of its terminal.
    Resize(TerminalSize),
}

/// Output from the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecOutput {
    /// Bytes of its standard output or its terminal.
    Out(Vec<u8>),
    /// Bytes of its standard error.
    Err(Vec<u8>),
    /// The program has ended; nothing follows.
    Ended(Termination),
}

/// A running program. Dropping the session kills it.
#[derive(Debug)]
pub struct ExecSession {
    /// Sends input to the program.
    pub input: mpsc::Sender<ExecInput>,
    /// Receives output of the program.
    pub output: mpsc::Receiver<ExecOutput>,
    /// Tasks that transport the streams; they are aborted with the session.
    transport_tasks: JoinSet<()>,
}

impl ExecSession {
    /// Creates a session and the two channel ends of the serving side.
    pub fn new_with_channels() -> (Self, mpsc::Receiver<ExecInput>, mpsc::Sender<ExecOutput>) {
        let (input, inputs) = mpsc::channel(16);
        let (outputs, output) = mpsc::channel(16);
        (Self { input, output, transport_tasks: JoinSet::new() }, inputs, outputs)
    }

    /// Spawns a task that transports the session's streams. Must be called within a tokio runtime.
    pub fn attach_task(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.transport_tasks.spawn(task);
    }

    /// Discards output until the program ends. `None` when the runtime does not report the end.
    pub async fn wait_for_end(&mut self) -> Option<Termination> {
        while let Some(output) = self.output.recv().await {
            if let ExecOutput::Ended(end) = output {
                return Some(end);
            }
        }
        None
    }

    /// Closes the input and collects the output. Returns standard output, standard error and the end.
    pub async fn collect_output(self) -> (Vec<u8>, Vec<u8>, Termination) {
        let Self { input, mut output, transport_tasks: _transport_tasks } = self;
        drop(input);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        while let Some(output) = output.recv().await {
            match output {
                ExecOutput::Out(bytes) => out.extend(bytes),
                ExecOutput::Err(bytes) => err.extend(bytes),
                ExecOutput::Ended(end) => return (out, err, end),
            }
        }
        (out, err, Termination::Lost)
    }
}

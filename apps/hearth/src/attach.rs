//! Attachment of a program in a container to this terminal, or to plain streams.

use std::io::{self, IsTerminal, Read, Write};

use hearth_base::{Error, Result};
use hearth_client::{ExecInput, ExecOutput};
use hearth_wire::jobs::{ExecEnd, ExecFrame, ExecSize};
use tokio::sync::mpsc;

use crate::{
    exit::Exit,
    io_error::describe_io_error,
    platform::terminal::{RawTerminal, Resizes},
};

/// Returns the size of the terminal that can be attached, or `None` without one.
pub fn find_terminal_size() -> Option<ExecSize> {
    let seen = io::stdin().is_terminal() && io::stdout().is_terminal() && RawTerminal::IS_SUPPORTED;
    if seen { read_terminal_size() } else { None }
}

/// Relays input and output, in raw terminal mode or as plain streams, and returns the program's exit status.
pub async fn attach_streams(input: ExecInput, output: ExecOutput, terminal: bool) -> Result<Exit> {
    // Raw mode begins last, so that earlier errors are printed in the normal mode.
    let raw = terminal
        .then(RawTerminal::enter_raw_mode)
        .transpose()
        .map_err(|cause| build_terminal_error(&cause))?;
    let end = relay_frames(input, output, terminal).await;
    drop(raw);
    to_exit(end?)
}

/// Relays frames in both directions until the program ends.
async fn relay_frames(mut input: ExecInput, mut output: ExecOutput, terminal: bool) -> Result<ExecEnd> {
    let mut typed = spawn_stdin_reader();
    let mut open = true;
    let mut resizes = Resizes::subscribe().map_err(|cause| build_terminal_error(&cause))?;
    loop {
        tokio::select! {
            frame = output.next() => match frame? {
                Some(ExecFrame::Data(bytes)) => write_output(io::stdout().lock(), &bytes)?,
                Some(ExecFrame::Stderr(bytes)) => write_output(io::stderr().lock(), &bytes)?,
                Some(ExecFrame::Ended(end)) => return Ok(end),
                Some(_) => {}
                None => {
                    return Err(Error::unavailable("exec-broken", "the connection to the program was lost")
                        .help("hearth jobs list"));
                }
            },
            bytes = typed.recv(), if open => match bytes {
                Some(bytes) => input.send(&ExecFrame::Data(bytes)).await?,
                None => {
                    open = false;
                    input.send(&ExecFrame::Close).await?;
                }
            },
            () = resizes.next(), if terminal => {
                if let Some(size) = read_terminal_size() {
                    input.send(&ExecFrame::Resize(size)).await?;
                }
            }
        }
    }
}

/// Starts a thread that reads standard input in pieces. The read blocks, so the thread ends only with the
/// process.
fn spawn_stdin_reader() -> mpsc::Receiver<Vec<u8>> {
    let (to, typed) = mpsc::channel(8);
    std::thread::spawn(move || {
        let mut piece = vec![0; 16 << 10];
        while let Ok(read) = io::stdin().lock().read(&mut piece) {
            if read == 0 || to.blocking_send(piece[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    typed
}

fn write_output(mut stream: impl Write, bytes: &[u8]) -> Result<()> {
    stream.write_all(bytes).and_then(|()| stream.flush()).map_err(|cause| {
        Error::invalid(
            "output",
            format!("the output of the program cannot be written: {}", describe_io_error(&cause)),
        )
    })
}

fn read_terminal_size() -> Option<ExecSize> {
    let (columns, rows) = terminal_size::terminal_size()?;
    Some(ExecSize { rows: rows.0, columns: columns.0 })
}

fn build_terminal_error(cause: &io::Error) -> Error {
    Error::invalid("terminal", format!("the terminal cannot be used: {}", describe_io_error(cause)))
        .help("hearth exec -T")
}

/// Converts the program's end to an exit status: its own, or 128 plus the signal as in shells.
fn to_exit(end: ExecEnd) -> Result<Exit> {
    let status = end.exit_code.or(end.signal.map(|signal| 128 + signal));
    match (status, end.reason) {
        (Some(0), _) => Ok(Exit::Done),
        (Some(status), _) => Ok(Exit::Program(u8::try_from(status).unwrap_or(1))),
        (None, Some(reason)) => Err(Error::conflict("exec-ended", reason).help("hearth jobs list")),
        (None, None) => Ok(Exit::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_status_of_the_program_is_passed_on() -> Result<()> {
        let end = |exit_code, signal| to_exit(ExecEnd { exit_code, signal, reason: None });
        assert_eq!(end(Some(0), None)?, Exit::Done);
        assert_eq!(end(Some(3), None)?, Exit::Program(3));
        assert_eq!(end(None, Some(9))?, Exit::Program(137));
        let lost =
            to_exit(ExecEnd { exit_code: None, signal: None, reason: Some("it was stopped".to_owned()) });
        assert_eq!(lost.err().map(|error| error.code().to_owned()).as_deref(), Some("exec-ended"));
        Ok(())
    }
}

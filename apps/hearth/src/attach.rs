//! A program in a container attached to this terminal, or to plain streams.

use std::io::{self, IsTerminal, Read, Write};

use hearth_base::{Error, Result};
use hearth_client::{ExecInput, ExecOutput};
use hearth_wire::jobs::{ExecEnd, ExecFrame, ExecSize};
use tokio::sync::mpsc;

use crate::{
    exit::Exit,
    platform::terminal::{RawTerminal, Resizes},
    trouble::why,
};

/// The size of the terminal that can be handed to a program, if this is one.
pub fn terminal() -> Option<ExecSize> {
    let seen = io::stdin().is_terminal() && io::stdout().is_terminal() && RawTerminal::POSSIBLE;
    if seen { size() } else { None }
}

/// Carries what is typed and printed, with the terminal handed through or plain, and ends as the program ends.
pub async fn carry(input: ExecInput, output: ExecOutput, terminal: bool) -> Result<Exit> {
    // Entered last, so that what was refused is read as usual.
    let raw = terminal.then(RawTerminal::enter).transpose().map_err(|cause| terminal_lost(&cause))?;
    let end = hand_through(input, output, terminal).await;
    drop(raw);
    ended(end?)
}

/// Both directions, until the program is over.
async fn hand_through(mut input: ExecInput, mut output: ExecOutput, terminal: bool) -> Result<ExecEnd> {
    let mut typed = typed();
    let mut open = true;
    let mut resizes = Resizes::watch().map_err(|cause| terminal_lost(&cause))?;
    loop {
        tokio::select! {
            frame = output.next() => match frame? {
                Some(ExecFrame::Data(bytes)) => write(io::stdout().lock(), &bytes)?,
                Some(ExecFrame::Errors(bytes)) => write(io::stderr().lock(), &bytes)?,
                Some(ExecFrame::Ended(end)) => return Ok(end),
                Some(_) => {}
                None => {
                    return Err(Error::unavailable("exec-broken", "the connection to the program broke off")
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
                if let Some(size) = size() {
                    input.send(&ExecFrame::Resize(size)).await?;
                }
            }
        }
    }
}

/// Standard input in pieces. Reading it waits, so it has a thread of its own, which ends with the program.
fn typed() -> mpsc::Receiver<Vec<u8>> {
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

fn write(mut stream: impl Write, bytes: &[u8]) -> Result<()> {
    stream.write_all(bytes).and_then(|()| stream.flush()).map_err(|cause| {
        Error::invalid("output", format!("what the program writes cannot be written: {}", why(&cause)))
    })
}

fn size() -> Option<ExecSize> {
    let (columns, rows) = terminal_size::terminal_size()?;
    Some(ExecSize { rows: rows.0, columns: columns.0 })
}

fn terminal_lost(cause: &io::Error) -> Error {
    Error::invalid("terminal", format!("the terminal cannot be used: {}", why(cause))).help("hearth exec -T")
}

/// The program's end as this program's: its status, or 128 and the signal as shells say it.
fn ended(end: ExecEnd) -> Result<Exit> {
    let status = end.exit_code.or(end.signal.map(|signal| 128 + signal));
    match (status, end.reason) {
        (Some(0), _) => Ok(Exit::Done),
        (Some(status), _) => Ok(Exit::Other(u8::try_from(status).unwrap_or(1))),
        (None, Some(reason)) => Err(Error::conflict("exec-ended", reason).help("hearth jobs list")),
        (None, None) => Ok(Exit::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_status_is_kept() -> Result<()> {
        let end = |exit_code, signal| ended(ExecEnd { exit_code, signal, reason: None });
        assert_eq!(end(Some(0), None)?, Exit::Done);
        assert_eq!(end(Some(3), None)?, Exit::Other(3));
        assert_eq!(end(None, Some(9))?, Exit::Other(137));
        let lost =
            ended(ExecEnd { exit_code: None, signal: None, reason: Some("it was stopped".to_owned()) });
        assert_eq!(lost.err().map(|error| error.code().to_owned()).as_deref(), Some("exec-ended"));
        Ok(())
    }
}

//! The process that goes in stays outside itself and relays the program's streams, until it has ended.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use hearth_runtime_api::{End, TerminalSize};
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
    pipe::PipeFlags,
    process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus},
    termios::Winsize,
};

use super::{
    Errand,
    frames::{self, Kind},
    inside::{self, Streams},
};

/// How long after the end its last words may take.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The process's `main`.
pub fn main() -> i32 {
    let end = run().unwrap_or_else(|error| End::NotStarted { reason: error.to_string() });
    let end = serde_json::to_vec(&end).unwrap_or_default();
    i32::from(say(Kind::Ended, &end).is_err())
}

fn run() -> io::Result<End> {
    // This process ends when its input does, with the runtime's process too: not before it has ended the program.
    let (_, errand) = hear()?;
    let errand: Errand = serde_json::from_slice(&errand)?;
    let mut relay;
    let streams;
    if let Some(size) = errand.terminal {
        let (master, peer) = inside::terminal(&errand, winsize(size))?;
        streams = Streams { input: peer.try_clone()?, out: peer.try_clone()?, err: peer, terminal: true };
        relay = Relay { input: Some(master.try_clone()?), out: Some(master), err: None, terminal: true };
    } else {
        let (input, to) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let (out, from_out) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let (err, from_err) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        streams = Streams { input, out: from_out, err: from_err, terminal: false };
        relay = Relay { input: Some(to), out: Some(out), err: Some(err), terminal: false };
    }
    let pid = inside::start(&errand, streams)?;
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let limit = errand.time_limit.map(|limit| Instant::now() + limit);
    let left = || limit.map(|limit| limit.saturating_duration_since(Instant::now()));
    loop {
        match relay.turn(Some(&pidfd), left()) {
            Ok(true) => break,
            Ok(false) if left().is_some_and(|left| left.is_zero()) => {
                kill_program(pid)?;
                return Ok(End::TimedOut);
            }
            Ok(false) => {}
            Err(error) => {
                // Nobody is there any more: the streams end first, so that a shell hears of it from its terminal.
                drop(relay);
                let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
                let _waited = rustix::event::poll(&mut fds, Timespec::try_from(LAST_WORDS).ok().as_ref());
                kill_program(pid)?;
                return Err(error);
            }
        }
    }
    let status = rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
    let last = Instant::now() + LAST_WORDS;
    while (relay.out.is_some() || relay.err.is_some()) && Instant::now() < last {
        relay.turn(None, Some(last.saturating_duration_since(Instant::now())))?;
    }
    Ok(status.map_or(End::Lost, |(_, status)| end(status)))
}

/// Kills a program with what it has started: it leads a session, and so a group, of its own.
fn kill_program(pid: Pid) -> io::Result<()> {
    let _may_have_ended = rustix::process::kill_process_group(pid, Signal::KILL);
    rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
    Ok(())
}

fn end(status: WaitStatus) -> End {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => End::Exited { code },
        (None, Some(signal)) => End::Killed { signal },
        (None, None) => End::Lost,
    }
}

struct Relay {
    input: Option<OwnedFd>,
    out: Option<OwnedFd>,
    err: Option<OwnedFd>,
    terminal: bool,
}

impl Relay {
    /// Waits for one thing to happen; says whether the program has ended.
    fn turn(&mut self, process: Option<&OwnedFd>, timeout: Option<Duration>) -> io::Result<bool> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let stdin = io::stdin();
        let watched = [
            // After the program's input has ended too: that the stream ends is a sign.
            process.map(|_| stdin.as_fd()),
            self.out.as_ref().map(AsFd::as_fd),
            self.err.as_ref().map(AsFd::as_fd),
            process.map(AsFd::as_fd),
        ];
        let mut fds: Vec<PollFd<'_>> =
            watched.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let happened = watched.map(|fd| fd.is_some() && ready.next().unwrap_or(false));
        drop(fds);
        if happened[0] {
            self.inward()?;
        }
        if happened[1] {
            outward(&mut self.out, Kind::Data)?;
        }
        if happened[2] {
            outward(&mut self.err, Kind::Errors)?;
        }
        Ok(happened[3])
    }

    fn inward(&mut self) -> io::Result<()> {
        let (kind, bytes) = hear()?;
        let Some(input) = self.input.as_ref() else { return Ok(()) };
        match kind {
            Kind::Data => {
                // A program that no longer reads loses what comes.
                let _ = File::from(input.try_clone()?).write_all(&bytes);
            }
            Kind::Resize => {
                let size: TerminalSize = serde_json::from_slice(&bytes)?;
                if self.terminal {
                    rustix::termios::tcsetwinsize(input, winsize(size))?;
                }
            }
            // End of file is a control character on a terminal (termios(3), EOF).
            Kind::Close if self.terminal => {
                let _ = File::from(input.try_clone()?).write_all(&[4]);
            }
            _ => self.input = None,
        }
        Ok(())
    }
}

fn outward(from: &mut Option<OwnedFd>, kind: Kind) -> io::Result<()> {
    let mut buffer = [0; 32 << 10];
    let read = match from.as_ref().map(|fd| rustix::io::read(fd, &mut buffer)) {
        Some(Ok(read)) => read,
        // A terminal whose last program has ended says EIO.
        Some(Err(Errno::IO)) | None => 0,
        Some(Err(error)) => return Err(error.into()),
    };
    if read == 0 {
        *from = None;
        return Ok(());
    }
    say(kind, &buffer[..read])
}

fn winsize(size: TerminalSize) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Reads one frame, without taking a byte more: the rest is the next one's.
fn hear() -> io::Result<(Kind, Vec<u8>)> {
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut head = [0; frames::HEAD];
    input.read_exact(&mut head)?;
    let (kind, size) = frames::parse(head).ok_or_else(|| io::Error::other("what came in is no frame"))?;
    let mut bytes = vec![0; size];
    input.read_exact(&mut bytes)?;
    Ok((kind, bytes))
}

fn say(kind: Kind, bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&frames::head(kind, bytes.len()))?;
    out.write_all(bytes)?;
    out.flush()
}

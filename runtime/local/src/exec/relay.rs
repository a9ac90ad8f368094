//! Main function of the exec process: it stays outside of the container and relays the program's streams
//! until the program exits.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use hearth_runtime_api::{TerminalSize, Termination};
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
    pipe::PipeFlags,
    process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus},
    termios::Winsize,
};

use super::{
    ExecProcessRequest,
    container_entry::{self, ProgramStreams},
    frames::{self, ExecFrameKind},
};

/// Time to read remaining output after the program has exited.
const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// The exec process's `main`.
pub fn main() -> i32 {
    let termination = run().unwrap_or_else(|error| Termination::NotStarted { reason: error.to_string() });
    let termination = serde_json::to_vec(&termination).unwrap_or_default();
    i32::from(write_frame(ExecFrameKind::Ended, &termination).is_err())
}

fn run() -> io::Result<Termination> {
    // The end of the input, for example at the death of the runtime process, ends this process; it kills the
    // program first.
    let (_, request) = read_frame()?;
    let request: ExecProcessRequest = serde_json::from_slice(&request)?;
    let mut relay;
    let streams;
    if let Some(size) = request.terminal {
        let (master, peer) = container_entry::open_terminal(&request, build_winsize(size))?;
        streams = ProgramStreams {
            input: peer.try_clone()?,
            output: peer.try_clone()?,
            error_output: peer,
            terminal: true,
        };
        relay = StreamRelay {
            input: Some(master.try_clone()?),
            output: Some(master),
            error_output: None,
            terminal: true,
        };
    } else {
        let (input, to) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let (out, from_out) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let (err, from_err) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        streams = ProgramStreams { input, output: from_out, error_output: from_err, terminal: false };
        relay = StreamRelay { input: Some(to), output: Some(out), error_output: Some(err), terminal: false };
    }
    let pid = container_entry::start_program(&request, streams)?;
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let limit = request.time_limit.map(|limit| Instant::now() + limit);
    let remaining = || limit.map(|limit| limit.saturating_duration_since(Instant::now()));
    loop {
        match relay.relay_once(Some(&pidfd), remaining()) {
            Ok(true) => break,
            Ok(false) if remaining().is_some_and(|remaining| remaining.is_zero()) => {
                kill_program(pid)?;
                return Ok(Termination::TimedOut);
            }
            Ok(false) => {}
            Err(error) => {
                // The runtime process is gone. The streams are closed before the kill, so that a shell gets
                // SIGHUP from its terminal.
                drop(relay);
                let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
                let _waited =
                    rustix::event::poll(&mut fds, Timespec::try_from(OUTPUT_DRAIN_TIMEOUT).ok().as_ref());
                kill_program(pid)?;
                return Err(error);
            }
        }
    }
    let status = rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
    let deadline = Instant::now() + OUTPUT_DRAIN_TIMEOUT;
    while (relay.output.is_some() || relay.error_output.is_some()) && Instant::now() < deadline {
        relay.relay_once(None, Some(deadline.saturating_duration_since(Instant::now())))?;
    }
    Ok(status.map_or(Termination::Lost, |(_, status)| build_end(status)))
}

/// Kills a program and its children: it leads a session, and so a process group, of its own.
fn kill_program(pid: Pid) -> io::Result<()> {
    let _may_have_ended = rustix::process::kill_process_group(pid, Signal::KILL);
    rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
    Ok(())
}

fn build_end(status: WaitStatus) -> Termination {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Termination::Exited { code },
        (None, Some(signal)) => Termination::Killed { signal },
        (None, None) => Termination::Lost,
    }
}

struct StreamRelay {
    input: Option<OwnedFd>,
    output: Option<OwnedFd>,
    error_output: Option<OwnedFd>,
    terminal: bool,
}

impl StreamRelay {
    /// Waits for one event and relays available data. Returns true when the program has exited.
    fn relay_once(&mut self, process: Option<&OwnedFd>, timeout: Option<Duration>) -> io::Result<bool> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let stdin = io::stdin();
        let watched = [
            // Watched even after the program's input has closed: its end means that the runtime process is
            // gone.
            process.map(|_| stdin.as_fd()),
            self.output.as_ref().map(AsFd::as_fd),
            self.error_output.as_ref().map(AsFd::as_fd),
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
            self.relay_input()?;
        }
        if happened[1] {
            relay_output(&mut self.output, ExecFrameKind::Data)?;
        }
        if happened[2] {
            relay_output(&mut self.error_output, ExecFrameKind::Stderr)?;
        }
        Ok(happened[3])
    }

    fn relay_input(&mut self) -> io::Result<()> {
        let (kind, bytes) = read_frame()?;
        let Some(input) = self.input.as_ref() else { return Ok(()) };
        match kind {
            ExecFrameKind::Data => {
                // Input for a program that no longer reads is dropped.
                let _ = File::from(input.try_clone()?).write_all(&bytes);
            }
            ExecFrameKind::Resize => {
                let size: TerminalSize = serde_json::from_slice(&bytes)?;
                if self.terminal {
                    rustix::termios::tcsetwinsize(input, build_winsize(size))?;
                }
            }
            // On a terminal the end of file is a control character: Ctrl-D, 4 (termios(3), EOF).
            ExecFrameKind::Close if self.terminal => {
                let _ = File::from(input.try_clone()?).write_all(&[4]);
            }
            _ => self.input = None,
        }
        Ok(())
    }
}

fn relay_output(from: &mut Option<OwnedFd>, kind: ExecFrameKind) -> io::Result<()> {
    let mut buffer = [0; 32 << 10];
    let read = match from.as_ref().map(|fd| rustix::io::read(fd, &mut buffer)) {
        Some(Ok(read)) => read,
        // A terminal returns EIO after its last program has exited.
        Some(Err(Errno::IO)) | None => 0,
        Some(Err(error)) => return Err(error.into()),
    };
    if read == 0 {
        *from = None;
        return Ok(());
    }
    write_frame(kind, &buffer[..read])
}

fn build_winsize(size: TerminalSize) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Reads exactly one frame, unbuffered: further bytes belong to the next frame.
fn read_frame() -> io::Result<(ExecFrameKind, Vec<u8>)> {
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut head = [0; frames::HEADER_BYTES];
    input.read_exact(&mut head)?;
    let (kind, size) = frames::decode_header(head).ok_or_else(|| io::Error::other("invalid frame"))?;
    let mut bytes = vec![0; size];
    input.read_exact(&mut bytes)?;
    Ok((kind, bytes))
}

fn write_frame(kind: ExecFrameKind, bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&frames::encode_header(kind, bytes.len()))?;
    out.write_all(bytes)?;
    out.flush()
}

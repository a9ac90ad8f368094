//! Waits for a container: takes what it writes, ends it at its time limit, and learns how it ended.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use hearth_runtime_api::{End, Stream};
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::OFlags,
    process::{Signal, WaitOptions, WaitStatus},
};

use super::{
    Running,
    brief::Brief,
    spool::{Cutter, Spool},
};

/// How long after the end its last words may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Returns how it ended, when it has.
pub fn wait(brief: &Brief, running: &Running, spool: &mut Spool) -> io::Result<End> {
    let mut streams = [Pipe::new(&running.out, Stream::Out)?, Pipe::new(&running.err, Stream::Err)?];
    let mut limit =
        brief.workload.time_limit().map(|limit| Limit { due: Instant::now() + limit, passed: false });
    loop {
        let timeout = limit.as_ref().map(|limit| limit.due.saturating_duration_since(Instant::now()));
        let ended = poll(&mut streams, Some(&running.pidfd), timeout, spool)?;
        if ended {
            break;
        }
        if let Some(limit) = limit.as_mut().filter(|limit| limit.due <= Instant::now()) {
            let signal = if limit.passed {
                Some(Signal::KILL)
            } else {
                Signal::from_named_raw(brief.workload.process.stop_signal.into())
            };
            let sent = rustix::process::pidfd_send_signal(&running.pidfd, signal.unwrap_or(Signal::KILL));
            // It may have ended in this moment.
            let _ = sent;
            limit.passed = true;
            limit.due = Instant::now() + brief.workload.grace.min(Duration::from_secs(3600));
        }
    }
    let status = rustix::process::waitpid(Some(running.pid), WaitOptions::empty())?;
    let last = Instant::now() + LAST_WORDS;
    while streams.iter().any(|stream| stream.open) && Instant::now() < last {
        poll(&mut streams, None, Some(last.saturating_duration_since(Instant::now())), spool)?;
    }
    for stream in &mut streams {
        stream.cutter.finish(spool)?;
    }
    spool.tell_losses()?;
    if limit.is_some_and(|limit| limit.passed) {
        return Ok(End::TimedOut);
    }
    Ok(status.map_or(End::Lost, |(_, status)| end(status)))
}

/// What a status of `waitpid` means.
pub fn end(status: WaitStatus) -> End {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => End::Exited { code },
        (None, Some(signal)) => End::Killed { signal },
        (None, None) => End::Lost,
    }
}

struct Limit {
    due: Instant,
    passed: bool,
}

struct Pipe<'a> {
    fd: &'a OwnedFd,
    cutter: Cutter,
    open: bool,
}

impl<'a> Pipe<'a> {
    fn new(fd: &'a OwnedFd, stream: Stream) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(fd)?;
        rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK)?;
        Ok(Self { fd, cutter: Cutter::new(stream), open: true })
    }

    fn drain(&mut self, spool: &mut Spool) -> io::Result<()> {
        let mut buffer = [0; 32 << 10];
        // A writer that never stops must not keep the other stream from being read.
        for _ in 0..16 {
            match rustix::io::read(self.fd, &mut buffer) {
                Ok(0) => {
                    self.open = false;
                    return Ok(());
                }
                Ok(read) => self.cutter.take(&buffer[..read], spool)?,
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Waits for one thing to happen; says whether the process has ended.
fn poll(
    streams: &mut [Pipe<'_>; 2],
    process: Option<&OwnedFd>,
    timeout: Option<Duration>,
    spool: &mut Spool,
) -> io::Result<bool> {
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let mut fds: Vec<PollFd<'_>> = streams
        .iter()
        .filter(|stream| stream.open)
        .map(|stream| stream.fd.as_fd())
        .chain(process.map(AsFd::as_fd))
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
        .collect();
    match rustix::event::poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let ended = process.is_some() && fds.last().is_some_and(|fd| !fd.revents().is_empty());
    for stream in streams.iter_mut().filter(|stream| stream.open) {
        stream.drain(spool)?;
    }
    Ok(ended)
}

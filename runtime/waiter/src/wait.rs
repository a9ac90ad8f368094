//! The main loop: waits for output, the time limit and the end of the container.
//!
//! | state | waits for | next state |
//! |---|---|---|
//! | running | output, process exit, time limit | draining; or stopping after the stop signal |
//! | stopping | output, process exit, grace | draining; or killed after SIGKILL |
//! | killed | output, process exit | draining |
//! | draining | end of both streams, at most 2 s | the exit file is written |
//!
//! In the first four states, an incomplete line is due as a partial line after a moment.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::BorrowedFd,
    io::Errno,
    process::{Signal, WaitOptions},
    time::ClockId,
};

use crate::{
    clock::now_micros,
    exit_file::{self, ContainerEnd},
    parameters::WaiterParameters,
    spool::{LineSource, LogSpool},
    stream::{LineStream, STREAM_BUFFER_BYTES},
};

/// Written to the notify pipe after the exit file. A runtime process that has ended misses it; the next one
/// reads the exit file at its start.
pub const EXIT_NOTICE: &[u8] = b".";
/// Maximum time for reading remaining output after the end, in microseconds.
const OUTPUT_DRAIN_MICROS: i64 = 2_000_000;
/// Maximum grace after a time limit, in microseconds.
const MAX_GRACE_MICROS: u64 = 3_600_000_000;

/// Waits until the container has ended, and writes its exit file. An error means that the file could not be
/// written.
///
/// `buffers` is the memory of the two output streams; only the needed part of it is written.
pub fn run_waiter(
    parameters: &WaiterParameters<'_>,
    buffers: &mut [[u8; STREAM_BUFFER_BYTES]; 2],
) -> rustix::io::Result<()> {
    let end = wait_for_end(parameters, buffers).unwrap_or_else(|_| {
        // A container without a monitor would exceed its limits unnoticed.
        let _ = rustix::process::pidfd_send_signal(parameters.init, Signal::KILL);
        ContainerEnd::Lost
    });
    let written = exit_file::write_exit_file(parameters, end);
    let _ = rustix::io::write(parameters.notify, EXIT_NOTICE);
    written
}

fn wait_for_end(
    parameters: &WaiterParameters<'_>,
    buffers: &mut [[u8; STREAM_BUFFER_BYTES]; 2],
) -> rustix::io::Result<ContainerEnd> {
    let mut spool = LogSpool::new(parameters.log, parameters.folder, parameters.max_log_bytes)?;
    let [out, err] = buffers;
    let mut streams = [
        LineStream::new(parameters.out, LineSource::Out, out, parameters.partial_line_delay)?,
        LineStream::new(parameters.err, LineSource::Err, err, parameters.partial_line_delay)?,
    ];
    let mut limit = TimeLimit::new(parameters);
    while !poll_once(&mut streams, Some(parameters.init), limit.deadline, &mut spool)? {
        limit.enforce_limit(parameters);
    }
    let status = loop {
        match rustix::process::waitpid(Some(parameters.pid), WaitOptions::empty()) {
            Err(Errno::INTR) => {}
            status => break status?,
        }
    };
    let last = now_micros(ClockId::Monotonic) + OUTPUT_DRAIN_MICROS;
    while streams.iter().any(|stream| stream.open) && now_micros(ClockId::Monotonic) < last {
        poll_once(&mut streams, None, Some(last), &mut spool)?;
    }
    streams.iter_mut().for_each(|stream| stream.flush_rest(&mut spool));
    spool.record_losses();
    if limit.exceeded {
        return Ok(ContainerEnd::TimedOut);
    }
    Ok(match status.map(|(_, status)| (status.exit_status(), status.terminating_signal())) {
        Some((Some(code), _)) => ContainerEnd::Exited(code),
        Some((None, Some(signal))) => ContainerEnd::Killed(signal),
        _ => ContainerEnd::Lost,
    })
}

/// Enforcement of the time limit.
struct TimeLimit {
    /// Time of the next signal, on the monotonic clock, in microseconds.
    deadline: Option<i64>,
    /// The limit was exceeded and the stop signal was sent.
    exceeded: bool,
}

impl TimeLimit {
    fn new(parameters: &WaiterParameters<'_>) -> Self {
        Self { deadline: parameters.time_limit.map(compute_deadline), exceeded: false }
    }

    /// Sends the stop signal when the deadline has passed, and SIGKILL after the grace.
    fn enforce_limit(&mut self, parameters: &WaiterParameters<'_>) {
        if self.deadline.is_none_or(|due| due > now_micros(ClockId::Monotonic)) {
            return;
        }
        let stop_signal = Signal::from_named_raw(parameters.stop_signal).filter(|_| !self.exceeded);
        // An error means that the container has just ended.
        let _ = rustix::process::pidfd_send_signal(parameters.init, stop_signal.unwrap_or(Signal::KILL));
        self.exceeded = true;
        // After SIGKILL there is no further deadline: the kernel ends the process.
        self.deadline = stop_signal.map(|_| compute_deadline(parameters.grace.min(MAX_GRACE_MICROS)));
    }
}

/// The time on the monotonic clock after a number of microseconds.
fn compute_deadline(wait: u64) -> i64 {
    now_micros(ClockId::Monotonic).saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))
}

/// Waits for one event, until `due` on the monotonic clock or until an incomplete line is due, and reads available
/// output. Returns true if the process has ended.
fn poll_once(
    streams: &mut [LineStream<'_>; 2],
    process: Option<BorrowedFd<'_>>,
    due: Option<i64>,
    spool: &mut LogSpool<'_>,
) -> rustix::io::Result<bool> {
    let due = streams.iter().filter_map(LineStream::partial_due).chain(due).min();
    let timeout = due.map(|due| {
        let left = due.saturating_sub(now_micros(ClockId::Monotonic)).max(0);
        Timespec { tv_sec: left / 1_000_000, tv_nsec: left % 1_000_000 * 1000 }
    });
    let open = streams.iter().filter(|stream| stream.open).map(|stream| stream.fd);
    let watch = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
    let mut fds = [streams[0].fd; 3].map(watch);
    let mut watched = 0;
    for (entry, fd) in fds.iter_mut().zip(open.chain(process)) {
        *entry = watch(fd);
        watched += 1;
    }
    match poll(&mut fds[..watched], timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error),
    }
    // The process's descriptor is the last entry.
    let ended = process.is_some() && fds[..watched].last().is_some_and(|fd| !fd.revents().is_empty());
    let now = now_micros(ClockId::Monotonic);
    for stream in streams.iter_mut().filter(|stream| stream.open) {
        stream.drain(now, spool);
    }
    Ok(ended)
}

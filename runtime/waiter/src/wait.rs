//! The wait itself: for lines, for the time limit, for the end.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::BorrowedFd,
    io::Errno,
    process::{Signal, WaitOptions},
    time::ClockId,
};

use crate::{
    exit::{self, How},
    moment::micros,
    plan::Plan,
    spool::{Kind, Spool},
    stream::{ROOM, Stream},
};

/// What is said once something is written down. Nobody listens when the runtime's process has ended meanwhile; the
/// next one reads the files.
pub const NEWS: &[u8] = b".";
/// How long after the end its last words may take, in microseconds.
const LAST_WORDS: i64 = 2_000_000;
/// The longest grace after a time limit, in microseconds.
const LONGEST_GRACE: u64 = 3_600_000_000;

/// Waits until a container has ended, and writes down how. An error means that this could not be written.
///
/// `room` is the memory for what the two streams bring; only what they need of it is touched.
pub fn run(plan: &Plan<'_>, room: &mut [[u8; ROOM]; 2]) -> rustix::io::Result<()> {
    let how = wait(plan, room).unwrap_or_else(|_| {
        // Who has no waiter any more must not live on.
        let _ = rustix::process::pidfd_send_signal(plan.init, Signal::KILL);
        How::Lost
    });
    let written = exit::write(plan, how);
    let _ = rustix::io::write(plan.news, NEWS);
    written
}

fn wait(plan: &Plan<'_>, room: &mut [[u8; ROOM]; 2]) -> rustix::io::Result<How> {
    let mut spool = Spool::new(plan.log, plan.folder, plan.most)?;
    let [out, err] = room;
    let mut streams = [Stream::new(plan.out, Kind::Out, out)?, Stream::new(plan.err, Kind::Err, err)?];
    let mut limit = Limit::new(plan);
    while !turn(&mut streams, Some(plan.init), limit.due, &mut spool)? {
        limit.heed(plan);
    }
    let status = loop {
        match rustix::process::waitpid(Some(plan.pid), WaitOptions::empty()) {
            Err(Errno::INTR) => {}
            status => break status?,
        }
    };
    let last = micros(ClockId::Monotonic) + LAST_WORDS;
    while streams.iter().any(|stream| stream.open) && micros(ClockId::Monotonic) < last {
        turn(&mut streams, None, Some(last), &mut spool)?;
    }
    streams.iter_mut().for_each(|stream| stream.finish(&mut spool));
    spool.tell_losses();
    if limit.passed {
        return Ok(How::TimedOut);
    }
    Ok(match status.map(|(_, status)| (status.exit_status(), status.terminating_signal())) {
        Some((Some(code), _)) => How::Exited(code),
        Some((None, Some(signal))) => How::Killed(signal),
        _ => How::Lost,
    })
}

/// When it has run for too long.
struct Limit {
    /// When that is, on the monotonic clock.
    due: Option<i64>,
    /// It has been asked to end for that.
    passed: bool,
}

impl Limit {
    fn new(plan: &Plan<'_>) -> Self {
        Self { due: plan.limit.map(after), passed: false }
    }

    /// Has it end if it is time: by its signal first, after the grace by a kill.
    fn heed(&mut self, plan: &Plan<'_>) {
        if self.due.is_none_or(|due| due > micros(ClockId::Monotonic)) {
            return;
        }
        let gently = Signal::from_named_raw(plan.stop_signal).filter(|_| !self.passed);
        // It may have ended in this moment.
        let _ = rustix::process::pidfd_send_signal(plan.init, gently.unwrap_or(Signal::KILL));
        self.passed = true;
        // Nothing can be done after a kill but wait for it.
        self.due = gently.map(|_| after(plan.grace.min(LONGEST_GRACE)));
    }
}

/// The moment on the monotonic clock that is so many microseconds from now.
fn after(wait: u64) -> i64 {
    micros(ClockId::Monotonic).saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))
}

/// Waits for one thing to happen, until `due` on the monotonic clock; says whether the process has ended.
fn turn(
    streams: &mut [Stream<'_>; 2],
    process: Option<BorrowedFd<'_>>,
    due: Option<i64>,
    spool: &mut Spool<'_>,
) -> rustix::io::Result<bool> {
    let timeout = due.map(|due| {
        let left = due.saturating_sub(micros(ClockId::Monotonic)).max(0);
        Timespec { tv_sec: left / 1_000_000, tv_nsec: left % 1_000_000 * 1000 }
    });
    let open = streams.iter().filter(|stream| stream.open).map(|stream| stream.fd);
    let watch = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
    let mut fds = [streams[0].fd; 3].map(watch);
    let mut watched = 0;
    for (place, fd) in fds.iter_mut().zip(open.chain(process)) {
        *place = watch(fd);
        watched += 1;
    }
    match poll(&mut fds[..watched], timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error),
    }
    // The process is the last of them.
    let ended = process.is_some() && fds[..watched].last().is_some_and(|fd| !fd.revents().is_empty());
    for stream in streams.iter_mut().filter(|stream| stream.open) {
        stream.drain(spool);
    }
    Ok(ended)
}

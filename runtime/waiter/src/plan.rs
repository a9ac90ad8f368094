//! What the wait is about, and how a program is told that by its arguments.

use core::ffi::CStr;

use rustix::{
    fd::{AsRawFd, BorrowedFd},
    process::Pid,
};

use crate::count::Counter;

/// The status of a program that was not told what to wait for.
pub const UNTOLD: i32 = 2;

/// Everything that the wait needs.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The instance's folder.
    pub folder: BorrowedFd<'a>,
    /// The log, which has begun.
    pub log: BorrowedFd<'a>,
    /// What the container writes to its standard output.
    pub out: BorrowedFd<'a>,
    /// What the container writes to its standard error.
    pub err: BorrowedFd<'a>,
    /// Gets a byte once the end is written down, if anybody listens.
    pub news: BorrowedFd<'a>,
    /// Something on the disk that it writes into, if that has a size of its own.
    pub disk: Option<BorrowedFd<'a>>,
    /// A descriptor for the container's first process.
    pub init: BorrowedFd<'a>,
    /// That process, a child of this one.
    pub pid: Pid,
    /// When it began, in microseconds since 1970.
    pub since: i64,
    /// How long it may run, in microseconds.
    pub limit: Option<u64>,
    /// The signal that it gets then.
    pub stop_signal: i32,
    /// How long after that it is killed, in microseconds.
    pub grace: u64,
    /// How many bytes of log are kept until they are taken.
    pub most: u64,
    /// Processes that were killed because memory was used up.
    pub oom_kills: Counter<'a>,
    /// The most bytes of memory there were.
    pub peak_memory: Counter<'a>,
    /// Microseconds of processor time.
    pub cpu_micros: Counter<'a>,
    /// How often a process could not be started, there being as many as may be.
    pub refused: Counter<'a>,
}

/// How many numbers there are in a plan, see [`Plan::numbers`].
const NUMBERS: usize = 17;

impl<'a> Plan<'a> {
    /// All that is a number, in the order in which [`Plan::read`] wants them, separated by spaces, as its first
    /// argument. The next eight are path and key of each counter.
    pub fn numbers(&self) -> [i64; NUMBERS] {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let fd = |fd: BorrowedFd<'_>| i64::from(fd.as_raw_fd());
        [
            fd(self.folder),
            fd(self.log),
            fd(self.out),
            fd(self.err),
            fd(self.news),
            self.disk.map_or(-1, fd),
            fd(self.init),
            self.pid.as_raw_nonzero().get().into(),
            self.since,
            self.limit.map_or(-1, number),
            self.stop_signal.into(),
            number(self.grace),
            number(self.most),
            number(self.oom_kills.per),
            number(self.peak_memory.per),
            number(self.cpu_micros.per),
            number(self.refused.per),
        ]
    }

    /// The counters, in the order in which [`Plan::read`] wants them.
    pub fn counters(&self) -> [Counter<'a>; 4] {
        [self.oom_kills, self.peak_memory, self.cpu_micros, self.refused]
    }

    /// Understands the arguments of [`Plan::numbers`] and [`Plan::counters`]. `inherited` is asked for each
    /// descriptor by its number.
    pub fn read(
        mut arguments: impl Iterator<Item = &'a CStr>,
        inherited: impl Fn(i32) -> Option<BorrowedFd<'a>>,
    ) -> Option<Self> {
        let mut words = arguments.next()?.to_str().ok()?.split(' ').map(|word| word.parse::<i64>().ok());
        let mut number = || words.next().flatten();
        let mut numbers = [0; NUMBERS];
        for place in &mut numbers {
            *place = number()?;
        }
        let [folder, log, out, err, news, disk, init, pid, since, limit, stop_signal, grace, most, per @ ..] =
            numbers;
        let fd = |number: i64| inherited(i32::try_from(number).ok()?);
        let natural = |number: i64| u64::try_from(number).ok();
        let mut counter = |per: i64| {
            let (path, key) = (arguments.next()?, arguments.next()?.to_str().ok()?);
            Some(Counter { path, key, per: natural(per)? })
        };
        Some(Self {
            folder: fd(folder)?,
            log: fd(log)?,
            out: fd(out)?,
            err: fd(err)?,
            news: fd(news)?,
            disk: fd(disk),
            init: fd(init)?,
            pid: Pid::from_raw(i32::try_from(pid).ok()?)?,
            since,
            limit: natural(limit),
            stop_signal: i32::try_from(stop_signal).ok()?,
            grace: natural(grace)?,
            most: natural(most)?,
            oom_kills: counter(per[0])?,
            peak_memory: counter(per[1])?,
            cpu_micros: counter(per[2])?,
            refused: counter(per[3])?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ffi::CString, fs::File, os::fd::AsFd};

    #[test]
    fn a_program_understands_the_plan_that_it_is_given() {
        let files: Vec<File> = (0..6).map(|_| File::open("/dev/null").unwrap()).collect();
        let [folder, log, out, err, news, init] = [0, 1, 2, 3, 4, 5].map(|number| files[number].as_fd());
        let counter = |path, key, per| Counter { path, key, per };
        let plan = Plan {
            folder,
            log,
            out,
            err,
            news,
            disk: Some(news),
            init,
            pid: Pid::from_raw(4711).unwrap(),
            since: 1_767_323_045_000_006,
            limit: None,
            stop_signal: 15,
            grace: u64::MAX,
            most: 16 << 20,
            oom_kills: counter(c"/sys/with spaces/oom_control", "oom_kill", 1),
            peak_memory: counter(c"/sys/peak", "", 1),
            cpu_micros: counter(c"/sys/usage", "", 1000),
            refused: counter(c"/sys/events", "max", 1),
        };
        for (limit, disk) in [(None, None), (Some(0), Some(out)), (Some(60_000_000), None)] {
            let plan = Plan { limit, disk, ..plan };
            let numbers = plan.numbers().map(|number| number.to_string()).join(" ");
            let counters = plan.counters();
            let names = counters.iter().flat_map(|counter| [counter.path.to_str().unwrap(), counter.key]);
            let given: Vec<CString> = std::iter::once(numbers.as_str())
                .chain(names)
                .map(|text| CString::new(text).unwrap())
                .collect();
            let inherited = |fd| files.iter().map(File::as_fd).find(|file| file.as_raw_fd() == fd);
            let read = Plan::read(given.iter().map(CString::as_c_str), inherited).unwrap();
            // What does not fit into a number that has a sign is the largest of them.
            assert_eq!((read.numbers(), read.counters()), (plan.numbers(), plan.counters()));
            assert_eq!((read.limit, read.grace), (limit, i64::MAX.unsigned_abs()));
            let cut_short = &given[..6];
            assert!(Plan::read(cut_short.iter().map(CString::as_c_str), inherited).is_none());
        }
    }
}

//! The parameters of the waiter, and their encoding as program arguments.

use core::ffi::CStr;

use rustix::{
    fd::{AsRawFd, BorrowedFd},
    process::Pid,
};

use crate::counter::Counter;

/// Exit status of the program for missing or invalid arguments.
pub const BAD_ARGUMENTS_STATUS: i32 = 2;

/// All parameters of the waiter.
#[derive(Debug, Clone, Copy)]
pub struct WaiterParameters<'a> {
    /// The instance's folder.
    pub folder: BorrowedFd<'a>,
    /// The log file, with its first frame.
    pub log: BorrowedFd<'a>,
    /// Read end of the container's standard output.
    pub out: BorrowedFd<'a>,
    /// Read end of the container's standard error.
    pub err: BorrowedFd<'a>,
    /// Receives a byte after the exit file is written.
    pub notify: BorrowedFd<'a>,
    /// Any file on the container's root file system, if that is limited in size.
    pub disk: Option<BorrowedFd<'a>>,
    /// A pidfd of the container's init process.
    pub init: BorrowedFd<'a>,
    /// The init process, a child of this process.
    pub pid: Pid,
    /// Start time, in microseconds since 1970.
    pub started_micros: i64,
    /// Time limit, in microseconds.
    pub time_limit: Option<u64>,
    /// The signal at the time limit.
    pub stop_signal: i32,
    /// Time between this signal and SIGKILL, in microseconds.
    pub grace: u64,
    /// Maximum size of the log that has not been taken by the runtime, in bytes.
    pub max_log_bytes: u64,
    /// Time after which an incomplete line is logged as a partial line, in microseconds; without it, only at the
    /// end of its stream.
    pub partial_line_delay: Option<u64>,
    /// Number of processes that the kernel killed for lack of memory.
    pub oom_kills: Counter<'a>,
    /// Peak memory in bytes.
    pub peak_memory: Counter<'a>,
    /// Processor time in microseconds.
    pub cpu_micros: Counter<'a>,
    /// Number of forks that failed at the process limit.
    pub refused_forks: Counter<'a>,
}

/// Number of values in [`WaiterParameters::encode_numbers`].
const NUMBER_COUNT: usize = 18;

impl<'a> WaiterParameters<'a> {
    /// The numeric parameters, in the order of [`WaiterParameters::parse_arguments`]. Separated by spaces, they are
    /// the first argument; the next eight arguments are path and key of each counter.
    pub fn encode_numbers(&self) -> [i64; NUMBER_COUNT] {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let fd = |fd: BorrowedFd<'_>| i64::from(fd.as_raw_fd());
        [
            fd(self.folder),
            fd(self.log),
            fd(self.out),
            fd(self.err),
            fd(self.notify),
            self.disk.map_or(-1, fd),
            fd(self.init),
            self.pid.as_raw_nonzero().get().into(),
            self.started_micros,
            self.time_limit.map_or(-1, number),
            self.stop_signal.into(),
            number(self.grace),
            number(self.max_log_bytes),
            self.partial_line_delay.map_or(-1, number),
            number(self.oom_kills.divisor),
            number(self.peak_memory.divisor),
            number(self.cpu_micros.divisor),
            number(self.refused_forks.divisor),
        ]
    }

    /// The counters, in the order of [`WaiterParameters::parse_arguments`].
    pub fn list_counters(&self) -> [Counter<'a>; 4] {
        [self.oom_kills, self.peak_memory, self.cpu_micros, self.refused_forks]
    }

    /// Parses the arguments built from [`WaiterParameters::encode_numbers`] and [`WaiterParameters::list_counters`]. `inherited`
    /// returns the open descriptor with a number. `None` for invalid arguments.
    pub fn parse_arguments(
        mut arguments: impl Iterator<Item = &'a CStr>,
        inherited: impl Fn(i32) -> Option<BorrowedFd<'a>>,
    ) -> Option<Self> {
        let mut words = arguments.next()?.to_str().ok()?.split(' ').map(|word| word.parse::<i64>().ok());
        let mut number = || words.next().flatten();
        let mut numbers = [0; NUMBER_COUNT];
        for value in &mut numbers {
            *value = number()?;
        }
        let [
            folder,
            log,
            out,
            err,
            notify,
            disk,
            init,
            pid,
            started_micros,
            time_limit,
            stop_signal,
            grace,
            max_log_bytes,
            partial_line_delay,
            divisors @ ..,
        ] = numbers;
        let fd = |number: i64| inherited(i32::try_from(number).ok()?);
        let natural = |number: i64| u64::try_from(number).ok();
        let mut counter = |divisor: i64| {
            let (path, key) = (arguments.next()?, arguments.next()?.to_str().ok()?);
            Some(Counter { path, key, divisor: natural(divisor)? })
        };
        Some(Self {
            folder: fd(folder)?,
            log: fd(log)?,
            out: fd(out)?,
            err: fd(err)?,
            notify: fd(notify)?,
            disk: fd(disk),
            init: fd(init)?,
            pid: Pid::from_raw(i32::try_from(pid).ok()?)?,
            started_micros,
            time_limit: natural(time_limit),
            stop_signal: i32::try_from(stop_signal).ok()?,
            grace: natural(grace)?,
            max_log_bytes: natural(max_log_bytes)?,
            partial_line_delay: natural(partial_line_delay),
            oom_kills: counter(divisors[0])?,
            peak_memory: counter(divisors[1])?,
            cpu_micros: counter(divisors[2])?,
            refused_forks: counter(divisors[3])?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ffi::CString, fs::File, os::fd::AsFd};

    #[test]
    fn parameters_are_parsed_from_their_arguments() {
        let files: Vec<File> = (0..6).map(|_| File::open("/dev/null").unwrap()).collect();
        let [folder, log, out, err, notify, init] = [0, 1, 2, 3, 4, 5].map(|number| files[number].as_fd());
        let counter = |path, key, divisor| Counter { path, key, divisor };
        let parameters = WaiterParameters {
            folder,
            log,
            out,
            err,
            notify,
            disk: Some(notify),
            init,
            pid: Pid::from_raw(4711).unwrap(),
            started_micros: 1_767_323_045_000_006,
            time_limit: None,
            stop_signal: 15,
            grace: u64::MAX,
            max_log_bytes: 16 << 20,
            partial_line_delay: Some(500_000),
            oom_kills: counter(c"/sys/with spaces/oom_control", "oom_kill", 1),
            peak_memory: counter(c"/sys/peak", "", 1),
            cpu_micros: counter(c"/sys/usage", "", 1000),
            refused_forks: counter(c"/sys/events", "max", 1),
        };
        for (time_limit, disk) in [(None, None), (Some(0), Some(out)), (Some(60_000_000), None)] {
            let parameters = WaiterParameters { time_limit, disk, ..parameters };
            let numbers = parameters.encode_numbers().map(|number| number.to_string()).join(" ");
            let counters = parameters.list_counters();
            let names = counters.iter().flat_map(|counter| [counter.path.to_str().unwrap(), counter.key]);
            let arguments: Vec<CString> = std::iter::once(numbers.as_str())
                .chain(names)
                .map(|text| CString::new(text).unwrap())
                .collect();
            let inherited = |fd| files.iter().map(File::as_fd).find(|file| file.as_raw_fd() == fd);
            let read = WaiterParameters::parse_arguments(arguments.iter().map(CString::as_c_str), inherited)
                .unwrap();
            // A value beyond the range of `i64` is encoded as its maximum.
            assert_eq!(
                (read.encode_numbers(), read.list_counters()),
                (parameters.encode_numbers(), parameters.list_counters())
            );
            assert_eq!((read.time_limit, read.grace), (time_limit, i64::MAX.unsigned_abs()));
            let cut_short = &arguments[..6];
            assert!(
                WaiterParameters::parse_arguments(cut_short.iter().map(CString::as_c_str), inherited)
                    .is_none()
            );
        }
    }
}

//! The exit file of a container, format version 1. `runtime/local` reads it and has its golden files.

use core::{
    ffi::CStr,
    fmt::{self, Write},
};

use rustix::{
    fd::BorrowedFd,
    fs::{Mode, OFlags},
    time::ClockId,
};

use crate::{
    clock::{Rfc3339Time, now_micros},
    parameters::WaiterParameters,
};

/// Name of the exit file in the instance's folder. Its existence means that the container has ended.
pub const EXIT_FILE: &CStr = c"exit.json";
const TEMPORARY_EXIT_FILE: &CStr = c"exit.new";
const SIGNAL_KILL: i32 = 9;
/// Exit status of a shell whose program was killed (POSIX.1-2024, Shell Command Language, section 2.8.2).
const SHELL_STATUS_KILLED: i32 = 128 + SIGNAL_KILL;

/// A disk counts as full when less than this fraction (1/100) of its blocks or files is free.
const MIN_FREE_DIVISOR: u64 = 100;
/// A disk also counts as full below this number of free bytes, because the kernel writes pieces of up to this
/// size entirely or not at all.
const MIN_FREE_BYTES: u64 = 2 << 20;

/// The end of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerEnd {
    /// Exited with this status.
    Exited(i32),
    /// Killed by this signal.
    Killed(i32),
    /// Killed by the kernel for exceeding its memory limit.
    OutOfMemory,
    /// Stopped at its time limit.
    TimedOut,
    /// Unknown.
    Lost,
}

impl fmt::Display for ContainerEnd {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(to, r#"{{"end":"exited","code":{code}}}"#),
            Self::Killed(signal) => write!(to, r#"{{"end":"killed","signal":{signal}}}"#),
            Self::OutOfMemory => to.write_str(r#"{"end":"out-of-memory"}"#),
            Self::TimedOut => to.write_str(r#"{"end":"timed-out"}"#),
            Self::Lost => to.write_str(r#"{"end":"lost"}"#),
        }
    }
}

/// Writes the exit file atomically and durably: it survives a crash of the host, and is never partial.
pub fn write_exit_file(parameters: &WaiterParameters<'_>, end: ContainerEnd) -> rustix::io::Result<()> {
    // The kernel reports an OOM kill as SIGKILL, and a shell passes it on as its exit status. Only the
    // counter tells it apart.
    let end = match end {
        ContainerEnd::Killed(SIGNAL_KILL) | ContainerEnd::Exited(SHELL_STATUS_KILLED)
            if parameters.oom_kills.read() > 0 =>
        {
            ContainerEnd::OutOfMemory
        }
        end => end,
    };
    let (started, ended) =
        (Rfc3339Time(parameters.started_micros), Rfc3339Time(now_micros(ClockId::Realtime)));
    let (cpu, peak) = (parameters.cpu_micros.read(), parameters.peak_memory.read());
    let (oom, refused) = (parameters.oom_kills.read(), parameters.refused_forks.read());
    let full = parameters.disk.is_some_and(is_full);
    let text = TextBuffer::from_arguments(format_args!(
        r#"{{"version":1,"outcome":{{"end":{end},"stopped":false,"started":"{started}","ended":"{ended}","cpu_micros":{cpu},"peak_memory":{peak},"oom_kills":{oom},"refused":{refused},"disk_full":{full}}}}}"#
    ));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let file = rustix::fs::openat(parameters.folder, TEMPORARY_EXIT_FILE, flags, Mode::RUSR | Mode::WUSR)?;
    if rustix::io::write(&file, text.bytes())? < text.bytes().len() {
        return Err(rustix::io::Errno::NOSPC);
    }
    rustix::fs::fsync(&file)?;
    rustix::fs::renameat(parameters.folder, TEMPORARY_EXIT_FILE, parameters.folder, EXIT_FILE)?;
    rustix::fs::fsync(parameters.folder)
}

/// True if the file system has almost no free blocks or files.
fn is_full(disk: BorrowedFd<'_>) -> bool {
    rustix::fs::fstatvfs(disk).is_ok_and(|disk| {
        disk.f_bavail < (disk.f_blocks / MIN_FREE_DIVISOR).max(MIN_FREE_BYTES / disk.f_frsize.max(1))
            || disk.f_ffree < disk.f_files / MIN_FREE_DIVISOR
    })
}

/// A short text buffer without an allocator. Text beyond its size is dropped.
pub struct TextBuffer {
    bytes: [u8; 512],
    used: usize,
}

impl TextBuffer {
    pub fn from_arguments(parts: fmt::Arguments<'_>) -> Self {
        let mut text = Self { bytes: [0; 512], used: 0 };
        let _ = text.write_fmt(parts);
        text
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

impl Write for TextBuffer {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.used..self.used + part.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(part.as_bytes());
        self.used += part.len();
        Ok(())
    }
}

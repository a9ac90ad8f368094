//! How a container ended, as its exit file says it. The form is read in `runtime/local`, and kept there as golden
//! files: version 1.

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
    moment::{Moment, micros},
    plan::Plan,
};

/// The exit file's name in the instance's folder; its presence says that the container has ended.
pub const EXIT: &CStr = c"exit.json";
const NEW: &CStr = c"exit.new";
const KILL: i32 = 9;
/// With what a shell ends whose program was killed (POSIX.1-2024, Shell Command Language, section 2.8.2).
const PROGRAM_KILLED: i32 = 128 + KILL;

/// A disk of which less than one part in so many is left is full.
const PARTS: u64 = 100;
/// So is one that has fewer bytes left: the kernel writes pieces of up to this size whole or not at all.
const PIECE: u64 = 2 << 20;

/// The manner of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// With this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// By the kernel, for it needed more memory than its limit.
    OutOfMemory,
    /// At its time limit.
    TimedOut,
    /// Nobody knows.
    Lost,
}

impl fmt::Display for How {
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

/// Writes the exit file, whole or not at all, also after a crash of the host.
pub fn write(plan: &Plan<'_>, how: How) -> rustix::io::Result<()> {
    let how = match how {
        How::Killed(KILL) | How::Exited(PROGRAM_KILLED) if plan.oom_kills.read() > 0 => How::OutOfMemory,
        how => how,
    };
    let (started, ended) = (Moment(plan.since), Moment(micros(ClockId::Realtime)));
    let (cpu, peak) = (plan.cpu_micros.read(), plan.peak_memory.read());
    let (oom, refused) = (plan.oom_kills.read(), plan.refused.read());
    let full = plan.disk.is_some_and(is_full);
    let text = Text::of(format_args!(
        r#"{{"version":1,"outcome":{{"end":{how},"stopped":false,"started":"{started}","ended":"{ended}","cpu_micros":{cpu},"peak_memory":{peak},"oom_kills":{oom},"refused":{refused},"disk_full":{full}}}}}"#
    ));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let file = rustix::fs::openat(plan.folder, NEW, flags, Mode::RUSR | Mode::WUSR)?;
    if rustix::io::write(&file, text.bytes())? < text.bytes().len() {
        return Err(rustix::io::Errno::NOSPC);
    }
    rustix::fs::fsync(&file)?;
    rustix::fs::renameat(plan.folder, NEW, plan.folder, EXIT)?;
    rustix::fs::fsync(plan.folder)
}

/// Whether hardly a block, or hardly a file, is left.
fn is_full(disk: BorrowedFd<'_>) -> bool {
    rustix::fs::fstatvfs(disk).is_ok_and(|disk| {
        disk.f_bavail < (disk.f_blocks / PARTS).max(PIECE / disk.f_frsize.max(1))
            || disk.f_ffree < disk.f_files / PARTS
    })
}

/// A short text in the making, without an allocator. What does not fit is cut off.
pub struct Text {
    bytes: [u8; 512],
    used: usize,
}

impl Text {
    pub fn of(parts: fmt::Arguments<'_>) -> Self {
        let mut text = Self { bytes: [0; 512], used: 0 };
        let _ = text.write_fmt(parts);
        text
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

impl Write for Text {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.used..self.used + part.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(part.as_bytes());
        self.used += part.len();
        Ok(())
    }
}

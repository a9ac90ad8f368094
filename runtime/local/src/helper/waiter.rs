//! Waiting for a container: the helper executes the small waiter program from memory. On a host that does not
//! allow this, the helper runs the same code itself.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::ffi::OsStrExt,
    },
    process::{Command, Stdio},
    time::Duration,
};

use hearth_runtime_api::Isolation;
use hearth_runtime_waiter::{BAD_ARGUMENTS_STATUS, STREAM_BUFFER_BYTES, WaiterParameters, run_waiter};
use rustix::{
    fs::{MemfdFlags, SealFlags},
    io::FdFlags,
};

use crate::{cgroup, reexec::Subprocess, sys::child};

use super::{RunningContainer, config::HelperConfig, root::ROOT_FOLDER};

/// Time after which an incomplete line of a tool's container is logged, in microseconds.
const PARTIAL_LINE_DELAY_MICROS: u64 = 500_000;

/// Binary of `runtime/waiter`, built by this crate's build script.
static WAITER_BINARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hearth-waiter"));

/// Waiter program in memory: a sealed memfd. All helpers of one runtime process share the same copy.
#[derive(Debug)]
pub struct WaiterProgram(File);

impl WaiterProgram {
    /// Writes the program to a memfd and checks that this host executes it.
    pub fn load_program() -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::EXEC;
        let mut file = File::from(rustix::fs::memfd_create("hearth-waiter", flags)?);
        file.write_all(WAITER_BINARY)?;
        rustix::fs::fcntl_add_seals(
            &file,
            SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
        )?;
        let mut trial = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
        trial.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match trial.status()? {
            status if status.code() == Some(BAD_ARGUMENTS_STATUS) => Ok(Self(file)),
            status => Err(io::Error::other(format!("the waiter program exited with {status}"))),
        }
    }

    /// The memfd as standard input of a helper.
    pub fn as_input(&self) -> io::Result<Stdio> {
        Ok(self.0.try_clone()?.into())
    }
}

/// Waits for a container and writes its exit file. Executes the waiter program if possible; otherwise it
/// waits in this process and returns afterwards.
pub fn wait_for_exit(config: &HelperConfig, running: &RunningContainer, log: &File) -> io::Result<()> {
    let facts = cgroup::open_cgroup(&config.cgroup).counter_files();
    let (folder, notify) = (File::open(&config.folder)?, io::stdout());
    let disk =
        config.disk_template.as_ref().map(|_| File::open(config.mounts.join(ROOT_FOLDER))).transpose()?;
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let parameters = WaiterParameters {
        folder: folder.as_fd(),
        log: log.as_fd(),
        out: running.out.as_fd(),
        err: running.err.as_fd(),
        notify: notify.as_fd(),
        disk: disk.as_ref().map(AsFd::as_fd),
        init: running.pidfd.as_fd(),
        pid: running.pid,
        started_micros: running.since.as_microsecond(),
        time_limit: config.workload.time_limit().map(micros),
        stop_signal: config.workload.process.stop_signal.into(),
        grace: micros(config.workload.grace),
        max_log_bytes: config.log_bytes,
        // The log of a build step is no place to wait for input, and its lines are also read by a program.
        partial_line_delay: match config.workload.isolation {
            Isolation::Tool => Some(PARTIAL_LINE_DELAY_MICROS),
            Isolation::Build => None,
        },
        oom_kills: facts.oom_kills.as_counter(),
        peak_memory: facts.peak_memory.as_counter(),
        cpu_micros: facts.cpu_micros.as_counter(),
        refused_forks: facts.refused_forks.as_counter(),
    };
    // The error is ignored: the runtime process has tried the same at its start and logged it.
    let _error = exec_waiter(config, &parameters);
    let mut room = vec![[0; STREAM_BUFFER_BYTES]; 2];
    let room = room.first_chunk_mut().ok_or_else(|| io::Error::other("no buffer for lines"))?;
    Ok(run_waiter(&parameters, room)?)
}

/// Executes the program at this process's standard input. Returns only on failure.
fn exec_waiter(config: &HelperConfig, parameters: &WaiterParameters<'_>) -> io::Result<()> {
    let numbers = parameters.encode_numbers().map(|number| number.to_string()).join(" ");
    // The first two arguments identify the helper in the output of `ps`.
    let mut argv = vec![
        CString::new(Subprocess::Helper.process_name())?,
        CString::new(config.folder.as_os_str().as_bytes())?,
        CString::new(numbers)?,
    ];
    for counter in parameters.list_counters() {
        argv.extend([counter.path.to_owned(), CString::new(counter.key)?]);
    }
    child::set_cloexec_from(0)?;
    let inherited = [
        parameters.folder,
        parameters.log,
        parameters.out,
        parameters.err,
        parameters.notify,
        parameters.init,
    ];
    for fd in inherited.into_iter().chain(parameters.disk) {
        rustix::io::fcntl_setfd(fd, FdFlags::empty())?;
    }
    Err(child::exec_file(io::stdin(), &argv))
}

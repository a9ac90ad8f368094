//! Baseline for container starts: a process without threads that uses libcontainer directly. For each input
//! line it runs the container of a bundle to its end and prints the duration in microseconds.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use hearth_base::{Error, Result};
use libcontainer::{container::builder::ContainerBuilder, syscall::syscall::SyscallType};
use rustix::process::{Pid, WaitOptions, waitpid};

/// First argument that selects this process: `hearth-bench libcontainer BUNDLE STATE`.
pub const SUBCOMMAND_NAME: &str = "libcontainer";

/// Main function of the process. It returns at the end of its input.
pub fn serve_lines(bundle: &Path, state: &Path) -> Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(Error::internal)?;
    let mut output = std::io::stdout().lock();
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        line.map_err(Error::internal)?;
        let began = Instant::now();
        run_container(bundle, state, &format!("bare{number}"))?;
        writeln!(output, "{}", began.elapsed().as_micros()).map_err(Error::internal)?;
        output.flush().map_err(Error::internal)?;
    }
    Ok(())
}

fn run_container(bundle: &Path, state: &Path, id: &str) -> Result<()> {
    let nothing = || File::options().read(true).write(true).open("/dev/null").map_err(Error::internal);
    let mut container = ContainerBuilder::new(id.to_owned(), SyscallType::Linux)
        .with_root_path(state)
        .map_err(Error::internal)?
        .with_stdin(nothing()?)
        .with_stdout(nothing()?)
        .with_stderr(nothing()?)
        .as_init(bundle)
        .with_systemd(false)
        .with_detach(true)
        .build()
        .map_err(Error::internal)?;
    let init = container.pid().and_then(|pid| Pid::from_raw(pid.as_raw()));
    let init = init.ok_or_else(|| Error::internal("the container has no init process"))?;
    container.start().map_err(Error::internal)?;
    let ended = waitpid(Some(init), WaitOptions::empty()).map_err(Error::internal)?;
    container.delete(true).map_err(Error::internal)?;
    match ended.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(()),
        other => Err(Error::internal(format!("true exited with {other:?}"))),
    }
}

/// Handle of the process, which is stopped when this value is dropped.
pub struct LibcontainerLoop {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl LibcontainerLoop {
    /// Starts the process for a bundle. `state` is an empty folder for libcontainer's state.
    pub fn start(bundle: &Path, state: &Path) -> Result<Self> {
        let this = std::env::current_exe().map_err(Error::internal)?;
        let mut child = Command::new(this)
            .arg(SUBCOMMAND_NAME)
            .arg(bundle)
            .arg(state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::internal)?;
        let output = child.stdout.take().ok_or_else(|| Error::internal("no standard output"))?;
        Ok(Self { input: child.stdin.take(), output: BufReader::new(output), child })
    }

    /// Runs one container and returns its duration from start to exit.
    pub fn time_container(&mut self) -> Result<Duration> {
        let input = self.input.as_mut().ok_or_else(|| Error::internal("no standard input"))?;
        input.write_all(b"\n").map_err(Error::internal)?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(Error::internal)?;
        line.trim()
            .parse()
            .map(Duration::from_micros)
            .map_err(|_| Error::internal("the libcontainer process has exited"))
    }
}

impl Drop for LibcontainerLoop {
    fn drop(&mut self) {
        // The process exits at the end of its input.
        self.input = None;
        let _ended = self.child.wait();
    }
}

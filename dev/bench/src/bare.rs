//! libcontainer alone, in a loop: a process without threads that starts the container of a bundle for each line
//! that it reads, waits for its end, and says how long that took.

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

/// The word by which this program is that process: `hearth-bench PART BUNDLE STATE`.
pub const PART: &str = "libcontainer";

/// That process. It ends when nobody writes any more.
pub fn serve(bundle: &Path, state: &Path) -> Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(Error::internal)?;
    let mut output = std::io::stdout().lock();
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        line.map_err(Error::internal)?;
        let began = Instant::now();
        once(bundle, state, &format!("bare{number}"))?;
        writeln!(output, "{}", began.elapsed().as_micros()).map_err(Error::internal)?;
        output.flush().map_err(Error::internal)?;
    }
    Ok(())
}

fn once(bundle: &Path, state: &Path, id: &str) -> Result<()> {
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
    let init = init.ok_or_else(|| Error::internal("the container has no first process"))?;
    container.start().map_err(Error::internal)?;
    let ended = waitpid(Some(init), WaitOptions::empty()).map_err(Error::internal)?;
    container.delete(true).map_err(Error::internal)?;
    match ended.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(()),
        other => Err(Error::internal(format!("true ended with {other:?}"))),
    }
}

/// That process, seen from here. It ends with this value.
pub struct Bare {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Bare {
    /// Starts it for a bundle. `state` is a folder of its own.
    pub fn start(bundle: &Path, state: &Path) -> Result<Self> {
        let this = std::env::current_exe().map_err(Error::internal)?;
        let mut child = Command::new(this)
            .arg(PART)
            .arg(bundle)
            .arg(state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::internal)?;
        let output = child.stdout.take().ok_or_else(|| Error::internal("no standard output"))?;
        Ok(Self { input: child.stdin.take(), output: BufReader::new(output), child })
    }

    /// How long one container took from start to exit.
    pub fn once(&mut self) -> Result<Duration> {
        let input = self.input.as_mut().ok_or_else(|| Error::internal("no standard input"))?;
        input.write_all(b"\n").map_err(Error::internal)?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(Error::internal)?;
        line.trim()
            .parse()
            .map(Duration::from_micros)
            .map_err(|_| Error::internal("libcontainer's loop has ended"))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It ends at the end of its input.
        self.input = None;
        let _ended = self.child.wait();
    }
}

//! A Hearth on this machine, in the background. Only where processes can be left behind: on Unix.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};

/// The file in the state folder that says which process it is.
const PID_FILE: &str = "hearthd.pid";

/// The file in the state folder with what it logs.
const LOG_FILE: &str = "hearthd.log";

/// Whether containers can be started by this user.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Where the state is when nobody says otherwise.
pub fn usual_state() -> PathBuf {
    PathBuf::from("/var/lib/hearth")
}

/// Where a Hearth with this state logs.
pub fn log_file(state: &Path) -> PathBuf {
    state.join(LOG_FILE)
}

/// Starts `program` in the background and waits for the lines with which it says that it runs. `None` when it ended
/// instead; then its log says why.
pub fn start(program: &Path, state: &Path, listen: Option<&str>) -> io::Result<Option<Vec<String>>> {
    std::fs::create_dir_all(state)?;
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(log_file(state))?;
    let mut command = Command::new(program);
    command.arg("up").arg("--state").arg(state);
    if let Some(listen) = listen {
        command.args(["--listen", listen]);
    }
    // A group of its own: what is typed here is not for it.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn()?;
    std::fs::write(state.join(PID_FILE), format!("{}\n", child.id()))?;
    welcome(&mut child)
}

/// The lines up to the one that says what comes next. They hold a code, so they go through a pipe and into no file.
fn welcome(child: &mut Child) -> io::Result<Option<Vec<String>>> {
    let Some(stdout) = child.stdout.take() else { return Ok(None) };
    let mut said = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let last = line.contains("Next: ");
        said.push(line);
        if last {
            return Ok(Some(said));
        }
    }
    // It has ended, or soon will have.
    child.wait()?;
    Ok(None)
}

/// The process with this state, if it runs.
pub fn running(state: &Path) -> io::Result<Option<Pid>> {
    let text = match std::fs::read_to_string(state.join(PID_FILE)) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    Ok(pid.filter(|pid| is_hearthd(*pid) && is_there(*pid)))
}

/// Asks a process to end in good order.
pub fn ask_to_end(pid: Pid) -> io::Result<()> {
    kill_process(pid, Signal::TERM).map_err(io::Error::from)
}

/// Whether it has not ended yet.
pub fn is_there(pid: Pid) -> bool {
    test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

/// Numbers of processes are used again: one that is something else by now is left alone. Where the system does not
/// say what a process is, the file is believed.
fn is_hearthd(pid: Pid) -> bool {
    match std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) {
        Ok(line) => {
            let mut words = line.split(|byte| *byte == 0);
            words.next().is_some_and(|program| program.ends_with(b"hearthd"))
        }
        Err(_) => File::open("/proc/self/cmdline").is_err(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program in the place of hearthd, and a state folder.
    fn stand_in(script: &str) -> io::Result<(tempfile::TempDir, PathBuf)> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("hearthd");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n"))?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        Ok((folder, program))
    }

    #[test]
    fn what_it_says_when_it_runs_is_passed_on_and_kept_in_no_file() -> io::Result<()> {
        let (folder, program) =
            stand_in("echo Hearth runs; echo \"Next: hearth login --code abc\"; echo log >&2")?;
        let state = folder.path().join("state");
        let said = start(&program, &state, Some("127.0.0.1:1"))?;
        assert_eq!(said, Some(vec!["Hearth runs".to_owned(), "Next: hearth login --code abc".to_owned()]));
        assert!(state.join(PID_FILE).exists());
        assert!(!std::fs::read_to_string(log_file(&state))?.contains("abc"));
        Ok(())
    }

    #[test]
    fn one_that_ends_instead_is_told_apart_and_its_log_stays() -> io::Result<()> {
        let (folder, program) = stand_in("echo \"error: the port is taken\" >&2; exit 1")?;
        let state = folder.path().join("state");
        assert_eq!(start(&program, &state, None)?, None);
        assert!(std::fs::read_to_string(log_file(&state))?.contains("the port is taken"));
        assert_eq!(running(&state)?, None);
        Ok(())
    }
}

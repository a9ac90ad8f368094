//! Start and stop of `hearthd` as a background process (Unix only).

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};

/// The file in the state folder with the process id.
const PID_FILE: &str = "hearthd.pid";

/// The log file in the state folder.
const LOG_FILE: &str = "hearthd.log";

/// Returns true when this user is root and can start containers.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// The default state folder.
pub fn default_state_folder() -> PathBuf {
    PathBuf::from("/var/lib/hearth")
}

/// The path of the log file in the state folder.
pub fn log_file_path(state: &Path) -> PathBuf {
    state.join(LOG_FILE)
}

/// Starts `program` in the background and waits for its ready lines. Returns `None` when it ended instead;
/// then its log has the reason.
pub fn start_hearthd(program: &Path, state: &Path, listen: Option<&str>) -> io::Result<Option<Vec<String>>> {
    std::fs::create_dir_all(state)?;
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(log_file_path(state))?;
    let mut command = Command::new(program);
    command.arg("up").arg("--state").arg(state);
    if let Some(listen) = listen {
        command.args(["--listen", listen]);
    }
    // Its own process group: Ctrl-C here does not reach it.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn()?;
    std::fs::write(state.join(PID_FILE), format!("{}\n", child.id()))?;
    read_ready_lines(&mut child)
}

/// Reads the lines up to `Next: `. They contain a secret code, so they go through a pipe and into no file.
fn read_ready_lines(child: &mut Child) -> io::Result<Option<Vec<String>>> {
    let Some(stdout) = child.stdout.take() else { return Ok(None) };
    let mut lines = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let last = line.contains("Next: ");
        lines.push(line);
        if last {
            return Ok(Some(lines));
        }
    }
    // Standard output is closed: the process has ended or is about to end.
    child.wait()?;
    Ok(None)
}

/// Finds the running process with this state folder.
pub fn find_process(state: &Path) -> io::Result<Option<Pid>> {
    let text = match std::fs::read_to_string(state.join(PID_FILE)) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    Ok(pid.filter(|pid| is_hearthd(*pid) && is_alive(*pid)))
}

/// Sends SIGTERM to a process.
pub fn terminate_process(pid: Pid) -> io::Result<()> {
    kill_process(pid, Signal::TERM).map_err(io::Error::from)
}

/// Returns true while the process exists.
pub fn is_alive(pid: Pid) -> bool {
    test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

/// Returns true when the process is `hearthd`. Process ids are reused: another program with this id is left
/// alone. Without `/proc` the pid file is trusted.
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

    /// Installs a script in the place of hearthd; returns its folder and path.
    fn install_fake_program(script: &str) -> io::Result<(tempfile::TempDir, PathBuf)> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("hearthd");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n"))?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        Ok((folder, program))
    }

    #[test]
    fn ready_lines_are_returned_and_not_logged() -> io::Result<()> {
        let (folder, program) =
            install_fake_program("echo Hearth runs; echo \"Next: hearth login --code abc\"; echo log >&2")?;
        let state = folder.path().join("state");
        let lines = start_hearthd(&program, &state, Some("127.0.0.1:1"))?;
        assert_eq!(lines, Some(vec!["Hearth runs".to_owned(), "Next: hearth login --code abc".to_owned()]));
        assert!(state.join(PID_FILE).exists());
        assert!(!std::fs::read_to_string(log_file_path(&state))?.contains("abc"));
        Ok(())
    }

    #[test]
    fn early_end_is_recognised_and_its_log_stays() -> io::Result<()> {
        let (folder, program) = install_fake_program("echo \"error: the port is taken\" >&2; exit 1")?;
        let state = folder.path().join("state");
        assert_eq!(start_hearthd(&program, &state, None)?, None);
        assert!(std::fs::read_to_string(log_file_path(&state))?.contains("the port is taken"));
        assert_eq!(find_process(&state)?, None);
        Ok(())
    }
}

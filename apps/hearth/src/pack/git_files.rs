//! Git's own answers about a folder: the files that it tracks and those that it ignores.
//!
//! Git is asked, instead of a second implementation of its rules, so that an upload holds what a build of the same
//! commit holds.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use hearth_base::{Error, Result};

use crate::{io_error::describe_io_error, platform};

/// Files below a folder as git sees them. Paths are relative to the folder.
#[derive(Debug, Default)]
pub struct GitFiles {
    /// Tracked files and submodules.
    tracked: BTreeSet<PathBuf>,
    /// Folders with tracked files.
    tracked_folders: BTreeSet<PathBuf>,
    /// Ignored files, and folders of which everything is ignored.
    ignored: BTreeSet<PathBuf>,
}

impl GitFiles {
    /// Returns true for a tracked file or submodule, or a folder with tracked files.
    pub fn is_tracked(&self, path: &Path) -> bool {
        self.tracked.contains(path) || self.tracked_folders.contains(path)
    }

    /// Returns true for a tracked file, or a tracked folder, which is a submodule.
    pub fn is_tracked_itself(&self, path: &Path) -> bool {
        self.tracked.contains(path)
    }

    /// Returns true for an ignored file or folder.
    pub fn is_ignored(&self, path: &Path) -> bool {
        self.ignored.contains(path)
    }

    /// Adds the files of the repository or folder at `inside` below `folder`. Returns false when git is not
    /// installed.
    pub fn add_folder(&mut self, folder: &Path, inside: &Path) -> Result<bool> {
        let top = folder.join(inside);
        let list_ignored = ["--others", "--ignored", "--exclude-standard", "--directory"];
        let Some(in_repository) = is_in_repository(&top)? else { return Ok(false) };
        let listed = if in_repository && !is_ignored_from_above(&top)? {
            let Some(tracked) = list_files(&top, None, &["--cached"])? else { return Ok(false) };
            for path in tracked {
                let path = inside.join(path);
                self.tracked_folders.extend(path.ancestors().skip(1).map(Path::to_owned));
                self.tracked.insert(path);
            }
            list_files(&top, None, &list_ignored)?
        } else {
            // Outside of a repository, git's rules apply as after `git init` in the folder.
            let empty = tempfile::tempdir().map_err(|cause| build_git_error(&describe_io_error(&cause)))?;
            let git_folder = empty.path().join("git");
            let mut init = build_git_command(&top);
            init.args(["init", "--quiet", "--bare", "--template="]).arg(&git_folder);
            check_output(run_git(init)?)?;
            list_files(&top, Some(&git_folder), &list_ignored)?
        };
        let Some(ignored) = listed else { return Ok(false) };
        self.ignored.extend(ignored.into_iter().map(|path| inside.join(path)));
        Ok(true)
    }
}

/// Returns true in the work tree of a repository; `None` when git is not installed.
fn is_in_repository(folder: &Path) -> Result<Option<bool>> {
    let mut command = build_git_command(folder);
    command.args(["rev-parse", "--is-inside-work-tree"]);
    let output = run_git(command)?;
    Ok(output.map(|output| output.status.success() && output.stdout.trim_ascii() == b"true"))
}

/// Returns true when the repository above `folder` ignores the folder as a whole: then the folder is deployed for
/// itself, as the output of a build is, and rules above it do not apply.
fn is_ignored_from_above(folder: &Path) -> Result<bool> {
    let (Some(above), Some(name)) = (folder.parent(), folder.file_name()) else { return Ok(false) };
    if folder.join(".git").exists() {
        return Ok(false);
    }
    let mut command = build_git_command(above);
    command.args(["check-ignore", "--quiet", "--"]).arg(name);
    Ok(run_git(command)?.is_some_and(|output| output.status.success()))
}

/// Lists files below `top`; `None` when git is not installed.
fn list_files(top: &Path, git_folder: Option<&Path>, flags: &[&str]) -> Result<Option<Vec<PathBuf>>> {
    let mut command = build_git_command(top);
    if let Some(git_folder) = git_folder {
        command.arg("--git-dir").arg(git_folder).arg("--work-tree").arg(".");
    }
    command.args(["ls-files", "-z"]).args(flags);
    let Some(output) = check_output(run_git(command)?)? else { return Ok(None) };
    let names = output.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(Some(names.map(|name| platform::path_from_bytes(name.strip_suffix(b"/").unwrap_or(name))).collect()))
}

/// Builds a git command in `folder` that runs no program and contacts no server that the repository's configuration
/// may name, so that packing of a stranger's repository is harmless.
fn build_git_command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder);
    for setting in ["core.fsmonitor=false", "core.hooksPath=/dev/null", "safe.directory=*"] {
        command.args(["-c", setting]);
    }
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none").env("GIT_OPTIONAL_LOCKS", "0");
    command.stdin(Stdio::null());
    command
}

/// Runs git; `None` when it is not installed.
fn run_git(mut command: Command) -> Result<Option<Output>> {
    match command.output() {
        Ok(output) => Ok(Some(output)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(build_git_error(&describe_io_error(&cause))),
    }
}

/// Returns the standard output of a successful command.
fn check_output(output: Option<Output>) -> Result<Option<Vec<u8>>> {
    let Some(output) = output else { return Ok(None) };
    if output.status.success() {
        return Ok(Some(output.stdout));
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(build_git_error(text.lines().next().unwrap_or("it ended early")))
}

fn build_git_error(reason: &str) -> Error {
    Error::invalid("git-files", format!("git cannot list the files of the folder: {reason}"))
        .help("git status")
}

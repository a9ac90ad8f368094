//! Fuzz targets: by cargo-fuzz, which follows where an input leads in the code, or else by the driver of `dev/fuzz`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cargo::cargo_command, command_error::CommandError, process::run_and_check, report::Report,
    workspace::Workspace,
};

/// The maximum memory in MiB and the maximum time in seconds for one input.
const INPUT_LIMITS: [&str; 2] = ["-rss_limit_mb=2048", "-timeout=10"];

/// The programs that run targets.
pub struct Fuzzer<'a> {
    workspace: &'a Workspace,
    /// The folder of cargo-fuzz; `None` where it is not.
    cargo_fuzz: Option<PathBuf>,
}

/// The names of the targets, in the order of `fuzz/Cargo.toml`.
pub fn read_targets(workspace: &Workspace) -> Result<Vec<String>, CommandError> {
    let unreadable =
        |why: String| CommandError::new(format!("fuzz/Cargo.toml: {why}"), "restore it from git");
    let text = fs::read_to_string(workspace.root.join("fuzz/Cargo.toml"));
    let text = text.map_err(|error| unreadable(error.to_string()))?;
    let manifest: toml::Table =
        text.parse().map_err(|error: toml::de::Error| unreadable(error.to_string()))?;
    let programs = manifest.get("bin").and_then(|programs| programs.as_array()).into_iter().flatten();
    Ok(programs.filter_map(|program| Some(program.get("name")?.as_str()?.to_owned())).collect())
}

impl<'a> Fuzzer<'a> {
    /// Finds or installs cargo-fuzz, or builds the driver.
    pub fn find_or_build(workspace: &'a Workspace, report: &mut Report) -> Result<Self, CommandError> {
        let cargo_fuzz = find_cargo_fuzz(workspace);
        match cargo_fuzz {
            Some(_) => {
                report.print_line(&"fuzz targets run with cargo-fuzz");
                // The same versions as Hearth's own; cargo adds what only libFuzzer needs.
                let (from, to) = (workspace.root.join("Cargo.lock"), workspace.root.join("fuzz/Cargo.lock"));
                fs::copy(from, to).map_err(|error| {
                    CommandError::new(format!("fuzz/Cargo.lock: {error}"), "check the folder's permissions")
                })?;
            }
            None => {
                report.print_line(&"fuzz targets run with hearth-fuzz: cargo-fuzz is not here");
                let built = run_and_check(cargo_command(workspace).args([
                    "build",
                    "--release",
                    "--locked",
                    "-p",
                    "hearth-fuzz",
                ]))?;
                if !built {
                    return Err(CommandError::new("hearth-fuzz does not build", "the reason is above"));
                }
            }
        }
        Ok(Self { workspace, cargo_fuzz })
    }

    /// Runs one target for so long. False when something was found: where it lies is printed.
    pub fn run_target(&self, target: &str, seconds: u64) -> Result<bool, CommandError> {
        let Some(folder) = &self.cargo_fuzz else {
            let program = self.workspace.target.join("release/hearth-fuzz");
            return run_and_check(Command::new(program).args([target, &seconds.to_string()]));
        };
        let root = &self.workspace.root;
        let (corpus, seeds) = (root.join("fuzz/corpus").join(target), root.join("fuzz/seeds").join(target));
        fs::create_dir_all(&corpus).map_err(|error| {
            CommandError::new(format!("{}: {error}", corpus.display()), "check the folder's permissions")
        })?;
        let mut command = cargo_command(self.workspace);
        // Hearth has no unsafe code but system calls, so no sanitizer is needed, and with none any Rust will do.
        command.args(["fuzz", "run", "--sanitizer", "none", target]).arg(corpus).arg(seeds);
        command
            .arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .args(INPUT_LIMITS)
            .arg("-print_final_stats=1");
        command.env("PATH", with_folder(folder));
        run_and_check(&mut command)
    }
}

/// The folder of cargo-fuzz: the one of `.config/tools.txt`, unless this machine has its own.
#[expect(clippy::disallowed_methods, reason = "where programs are is said by the environment")]
fn find_cargo_fuzz(workspace: &Workspace) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let own = std::env::split_paths(&path).find(|folder| folder.join("cargo-fuzz").is_file());
    own.or_else(|| {
        let installed = Command::new(workspace.root.join(".config/install-tools")).output().ok()?;
        let folder = PathBuf::from(String::from_utf8(installed.stdout).ok()?.trim());
        folder.join("cargo-fuzz").is_file().then_some(folder)
    })
}

#[expect(clippy::disallowed_methods, reason = "where programs are is said by the environment")]
fn with_folder(folder: &Path) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([folder.to_owned()]);
    std::env::join_paths(folders).unwrap_or(path)
}

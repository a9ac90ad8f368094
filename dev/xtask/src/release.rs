//! `cargo xtask release`: builds the programs of a release from its commit, and records its state for later releases.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use clap::Args;

use crate::{
    Verdict, cargo::cargo_command, command_error::CommandError, process::run_to_success, report::Report,
    workspace::Workspace,
};

/// The list of releases, from the root.
const RELEASES_FILE: &str = "dev/releases.toml";
/// The folder of recorded states, from the root.
const STATES_FOLDER: &str = "dev/testkit/states";
/// Environment variable that names the programs of the previous release to the testkit.
pub const PREVIOUS_RELEASE_VARIABLE: &str = "HEARTH_TEST_PREVIOUS_RELEASE";

#[derive(Args)]
pub struct ReleaseArgs {
    /// Version of the release, as in dev/releases.toml; without it, list the releases
    version: Option<String>,
}

/// A release: a version and the commit that it is built from.
#[derive(Debug, PartialEq, Eq)]
pub struct RecordedRelease {
    pub version: String,
    pub commit: String,
}

/// Lists the releases, or builds one and records its state.
pub fn run(args: &ReleaseArgs, report: &mut Report) -> Result<Verdict, CommandError> {
    let workspace = Workspace::read()?;
    let releases = read_releases(&workspace)?;
    let Some(version) = &args.version else {
        for release in &releases {
            report.print_line(&format_args!("{:10} {}", release.version, release.commit));
        }
        return Ok(Verdict::Good);
    };
    let release = releases.iter().find(|release| release.version == *version).ok_or_else(|| {
        CommandError::new(format!("{RELEASES_FILE} has no release {version}"), "add its version and commit")
    })?;
    let archive = workspace.root.join(STATES_FOLDER).join(format!("{version}.tar.gz"));
    if archive.exists() {
        return Err(CommandError::new(
            format!("{} exists already", archive.display()),
            "a recorded state never changes",
        ));
    }
    let programs = build_programs(&workspace, release)?;
    let mut record = cargo_command(&workspace);
    record.args(["run", "--quiet", "--locked", "-p", "hearth-testkit", "--example", "record_state", "--"]);
    record.arg(&archive).env(PREVIOUS_RELEASE_VARIABLE, programs);
    run_to_success(&mut record, "the state is not recorded")?;
    report.print_line(&format_args!("the state is in {}", archive.display()));
    Ok(Verdict::Good)
}

/// Reads the releases, oldest first.
pub fn read_releases(workspace: &Workspace) -> Result<Vec<RecordedRelease>, CommandError> {
    let invalid = |why: String| CommandError::new(format!("{RELEASES_FILE}: {why}"), "restore it from git");
    let text = fs::read_to_string(workspace.root.join(RELEASES_FILE));
    let text = text.map_err(|error| invalid(error.to_string()))?;
    parse_releases(&text).map_err(invalid)
}

fn parse_releases(text: &str) -> Result<Vec<RecordedRelease>, String> {
    let file: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let releases = file.get("release").and_then(|releases| releases.as_array()).into_iter().flatten();
    releases
        .map(|release| {
            let field = |name: &str| {
                let value = release.get(name).and_then(|value| value.as_str()).map(str::to_owned);
                value.ok_or_else(|| format!("a release has no {name}"))
            };
            Ok(RecordedRelease { version: field("version")?, commit: field("commit")? })
        })
        .collect()
}

/// Builds the programs of a release, unless they exist, and returns their folder.
pub fn build_programs(workspace: &Workspace, release: &RecordedRelease) -> Result<PathBuf, CommandError> {
    let folder = workspace.target.join("releases").join(&release.version);
    let (source, target) = (folder.join("source"), folder.join("target"));
    if !source.join("Cargo.toml").exists() {
        fs::create_dir_all(&source).map_err(|error| {
            CommandError::new(format!("{}: {error}", source.display()), "check the folder's permissions")
        })?;
        let mut archive = Command::new("git");
        archive.current_dir(&workspace.root).args(["archive", "--format=tar", &release.commit]);
        let mut archive = archive
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| CommandError::new(format!("git cannot be run: {error}"), "install git"))?;
        let mut unpack = Command::new("tar");
        unpack.args(["--extract", "--directory"]).arg(&source);
        unpack.stdin(archive.stdout.take().map_or_else(Stdio::null, Stdio::from));
        run_to_success(&mut unpack, "the source of the release cannot be unpacked")?;
        let archived = archive.wait().is_ok_and(|status| status.success());
        if !archived {
            return Err(CommandError::new(
                format!("this clone does not have the commit {}", release.commit),
                "fetch the whole history: git fetch --unshallow",
            ));
        }
    }
    let mut build = cargo_command(workspace);
    build.current_dir(&source).env("CARGO_TARGET_DIR", &target);
    build.args(["build", "--locked", "-p", "hearthd", "-p", "hearth"]);
    run_to_success(&mut build, "the programs of the release do not build")?;
    Ok(target.join("debug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_in_their_order() {
        let text = "[[release]]\nversion = \"0.1.0\"\ncommit = \"a\"\n[[release]]\nversion = \"0.2.0\"\ncommit = \"b\"\n";
        let releases = parse_releases(text).unwrap();
        let versions: Vec<&str> = releases.iter().map(|release| release.version.as_str()).collect();
        assert_eq!(versions, ["0.1.0", "0.2.0"]);
    }

    #[test]
    fn release_without_a_commit_is_refused() {
        assert_eq!(
            parse_releases("[[release]]\nversion = \"0.1.0\"\n"),
            Err("a release has no commit".to_owned())
        );
    }
}

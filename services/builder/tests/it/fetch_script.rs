//! The script of the fetch step, run by the shell and git of this machine against a git server.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::{Error, Result};
use hearth_testkit::GitServer;
use tempfile::TempDir;
use tokio::process::Command;

const FETCH_SCRIPTS: &str =
    concat!(include_str!("../../src/scripts/git.sh"), include_str!("../../src/scripts/fetch.sh"));
/// The shell that runs the script in the sandbox; the test runs it here.
const SANDBOX_SHELL: &str = "/bin/sh";
/// Exit status of a source that cannot be fetched.
pub const FETCH_FAILED_STATUS: i32 = 71;

/// The argument of a source that is built from its top folder.
const NO_SUBFOLDER: &str = "";

/// The end of the script, its output and the fetched folder.
pub struct Fetched {
    pub status: Option<i32>,
    pub output: String,
    folder: TempDir,
}

impl Fetched {
    pub fn has_file(&self, path: &str) -> bool {
        self.folder.path().join("source").join(path).is_file()
    }
}

/// The limit of a source in tests that do not reach it, in bytes.
pub const MAX_SOURCE_BYTES: u64 = 4 << 30;

/// Fetches a commit of a repository; without an address, what is in `folder` already.
async fn run_script(url: &str, commit: &str, folder: TempDir) -> Result<Fetched> {
    run_limited_script(url, commit, folder, MAX_SOURCE_BYTES).await
}

async fn run_limited_script(url: &str, commit: &str, folder: TempDir, max_bytes: u64) -> Result<Fetched> {
    run_script_with_env(url, commit, folder, max_bytes, &[]).await
}

/// Fetches a commit of a repository, with these variables in the environment.
pub async fn run_script_with_env(
    url: &str,
    commit: &str,
    folder: TempDir,
    max_bytes: u64,
    variables: &[(&str, &str)],
) -> Result<Fetched> {
    let source = folder.path().join("source").display().to_string();
    let mut command = Command::new(SANDBOX_SHELL);
    command.args(["-c", FETCH_SCRIPTS, "hearth", url, commit, &source, NO_SUBFOLDER, &max_bytes.to_string()]);
    command.args(["Procfile", "requirements.txt", "package.json", "*/Cargo.toml", "--", "cmd/*/main.go"]);
    command.envs(variables.iter().copied());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_LFS_SKIP_SMUDGE", "1");
    let output = command.env("GIT_ALLOW_PROTOCOL", "http:https").output().await.map_err(Error::internal)?;
    let text = [output.stdout, output.stderr].concat();
    Ok(Fetched { status: output.status.code(), output: String::from_utf8_lossy(&text).into_owned(), folder })
}

async fn fetch_commit(git: &GitServer, name: &str, commit: &str) -> Result<Fetched> {
    run_script(&git.repository_url(name), commit, tempfile::tempdir().map_err(Error::internal)?).await
}

/// Adds the repository `from` as a submodule of `to`, with this address in `.gitmodules`. Returns the commit.
pub fn add_submodule(git: &GitServer, to: &str, path: &str, from: &str, address: &str) -> Result<String> {
    let folder = git.repository_folder(from).display().to_string();
    let add =
        ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--name", path, &folder, path];
    git.run_git(to, &add)?;
    git.run_git(to, &["config", "-f", ".gitmodules", &format!("submodule.{path}.url"), address])?;
    git.commit_files(to, &[])
}

#[tokio::test]
async fn submodules_of_all_levels_are_fetched() -> Result<()> {
    let git = GitServer::start().await?;
    git.commit_files("deep", &[("deep.txt", "x")])?;
    git.commit_files("lib", &[("lib.txt", "x")])?;
    add_submodule(&git, "lib", "a folder/deep", "deep", "../deep")?;
    git.commit_files("main", &[("Procfile", "web: x\n")])?;
    let commit = add_submodule(&git, "main", "lib", "lib", &git.repository_url("lib"))?;
    let fetched = fetch_commit(&git, "main", &commit).await?;
    assert_eq!(fetched.status, Some(0), "{}", fetched.output);
    for file in ["Procfile", "lib/lib.txt", "lib/a folder/deep/deep.txt"] {
        assert!(fetched.has_file(file), "{file}: {}", fetched.output);
    }
    assert!(!fetched.folder.path().join("source/lib/.git").exists());
    assert!(
        fetched.output.contains("Fetching the submodule lib/a folder/deep from http://"),
        "{}",
        fetched.output
    );
    Ok(())
}

#[tokio::test]
async fn submodule_that_cannot_be_fetched_refuses_the_source() -> Result<()> {
    let git = GitServer::start().await?;
    git.commit_files("lib", &[("lib.txt", "x")])?;
    for (name, address, reason) in [
        ("gone", "../none", "The submodule lib could not be fetched from http://"),
        ("local", "/srv/lib", "its address in .gitmodules is not http or https"),
        ("program", "ext::sh -c id", "its address in .gitmodules is not http or https"),
    ] {
        git.commit_files(name, &[("Procfile", "web: x\n")])?;
        let commit = add_submodule(&git, name, "lib", "lib", address)?;
        let fetched = fetch_commit(&git, name, &commit).await?;
        assert_eq!(fetched.status, Some(FETCH_FAILED_STATUS), "{name}: {}", fetched.output);
        assert!(fetched.output.contains(reason), "{name}: {}", fetched.output);
    }
    git.run_git("gone", &["rm", "--quiet", "-f", "--cached", ".gitmodules"])?;
    fs::remove_file(git.repository_folder("gone").join(".gitmodules")).map_err(Error::internal)?;
    let fetched = fetch_commit(&git, "gone", &git.commit_files("gone", &[])?).await?;
    assert_eq!(fetched.status, Some(FETCH_FAILED_STATUS), "{}", fetched.output);
    assert!(fetched.output.contains("The submodule lib has no address"), "{}", fetched.output);
    Ok(())
}

#[tokio::test]
async fn submodule_that_the_repository_leaves_out_is_named() -> Result<()> {
    let git = GitServer::start().await?;
    git.commit_files("lib", &[("lib.txt", "x")])?;
    git.commit_files("main", &[("Procfile", "web: x\n")])?;
    add_submodule(&git, "main", "lib", "lib", "../none")?;
    git.run_git("main", &["config", "-f", ".gitmodules", "submodule.lib.update", "none"])?;
    let fetched = fetch_commit(&git, "main", &git.commit_files("main", &[])?).await?;
    assert_eq!(fetched.status, Some(0), "{}", fetched.output);
    assert!(fetched.output.contains("The submodule lib is left out"), "{}", fetched.output);
    Ok(())
}

/// The attributes of files whose contents are Git LFS objects.
pub const LFS_ATTRIBUTES: (&str, &str) = (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");

#[tokio::test]
async fn lfs_objects_of_a_source_and_its_submodules_arrive_whole() -> Result<()> {
    let git = GitServer::start().await?;
    let [first, second] = [1_u8, 2].map(|byte| vec![byte; 1 << 20]);
    let (big, other) = (git.store_lfs_object(&first), git.store_lfs_object(&second));
    git.commit_files("lib", &[LFS_ATTRIBUTES, ("other.bin", &other)])?;
    git.commit_files("main", &[LFS_ATTRIBUTES, ("a folder/big.bin", &big), ("Procfile", "web: x\n")])?;
    let commit = add_submodule(&git, "main", "lib", "lib", "../lib")?;
    let fetched = fetch_commit(&git, "main", &commit).await?;
    assert_eq!(fetched.status, Some(0), "{}", fetched.output);
    let read = |path: &str| fs::read(fetched.folder.path().join("source").join(path)).unwrap_or_default();
    assert!(read("a folder/big.bin") == first && read("lib/other.bin") == second, "{}", fetched.output);
    assert!(!fetched.has_file(".git/config"));
    Ok(())
}

#[tokio::test]
async fn missing_lfs_object_refuses_the_source_with_the_reason_of_the_server() -> Result<()> {
    let git = GitServer::start().await?;
    let there = git.store_lfs_object(b"content");
    let missing = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{:064}\nsize 12345\n", 1);
    let files = [LFS_ATTRIBUTES, ("there.bin", &there), ("missing.bin", &missing)];
    let fetched = fetch_commit(&git, "main", &git.commit_files("main", &files)?).await?;
    assert_eq!(fetched.status, Some(FETCH_FAILED_STATUS), "{}", fetched.output);
    for reason in ["Object does not exist", "1 files are only pointers, such as missing.bin."] {
        assert!(fetched.output.contains(reason), "{reason}: {}", fetched.output);
    }
    Ok(())
}

#[tokio::test]
async fn source_with_lfs_objects_above_its_limit_is_refused() -> Result<()> {
    let git = GitServer::start().await?;
    let pointer = git.store_lfs_object(&[1; 2 << 20]);
    let commit = git.commit_files("main", &[LFS_ATTRIBUTES, ("big.bin", &pointer)])?;
    for (limit, reason) in [
        (1 << 20, "have 2 MiB; at most 1 MiB are fetched."),
        // The object fits, but not beside the other files.
        (2 << 20, "The source is larger than 2 MiB, with its submodules and Git LFS objects."),
    ] {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let fetched = run_limited_script(&git.repository_url("main"), &commit, folder, limit).await?;
        assert_eq!(fetched.status, Some(FETCH_FAILED_STATUS), "{}", fetched.output);
        assert!(fetched.output.contains(reason), "{}", fetched.output);
    }
    Ok(())
}

#[tokio::test]
async fn lfs_pointers_without_their_objects_refuse_the_source() -> Result<()> {
    let git = GitServer::start().await?;
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{:064}\nsize 12345\n", 1);
    let files = [("Procfile", "web: x\n"), ("docs/pointer.txt", &pointer), ("data/big.bin", &pointer)];
    let commit = git.commit_files("main", &files)?;
    let fetched = fetch_commit(&git, "main", &commit).await?;
    assert_eq!(fetched.status, Some(0), "text without the attribute is no pointer: {}", fetched.output);
    let commit =
        git.commit_files("main", &[(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")])?;
    let fetched = fetch_commit(&git, "main", &commit).await?;
    assert_eq!(fetched.status, Some(FETCH_FAILED_STATUS), "{}", fetched.output);
    assert!(
        fetched.output.contains("1 files are only pointers, such as data/big.bin."),
        "{}",
        fetched.output
    );
    Ok(())
}

#[tokio::test]
async fn lfs_objects_above_the_limit_refuse_the_source() -> Result<()> {
    let git = GitServer::start().await?;
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{:064}\nsize 9000000000\n", 1);
    let files = [(".gitattributes", "*.bin filter=lfs\n"), ("big.bin", &pointer)];
    let commit = git.commit_files("main", &files)?;
    let fetched = fetch_commit(&git, "main", &commit).await?;
    assert_eq!(fetched.status, Some(FETCH_FAILED_STATUS), "{}", fetched.output);
    assert!(fetched.output.contains("have 8583 MiB; at most"), "{}", fetched.output);
    Ok(())
}

#[tokio::test]
async fn name_of_an_lfs_file_is_no_option() -> Result<()> {
    let git = GitServer::start().await?;
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{:064}\nsize 12345\n", 1);
    // As an option, the name of the pointer would make sed run the commands of the second file.
    let files = [
        (".gitattributes", "-f* filter=lfs\n"),
        ("-fcommands.sed", &pointer),
        ("commands.sed", "1e echo in\"\"jected\n"),
        (r"s/^size \([0-9]\{1,15\}\)$/\1/p", "a line\n"),
    ];
    let commit = git.commit_files("main", &files)?;
    let fetched = fetch_commit(&git, "main", &commit).await?;
    assert_eq!(fetched.status, Some(FETCH_FAILED_STATUS), "{}", fetched.output);
    assert!(!fetched.output.contains("injected"), "{}", fetched.output);
    assert!(fetched.output.contains("only pointers, such as -fcommands.sed"), "{}", fetched.output);
    Ok(())
}

#[tokio::test]
async fn addresses_for_ssh_become_public_ones() -> Result<()> {
    for (address, public) in [
        ("git@git.example:team/lib.git", "https://git.example/team/lib.git"),
        ("ssh://git@git.example:22/team/lib", "https://git.example/team/lib"),
        ("git://git.example/lib", "https://git.example/lib"),
        ("https://git.example/lib", "https://git.example/lib"),
        ("../lib", "../lib"),
    ] {
        let script = format!("{}\nto_public_address \"$1\"", include_str!("../../src/scripts/git.sh"));
        let mut command = Command::new(SANDBOX_SHELL);
        let output =
            command.args(["-c", &script, "hearth", address]).output().await.map_err(Error::internal)?;
        assert_eq!(String::from_utf8_lossy(&output.stdout), public);
    }
    Ok(())
}

#[tokio::test]
async fn file_behind_a_link_is_reported_only_inside_the_source() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let source = folder.path().join("source");
    let write = |path: &Path, text: &str| fs::write(path, text).map_err(Error::internal);
    fs::create_dir_all(source.join("config")).map_err(Error::internal)?;
    write(&source.join("config/requirements.txt"), "flask\n")?;
    write(&folder.path().join("outside.json"), "{\"secret\": 1}")?;
    for (target, link) in [
        ("config/requirements.txt", "requirements.txt"),
        ("../outside.json", "package.json"),
        ("x", "Procfile"),
    ] {
        symlink(target, source.join(link)).map_err(Error::internal)?;
    }
    let fetched = run_script("", "", folder).await?;
    assert_eq!(fetched.status, Some(0), "{}", fetched.output);
    let text = format!("hearth-file requirements.txt\nhearth-text {}\n", BASE64_STANDARD.encode("flask\n"));
    assert!(fetched.output.contains(&text), "{}", fetched.output);
    for missing in ["hearth-file package.json", "hearth-file Procfile"] {
        assert!(!fetched.output.contains(missing), "{}", fetched.output);
    }
    Ok(())
}

#[tokio::test]
async fn files_of_folders_in_a_named_folder_are_reported() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let source = folder.path().join("source");
    for path in [
        "cmd/a b/main.go",
        "cmd/web/main.go",
        "cmd/web/deeper/main.go",
        "other/web/main.go",
        "core/Cargo.toml",
    ] {
        let path = source.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&source)).map_err(Error::internal)?;
        fs::write(path, "text").map_err(Error::internal)?;
    }
    let fetched = run_script("", "", folder).await?;
    assert_eq!(fetched.status, Some(0), "{}", fetched.output);
    let found = fetched.output.lines().filter_map(|line| line.strip_prefix("hearth-found "));
    let mut found: Vec<String> = found.map(str::to_owned).collect();
    found.sort_unstable();
    let mut expected =
        ["cmd/a b/main.go", "cmd/web/main.go", "core/Cargo.toml"].map(|path| BASE64_STANDARD.encode(path));
    expected.sort_unstable();
    assert_eq!(found, expected);
    // Only names with a text before `--` are read.
    assert_eq!(fetched.output.matches("hearth-text").count(), 1, "{}", fetched.output);
    Ok(())
}

#[tokio::test]
async fn time_of_a_source_is_that_of_its_commit_or_newest_file() -> Result<()> {
    let git = GitServer::start().await?;
    let commit = git.commit_files("dated", &[("Procfile", "web: x\n")])?;
    let folder = git.repository_folder("dated");
    let mut show = Command::new("git");
    show.args(["show", "--no-patch", "--format=%ct", &commit]).current_dir(&folder);
    let time = show.output().await.map_err(Error::internal)?;
    let time = String::from_utf8_lossy(&time.stdout).trim().to_owned();
    let fetched = fetch_commit(&git, "dated", &commit).await?;
    assert!(
        fetched.output.contains(&format!("hearth-time {time}\nhearth-end")),
        "{time}: {}",
        fetched.output
    );

    let folder = tempfile::tempdir().map_err(Error::internal)?;
    for (name, seconds) in [("Procfile", 1_600_000_000), ("newest", 1_700_000_000), ("old", 1_500_000_000)] {
        let path = folder.path().join("source").join(name);
        fs::create_dir_all(folder.path().join("source")).map_err(Error::internal)?;
        let file = fs::File::create(path).map_err(Error::internal)?;
        file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).map_err(Error::internal)?;
    }
    let unpacked = run_script("", "", folder).await?;
    assert!(unpacked.output.contains("hearth-time 1700000000\n"), "{}", unpacked.output);
    Ok(())
}

//! Tests of the selection and packing of folders, with the real git.

use std::{
    io::Read,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::*;

/// The time of the tests, after the modification of every file.
const PACKING_TIME: &str = "2100-01-01T00:00:00Z";

type TestResult = std::result::Result<(), Box<dyn std::error::Error>>;

const PRIVATE_KEY_TEXT: &str = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n";
const CERTIFICATE_TEXT: &str = "-----BEGIN CERTIFICATE-----\nMC4=\n-----END CERTIFICATE-----\n";

fn write_files(folder: &Path, files: &[(&str, &str)]) -> io::Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(path, text)?;
    }
    Ok(())
}

fn create_folder(files: &[(&str, &str)]) -> io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    write_files(folder.path(), files)?;
    Ok(folder)
}

fn run_git(folder: &Path, arguments: &[&str]) -> TestResult {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]);
    let output = command.args(arguments).current_dir(folder).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

fn pack_folder(folder: &Path, include: &[&str]) -> Result<PackedFolder> {
    let include: Vec<_> = include.iter().map(PathBuf::from).collect();
    pack_files(&select_files(folder, &include)?, PACKING_TIME.parse().map_err(Error::internal)?)
}

/// Lists the names of the packed files with their times, without folders.
fn list_entries(packed: &PackedFolder) -> io::Result<Vec<(String, u64)>> {
    let mut plain = Vec::new();
    GzDecoder::new(packed.bytes.as_slice()).read_to_end(&mut plain)?;
    let mut archive = tar::Archive::new(plain.as_slice());
    let mut found = Vec::new();
    for entry in archive.entries()? {
        let entry = entry?;
        if !entry.header().entry_type().is_dir() {
            found.push((entry.path()?.display().to_string(), entry.header().mtime()?));
        }
    }
    Ok(found)
}

/// Packs a folder and lists the names of its files, separated by spaces.
fn list_packed(folder: &Path, include: &[&str]) -> std::result::Result<String, Box<dyn std::error::Error>> {
    let entries = list_entries(&pack_folder(folder, include)?)?;
    Ok(entries.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" "))
}

fn describe_left_out(folder: &Path) -> Result<String> {
    Ok(select_files(folder, &[])?.describe_left_out().unwrap_or_default())
}

#[test]
fn archive_has_neither_ignored_files_nor_the_git_folder() -> TestResult {
    let folder = create_folder(&[
        (".gitignore", "*.log\nbuild/\n"),
        (".env.example", "A=\n"),
        (".git/config", "secret\n"),
        ("app.py", "print()\n"),
        ("debug.log", "long\n"),
        ("build/out", "big\n"),
        ("lib/part.py", "pass\n"),
    ])?;
    assert_eq!(list_packed(folder.path(), &[])?, ".env.example .gitignore app.py lib/part.py");
    let packed = pack_folder(folder.path(), &[])?;
    assert_eq!(packed.files, 4);
    assert_eq!(packed.bytes, pack_folder(folder.path(), &[])?.bytes, "the same folder has the same bytes");
    Ok(())
}

#[test]
fn only_the_ignore_rules_of_git_count() -> TestResult {
    let files =
        [(".ignore", "data/\n"), (".rgignore", "data/\n"), (".dockerignore", "*\n"), ("data/d", "1\n")];
    let folder = create_folder(&files)?;
    assert_eq!(list_packed(folder.path(), &[])?, ".dockerignore .ignore .rgignore data/d");
    Ok(())
}

#[test]
fn ignore_rules_above_a_folder_count_only_in_the_same_repository() -> TestResult {
    let folder = create_folder(&[(".gitignore", "data/\n"), ("in/data/d", "1\n"), ("in/app.py", "")])?;
    let inner = folder.path().join("in");
    assert_eq!(list_packed(&inner, &[])?, "app.py data/d");
    run_git(folder.path(), &["init", "--quiet"])?;
    assert_eq!(list_packed(&inner, &[])?, "app.py");
    Ok(())
}

#[test]
fn tracked_files_are_packed_although_git_ignores_them() -> TestResult {
    let folder = create_folder(&[(".gitignore", "data/\n"), ("data/d", "1\n"), ("data/untracked", "2\n")])?;
    run_git(folder.path(), &["init", "--quiet"])?;
    assert_eq!(list_packed(folder.path(), &[])?, ".gitignore");
    run_git(folder.path(), &["add", "--force", "data/d"])?;
    assert_eq!(list_packed(folder.path(), &[])?, ".gitignore data/d");
    Ok(())
}

#[test]
fn folder_that_a_repository_ignores_is_packed_for_itself() -> TestResult {
    let folder = create_folder(&[(".gitignore", "dist/\n"), ("dist/index.html", ""), ("dist/a.js", "")])?;
    run_git(folder.path(), &["init", "--quiet"])?;
    assert_eq!(list_packed(&folder.path().join("dist"), &[])?, "a.js index.html");
    Ok(())
}

#[test]
fn nested_repository_is_packed_by_its_own_rules() -> TestResult {
    let folder = create_folder(&[
        ("app.py", ""),
        ("lib/.gitignore", "*.log\n"),
        ("lib/a.log", ""),
        ("lib/b.log", ""),
    ])?;
    run_git(folder.path(), &["init", "--quiet"])?;
    run_git(&folder.path().join("lib"), &["init", "--quiet"])?;
    run_git(&folder.path().join("lib"), &["add", "--force", "b.log"])?;
    assert_eq!(list_packed(folder.path(), &[])?, "app.py lib/.gitignore lib/b.log");
    Ok(())
}

#[test]
fn credentials_and_caches_are_left_out_and_listed_once() -> TestResult {
    let folder = create_folder(&[
        ("app.py", ""),
        (".env", "KEY=secret\n"),
        (".env.local", "KEY=secret\n"),
        (".netrc", "machine x\n"),
        ("id_ed25519", "x\n"),
        ("server.key", PRIVATE_KEY_TEXT),
        ("deploy_key", PRIVATE_KEY_TEXT),
        (".ssh/config", "x\n"),
        (".config/hearth/credentials.toml", "x\n"),
        (".npmrc", "//registry.example.org/:_authToken=abc\n"),
        ("store.p12", "x\n"),
        (".git/HEAD", "x\n"),
        ("venv/bin/python", "x\n"),
        ("my-env/pyvenv.cfg", "x\n"),
        ("target/CACHEDIR.TAG", "x\n"),
        ("a/node_modules/x.js", "x\n"),
        ("b/node_modules/x.js", "x\n"),
        ("__pycache__/x.pyc", "x\n"),
    ])?;
    assert_eq!(list_packed(folder.path(), &[])?, "app.py");
    let listed = describe_left_out(folder.path())?;
    assert_eq!(
        listed,
        "left out: .config/hearth/credentials.toml, .env, .env.local, .netrc, .npmrc, .ssh and 4 more (credentials), \
         .git, __pycache__, my-env, node_modules, target, venv (packages, caches); --include PATH uploads one of \
         them"
    );
    Ok(())
}

#[test]
fn public_files_with_names_like_credentials_are_packed() -> TestResult {
    let folder = create_folder(&[
        (".env.example", "KEY=\n"),
        (".env.sample", "KEY=\n"),
        (".npmrc", "legacy-peer-deps=true\n//r.example.org/:_authToken=${NPM_TOKEN}\n"),
        ("ca.pem", CERTIFICATE_TEXT),
        ("environment.py", ""),
        ("keys.py", "MARK = '-----BEGIN PRIVATE KEY-----'\n"),
        ("venv.py", ""),
    ])?;
    let packed = list_packed(folder.path(), &[])?;
    assert_eq!(packed, ".env.example .env.sample .npmrc ca.pem environment.py keys.py venv.py");
    assert_eq!(describe_left_out(folder.path())?, "");
    Ok(())
}

#[test]
fn tracked_packages_are_packed_and_tracked_credentials_are_not() -> TestResult {
    let folder = create_folder(&[
        ("node_modules/kept.js", ""),
        ("node_modules/new.js", ""),
        (".env", "KEY=secret\n"),
    ])?;
    run_git(folder.path(), &["init", "--quiet"])?;
    run_git(folder.path(), &["add", "--force", "node_modules/kept.js", ".env"])?;
    assert_eq!(list_packed(folder.path(), &[])?, "node_modules/kept.js");
    assert!(describe_left_out(folder.path())?.contains(".env (credentials)"));
    Ok(())
}

#[test]
fn included_entries_override_every_rule() -> TestResult {
    let folder = create_folder(&[
        (".gitignore", "build/\n"),
        (".env", "KEY=x\n"),
        ("build/a/out", "x"),
        ("build/b", "x"),
        ("node_modules/x.js", "x"),
    ])?;
    let packed = list_packed(folder.path(), &[".env", "./build/a", "node_modules"])?;
    assert_eq!(packed, ".env .gitignore build/a/out node_modules/x.js");
    for missing in ["none", "../x", "/etc/passwd", "."] {
        let code = pack_folder(folder.path(), &[missing]).err().map(|error| error.code().to_owned());
        assert_eq!(code.as_deref(), Some("no-included-file"), "{missing}");
    }
    Ok(())
}

#[test]
fn packed_files_carry_their_modification_time() -> TestResult {
    let folder = create_folder(&[("old", ""), ("future", "")])?;
    let set_time = |name: &str, time: SystemTime| {
        fs::File::options().write(true).open(folder.path().join(name))?.set_modified(time)
    };
    set_time("old", UNIX_EPOCH + Duration::from_secs(1_234_567_890))?;
    set_time("future", UNIX_EPOCH + Duration::from_secs(5_000_000_000))?;
    let now: Timestamp = PACKING_TIME.parse()?;
    let entries = list_entries(&pack_folder(folder.path(), &[])?)?;
    let now = u64::try_from(now.as_second())?;
    assert_eq!(entries, [("future".to_owned(), now), ("old".to_owned(), 1_234_567_890)]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn entries_that_will_be_missing_in_the_image_are_reported() -> TestResult {
    let folder = create_folder(&[
        ("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"),
        ("a/file", ""),
        ("other/lib.txt", ""),
    ])?;
    for (target, link) in [("../a/file", "a/inside"), ("../../x", "a/outside"), ("/etc/hostname", "absolute")]
    {
        std::os::unix::fs::symlink(target, folder.path().join(link))?;
    }
    let (other, main) = (folder.path().join("other"), folder.path().to_owned());
    run_git(&other, &["init", "--quiet"])?;
    run_git(&other, &["add", "."])?;
    run_git(&other, &["commit", "--quiet", "--message=a"])?;
    run_git(&main, &["init", "--quiet"])?;
    run_git(&main, &["submodule", "--quiet", "add", "./other", "lib"])?;
    let warnings = select_files(&main, &[])?.warnings.join("\n");
    assert!(warnings.contains("lead nowhere in the image: a/outside, absolute;"), "{warnings}");
    assert!(warnings.contains("Git LFS pointers instead of files: big.bin;"), "{warnings}");
    assert!(!warnings.contains("submodules"), "{warnings}");
    run_git(&main, &["submodule", "--quiet", "deinit", "--force", "lib"])?;
    let warnings = select_files(&main, &[])?.warnings.join("\n");
    assert!(warnings.contains("submodules without files: lib;"), "{warnings}");
    Ok(())
}

#[test]
fn refusal_of_a_large_folder_names_its_biggest_files() -> TestResult {
    let folder = create_folder(&[("app.py", "print()\n")])?;
    fs::write(folder.path().join("model.bin"), vec![0; 2_000])?;
    let error = pack_files_up_to(&select_files(folder.path(), &[])?, PACKING_TIME.parse()?, 1_000).err();
    let named =
        error.is_some_and(|error| error.public_messages().any(|line| line.contains("model.bin (2 kB)")));
    assert!(named);
    Ok(())
}

#[test]
fn empty_folder_is_refused() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("empty"))?;
    let code = pack_folder(folder.path(), &[]).err().map(|error| error.code().to_owned());
    assert_eq!(code.as_deref(), Some("empty-folder"));
    Ok(())
}

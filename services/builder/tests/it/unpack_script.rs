//! The script that unpacks an uploaded folder, run by the shell and tar of this machine.

use std::{fs, path::Path, process::Stdio};

use hearth_base::{Error, Result};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

const UNPACK_SCRIPT: &str = include_str!("../../src/scripts/unpack.sh");
/// The shell of the sandbox that runs the script; the arguments are data.
const SANDBOX_SHELL: &str = "/bin/sh";
const MAX_BYTES: &str = "1073741824";
const MAX_ENTRIES: &str = "1000";

/// Runs the script with an archive. Returns its standard error if it fails, and the folder above the unpacked
/// one.
async fn unpack_archive(archive: &[u8]) -> Result<(Option<String>, TempDir)> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let target = folder.path().join("source").display().to_string();
    let mut command = Command::new(SANDBOX_SHELL);
    command.args(["-c", UNPACK_SCRIPT, "hearth", &target, MAX_BYTES, MAX_ENTRIES]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::internal)?;
    let mut input = child.stdin.take().unwrap();
    input.write_all(archive).await.map_err(Error::internal)?;
    drop(input);
    let output = child.wait_with_output().await.map_err(Error::internal)?;
    let refused = (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned());
    Ok((refused, folder))
}

/// Makes an archive of a folder with GNU tar and further options.
fn build_archive(folder: &Path, options: &[&str]) -> Vec<u8> {
    let mut command = std::process::Command::new("tar");
    command.args(["-C", folder.to_str().unwrap(), "-czf", "-"]).args(options).arg(".");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn list_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn folder_is_unpacked_with_spaces_links_and_deep_paths() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/b c/d")).unwrap();
    fs::write(folder.path().join("a/b c/d/new\nline"), "x".repeat(5000)).unwrap();
    std::os::unix::fs::symlink("b c/d", folder.path().join("a/link")).unwrap();
    let (refused, unpacked) = unpack_archive(&build_archive(folder.path(), &[])).await?;
    assert_eq!(refused, None);
    let file = unpacked.path().join("source/a/link/new\nline");
    assert_eq!(fs::metadata(file).unwrap().len(), 5000);
    assert_eq!(list_names(unpacked.path()), ["source"], "the archive is deleted");
    Ok(())
}

#[tokio::test]
async fn small_archive_of_a_gigabyte_is_refused_and_leaves_nothing() -> Result<()> {
    // Zeros that gzip packs, and holes in each of the sparse formats of GNU tar.
    let formats: [(u64, &[&str]); 4] = [
        (400 << 20, &[]),
        (1 << 30, &["--sparse", "--format=gnu"]),
        (1 << 40, &["--sparse", "--format=pax", "--sparse-version=1.0"]),
        (1 << 40, &["--sparse", "--format=pax", "--sparse-version=0.0"]),
    ];
    for (length, format) in formats {
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("zeros")).unwrap();
        file.set_len(length).unwrap();
        let archive = build_archive(folder.path(), format);
        assert!(archive.len() < 2 << 20, "{format:?}");
        let (refused, unpacked) = unpack_archive(&archive).await?;
        assert!(refused.is_some_and(|why| why.contains("unpacks to more than")), "{format:?}");
        assert_eq!(list_names(unpacked.path()), Vec::<String>::new(), "{format:?}");
    }
    Ok(())
}

#[tokio::test]
async fn too_many_files_and_folders_are_refused() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..1000 {
        fs::write(folder.path().join(number.to_string()), "").unwrap();
    }
    let (refused, _) = unpack_archive(&build_archive(folder.path(), &[])).await?;
    assert!(refused.is_some_and(|why| why.contains("more than 1000 files")));

    // Each name makes hundreds of folders that the archive does not list.
    let mut archive = tar::Builder::new(Vec::new());
    for number in 0..20 {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        archive.append_data(&mut header, format!("{number}/{}end", "a/".repeat(100)), &b""[..]).unwrap();
    }
    let plain = folder.path().join("plain.tar");
    fs::write(&plain, archive.into_inner().unwrap()).unwrap();
    let packed = std::process::Command::new("gzip").arg("-c").arg(plain).output().unwrap();
    let (refused, _) = unpack_archive(&packed.stdout).await?;
    assert!(refused.is_some_and(|why| why.contains("more than 1000 files")));
    Ok(())
}

#[tokio::test]
async fn broken_archive_leaves_nothing() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("noise"),
        (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>(),
    )
    .unwrap();
    let archive = build_archive(folder.path(), &[]);
    for broken in [&archive[..archive.len() / 2], b"not an archive"] {
        let (refused, unpacked) = unpack_archive(broken).await?;
        assert!(refused.is_some());
        assert_eq!(list_names(unpacked.path()), Vec::<String>::new());
    }
    Ok(())
}

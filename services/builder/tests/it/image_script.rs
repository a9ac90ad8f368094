//! The script that pulls and builds an image, run by the shell of this machine with other programs for curl and
//! buildah.

use std::{fs, os::unix::fs::PermissionsExt, process::Output};

use hearth_base::{Error, Result};
use tempfile::TempDir;
use tokio::process::Command;

const IMAGE_SCRIPT: &str = include_str!("../../src/scripts/image.sh");
/// The shell of the sandbox that runs the script; the arguments are data.
const SANDBOX_SHELL: &str = "/bin/sh";
/// Notes its arguments.
const BUILDAH_PROGRAM: &str = "#!/bin/sh\necho \"$*\" >> \"$CALLS\"\n";

/// Runs the script with a program for curl that ends as given. Returns its output and the calls of buildah.
async fn build_image(curl: &str, arguments: &[&str]) -> Result<(Output, String)> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    build_image_in(&folder, curl, arguments).await
}

/// Runs the script with the cache in a folder. The calls of buildah are those since the folder exists.
async fn build_image_in(folder: &TempDir, curl: &str, arguments: &[&str]) -> Result<(Output, String)> {
    write_programs(folder, curl);
    let calls = folder.path().join("calls");
    let mut command = Command::new(SANDBOX_SHELL);
    command.args(["-c", IMAGE_SCRIPT, "hearth", ""]).args(arguments);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
    command.env("TMPDIR", folder.path().join("build")).env("CALLS", &calls);
    let output = command.output().await.map_err(Error::internal)?;
    Ok((output, fs::read_to_string(calls).unwrap_or_default()))
}

fn write_programs(folder: &TempDir, curl: &str) {
    for (name, text) in [
        ("curl", format!("#!/bin/sh\n{curl}\n")),
        ("buildah", BUILDAH_PROGRAM.to_owned()),
        ("mount", "#!/bin/sh\n".to_owned()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn registry_that_does_not_answer_ends_the_build_before_a_pull() -> Result<()> {
    for reason in [
        "(28) Connection timed out after 30001 milliseconds",
        "(7) Failed to connect to quay.example port 443: Connection refused",
        "(6) Could not resolve host: quay.example",
        "(60) SSL certificate problem: self-signed certificate",
    ] {
        let curl = format!("echo 'curl: {reason}' >&2; exit 1");
        let (output, calls) = build_image(&curl, &["1", "quay.example/a/b", "quay.example", "build"]).await?;
        assert_eq!(output.status.code(), Some(72), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.trim(), format!("The registry quay.example does not answer: {reason}"));
        assert!(!calls.contains("pull"), "{calls}");
    }
    Ok(())
}

#[tokio::test]
async fn second_registry_is_asked_too_and_the_own_one_is_not() -> Result<()> {
    let curl = "case $* in *quay.example*) ;; *) echo 'curl: (28) Connection timed out' >&2; exit 1 ;; esac";
    let images = ["2", "quay.example/a/b", "quay.example", "other.example/c", "other.example", "build"];
    let (output, calls) = build_image(curl, &images).await?;
    assert_eq!(output.status.code(), Some(72), "{output:?}");
    assert_eq!(calls.matches(" pull ").count(), 1, "{calls}");
    let (output, calls) = build_image("exit 1", &["1", "hearth.internal/hearth/a", "", "build"]).await?;
    assert!(output.status.success(), "{output:?}");
    assert!(calls.contains("--authfile=/tmp/in/auth.json"), "{calls}");
    Ok(())
}

#[tokio::test]
async fn time_of_a_registry_for_its_answer_is_bounded() -> Result<()> {
    let (output, _) =
        build_image("echo \"$*\" >&2; exit 1", &["1", "quay.example/a", "quay.example"]).await?;
    let asked = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(asked.contains("--connect-timeout 30 ") && asked.contains("--max-time 60 "), "{asked}");
    Ok(())
}

#[tokio::test]
async fn image_that_the_cache_has_is_pulled_again_only_after_a_failed_build() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let images = ["2", "hearth.internal/hearth/a@sha256:0a", "", "hearth.internal/hearth/b", "", "build"];
    let (_, calls) = build_image_in(&folder, "exit 1", &images).await?;
    assert_eq!((calls.matches(" pull ").count(), calls.matches("rm --all").count()), (2, 0), "{calls}");
    // The push step tells that the build did not fail.
    fs::remove_file(folder.path().join("hearth-state/building")).map_err(Error::internal)?;
    let (_, calls) = build_image_in(&folder, "exit 1", &images).await?;
    assert_eq!(calls.matches("hearth/a@sha256:0a").count(), 1, "{calls}");
    assert_eq!(calls.matches("hearth/b").count(), 2, "a name without a digest: {calls}");
    let (_, calls) = build_image_in(&folder, "exit 1", &images).await?;
    assert_eq!((calls.matches(" pull ").count(), calls.matches("rm --all").count()), (5, 1), "{calls}");
    Ok(())
}

/// Runs the script in a namespace where these package sources of a Containerfile are supplied.
async fn build_with_sources(folder: &TempDir, sources: &str) -> Result<String> {
    write_programs(folder, "exit 1");
    let calls = folder.path().join("calls");
    let supply = "mkdir -p /tmp/in && /bin/mount -t tmpfs tmpfs /tmp/in && printf %s \"$SOURCES\" \
                  >/tmp/in/package-sources && exec /bin/sh -c \"$SCRIPT\" hearth '' 0 build";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", SANDBOX_SHELL, "-c", supply]);
    command.env("SCRIPT", IMAGE_SCRIPT).env("SOURCES", sources);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
    command.env("TMPDIR", folder.path().join("build")).env("CALLS", &calls);
    let output = command.output().await.map_err(Error::internal)?;
    assert!(output.status.success(), "{output:?}");
    fs::read_to_string(calls).map_err(Error::internal)
}

#[tokio::test]
async fn cached_steps_of_a_containerfile_end_with_the_package_sources_that_they_used() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    for (sources, emptied) in [("", 0), ("a", 1), ("a", 1), ("b", 2), ("", 3), ("", 3)] {
        let calls = build_with_sources(&folder, sources).await?;
        assert_eq!(calls.matches("rmi --all").count(), emptied, "{sources}: {calls}");
    }
    Ok(())
}

#[tokio::test]
async fn build_without_earlier_layers_begins_without_the_packages_of_npm() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let cached = folder.path().join("hearth-state/npm/index");
    fs::create_dir_all(cached.parent().unwrap()).map_err(Error::internal)?;
    fs::write(&cached, "of an earlier step").map_err(Error::internal)?;
    for (option, is_kept) in [("--layers", true), ("--no-cache", false)] {
        let (output, _) = build_image_in(&folder, "exit 0", &["0", option, "--", "."]).await?;
        assert!(output.status.success(), "{output:?}");
        assert_eq!(cached.exists(), is_kept, "{option}");
    }
    Ok(())
}

//! The unit for systemd in `deploy/`.

use std::{fs, path::Path, process::Command};

use hearth_base::{Error, Result};
use hearth_testkit::program_path;

/// The program that the unit starts on a host where Hearth is installed.
const INSTALLED_PROGRAM: &str = "/usr/local/bin/hearthd";

#[test]
fn unit_of_systemd_is_valid_and_leaves_containers_alone() -> Result<()> {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/hearth.service");
    let unit = fs::read_to_string(unit).map_err(Error::internal)?;
    assert!(unit.contains(INSTALLED_PROGRAM) && unit.contains("\nKillMode=process\n"), "{unit}");
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let file = folder.path().join("hearth.service");
    let built = program_path("hearthd")?.display().to_string();
    fs::write(&file, unit.replace(INSTALLED_PROGRAM, &built)).map_err(Error::internal)?;
    let verified =
        Command::new("systemd-analyze").arg("verify").arg(&file).output().map_err(Error::internal)?;
    let messages = String::from_utf8_lossy(&verified.stderr);
    // Units of the host may have messages of their own.
    let own = messages.lines().filter(|line| line.contains("hearth.service")).collect::<Vec<_>>();
    assert!(verified.status.success() && own.is_empty(), "{messages}");
    Ok(())
}

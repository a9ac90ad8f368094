//! Programs from Python's package index, in virtual environments that are made once for this folder of builds.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The folder with the programs of an environment that has these packages. The first test that asks installs them, with
/// the machine's own configuration of pip; the others wait.
pub fn environment(name: &str, packages: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let (place, wanted) = (folder.join("venv"), packages.join("\n"));
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return place.join("bin");
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
    let pip = place.join("bin").join("pip");
    run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check"]).args(packages));
    fs::write(installed, wanted).unwrap();
    place.join("bin")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Python packages cannot be installed: {command:?}\n{told}");
}

//! Programs from Python's package index, in virtual environments that are made once for this folder of builds.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The Debian release that has a newer interpreter than the machine may have, and the interpreter.
const NEWER_RELEASE: &str = "trixie";
const NEWER_PYTHON: &str = "python3.13";

/// The folder with the programs of an environment that has these packages, for the machine's own interpreter. The first
/// test that asks installs them, with the machine's own configuration of pip; the others wait.
pub fn environment(name: &str, packages: &[&str]) -> PathBuf {
    install_once(name, packages, |place| {
        run_to_end(Command::new("python3").args(["-m", "venv", "--clear"]).arg(place));
        Command::new(place.join("bin/pip"))
    })
}

/// As [`environment`], for the interpreter of a newer Debian.
pub fn newer_environment(name: &str, packages: &[&str]) -> PathBuf {
    install_once(name, packages, |place| {
        let root = newer_debian(&place.with_file_name("debian"));
        let python = root.join("usr/bin").join(NEWER_PYTHON);
        // Debian's own way to bring pip along looks for it below `/usr`.
        run_to_end(Command::new(python).args(["-m", "venv", "--clear", "--without-pip"]).arg(place));
        let mut pip = Command::new(place.join("bin/python"));
        pip.arg(find_pip_wheel(&root).join("pip"));
        pip
    })
}

/// Makes an environment with `make`, which returns the command that is pip there, and installs packages.
fn install_once(name: &str, packages: &[&str], make: impl FnOnce(&Path) -> Command) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let (place, wanted) = (folder.join("venv"), packages.join("\n"));
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return place.join("bin");
    }
    let mut pip = make(&place);
    run_to_end(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(packages));
    fs::write(installed, wanted).unwrap();
    place.join("bin")
}

/// A folder with the newer interpreter and all that it needs, from the machine's own sources of Debian packages. Its
/// programs are started from where they are: they find their loader and libraries in that folder.
fn newer_debian(root: &Path) -> PathBuf {
    if root.exists() {
        fs::remove_dir_all(root).unwrap();
    }
    let packages = format!("--include={NEWER_PYTHON},{NEWER_PYTHON}-venv");
    let mut extract = Command::new("mmdebstrap");
    // Nothing of the packages runs: they are unpacked only.
    extract.args(["--quiet", "--variant=extract", &packages, NEWER_RELEASE]).arg(root);
    run_to_end(extract.args(debian_sources()));
    let interpreter = root.join("usr/bin").join(NEWER_PYTHON);
    let loader = root.join("usr/lib").join(loader_below_lib());
    let libraries = root.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let mut patch = Command::new("patchelf");
    patch.arg("--set-interpreter").arg(loader).args(["--force-rpath", "--set-rpath"]).arg(libraries);
    run_to_end(patch.arg(interpreter));
    root.to_owned()
}

/// Where the loader of this processor lies below `/usr/lib`.
fn loader_below_lib() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "ld-linux-aarch64.so.1",
        _ => "x86_64-linux-gnu/ld-linux-x86-64.so.2",
    }
}

/// The machine's sources of Debian, for the newer release.
fn debian_sources() -> Vec<String> {
    let format = "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)";
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", format, "Created-By: Packages"])
        .output()
        .unwrap();
    let mut sources: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| match line.split('|').collect::<Vec<_>>()[..] {
            ["Debian", release, "main", place] if !release.contains('-') => {
                Some(format!("deb {place} {NEWER_RELEASE} main"))
            }
            _ => None,
        })
        .collect();
    sources.sort();
    sources.dedup();
    assert!(!sources.is_empty(), "this machine knows no source of Debian packages: apt-get update");
    sources
}

fn find_pip_wheel(root: &Path) -> PathBuf {
    let wheels = fs::read_dir(root.join("usr/share/python-wheels")).unwrap();
    let is_pip =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pip-"));
    wheels.map(|entry| entry.unwrap().path()).find(is_pip).unwrap()
}

fn run_to_end(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Python packages cannot be installed: {command:?}\n{stderr}");
}

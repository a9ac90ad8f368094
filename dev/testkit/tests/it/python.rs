//! Programs from Python's package index, in virtual environments that are created once for each target
//! folder.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The Debian release with the newer interpreter, and the name of that interpreter.
const NEWER_RELEASE: &str = "trixie";
const NEWER_PYTHON: &str = "python3.13";

/// Returns the folder with the programs of these packages, for the host's own interpreter. The first test
/// that calls this installs them with the host's configuration of pip; other tests wait.
pub fn install_environment(name: &str, packages: &[&str]) -> PathBuf {
    install_once(name, packages, |venv| {
        run_successfully(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv));
        Command::new(venv.join("bin/pip"))
    })
}

/// Like [`install_environment`], for the interpreter of a newer Debian.
pub fn install_newer_environment(name: &str, packages: &[&str]) -> PathBuf {
    install_once(name, packages, |venv| {
        let root = install_newer_debian(&venv.with_file_name("debian"));
        let python = root.join("usr/bin").join(NEWER_PYTHON);
        // `ensurepip` of Debian looks for the wheel below `/usr`, so pip is run from the wheel instead.
        run_successfully(Command::new(python).args(["-m", "venv", "--clear", "--without-pip"]).arg(venv));
        let mut pip = Command::new(venv.join("bin/python"));
        pip.arg(find_pip_wheel(&root).join("pip"));
        pip
    })
}

/// Creates an environment with `make`, which returns the command of its pip, and installs packages.
fn install_once(name: &str, packages: &[&str], make: impl FnOnce(&Path) -> Command) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let (venv, package_list) = (folder.join("venv"), packages.join("\n"));
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|text| text == package_list) {
        return venv.join("bin");
    }
    let mut pip = make(&venv);
    run_successfully(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(packages));
    fs::write(installed, package_list).unwrap();
    venv.join("bin")
}

/// Installs the newer interpreter with its libraries into a folder, from the host's package sources. The
/// interpreter is patched to use the loader and the libraries of that folder.
fn install_newer_debian(root: &Path) -> PathBuf {
    if root.exists() {
        fs::remove_dir_all(root).unwrap();
    }
    let packages = format!("--include={NEWER_PYTHON},{NEWER_PYTHON}-venv");
    let mut extract = Command::new("mmdebstrap");
    // The packages are only unpacked; none of their scripts run.
    extract.args(["--quiet", "--variant=extract", &packages, NEWER_RELEASE]).arg(root);
    run_successfully(extract.args(list_debian_sources()));
    let interpreter = root.join("usr/bin").join(NEWER_PYTHON);
    let loader = root.join("usr/lib").join(loader_path());
    let libraries = root.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let mut patch = Command::new("patchelf");
    patch.arg("--set-interpreter").arg(loader).args(["--force-rpath", "--set-rpath"]).arg(libraries);
    run_successfully(patch.arg(interpreter));
    root.to_owned()
}

/// The path of the dynamic loader below `/usr/lib`, for the architecture of this host.
fn loader_path() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "ld-linux-aarch64.so.1",
        _ => "x86_64-linux-gnu/ld-linux-x86-64.so.2",
    }
}

/// Lists the host's package sources, changed to the newer release.
fn list_debian_sources() -> Vec<String> {
    let format = "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)";
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", format, "Created-By: Packages"])
        .output()
        .unwrap();
    let mut sources: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| match line.split('|').collect::<Vec<_>>()[..] {
            ["Debian", release, "main", uri] if !release.contains('-') => {
                Some(format!("deb {uri} {NEWER_RELEASE} main"))
            }
            _ => None,
        })
        .collect();
    sources.sort();
    sources.dedup();
    assert!(!sources.is_empty(), "host has no package source of Debian: run apt-get update");
    sources
}

fn find_pip_wheel(root: &Path) -> PathBuf {
    let wheels = fs::read_dir(root.join("usr/share/python-wheels")).unwrap();
    let is_pip =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pip-"));
    wheels.map(|entry| entry.unwrap().path()).find(is_pip).unwrap()
}

fn run_successfully(command: &mut Command) {
    let output =
        command.output().unwrap_or_else(|error| panic!("command does not start: {command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "installation of Python packages failed: {command:?}\n{stderr}");
}

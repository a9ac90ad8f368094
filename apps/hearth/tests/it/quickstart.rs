//! The script `quickstart`, with stubs in place of the programs that it runs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The setup code of the Hearth that the stubs stand for.
const SETUP_CODE: &str = "hearth_code_s3cret";

fn write_stub(folder: &Path, name: &str, script: &str) -> PathBuf {
    fs::create_dir_all(folder).expect("a folder of stubs");
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a stub");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the mode of a stub");
    path
}

/// Other users of the machine see the arguments of its processes.
#[test]
fn quickstart_passes_no_secret_in_an_argument() {
    let folder = tempfile::tempdir().expect("a folder");
    let (stubs, programs) = (folder.path().join("bin"), folder.path().join("target/release"));
    let (arguments, input) = (folder.path().join("arguments"), folder.path().join("input"));
    let record = format!("echo \"$0 $*\" >>{}", arguments.display());
    for name in ["curl", "id", "apt-get"] {
        write_stub(&stubs, name, &record);
    }
    write_stub(&stubs, "cargo", "echo cargo 99.0.0");
    write_stub(&stubs, "sudo", "shift; exec \"$@\"");
    write_stub(&programs, "hearthd", &record);
    // Nobody is signed in yet.
    let login = format!("{record}\n[ \"$1\" = login ] || exit 1\ncat >{}", input.display());
    write_stub(&programs, "hearth", &login);
    let state = folder.path().join("state");
    fs::create_dir_all(state.join("services")).expect("a state folder");
    fs::write(state.join("services/setup-code"), SETUP_CODE).expect("a setup code");

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../quickstart");
    let path = format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", stubs.display());
    let mut quickstart = Command::new(script);
    quickstart.arg("--state").arg(&state).env("PATH", path);
    let output =
        quickstart.env("CARGO_TARGET_DIR", folder.path().join("target")).output().expect("quickstart");
    assert!(output.status.success(), "{output:?}");

    let (arguments, input) = (fs::read_to_string(arguments), fs::read_to_string(input));
    let (arguments, input) = (arguments.expect("arguments"), input.expect("input of the login"));
    let secrets: Vec<&str> = input.lines().collect();
    assert!(matches!(&secrets[..], [SETUP_CODE, password] if password.len() >= 32), "{input}");
    assert!(
        arguments.contains("hearth login") && arguments.contains("hearthd image bootstrap"),
        "{arguments}"
    );
    for secret in secrets {
        assert!(!arguments.contains(secret), "{arguments}");
    }
}

//! External commands: programs `hearth-NAME` on the search path.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;

use crate::home::Home;

/// Builds a home with a program of this name on the search path, which prints its arguments and ends with 7.
fn build_home(name: &str) -> (Home, String) {
    let home = Home::new();
    let script = "#!/bin/sh\necho \"$@\" tool:$HEARTH_TOOL\nexit 7\n";
    home.write(&format!("bin/{name}"), script);
    let path = home.path_below(&format!("bin/{name}"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .expect("the permissions can be set");
    let search = home.path_below("bin").display().to_string();
    (home, search)
}

#[test]
fn external_program_receives_all_arguments_and_its_status_is_passed_on() {
    let (home, search) = build_home("hearth-db");
    let words = ["--tool", "dup-finder", "db", "shell", "--json", "-h"];
    insta::assert_snapshot!(home.run_with_env(&words, &[("PATH", &search)]), @"
    out| shell --json -h tool:dup-finder
    ends with 7
    ");
}

#[test]
fn external_program_is_listed_and_proposed() {
    let (home, search) = build_home("hearth-tunnel");
    let help = home.run_with_env(&["-h"], &[("PATH", &search)]);
    assert!(help.contains("Commands on PATH: tunnel"), "{help}");
    assert!(help.lines().count() <= 25, "{help}");
    insta::assert_snapshot!(home.run_with_env(&["tunel"], &[("PATH", &search)]), @"
    err| error: there is no command hearth tunel [no-such-command]
    err| next:  hearth tunnel
    ends with 1
    ");
}

#[test]
fn external_program_never_replaces_a_built_in_command() {
    let (home, search) = build_home("hearth-whoami");
    insta::assert_snapshot!(home.run_with_env(&["whoami"], &[("PATH", &search)]), @"
    err| error: you are not signed in at http://localhost:8080 [not-signed-in]
    err| next:  hearth login
    ends with 1
    ");
    assert!(!home.run_with_env(&["-h"], &[("PATH", &search)]).contains("Commands on PATH"));
}

#[test]
fn external_program_name_is_not_a_path() {
    let (home, search) = build_home("hearth-db");
    let transcript = home.run_with_env(&["../bin/hearth-db"], &[("PATH", &search)]);
    assert!(transcript.ends_with("ends with 1\n") && !transcript.contains("out|"), "{transcript}");
}

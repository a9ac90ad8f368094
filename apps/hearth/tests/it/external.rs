//! Programs `hearth-NAME` on the search path are commands.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;

use crate::home::Home;

/// A home with a program of this name on the search path, which prints what it is given and ends with 7.
fn home(name: &str) -> (Home, String) {
    let home = Home::new();
    let script = "#!/bin/sh\necho \"$@\" tool:$HEARTH_TOOL\nexit 7\n";
    home.write(&format!("bin/{name}"), script);
    let path = home.path(&format!("bin/{name}"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("the file is mine");
    let search = home.path("bin").display().to_string();
    (home, search)
}

#[test]
fn it_is_given_everything_behind_its_name_and_its_status_is_kept() {
    let (home, search) = home("hearth-db");
    let words = ["--tool", "dup-finder", "db", "shell", "--json", "-h"];
    insta::assert_snapshot!(home.says_with(&words, &[("PATH", &search)]), @"
    out| shell --json -h tool:dup-finder
    ends with 7
    ");
}

#[test]
fn it_is_listed_in_the_help_and_proposed() {
    let (home, search) = home("hearth-tunnel");
    let help = home.says_with(&["-h"], &[("PATH", &search)]);
    assert!(help.contains("On the search path: tunnel"), "{help}");
    assert!(help.lines().count() <= 25, "{help}");
    insta::assert_snapshot!(home.says_with(&["tunel"], &[("PATH", &search)]), @"
    err| error: there is no command hearth tunel [no-such-command]
    err| next:  hearth tunnel
    ends with 1
    ");
}

#[test]
fn it_never_replaces_a_built_in_command() {
    let (home, search) = home("hearth-whoami");
    insta::assert_snapshot!(home.says_with(&["whoami"], &[("PATH", &search)]), @"
    err| error: you are not signed in at http://localhost:8080 [not-signed-in]
    err| next:  hearth login
    ends with 1
    ");
    assert!(!home.says_with(&["-h"], &[("PATH", &search)]).contains("On the search path"));
}

#[test]
fn a_path_is_no_name() {
    let (home, search) = home("hearth-db");
    let said = home.says_with(&["../bin/hearth-db"], &[("PATH", &search)]);
    assert!(said.ends_with("ends with 1\n") && !said.contains("out|"), "{said}");
}

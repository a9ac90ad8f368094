//! `hearth up` and `hearth down`, without a Hearth.

#![cfg(unix)]

use crate::home::Home;

#[test]
fn down_without_a_running_hearth_changes_nothing() {
    let home = Home::new();
    insta::assert_snapshot!(home.run_to_transcript(&["down", "--state", "state"]), @"
    out| nothing to change: no Hearth runs with its state in [HOME]/dup-finder/state
    ends with 0
    ");
}

#[test]
fn listen_address_without_a_port_is_refused() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["up", "--listen", "127.0.0.1", "--dry-run"]), @r#"
    err| error: invalid value "127.0.0.1" for --listen: expected an address and a port [invalid-value]
    err| next:  hearth up --listen 127.0.0.1:8080
    ends with 1
    "#);
}

#[test]
fn process_with_a_reused_pid_is_not_stopped() {
    let home = Home::new();
    let own_pid = std::process::id();
    home.write("dup-finder/state/hearthd.pid", &format!("{own_pid}\n"));
    assert!(home.run_to_transcript(&["down", "--state", "state"]).contains("nothing to change"));
}

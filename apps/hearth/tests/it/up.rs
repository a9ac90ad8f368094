//! `hearth up` and `hearth down`, without a Hearth.

#![cfg(unix)]

use crate::home::Home;

#[test]
fn where_nothing_runs_there_is_nothing_to_stop() {
    let home = Home::new();
    insta::assert_snapshot!(home.says(&["down", "--state", "state"]), @"
    out| nothing to change: no Hearth runs with its state in [HOME]/dup-finder/state
    ends with 0
    ");
}

#[test]
fn a_process_that_is_something_else_by_now_is_left_alone() {
    let home = Home::new();
    let mine = std::process::id();
    home.write("dup-finder/state/hearthd.pid", &format!("{mine}\n"));
    assert!(home.says(&["down", "--state", "state"]).contains("nothing to change"));
}

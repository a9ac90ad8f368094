//! Ctrl-C: the program says what stays, and ends with 130.

#![cfg(unix)]

use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

use crate::home::Home;

#[test]
fn a_command_that_waits_for_the_server_can_be_interrupted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let server = format!("http://{}", listener.local_addr().expect("its address"));
    let home = Home::new();
    home.sign_in(&server);
    let mut command = home.command(&["new", "dup-finder"], &[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // It has connected, so it waits for an answer, which nobody gives.
    let connection = listener.accept().expect("the program connects");
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    drop(connection);
    insta::assert_snapshot!(home.transcript(&output), @"
    err| interrupted: the tool may be there already; the same command finishes
    ends with 130
    ");
    assert!(!home.path("dup-finder/hearth.yaml").exists());
}

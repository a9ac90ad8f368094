//! Ctrl-C: the program says what stays, and ends with 130.

#![cfg(unix)]

use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

use crate::home::Home;

/// What is said when a command that waits for the server is interrupted.
fn interrupted(home: &Home, words: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let server = format!("http://{}", listener.local_addr().expect("its address"));
    home.sign_in(&server);
    let mut command = home.command(words, &[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // It has connected, so it waits for an answer, which nobody gives.
    let connection = listener.accept().expect("the program connects");
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    drop(connection);
    home.transcript(&output)
}

#[test]
fn a_command_that_waits_for_the_server_can_be_interrupted() {
    let home = Home::new();
    insta::assert_snapshot!(interrupted(&home, &["new", "dup-finder"]), @"
    err| interrupted: the tool may be there already; the same command finishes
    ends with 130
    ");
    assert!(!home.path("dup-finder/hearth.yaml").exists());
}

#[test]
fn interrupting_a_deployment_says_how_to_come_back() {
    let home = Home::new();
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    insta::assert_snapshot!(interrupted(&home, &["deploy", "--follow"]), @"
    err| interrupted: a deployment that began goes on; hearth deploy --follow comes back to it
    ends with 130
    ");
}

//! Ctrl-C: the program says what stays, and ends with 130.

#![cfg(unix)]

use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

use crate::{
    door::{Answers, Door},
    home::Home,
};

const ONCE: &str = r#"{"job": {"name": "once", "job_type": "one-off", "imagename": "x", "image": "x", "cmd": "y",
    "image_state": "stable", "status_short": "", "status_long": "", "filelog": false,
    "status": {"short": "pending", "messages": [], "duration": "1s", "up_to_date": true}}, "messages": {}}"#;

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
fn what_was_made_for_one_command_is_deleted() {
    let jobs = "/jobs/v1/tool/dup-finder/jobs";
    let door = Door::open(Answers::from([
        (&*format!("POST {jobs}"), (201, ONCE.to_owned())),
        (&*format!("POST {jobs}/once/exec"), (0, String::new())),
        (&*format!("DELETE {jobs}/once"), (200, r#"{"messages": {}}"#.to_owned())),
    ]));
    let home = Home::new();
    home.sign_in(&door.address);
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    let words = ["jobs", "run", "once", "-i", "--rm", "--image", "x", "--command", "y"];
    let mut command = home.command(&words, &[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::piped());
    let child = child.spawn().expect("the program starts");
    while !door.heard().iter().any(|heard| heard.contains("/exec")) {
        std::thread::yield_now();
    }
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    insta::assert_snapshot!(home.transcript(&output), @"
    err| … start
    err| interrupted: the job is deleted
    ends with 130
    ");
    assert!(door.heard().last().is_some_and(|heard| heard.starts_with("DELETE")), "{:?}", door.heard());
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

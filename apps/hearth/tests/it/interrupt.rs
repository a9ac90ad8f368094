//! Ctrl-C: the program explains the state and ends with 130.

#![cfg(unix)]

use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

use crate::{
    fake_server::{FakeServer, PreparedAnswers},
    home::Home,
};

const ONE_OFF_JOB_JSON: &str = r#"{"job": {"name": "once", "job_type": "one-off", "imagename": "x", "image": "x", "cmd": "y",
    "image_state": "stable", "status_short": "", "status_long": "", "filelog": false,
    "status": {"short": "pending", "messages": [], "duration": "1s", "up_to_date": true}}, "messages": {}}"#;

/// Interrupts a command that waits for the server, and returns its transcript.
fn interrupt_command(home: &Home, words: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let server = format!("http://{}", listener.local_addr().expect("the listener has an address"));
    home.sign_in(&server);
    let mut command = home.build_command(words, &[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // The command has connected and waits for an answer, which never comes.
    let connection = listener.accept().expect("the program connects");
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("the program ends");
    drop(connection);
    home.render_transcript(&output)
}

#[test]
fn waiting_command_can_be_interrupted() {
    let home = Home::new();
    insta::assert_snapshot!(interrupt_command(&home, &["new", "dup-finder"]), @"
    err| interrupted: the tool may exist already; the same command finishes
    ends with 130
    ");
    assert!(!home.path_below("dup-finder/hearth.yaml").exists());
}

#[test]
fn temporary_job_is_deleted_after_an_interrupt() {
    let jobs = "/jobs/v1/tool/dup-finder/jobs";
    let server = FakeServer::start(PreparedAnswers::from([
        (&*format!("POST {jobs}"), (201, ONE_OFF_JOB_JSON.to_owned())),
        (&*format!("POST {jobs}/once/exec"), (0, String::new())),
        (&*format!("DELETE {jobs}/once"), (200, r#"{"messages": {}}"#.to_owned())),
    ]));
    let home = Home::new();
    home.sign_in(&server.address);
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    let words = ["jobs", "run", "once", "-i", "--rm", "--image", "x", "--command", "y"];
    let mut command = home.build_command(&words, &[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::piped());
    let child = child.spawn().expect("the program starts");
    while !server.requests().iter().any(|request| request.contains("/exec")) {
        std::thread::yield_now();
    }
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("the program ends");
    insta::assert_snapshot!(home.render_transcript(&output), @"
    err| … start
    err| interrupted: the job is deleted
    ends with 130
    ");
    assert!(
        server.requests().last().is_some_and(|request| request.starts_with("DELETE")),
        "{:?}",
        server.requests()
    );
}

#[test]
fn interrupted_deployment_names_the_command_to_return() {
    let home = Home::new();
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    insta::assert_snapshot!(interrupt_command(&home, &["deploy", "--follow"]), @"
    err| interrupted: a started deployment continues; hearth deploy --follow shows it
    ends with 130
    ");
}

//! `hearth exec`: both directions of a program's streams, and its status.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
};

use hearth_wire::jobs::{ExecDecoder, ExecEnd, ExecFrame, ExecOpen};

use crate::home::Home;

/// A server on which one program runs: it says what it was started with and given, and ends with `end`. The thread
/// gives what was asked for.
fn program(end: ExecEnd) -> (String, std::thread::JoinHandle<(String, ExecOpen)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    let thread = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("the program connects");
        let mut reader = BufReader::new(connection.try_clone().expect("the same connection"));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).expect("a request");
        }
        write!(connection, "HTTP/1.1 101 Over\r\nConnection: upgrade\r\nUpgrade: hearth-exec\r\n\r\n")
            .expect("it reads");
        let mut send = |frame: &ExecFrame| connection.write_all(&frame.encode()).expect("it reads");
        let mut decoder = ExecDecoder::default();
        let mut open = None;
        let mut given = Vec::new();
        loop {
            match decoder.pull().expect("a frame") {
                Some(ExecFrame::Open(opened)) => {
                    open = Some(opened);
                    send(&ExecFrame::Started);
                }
                Some(ExecFrame::Data(bytes)) => given.extend(bytes),
                Some(ExecFrame::Close) => break,
                Some(other) => assert_eq!(other, ExecFrame::Close, "nothing else is expected"),
                None => {
                    let mut piece = [0; 1024];
                    let read = reader.read(&mut piece).expect("more of the stream");
                    assert!(read > 0, "the connection ended");
                    decoder.push(&piece[..read]);
                }
            }
        }
        send(&ExecFrame::Data([b"given: ", given.as_slice()].concat()));
        send(&ExecFrame::Errors(b"and a complaint\n".to_vec()));
        send(&ExecFrame::Ended(end));
        (head.lines().next().unwrap_or_default().to_owned(), open.expect("it was opened"))
    });
    (address, thread)
}

fn home(server: &str) -> Home {
    let home = Home::new();
    home.sign_in(server);
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    home
}

#[test]
fn streams_go_both_ways_and_the_programs_status_is_kept() {
    let (server, thread) = program(ExecEnd { exit_code: Some(3), signal: None, reason: None });
    let words = ["exec", "web", "--", "sort", "-r", "--json"];
    insta::assert_snapshot!(home(&server).says_given(&words, "some input\n"), @"
    out| given: some input
    err| and a complaint
    ends with 3
    ");
    let (asked, open) = thread.join().expect("it said all");
    assert_eq!(asked, "POST /jobs/v1/tool/dup-finder/jobs/web/exec HTTP/1.1");
    assert_eq!(open.command, ["sort", "-r", "--json"]);
    assert_eq!(open.terminal, None, "nobody sits at a terminal");
}

#[test]
fn an_end_without_a_status_says_why() {
    let reason = Some("web was replaced by a newer one".to_owned());
    let (server, _) = program(ExecEnd { exit_code: None, signal: None, reason });
    insta::assert_snapshot!(home(&server).says_given(&["exec", "web"], ""), @"
    out| given:
    err| and a complaint
    err| error: web was replaced by a newer one [exec-ended]
    err| next:  hearth jobs list
    ends with 1
    ");
}

//! `hearth exec`: both directions of a program's streams, and its exit status.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
};

use hearth_wire::jobs::{ExecDecoder, ExecEnd, ExecFrame, ExecOpen};

use crate::home::Home;

/// Starts a server with one program, which prints its input and ends with `end`. The thread returns the
/// request line and the received options.
fn serve_program(end: ExecEnd) -> (String, std::thread::JoinHandle<(String, ExecOpen)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("the listener has an address"));
    let thread = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("the program connects");
        let mut reader = BufReader::new(connection.try_clone().expect("the same connection"));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).expect("a request");
        }
        write!(connection, "HTTP/1.1 101 Over\r\nConnection: upgrade\r\nUpgrade: hearth-exec\r\n\r\n")
            .expect("the program reads");
        let mut send = |frame: &ExecFrame| connection.write_all(&frame.encode()).expect("the program reads");
        let mut decoder = ExecDecoder::default();
        let mut open = None;
        let mut given = Vec::new();
        loop {
            match decoder.next_frame().expect("a frame") {
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
        send(&ExecFrame::Stderr(b"and a complaint\n".to_vec()));
        send(&ExecFrame::Ended(end));
        (head.lines().next().unwrap_or_default().to_owned(), open.expect("the program was opened"))
    });
    (address, thread)
}

fn build_home(server: &str) -> Home {
    let home = Home::new();
    home.sign_in(server);
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    home
}

#[test]
fn exec_relays_both_streams_and_the_exit_status() {
    let (server, thread) = serve_program(ExecEnd { exit_code: Some(3), signal: None, reason: None });
    let words = ["exec", "web", "--", "sort", "-r", "--json"];
    insta::assert_snapshot!(build_home(&server).run_with_input(&words, "some input\n"), @"
    out| given: some input
    err| and a complaint
    ends with 3
    ");
    let (request_line, open) = thread.join().expect("the server thread ends");
    assert_eq!(request_line, "POST /jobs/v1/tool/dup-finder/jobs/web/exec HTTP/1.1");
    assert_eq!(open.command, ["sort", "-r", "--json"]);
    assert_eq!(open.terminal, None, "there is no terminal");
}

#[test]
fn exec_without_an_exit_status_reports_the_reason() {
    let reason = Some("web was replaced by a newer one".to_owned());
    let (server, _) = serve_program(ExecEnd { exit_code: None, signal: None, reason });
    insta::assert_snapshot!(build_home(&server).run_with_input(&["exec", "web"], ""), @"
    out| given:
    err| and a complaint
    err| error: web was replaced by a newer one [exec-ended]
    err| next:  hearth jobs list
    ends with 1
    ");
}

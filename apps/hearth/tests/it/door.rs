//! A door that gives prepared answers, to see what the program makes of them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
};

/// Answers by method and path: a status and a body.
pub type Answers = BTreeMap<&'static str, (u16, &'static str)>;

/// The address of a door that gives `answers`, and 404 for the rest, for as long as the test runs.
pub fn open(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let _the_caller_went_away = answer(connection, &answers);
        }
    });
    address
}

/// Addresses of doors that nobody opens: no service has these ports.
pub const CLOSED: [&str; 2] = ["http://127.0.0.1:1", "http://127.0.0.1:2"];

fn answer(mut connection: TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header == "\r\n" {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let target = request.rsplit_once(' ').map_or("", |(target, _)| target);
    let target = target.split('?').next().unwrap_or_default();
    let none = (404, r#"{"messages":{"error":["there is nothing at this path"]},"code":"no-such-path"}"#);
    let (status, body) = answers.get(target).copied().unwrap_or(none);
    write!(
        connection,
        "HTTP/1.1 {status} Prepared\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

//! HTTP and TCP probes. The code parses untrusted responses, so the local runtime runs it in an unprivileged
//! process.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{HttpExpectation, ProbeCheck, ProbeFailure, ProbeOutcome};

/// Maximum number of bytes read to find the status of a response.
const MAX_ANSWER_BYTES: usize = 16 << 10;

/// Sends a probe to a container's address and waits up to `timeout` for the response. An exec check returns
/// [`ProbeOutcome::NotSent`].
pub async fn probe_address(address: Ipv4Addr, check: &ProbeCheck, timeout: Duration) -> ProbeOutcome {
    let (port, request) = match check {
        ProbeCheck::Tcp { port } => (*port, None),
        ProbeCheck::HttpGet { path, port, expect } => (*port, Some((path, *expect))),
        ProbeCheck::Exec { .. } => return ProbeOutcome::NotSent,
    };
    let mut connected = false;
    let exchange = async {
        let mut stream = match TcpStream::connect((address, port)).await {
            Ok(stream) => stream,
            Err(error) if is_local_error(&error) => return ProbeOutcome::NotSent,
            Err(_) => return ProbeOutcome::Failed(ProbeFailure::NoConnection),
        };
        connected = true;
        let Some((path, expect)) = request else { return ProbeOutcome::Passed };
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\nUser-Agent: hearth-health\r\n\
             Accept: */*\r\nConnection: close\r\n\r\n"
        );
        if stream.write_all(head.as_bytes()).await.is_err() {
            return ProbeOutcome::Failed(ProbeFailure::NotHttp);
        }
        match read_status(&mut stream).await {
            Some(200..400) => ProbeOutcome::Passed,
            Some(_) if expect == HttpExpectation::AnyAnswer => ProbeOutcome::Passed,
            Some(status) => ProbeOutcome::Failed(ProbeFailure::Status { status }),
            None => ProbeOutcome::Failed(ProbeFailure::NotHttp),
        }
    };
    let answered = tokio::time::timeout(timeout, exchange).await;
    let is_slow = matches!(request, Some((_, HttpExpectation::AnyAnswer))) && connected;
    match answered {
        Ok(outcome) => outcome,
        Err(_) if is_slow => ProbeOutcome::Passed,
        Err(_) => ProbeOutcome::Failed(ProbeFailure::TimedOut),
    }
}

/// errno values (asm-generic/errno.h): EPERM, ENOMEM, EACCES, ENFILE, EMFILE, EADDRNOTAVAIL, ENOBUFS.
const LOCAL_ERRNOS: [i32; 7] = [1, 12, 13, 23, 24, 99, 105];

/// True for an error of this process or host, which says nothing about the container (connect(2), socket(2)).
fn is_local_error(error: &std::io::Error) -> bool {
    error.raw_os_error().is_some_and(|errno| LOCAL_ERRNOS.contains(&errno))
}

async fn read_status(stream: &mut TcpStream) -> Option<u16> {
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        answer.extend_from_slice(&chunk[..read]);
        match parse_status(&answer) {
            ParsedStatus::Status(status) => return Some(status),
            ParsedStatus::NotHttp => return None,
            ParsedStatus::Incomplete if answer.len() >= MAX_ANSWER_BYTES => return None,
            ParsedStatus::Incomplete => {}
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum ParsedStatus {
    Status(u16),
    NotHttp,
    Incomplete,
}

/// Parses the status from the first bytes of a response (RFC 9112, section 4). Skips interim responses (1xx
/// except 101).
fn parse_status(mut answer: &[u8]) -> ParsedStatus {
    loop {
        let shape = |at: usize, byte: u8| match at {
            0..=6 => byte == b"HTTP/1."[at],
            7 => byte.is_ascii_digit(),
            8 => byte == b' ',
            _ => byte.is_ascii_digit(),
        };
        if !answer.iter().take(12).enumerate().all(|(at, byte)| shape(at, *byte)) {
            return ParsedStatus::NotHttp;
        }
        let Some(digits) = answer.get(9..12) else { return ParsedStatus::Incomplete };
        let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
        match status {
            101 | 200..=999 => return ParsedStatus::Status(status),
            100..=199 => {}
            _ => return ParsedStatus::NotHttp,
        }
        match answer.windows(4).position(|window| window == b"\r\n\r\n") {
            Some(end) => answer = &answer[end + 4..],
            None => return ParsedStatus::Incomplete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{net::TcpListener, task::JoinSet};

    #[test]
    fn status_is_read_from_the_first_bytes() {
        assert_eq!(parse_status(b"HTTP/1.1 204 No Content\r\n"), ParsedStatus::Status(204));
        assert_eq!(parse_status(b"HTTP/1.0 503"), ParsedStatus::Status(503));
        assert_eq!(
            parse_status(b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200"),
            ParsedStatus::Status(200)
        );
        for part in [&b""[..], b"HTT", b"HTTP/1.1 20", b"HTTP/1.1 100 Continue\r\n"] {
            assert_eq!(parse_status(part), ParsedStatus::Incomplete);
        }
        for other in
            [&b"SSH-2.0"[..], b"HTTP/2 200", b"HTTP/1.1 abc", b"HTTP/1.1 099", b"\0\xff", b"HTTP/1.1\t200"]
        {
            assert_eq!(parse_status(other), ParsedStatus::NotHttp, "{other:?}");
        }
    }

    /// Starts a server that sends these bytes on each connection and closes it, or stays silent for `None`.
    async fn serve_response(answer: Option<&'static [u8]>) -> (u16, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                match answer {
                    Some(answer) => {
                        let mut request = [0; 512];
                        let _read = stream.read(&mut request).await;
                        let _written = stream.write_all(answer).await;
                    }
                    None => open.push(stream),
                }
            }
        });
        (port, serving)
    }

    async fn send_http_probe(port: u16, expect: HttpExpectation) -> ProbeOutcome {
        let check = ProbeCheck::HttpGet { path: "/".to_owned(), port, expect };
        probe_address(Ipv4Addr::LOCALHOST, &check, Duration::from_millis(300)).await
    }

    #[tokio::test]
    async fn expectation_decides_which_answers_pass() {
        use HttpExpectation::{AnyAnswer, Success};
        let status = |status| ProbeOutcome::Failed(ProbeFailure::Status { status });
        let not_http = ProbeOutcome::Failed(ProbeFailure::NotHttp);
        for (answer, success, any) in [
            (&b"HTTP/1.1 302 Found\r\n\r\n"[..], ProbeOutcome::Passed, ProbeOutcome::Passed),
            (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", status(500), ProbeOutcome::Passed),
            (b"hello, this is something else", not_http, not_http),
            (b"", not_http, not_http),
        ] {
            let (port, _serving) = serve_response(Some(answer)).await;
            assert_eq!(send_http_probe(port, Success).await, success);
            assert_eq!(send_http_probe(port, AnyAnswer).await, any);
        }
    }

    #[tokio::test]
    async fn answer_without_an_end_is_not_read_for_ever() {
        let flood: &'static [u8] = Box::leak(vec![b'1'; 1 << 20].into_boxed_slice());
        let interim = [b"HTTP/1.1 100 Continue\r\nX: ", flood].concat();
        let (port, _serving) = serve_response(Some(Box::leak(interim.into_boxed_slice()))).await;
        let outcome = send_http_probe(port, HttpExpectation::Success).await;
        assert_eq!(outcome, ProbeOutcome::Failed(ProbeFailure::NotHttp));
    }

    #[tokio::test]
    async fn server_that_does_not_answer_is_slow_or_failed() {
        let (port, _serving) = serve_response(None).await;
        assert_eq!(send_http_probe(port, HttpExpectation::AnyAnswer).await, ProbeOutcome::Passed);
        let late = ProbeOutcome::Failed(ProbeFailure::TimedOut);
        assert_eq!(send_http_probe(port, HttpExpectation::Success).await, late);
        let tcp = ProbeCheck::Tcp { port };
        let connected = probe_address(Ipv4Addr::LOCALHOST, &tcp, Duration::from_secs(5)).await;
        assert_eq!(connected, ProbeOutcome::Passed);
    }

    #[tokio::test]
    async fn closed_port_is_no_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let none = ProbeOutcome::Failed(ProbeFailure::NoConnection);
        assert_eq!(send_http_probe(port, HttpExpectation::AnyAnswer).await, none);
    }
}

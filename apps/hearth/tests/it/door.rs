//! A door that gives prepared answers, to see what the program makes of them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// Answers by method and path, perhaps with a query: a status and a body. With the status 0 there is none, for ever.
pub struct Answers(BTreeMap<String, (u16, String)>);

impl<T: Into<String>, const N: usize> From<[(&str, (u16, T)); N]> for Answers {
    fn from(answers: [(&str, (u16, T)); N]) -> Self {
        let owned = |(target, (status, body)): (&str, (u16, T))| (target.to_owned(), (status, body.into()));
        Self(answers.into_iter().map(owned).collect())
    }
}

impl Answers {
    /// The answer for this very target, else for its path.
    fn to(&self, target: &str) -> (u16, &str) {
        let path = target.split('?').next().unwrap_or_default();
        match self.0.get(target).or_else(|| self.0.get(path)) {
            Some((status, body)) => (*status, body),
            None => {
                (404, r#"{"messages":{"error":["there is nothing at this path"]},"code":"no-such-path"}"#)
            }
        }
    }
}

/// What Hearth says to somebody who shows nothing.
pub const NOBODY: &str = r#"{"messages": {"error": ["nobody is signed in"]}, "code": "not-signed-in",
    "request_id": "req_1", "help": "hearth login"}"#;

/// What it says to a token that is not good, or not any more.
pub const NOT_GOOD: &str = r#"{"messages": {"error": ["the token shown is not good"]}, "code": "credential-refused",
    "request_id": "req_2"}"#;

/// How much a tool may use.
pub const QUOTA: &str = r#"{"data": {"memory": "8Gi", "cpu": "8", "job_memory": "4Gi", "job_cpu": "3", "job_disk": "16Gi",
    "running_jobs": 16, "scheduled_jobs": 50, "continuous_jobs": 16, "replicas": 8, "running_builds": 4,
    "envvars": 64, "image_storage": "4Gi"}, "messages": {}}"#;

/// What it says to who is no member of the tool.
pub const NO_RIGHT: &str = r#"{"messages": {"error": ["this needs the right tools:read"]}, "code": "forbidden",
    "request_id": "req_1", "help": "ask an owner"}"#;

/// The tools of somebody who owns one, `dup-finder`.
pub const MY_TOOLS: &str = r#"{"data": {"items": [{"id": "tool_00000000000000000000000001", "name": "dup-finder",
    "description": "", "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"}]}}"#;

/// A door that gives prepared answers, and 404 for the rest, for as long as the test runs.
pub struct Door {
    /// Its address.
    pub address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Door {
    /// Opens it.
    pub fn open(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let notes = Arc::clone(&heard);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let _the_caller_went_away = answer(connection, &answers, &notes);
            }
        });
        Self { address, heard }
    }

    /// What was asked so far: method, path and query, and the body where there is one.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("nobody panicked").clone()
    }
}

/// The address of a door of which only the answers matter.
pub fn open(answers: Answers) -> String {
    Door::open(answers).address
}

/// Addresses of doors that nobody opens: no service has these ports.
pub const CLOSED: [&str; 2] = ["http://127.0.0.1:1", "http://127.0.0.1:2"];

fn answer(mut connection: TcpStream, answers: &Answers, heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
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
    let mut content = Vec::new();
    reader.take(length).read_to_end(&mut content)?;
    let target = request.rsplit_once(' ').map_or("", |(target, _)| target);
    let content = String::from_utf8(content).unwrap_or_else(|_| "(bytes)".to_owned());
    heard.lock().expect("nobody panicked").push(format!("{target} {content}").trim_end().to_owned());
    let (status, body) = answers.to(target);
    if status == 0 {
        std::mem::forget(connection);
        return Ok(());
    }
    write!(
        connection,
        "HTTP/1.1 {status} Prepared\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

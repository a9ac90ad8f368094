//! A fake server with prepared answers.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// Answers by method and path, with or without a query: a status and a body. The status 0 means no answer at
/// all.
pub struct PreparedAnswers(BTreeMap<String, (u16, String)>);

impl<T: Into<String>, const N: usize> From<[(&str, (u16, T)); N]> for PreparedAnswers {
    fn from(answers: [(&str, (u16, T)); N]) -> Self {
        let owned = |(target, (status, body)): (&str, (u16, T))| (target.to_owned(), (status, body.into()));
        Self(answers.into_iter().map(owned).collect())
    }
}

impl PreparedAnswers {
    /// Finds the answer for the exact target, else for its path.
    fn find_answer(&self, target: &str) -> (u16, &str) {
        let path = target.split('?').next().unwrap_or_default();
        match self.0.get(target).or_else(|| self.0.get(path)) {
            Some((status, body)) => (*status, body),
            None => {
                (404, r#"{"messages":{"error":["there is nothing at this path"]},"code":"no-such-path"}"#)
            }
        }
    }
}

/// The answer to a request without a credential.
pub const NOT_SIGNED_IN_JSON: &str = r#"{"messages": {"error": ["you are not signed in"]}, "code": "not-signed-in",
    "request_id": "req_1", "help": "hearth login"}"#;

/// The answer to an invalid token.
pub const INVALID_TOKEN_JSON: &str = r#"{"messages": {"error": ["the token shown is not good"]}, "code": "credential-refused",
    "request_id": "req_2"}"#;

/// The answer with a tool's quota.
pub const QUOTA_JSON: &str = r#"{"data": {"memory": "8Gi", "cpu": "8", "job_memory": "4Gi", "job_cpu": "3", "job_disk": "16Gi",
    "running_jobs": 16, "scheduled_jobs": 50, "continuous_jobs": 16, "replicas": 8, "running_builds": 4,
    "envvars": 64, "image_storage": "4Gi"}, "messages": {}}"#;

/// The answer to a caller who is not a member of the tool.
pub const FORBIDDEN_JSON: &str = r#"{"messages": {"error": ["this needs the right tools:read"]}, "code": "forbidden",
    "request_id": "req_1", "help": "ask an owner"}"#;

/// The tools of a caller who owns `dup-finder`.
pub const MY_TOOLS_JSON: &str = r#"{"data": {"items": [{"id": "tool_00000000000000000000000001", "name": "dup-finder",
    "description": "", "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"}]}}"#;

/// A server with prepared answers, and 404 for other requests, until the test ends.
pub struct FakeServer {
    /// Its address.
    pub address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeServer {
    /// Starts the server.
    pub fn start(answers: PreparedAnswers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("the listener has an address"));
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let notes = Arc::clone(&heard);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let _connection_closed = answer_request(connection, &answers, &notes);
            }
        });
        Self { address, requests: heard }
    }

    /// Returns the requests so far: method, path, query, and the body if there is one.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("the lock is not poisoned").clone()
    }
}

/// Starts a server and returns its address.
pub fn start_fake_server(answers: PreparedAnswers) -> String {
    FakeServer::start(answers).address
}

/// Addresses without a server: no service uses these ports.
pub const CLOSED_ADDRESSES: [&str; 2] = ["http://127.0.0.1:1", "http://127.0.0.1:2"];

fn answer_request(
    mut connection: TcpStream,
    answers: &PreparedAnswers,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
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
    heard.lock().expect("the lock is not poisoned").push(format!("{target} {content}").trim_end().to_owned());
    let (status, body) = answers.find_answer(target);
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

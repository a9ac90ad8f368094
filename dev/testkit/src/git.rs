//! A server of git repositories on the loopback, by git's own `git http-backend` (`git-http-backend(1)`).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use hearth_base::{Error, Result};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinSet,
};

/// A server of git repositories. It ends with this value.
pub struct GitServer {
    folder: TempDir,
    place: String,
    redirect: Arc<Mutex<Option<String>>>,
    _server: JoinSet<()>,
}

impl GitServer {
    /// Starts a server without repositories.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let place = listener.local_addr().map_err(Error::internal)?.to_string();
        let redirect = Arc::<Mutex<Option<String>>>::default();
        let (root, elsewhere) = (folder.path().to_owned(), redirect.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let elsewhere = elsewhere.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let root = root.clone();
                answers.spawn(async move { answer(stream, &root, elsewhere).await.unwrap_or_default() });
            }
        });
        Ok(Self { folder, place, redirect, _server: server })
    }

    /// Where it listens, as `ADDRESS:PORT`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The address of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.place)
    }

    /// Redirects every request from here on to this address.
    pub fn redirect(&self, to: &str) {
        *self.redirect.lock().unwrap_or_else(PoisonError::into_inner) = Some(to.to_owned());
    }

    /// Makes a repository, or adds a commit to it, with these files on the branch `main`. The commit.
    pub fn commit(&self, name: &str, files: &[(&str, &str)]) -> Result<String> {
        let folder = self.folder.path().join(name);
        if !folder.exists() {
            fs::create_dir_all(&folder).map_err(Error::internal)?;
            self.git(name, &["init", "--quiet", "--initial-branch=main"])?;
            self.git(name, &["config", "uploadpack.allowAnySHA1InWant", "true"])?;
        }
        for (path, content) in files {
            let path = folder.join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(Error::internal)?;
            fs::write(path, content).map_err(Error::internal)?;
        }
        self.git(name, &["add", "--all"])?;
        self.git(name, &["commit", "--quiet", "--allow-empty", "--message=a change"])?;
        self.git(name, &["rev-parse", "HEAD"])
    }

    /// Runs git in a repository. What it wrote.
    pub fn git(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let ran = std::process::Command::new("git")
            .args(["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"])
            .args(arguments)
            .current_dir(self.folder.path().join(name))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .map_err(Error::internal)?;
        if !ran.status.success() {
            return Err(Error::internal(String::from_utf8_lossy(&ran.stderr).into_owned()));
        }
        Ok(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
    }

    /// The folder of a repository.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Answers one request by CGI (RFC 3875), and closes.
async fn answer(stream: TcpStream, root: &Path, elsewhere: Option<String>) -> std::io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    let mut line = String::new();
    input.read_line(&mut line).await?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut backend = Command::new("git");
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REMOTE_ADDR", "127.0.0.1");
    // A repository with a work tree is served from its `.git`.
    if let Some((name, rest)) = path.trim_start_matches('/').split_once('/') {
        backend.env("PATH_INFO", format!("/{name}/.git/{rest}"));
    }
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        input.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "transfer-encoding" => chunked = true,
            "content-type" => drop(backend.env("CONTENT_TYPE", value)),
            "content-encoding" => drop(backend.env("HTTP_CONTENT_ENCODING", value)),
            "git-protocol" => drop(backend.env("HTTP_GIT_PROTOCOL", value)),
            _ => {}
        }
    }
    if let Some(place) = elsewhere {
        let text = format!(
            "HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        return output.write_all(text.as_bytes()).await;
    }
    let body = if chunked {
        whole(&mut input).await?
    } else {
        let mut body = vec![0; length];
        input.read_exact(&mut body).await?;
        body
    };
    backend.env("CONTENT_LENGTH", body.len().to_string());
    let mut child = backend.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut give = child.stdin.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
    let given = async move { give.write_all(&body).await };
    let (given, told) = tokio::join!(given, child.wait_with_output());
    let told = told?.stdout;
    given.unwrap_or_default();
    let end = told.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let head = String::from_utf8_lossy(&told[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let content = told.get(end + 4..).unwrap_or_default();
    let text = format!(
        "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    output.write_all(text.as_bytes()).await?;
    output.write_all(content).await
}

/// Reads a chunked body (RFC 9112, section 7.1).
async fn whole(input: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        input.read_line(&mut size).await?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        input.read_exact(&mut chunk).await?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

//! A git server on the loopback interface, based on `git http-backend` (`git-http-backend(1)`), with Git LFS objects.

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

use crate::{git_access::GitAccess, lfs::LfsObjects};

/// A git server. It stops when this value is dropped.
pub struct GitServer {
    folder: TempDir,
    address: String,
    redirect: Arc<Mutex<Option<String>>>,
    lfs: LfsObjects,
    access: GitAccess,
    _server_tasks: JoinSet<()>,
}

impl GitServer {
    /// Starts a server without repositories.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?.to_string();
        let redirect = Arc::<Mutex<Option<String>>>::default();
        let (root, redirect_target) = (folder.path().to_owned(), redirect.clone());
        let lfs = LfsObjects::default();
        let access = GitAccess::default();
        let (stored, rules, host) = (lfs.clone(), access.clone(), address.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let redirect_target = redirect_target.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let (root, lfs, host) = (root.clone(), stored.clone(), host.clone());
                let access = rules.clone();
                answers.spawn(async move {
                    let answered = answer_request(stream, &root, redirect_target, &access, &lfs, &host);
                    answered.await.unwrap_or_default()
                });
            }
        });
        Ok(Self { folder, address, redirect, lfs, access, _server_tasks: server })
    }

    /// The address of the server, as `ADDRESS:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of a repository.
    pub fn repository_url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Stores a Git LFS object, which every repository has. Returns the text of its pointer.
    pub fn store_lfs_object(&self, content: &[u8]) -> String {
        self.lfs.store_object(content)
    }

    /// Rules of access to repositories: without any, each is public.
    pub fn access(&self) -> &GitAccess {
        &self.access
    }

    /// Redirects every later request to this URL.
    pub fn redirect_to(&self, to: &str) {
        *self.redirect.lock().unwrap_or_else(PoisonError::into_inner) = Some(to.to_owned());
    }

    /// Commits these files to the branch `main` of a repository, which is created if needed. Returns the
    /// commit id.
    pub fn commit_files(&self, name: &str, files: &[(&str, &str)]) -> Result<String> {
        let folder = self.folder.path().join(name);
        if !folder.exists() {
            fs::create_dir_all(&folder).map_err(Error::internal)?;
            self.run_git(name, &["init", "--quiet", "--initial-branch=main"])?;
            self.run_git(name, &["config", "uploadpack.allowAnySHA1InWant", "true"])?;
        }
        for (path, content) in files {
            let path = folder.join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(Error::internal)?;
            fs::write(path, content).map_err(Error::internal)?;
        }
        self.run_git(name, &["add", "--all"])?;
        self.run_git(name, &["commit", "--quiet", "--allow-empty", "--message=a change"])?;
        self.run_git(name, &["rev-parse", "HEAD"])
    }

    /// Runs git in a repository and returns its standard output.
    pub fn run_git(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let ran = std::process::Command::new("git")
            .args(["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"])
            .args(arguments)
            .current_dir(self.folder.path().join(name))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            // Debian's package of Git LFS adds filters to the configuration of the machine.
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .map_err(Error::internal)?;
        if !ran.status.success() {
            return Err(Error::internal(String::from_utf8_lossy(&ran.stderr).into_owned()));
        }
        Ok(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
    }

    /// The folder of a repository.
    pub fn repository_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Answers one request by CGI (RFC 3875), and closes the connection.
async fn answer_request(
    stream: TcpStream,
    root: &Path,
    redirect_target: Option<String>,
    access: &GitAccess,
    lfs: &LfsObjects,
    host: &str,
) -> std::io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    let mut line = String::new();
    input.read_line(&mut line).await?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut backend = create_backend(root, method, path, query);
    let (mut length, mut chunked, mut authorization) = (0, false, None);
    loop {
        let mut header = String::new();
        input.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap_or(0),
            "transfer-encoding" => chunked = true,
            "content-type" => drop(backend.env("CONTENT_TYPE", value)),
            "content-encoding" => drop(backend.env("HTTP_CONTENT_ENCODING", value)),
            "git-protocol" => drop(backend.env("HTTP_GIT_PROTOCOL", value)),
            _ => {}
        }
    }
    let refusal = access.check_request(target, authorization.as_deref());
    if let Some(address) = redirect_target {
        return write_reply(&mut output, "302 Found", &format!("Location: {address}"), &[]).await;
    }
    let body = if chunked {
        read_request(&mut input).await?
    } else {
        let mut body = vec![0; length];
        input.read_exact(&mut body).await?;
        body
    };
    if let Some((status, head)) = refusal {
        return write_reply(&mut output, status, &head, &[]).await;
    }
    if let Some((media_type, content)) = lfs.answer_request(host, path, &body) {
        return write_reply(&mut output, "200 OK", &format!("Content-Type: {media_type}"), &content).await;
    }
    run_backend(backend, body, &mut output).await
}

/// Creates the process that answers a request for a path.
fn create_backend(root: &Path, method: &str, path: &str, query: &str) -> Command {
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
    backend
}

/// Runs git with the body of a request, and writes its reply.
async fn run_backend(
    mut backend: Command,
    body: Vec<u8>,
    output: &mut (impl AsyncWriteExt + Unpin),
) -> std::io::Result<()> {
    backend.env("CONTENT_LENGTH", body.len().to_string());
    let mut child = backend.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut stdin = child.stdin.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
    let written = async move { stdin.write_all(&body).await };
    let (written, reply) = tokio::join!(written, child.wait_with_output());
    let reply = reply?.stdout;
    written.unwrap_or_default();
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let head = String::from_utf8_lossy(&reply[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let content = reply.get(end + 4..).unwrap_or_default();
    write_reply(output, status, &head, content).await
}

/// Writes a reply with these header lines, which closes the connection.
async fn write_reply(
    output: &mut (impl AsyncWriteExt + Unpin),
    status: &str,
    head: &str,
    content: &[u8],
) -> std::io::Result<()> {
    let text = format!(
        "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    output.write_all(text.as_bytes()).await?;
    output.write_all(content).await
}

/// Reads a chunked body (RFC 9112, section 7.1).
async fn read_request(input: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Vec<u8>> {
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

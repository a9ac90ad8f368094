//! A web server on the loopback that is told things: the other end of a webhook.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hearth_base::{Error, Result};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What a receiver was told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The first line.
    pub request: String,
    headers: Vec<(String, String)>,
    /// What was sent.
    pub body: String,
}

impl Told {
    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// How a receiver answers.
#[derive(Debug, Clone)]
pub struct Mood {
    /// The status and reason.
    pub status: &'static str,
    /// More headers, each with its end.
    pub headers: String,
    /// The content.
    pub body: String,
    /// How long it thinks first.
    pub thinks: Duration,
    /// How many more bytes it promises, and never sends.
    pub promises: usize,
}

impl Default for Mood {
    fn default() -> Self {
        Self {
            status: "204 No Content",
            headers: String::new(),
            body: String::new(),
            thinks: Duration::ZERO,
            promises: 0,
        }
    }
}

/// A web server that is told things. It ends with this value.
pub struct Receiver {
    place: String,
    mood: Arc<Mutex<Mood>>,
    told: Arc<Mutex<Vec<Told>>>,
    _server: JoinSet<()>,
}

impl Receiver {
    /// Starts one that takes everything.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let place = listener.local_addr().map_err(Error::internal)?.to_string();
        let (mood, told) = (Arc::<Mutex<Mood>>::default(), Arc::<Mutex<Vec<Told>>>::default());
        let (moods, heard) = (mood.clone(), told.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let mood = moods.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let heard = heard.clone();
                answers.spawn(async move { answer(stream, &mood, &heard).await.unwrap_or_default() });
            }
        });
        Ok(Self { place, mood, told, _server: server })
    }

    /// Where it listens, as `ADDRESS:PORT`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}/told?key=k3y", self.place)
    }

    /// How it answers from now on.
    pub fn answers(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// What it was told so far.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(stream: TcpStream, mood: &Mood, heard: &Mutex<Vec<Told>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut told = Told::default();
    stream.read_line(&mut told.request).await?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        told.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut body = vec![0; told.header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    told.body = String::from_utf8_lossy(&body).into_owned();
    heard.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    tokio::time::sleep(mood.thinks).await;
    let Mood { status, headers, body, promises, .. } = mood;
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len() + promises);
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await?;
    if *promises > 0 {
        // Until the other end has had enough of it.
        stream.read_to_end(&mut Vec::new()).await?;
    }
    Ok(())
}

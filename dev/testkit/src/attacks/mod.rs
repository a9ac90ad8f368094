//! Attacks of one address and of one tool on a Hearth, each of a bounded size. The tests `tenants` and the bench
//! `tenants` share them.
//!
//! | attack | tries to exhaust |
//! |---|---|
//! | [`Attack::IdleConnections`] | connections of the door |
//! | [`Attack::UnreadResponses`] | connections and buffers: readers that never read |
//! | [`Attack::SlowBodies`] | connections: bodies that trickle |
//! | [`Attack::RequestFlood`] | the gateway: requests without a credential |
//! | [`Attack::InvalidCredentials`] | look-ups of credentials |
//! | [`Attack::PasswordGuesses`] | the processors, by password hashes |
//! | [`Attack::UnreadPages`] | visits: readers of the tool's own page that never read |
//! | [`Attack::Uploads`] | the disk, by uploads without a declared length |
//! | [`Attack::LogFlood`] | the disk and the log service, by a job that writes without end |

mod neighbor;
mod requests;
mod tool;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use hearth_base::{Error, Result};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

pub use self::{
    neighbor::{ATTACK_SETTINGS, NeighborTool},
    tool::AttackingTool,
};
use crate::Hearth;

/// Idle connections that one address opens.
const IDLE_CONNECTION_COUNT: usize = 1_100;
/// Connections of one address whose reader never reads, or whose body trickles.
const STALLED_CONNECTION_COUNT: usize = 100;
/// Requests that a reader sends at once: their responses do not fit into the buffers of a connection.
const PIPELINED_REQUEST_COUNT: usize = 16;

/// A kind of attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// One address opens 1,100 connections; half of them send a part of a request's head.
    IdleConnections,
    /// 100 connections request much and never read.
    UnreadResponses,
    /// 100 connections send a byte of a large body per second.
    SlowBodies,
    /// Requests without a credential, as fast as the pace allows.
    RequestFlood,
    /// Requests with random tokens.
    InvalidCredentials,
    /// Sign-ins with wrong passwords.
    PasswordGuesses,
    /// 300 connections to a large page of the attacking tool that never read.
    UnreadPages,
    /// Concurrent chunked uploads to the registry, until the quota ends them; then again.
    Uploads,
    /// A job that writes lines without a pause.
    LogFlood,
}

impl Attack {
    /// Attacks of an address, which need no tool.
    pub const BY_ADDRESS: [Self; 6] = [
        Self::IdleConnections,
        Self::UnreadResponses,
        Self::SlowBodies,
        Self::RequestFlood,
        Self::InvalidCredentials,
        Self::PasswordGuesses,
    ];
    /// Attacks of a tool.
    pub const BY_TOOL: [Self; 3] = [Self::UnreadPages, Self::Uploads, Self::LogFlood];

    /// All attacks.
    pub fn list_all() -> impl Iterator<Item = Self> {
        Self::BY_ADDRESS.into_iter().chain(Self::BY_TOOL)
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IdleConnections => "idle-connections",
            Self::UnreadResponses => "unread-responses",
            Self::SlowBodies => "slow-bodies",
            Self::RequestFlood => "request-flood",
            Self::InvalidCredentials => "invalid-credentials",
            Self::PasswordGuesses => "password-guesses",
            Self::UnreadPages => "unread-pages",
            Self::Uploads => "uploads",
            Self::LogFlood => "log-flood",
        })
    }
}

/// An attack in progress. It ends when this value is dropped.
#[derive(Debug, Default)]
pub struct RunningAttack {
    connections: Vec<TcpStream>,
    tasks: JoinSet<()>,
}

impl RunningAttack {
    /// Number of connections that were opened and are held.
    pub fn count_connections(&self) -> usize {
        self.connections.len()
    }
}

/// An address that attacks a Hearth.
#[derive(Debug, Clone, Copy)]
pub struct AttackingAddress {
    door: SocketAddr,
    source: IpAddr,
}

impl AttackingAddress {
    /// The address `source` of the loopback interface, which only the attacker uses.
    pub fn new(hearth: &Hearth, source: IpAddr) -> Result<Self> {
        let door = hearth.url().trim_start_matches("http://").parse().map_err(Error::internal)?;
        Ok(Self { door, source })
    }

    /// Connects to the door from this address.
    pub async fn connect(self) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4().map_err(Error::internal)?;
        socket.bind(SocketAddr::new(self.source, 0)).map_err(Error::internal)?;
        socket.connect(self.door).await.map_err(Error::internal)
    }

    /// Begins an attack of [`Attack::BY_ADDRESS`]. `victim` is the name of a user whose password is guessed.
    pub async fn begin(self, attack: Attack, victim: &str) -> Result<RunningAttack> {
        let mut running = RunningAttack::default();
        match attack {
            Attack::IdleConnections => {
                running.connections = self.open_connections(IDLE_CONNECTION_COUNT, "").await?;
                for connection in running.connections.iter_mut().step_by(2) {
                    // The door may have closed it in favor of a later one.
                    let _sent = connection.write_all(b"GET / HTTP/1.1\r\nhost: loc").await;
                }
            }
            Attack::UnreadResponses => {
                let request = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
                let requests = request.repeat(PIPELINED_REQUEST_COUNT);
                running.connections = self.open_connections(STALLED_CONNECTION_COUNT, &requests).await?;
            }
            Attack::SlowBodies => {
                let head = "POST /accounts/v1/sessions HTTP/1.1\r\nhost: localhost\r\n\
                    content-type: application/json\r\ncontent-length: 100000\r\n\r\n{";
                for connection in self.open_connections(STALLED_CONNECTION_COUNT, head).await? {
                    running.tasks.spawn(requests::send_slowly(connection));
                }
            }
            Attack::RequestFlood => requests::begin_flood(self, &mut running.tasks),
            Attack::InvalidCredentials => requests::begin_token_guesses(self, &mut running.tasks),
            Attack::PasswordGuesses => requests::begin_password_guesses(self, victim, &mut running.tasks),
            Attack::UnreadPages | Attack::Uploads | Attack::LogFlood => {
                return Err(Error::internal(format!("{attack} is an attack of a tool")));
            }
        }
        Ok(running)
    }

    /// Opens connections, each of which sends `first`.
    pub(crate) async fn open_connections(self, count: usize, first: &str) -> Result<Vec<TcpStream>> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            let mut connection = self.connect().await?;
            // A refused connection is closed at once.
            let _sent = connection.write_all(first.as_bytes()).await;
            connections.push(connection);
        }
        Ok(connections)
    }
}

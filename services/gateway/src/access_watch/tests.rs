//! Tests of the end of streams and upgraded connections.

use std::{
    future::poll_fn,
    sync::atomic::{AtomicBool, Ordering},
};

use axum::{
    Json, Router,
    extract::Request,
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use hearth_base::{Access, Clock, Entropy, Scopes, SystemClock, ToolId, UserId};
use hearth_kit::{config::HearthConfig, server::HttpListener};
use hearth_testkit::{DatabaseKind, ScratchDatabase, ServiceStand};
use hearth_wire::{
    accounts::internal::{ResolvedCaller, ResolvedTool},
    reply::{Data, Messages},
    tools::Quota,
};
use hyper::{
    rt::{Read, ReadBuf},
    upgrade::OnUpgrade,
};
use jiff::SignedDuration;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;

fn build_identity(access: Option<Access>, operator: bool) -> Identity {
    let now = SystemClock.now();
    let (user, tool) = ids();
    Identity {
        caller: Caller::User { id: user, name: "ann".parse().unwrap(), operator },
        credential: Credential::None,
        scopes: Scopes::full_access(),
        audience: Role::Logs,
        tool: access.map(|access| ToolGrant::Granted { id: tool, name: "hello".parse().unwrap(), access }),
        expires: now,
    }
}

fn ids() -> (UserId, ToolId) {
    static CALLER_IDS: std::sync::OnceLock<(UserId, ToolId)> = std::sync::OnceLock::new();
    let now = SystemClock.now();
    *CALLER_IDS.get_or_init(|| (UserId::new(now, &Entropy::System), ToolId::new(now, &Entropy::System)))
}

#[test]
fn stream_continues_only_with_at_least_the_same_access() {
    let before = build_identity(Some(Access::Write), false);
    for (access, operator, same) in [
        (Some(Access::Write), false, true),
        (Some(Access::Own), true, true),
        (Some(Access::Read), false, false),
        (None, false, false),
    ] {
        let now = build_identity(access, operator);
        assert_eq!(has_same_access(&before, &now), same, "{access:?}");
    }
    let operator = build_identity(None, true);
    assert!(!has_same_access(&operator, &build_identity(None, false)));
    let other_scopes = Identity { scopes: Scopes::from_scopes([]), ..before.clone() };
    assert!(!has_same_access(&before, &other_scopes));
}

/// A gateway whose fake `accounts` resolves every secret until it is revoked.
struct WatchStand {
    stand: ServiceStand,
    gateway: Arc<Gateway>,
    is_revoked: Arc<AtomicBool>,
    _scratch: ScratchDatabase,
}

impl WatchStand {
    /// Starts the gateway. Credentials expire after `lifetime`, if there is one.
    async fn start(lifetime: Option<SignedDuration>) -> Result<Self> {
        let scratch = ScratchDatabase::new(DatabaseKind::Sqlite).await?;
        let (config, quota) = (HearthConfig::default(), Quota::default());
        let stand =
            ServiceStand::start_service(Role::Gateway, scratch.db(), crate::mount, config, quota).await?;
        let is_revoked = Arc::new(AtomicBool::new(false));
        let (revoked, (user, _)) = (is_revoked.clone(), ids());
        let expires = lifetime.map(|lifetime| stand.kit.clock.now() + lifetime);
        let resolve = async move || {
            if revoked.load(Ordering::Relaxed) {
                let refusal = json!({"messages": {"error": ["revoked"]}, "code": "credential-refused"});
                return Err((StatusCode::UNAUTHORIZED, Json(refusal)));
            }
            let data = ResolvedCaller {
                caller: Caller::User { id: user, name: "ann".parse().unwrap(), operator: false },
                credential: Credential::None,
                scopes: Scopes::full_access(),
                tool: ResolvedTool::None,
                expires,
            };
            Ok(Json(Data { data, messages: Messages::default() }))
        };
        let accounts = Router::new().route("/accounts/v1/internal/resolve", post(resolve));
        stand.set_fake_service(Role::Accounts, hearth_kit::build_local_service(accounts));
        let gateway = Arc::new(Gateway::new(&stand.kit)?);
        Ok(Self { stand, gateway, is_revoked, _scratch: scratch })
    }

    fn revoke_credential(&self) {
        self.is_revoked.store(true, Ordering::Relaxed);
        self.gateway.identities.note_changes([AccessChange::About(ids().0.to_string())]);
    }

    /// Opens a connection that leaves HTTP, as a websocket does. The server waits for what the client sends.
    async fn open_upgraded_connection(&self) -> Result<TcpStream> {
        let listener = HttpListener::open("127.0.0.1:0", "the test").await?;
        let address = listener.address();
        let (gateway, tasks) = (self.gateway.clone(), self.stand.tasks.clone());
        let upgrade = async move |mut request: Request| {
            let upgraded = request.extensions_mut().remove::<OnUpgrade>().unwrap();
            tasks.spawn("test", async move {
                let mut open_end = upgraded.await.unwrap();
                let mut bytes = [0; 1];
                let mut buffer = ReadBuf::new(&mut bytes);
                let _closed = poll_fn(|cx| Pin::new(&mut open_end).poll_read(cx, buffer.unfilled())).await;
            });
            let connection = request.extensions().get::<ConnectionHandle>().cloned();
            let caller = resolve_caller(&gateway).await.unwrap();
            let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "chat")];
            let response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
            watch_response(&gateway, caller, connection, response)
        };
        listener.serve(&self.stand.tasks, "test", Router::new().route("/", get(upgrade)));
        let mut client = TcpStream::connect(address).await.map_err(Error::internal)?;
        let head = b"GET / HTTP/1.1\r\nHost: hearth\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";
        client.write_all(head).await.map_err(Error::internal)?;
        let mut answer = [0; 1024];
        let length = client.read(&mut answer).await.map_err(Error::internal)?;
        assert!(answer[..length].starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
        Ok(client)
    }
}

async fn resolve_caller(gateway: &Gateway) -> Result<WatchedCaller> {
    let (secret, request) = (Secret::new("s3cret"), RequestId::new(SystemClock.now(), &Entropy::System));
    let service = Role::Logs;
    let signed = gateway.identities.sign_identity(Some(secret.clone()), service, None, request).await?;
    Ok(WatchedCaller { secret, service, tool: None, request, signed })
}

/// Waits until the server has closed the connection; false if it stays open for `time`.
async fn is_closed_within(client: &mut TcpStream, time: Duration) -> bool {
    let read = tokio::time::timeout(time, client.read(&mut [0; 1])).await;
    read.is_ok_and(|read| !matches!(read, Ok(1..)))
}

/// Time within which a stream must have ended; far below its limit of 15 minutes.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// A right that ends after the caller was resolved and before its stream is watched.
#[tokio::test]
async fn right_that_ended_before_the_watch_began_ends_the_stream() -> Result<()> {
    let watched = WatchStand::start(None).await?;
    let caller = resolve_caller(&watched.gateway).await?;
    watched.revoke_credential();
    let ended = wait_for_access_end(watched.gateway.clone(), caller);
    assert!(tokio::time::timeout(MAX_WAIT, ended).await.is_ok(), "the stream goes on");
    Ok(())
}

#[tokio::test]
async fn upgraded_connection_is_closed_when_its_right_ends() -> Result<()> {
    let watched = WatchStand::start(None).await?;
    let mut client = watched.open_upgraded_connection().await?;
    // A change after which the caller has the same access, and longer than the time to the close after one.
    watched.gateway.identities.note_changes([AccessChange::Any]);
    assert!(!is_closed_within(&mut client, UPGRADE_CLOSE_GRACE * 2).await, "closed without a reason");
    watched.revoke_credential();
    assert!(is_closed_within(&mut client, MAX_WAIT).await, "the connection stays open");
    Ok(())
}

#[tokio::test]
async fn upgraded_connection_is_closed_when_its_credential_expires() -> Result<()> {
    let watched = WatchStand::start(Some(SignedDuration::from_secs(1))).await?;
    let mut client = watched.open_upgraded_connection().await?;
    assert!(is_closed_within(&mut client, MAX_WAIT).await, "the connection stays open");
    Ok(())
}

#[test]
fn subjects_are_the_ids_that_access_events_name() {
    let (user, tool) = ids();
    let subjects = list_subjects(&build_identity(Some(Access::Read), false));
    assert_eq!(subjects, [user.to_string(), tool.to_string()]);
}

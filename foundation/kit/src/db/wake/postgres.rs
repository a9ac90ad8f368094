//! Wake-ups between processes by PostgreSQL's `LISTEN` and `NOTIFY`
//! (<https://www.postgresql.org/docs/current/sql-notify.html>).
//!
//! Notifications are sent after the commit and not within the transaction: a transaction with `NOTIFY` holds a
//! server-wide lock until its commit is on disk, which prevents group commit. One notification carries the topics of
//! many commits. When a process dies between its commit and its notification, the others notice after a poll
//! interval, or when the process is restarted: a starting process wakes all waiters.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use hearth_base::{Entropy, Secret};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, SqlxError, Statement,
    sqlx::postgres::PgListener,
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::WakeHub;

/// Maximum size of a notification's payload. PostgreSQL's limit is 7,999 bytes.
const MAX_PAYLOAD_BYTES: usize = 7_900;
/// Maximum number of notifications per batch of topics; a larger batch is replaced by one that wakes all waiters.
const MAX_NOTIFICATIONS: usize = 4;
/// Topic of the notifications by which a process checks its own connection.
const PING_TOPIC: &str = "ping";
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// The connection counts as lost after this time without a notification, including the process's own pings: TCP alone
/// does not detect a silent peer.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(90);
const FIRST_RECONNECT_PAUSE: Duration = Duration::from_millis(100);
const MAX_RECONNECT_PAUSE: Duration = Duration::from_secs(10);

/// Payload of a notification.
#[derive(Debug, Serialize, Deserialize)]
struct WakeMessage {
    /// Id of the sender, which has already woken its own waiters.
    from: String,
    /// Changed topics; empty: any topic may have changed.
    topics: BTreeSet<String>,
}

/// Connects this process with other processes on the same `schema`, until the returned tasks are dropped.
pub async fn connect_processes(
    hub: &Arc<WakeHub>,
    url: &Secret,
    schema: &str,
    connection: DatabaseConnection,
) -> JoinSet<()> {
    let from = format!("{:016x}", u64::from_le_bytes(Entropy::System.generate_bytes()));
    // Identifiers are limited to 63 bytes. Channels are local to a database.
    let channel = format!("hearth_wake_{}", schema.chars().take(40).collect::<String>());
    let listener = listen_to_channel(url, &channel).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(receive_notifications(Arc::clone(hub), listener, url.clone(), channel.clone(), from.clone()));
    tasks.spawn(send_notifications(Arc::clone(hub), connection, channel, from));
    tasks
}

/// Receives the notifications of other processes and wakes waiters; reconnects after an error.
async fn receive_notifications(
    hub: Arc<WakeHub>,
    mut listener: Result<PgListener, SqlxError>,
    url: Secret,
    channel: String,
    from: String,
) {
    let mut pause = FIRST_RECONNECT_PAUSE;
    loop {
        match listener {
            Ok(listener) => {
                pause = FIRST_RECONNECT_PAUSE;
                hub.set_connected(true);
                let error = receive_until_lost(&hub, listener, &from).await;
                hub.set_connected(false);
                tracing::warn!(error, "connection for wake-ups lost; will reconnect");
            }
            Err(error) => {
                hub.set_connected(false);
                tracing::debug!(%error, "connecting for wake-ups failed; will retry");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_RECONNECT_PAUSE);
        listener = listen_to_channel(&url, &channel).await;
    }
}

async fn listen_to_channel(url: &Secret, channel: &str) -> Result<PgListener, SqlxError> {
    let mut listener = PgListener::connect(url.expose_secret()).await?;
    listener.listen(channel).await?;
    Ok(listener)
}

/// Receives notifications until the connection is lost. Returns the reason.
async fn receive_until_lost(hub: &WakeHub, mut listener: PgListener, from: &str) -> String {
    // An automatic reconnect would hide that notifications were lost in between.
    listener.eager_reconnect(false);
    loop {
        let notification = match tokio::time::timeout(SILENCE_TIMEOUT, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => notification,
            Ok(Ok(None)) => return "the connection is closed".to_owned(),
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "no notification has arrived".to_owned(),
        };
        match serde_json::from_str::<WakeMessage>(notification.payload()) {
            Ok(message) if message.from == from => {}
            Ok(message) if !message.topics.is_empty() => {
                hub.wake_local_topics(message.topics.iter().map(String::as_str))
            }
            // An unreadable message may come from another release.
            Ok(_) | Err(_) => hub.wake_all(),
        }
    }
}

/// Sends changed topics to other processes, and a ping to this one when there is nothing to send.
async fn send_notifications(
    hub: Arc<WakeHub>,
    connection: DatabaseConnection,
    channel: String,
    from: String,
) {
    // A former life of this process may have died before it sent its notification: wake all waiters once.
    let mut topics = BTreeSet::new();
    loop {
        for payload in split_into_payloads(&from, topics) {
            let mut pause = FIRST_RECONNECT_PAUSE;
            // Retried without limit: connected waiters poll rarely. Topics that change meanwhile join the next batch.
            while let Err(error) = notify_channel(&connection, &channel, &payload).await {
                tracing::warn!(%error, "other processes not woken; will retry");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(MAX_RECONNECT_PAUSE);
            }
        }
        topics = tokio::time::timeout(PING_INTERVAL, hub.take_outgoing())
            .await
            .unwrap_or_else(|_| BTreeSet::from([PING_TOPIC.to_owned()]));
    }
}

async fn notify_channel(connection: &DatabaseConnection, channel: &str, payload: &str) -> Result<(), DbErr> {
    let values = [channel.into(), payload.into()];
    let notify = "SELECT pg_notify($1, $2)";
    let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, notify, values);
    connection.execute_raw(statement).await.map(drop)
}

/// Splits topics into as few payloads as possible.
fn split_into_payloads(from: &str, topics: BTreeSet<String>) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut part = BTreeSet::new();
    let mut bytes = 0;
    for topic in topics {
        // The length in JSON, including quotation marks and comma.
        let length = serde_json::to_string(&topic).map_or(MAX_PAYLOAD_BYTES, |json| json.len() + 1);
        if length > MAX_PAYLOAD_BYTES - 100 {
            return vec![render_payload(from, BTreeSet::new())];
        }
        if bytes + length > MAX_PAYLOAD_BYTES - 100 {
            payloads.push(render_payload(from, std::mem::take(&mut part)));
            bytes = 0;
        }
        bytes += length;
        part.insert(topic);
    }
    payloads.push(render_payload(from, part));
    if payloads.len() > MAX_NOTIFICATIONS {
        return vec![render_payload(from, BTreeSet::new())];
    }
    payloads
}

fn render_payload(from: &str, topics: BTreeSet<String>) -> String {
    let message = WakeMessage { from: from.to_owned(), topics };
    // A payload that receivers cannot parse wakes all waiters.
    serde_json::to_string(&message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_topics(count: usize) -> BTreeSet<String> {
        (0..count).map(|number| format!("build:{number:030}")).collect()
    }

    #[test]
    fn payload_fits_into_a_notification() {
        for topics in [
            build_topics(1),
            build_topics(500),
            build_topics(50_000),
            [String::from("\n").repeat(9000)].into(),
        ] {
            let wanted = topics.clone();
            let payloads = split_into_payloads("f", topics);
            assert!(payloads.len() <= MAX_NOTIFICATIONS);
            assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD_BYTES));
            let read = |payload: &String| serde_json::from_str::<WakeMessage>(payload).unwrap().topics;
            let read: BTreeSet<String> = payloads.iter().flat_map(read).collect();
            assert!(read == wanted || read.is_empty());
        }
    }

    #[test]
    fn many_topics_share_a_notification() {
        assert_eq!(split_into_payloads("f", build_topics(100)).len(), 1);
        assert_eq!(split_into_payloads("f", build_topics(500)).len(), 3);
    }
}

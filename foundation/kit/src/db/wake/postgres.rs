//! Wake-ups between processes by PostgreSQL's `LISTEN` and `NOTIFY`
//! (<https://www.postgresql.org/docs/current/sql-notify.html>).
//!
//! Notifications are sent after the commit and not within the transaction: a transaction that notifies holds a lock of
//! the whole server until its commit is on the disk, so that no two such commits share a write to the disk. One
//! notification carries what many commits have changed. A process that dies between its commit and its notification
//! costs the others a poll interval, unless it is started again before: a process that starts wakes everybody.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use hearth_base::{Entropy, Secret};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, SqlxError, Statement,
    sqlx::postgres::PgListener,
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::WakeHub;

/// The longest payload of a notification is 7,999 bytes.
const MAX_PAYLOAD_BYTES: usize = 7_900;
/// The most notifications for what was changed at one time; with more, everybody is woken by one.
const MAX_NOTIFICATIONS: usize = 4;
/// The topic of the notifications that a process sends to itself, to find out whether they arrive.
const PING_TOPIC: &str = "ping";
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Without a notification for so long, not even its own ones arrive. TCP alone would not tell.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(90);
const FIRST_RECONNECT_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_RECONNECT_PAUSE: Duration = Duration::from_secs(10);

/// The payload of a notification.
#[derive(Debug, Serialize, Deserialize)]
struct WakeMessage {
    /// The sender, which has woken its own waiters.
    from: String,
    /// The topics that changed; empty: any may have.
    topics: BTreeSet<String>,
}

/// Connects this process with the others that have the same `schema` open, as long as the tasks that are returned live.
pub async fn connect_processes(
    hub: &Arc<WakeHub>,
    url: &Secret,
    schema: &str,
    connection: DatabaseConnection,
) -> JoinSet<()> {
    let from = format!("{:016x}", u64::from_le_bytes(Entropy::System.bytes()));
    // An identifier has at most 63 bytes, and channels are a database's own.
    let channel = format!("hearth_wake_{}", schema.chars().take(40).collect::<String>());
    let listener = listen_to_channel(url, &channel).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(receive_notifications(Arc::clone(hub), listener, url.clone(), channel.clone(), from.clone()));
    tasks.spawn(send_notifications(Arc::clone(hub), connection, channel, from));
    tasks
}

/// Wakes waiters when another process says so.
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
                tracing::warn!(error, "wake-ups of other processes are lost; will reconnect");
            }
            Err(error) => {
                hub.set_connected(false);
                tracing::debug!(%error, "wake-ups of other processes cannot be received; will retry");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_RECONNECT_PAUSE);
        listener = listen_to_channel(&url, &channel).await;
    }
}

async fn listen_to_channel(url: &Secret, channel: &str) -> Result<PgListener, SqlxError> {
    let mut listener = PgListener::connect(url.reveal()).await?;
    listener.listen(channel).await?;
    Ok(listener)
}

/// Returns why the connection is lost.
async fn receive_until_lost(hub: &WakeHub, mut listener: PgListener, from: &str) -> String {
    // A connection that is made anew is told from one that has stood: what was sent in between is lost.
    listener.eager_reconnect(false);
    loop {
        let notification = match tokio::time::timeout(SILENCE_TIMEOUT, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => notification,
            Ok(Ok(None)) => return "the connection is closed".to_owned(),
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "no notification arrives".to_owned(),
        };
        match serde_json::from_str::<WakeMessage>(notification.payload()) {
            Ok(message) if message.from == from => {}
            Ok(message) if !message.topics.is_empty() => {
                hub.wake_here(message.topics.iter().map(String::as_str))
            }
            // Of another release, perhaps.
            Ok(_) | Err(_) => hub.wake_everybody(),
        }
    }
}

/// Tells other processes what was changed here, and this one, every so often, that notifications arrive.
async fn send_notifications(
    hub: Arc<WakeHub>,
    connection: DatabaseConnection,
    channel: String,
    from: String,
) {
    // A process of this place that died may have had something to tell: everybody looks once.
    let mut topics = BTreeSet::new();
    loop {
        for payload in split_into_payloads(&from, topics) {
            let mut pause = FIRST_RECONNECT_PAUSE;
            // Nobody polls soon while connected. What changes meanwhile waits, and shares the next notification.
            while let Err(error) = notify_channel(&connection, &channel, &payload).await {
                tracing::warn!(%error, "other processes not woken; will retry");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_RECONNECT_PAUSE);
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

/// The topics in as few payloads as they fit into.
fn split_into_payloads(from: &str, topics: BTreeSet<String>) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut part = BTreeSet::new();
    let mut bytes = 0;
    for topic in topics {
        // As JSON writes it, with its quotation marks and comma.
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
    // What cannot be read wakes everybody.
    serde_json::to_string(&message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: usize) -> BTreeSet<String> {
        (0..count).map(|number| format!("build:{number:030}")).collect()
    }

    #[test]
    fn payload_is_never_longer_than_postgres_takes() {
        for topics in [numbered(1), numbered(500), numbered(50_000), [String::from("\n").repeat(9000)].into()]
        {
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
        assert_eq!(split_into_payloads("f", numbered(100)).len(), 1);
        assert_eq!(split_into_payloads("f", numbered(500)).len(), 3);
    }
}

//! What a service owes when a tool ends: it erases what it has of the tool, and says so.
//!
//! `accounts` keeps the duties; its events only wake. A lost event costs a delay, never a duty.

use std::{future::Future, sync::Arc, time::Duration};

use hearth_base::{Result, Role, ToolId};
use hearth_client::Client;
use hearth_wire::{accounts::internal::ToolEvent, events::Topic, reply::Paging};
use tokio::time::Instant;

use crate::{Clients, Kit, Worker, events::TopicReader, tasks::Stop};

/// How long a failed duty waits.
const PAUSE: Duration = Duration::from_secs(5);

/// How long after a look at the duties, without news, comes the next.
const LOOK: Duration = Duration::from_secs(600);

/// A worker that calls `erase` for each ended tool until it succeeds, and then acknowledges. It must bear to be
/// called again for a tool of which nothing is left.
pub fn worker<F>(kit: &Kit, erase: impl Fn(ToolId) -> F + Send + Sync + 'static) -> Worker
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let clients = kit.clients.clone();
    let erase = Arc::new(erase);
    Worker::new("keeping", move |stop| async move { run(&clients, &*erase, &stop).await })
}

async fn run<F>(clients: &Clients, erase: &(impl Fn(ToolId) -> F + Send + Sync), stop: &Stop)
where
    F: Future<Output = Result<()>> + Send,
{
    while let Some(turn) = stop.unless(turn(clients, erase)).await {
        let wait = match turn {
            Ok(true) => continue,
            Ok(false) => PAUSE,
            Err(error) => {
                tracing::debug!(%error, "duties cannot be asked for");
                PAUSE
            }
        };
        if stop.pause(wait).await {
            return;
        }
    }
}

/// Does every duty there is, then waits for news. Whether all went well.
async fn turn<F>(clients: &Clients, erase: &(impl Fn(ToolId) -> F + Send + Sync)) -> Result<bool>
where
    F: Future<Output = Result<()>> + Send,
{
    let accounts = clients.of(Role::Accounts)?;
    // The end of the stream first: what ends a tool from here on wakes.
    let mut tools = TopicReader::new(clients, ToolEvent::INFO);
    tools.seek_head().await?;
    if !duties(&accounts, erase).await? {
        return Ok(false);
    }
    wait_for_erasure(tools).await?;
    Ok(true)
}

async fn duties<F>(accounts: &Client, erase: &(impl Fn(ToolId) -> F + Send + Sync)) -> Result<bool>
where
    F: Future<Output = Result<()>> + Send,
{
    let mut paging = Paging::default();
    let mut well = true;
    loop {
        let page = accounts.internal().duties(&paging).await?;
        for tool in page.items {
            match erase(tool).await {
                Ok(()) => {
                    accounts.internal().tool_erased(tool).await?;
                    tracing::info!(%tool, "an ended tool was erased");
                }
                Err(error) => {
                    let cause = error.cause().map(ToString::to_string);
                    tracing::warn!(%tool, %error, cause, "an ended tool cannot be erased yet");
                    well = false;
                }
            }
        }
        let Some(next) = page.next else { return Ok(well) };
        paging.cursor = Some(next);
    }
}

/// Waits until a tool is ended, or long enough.
async fn wait_for_erasure(mut tools: TopicReader) -> Result<()> {
    let until = Instant::now() + LOOK;
    while Instant::now() < until {
        for event in tools.wait(TopicReader::MAX_WAIT).await? {
            if let Some(ToolEvent::Erased(_)) = event.decode()? {
                return Ok(());
            }
        }
    }
    Ok(())
}

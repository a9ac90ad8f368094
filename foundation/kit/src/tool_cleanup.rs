//! Finalizers that run when a tool is deleted: a service erases the tool's data and acknowledges.
//!
//! `accounts` stores for each service the deleted tools that are not acknowledged yet. Its events only wake this
//! worker: a lost event costs a delay. Before the finalizer runs, the tool is marked as deleted in the service's
//! [`tool_state`](crate::tool_state), so that no further data of it is created.

use std::{future::Future, sync::Arc, time::Duration};

use hearth_base::{Clock, ErrorKind, Result, Role, ToolId};
use hearth_client::Client;
use hearth_wire::{accounts::internal::ToolEvent, events::Topic, reply::Paging};
use tokio::time::Instant;

use crate::{
    Kit, ServiceClients, Worker, backoff::Backoff, db::Db, events::TopicReader, log_error,
    tasks::ShutdownSignal, tool_state::mark_tool_deleted,
};

/// The pause after the first failed pass: a container or a build usually stops within a second.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between two failed passes.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(5);
/// The longest time between two passes when no event arrives.
const POLL_INTERVAL: Duration = Duration::from_secs(600);

/// Creates a worker that runs `finalizer` for each deleted tool until it succeeds, and then acknowledges. The
/// finalizer may be repeated for a tool without data. A conflict means that the tool is still being stopped.
pub fn create_worker<F>(kit: &Kit, finalizer: impl Fn(ToolId) -> F + Send + Sync + 'static) -> Result<Worker>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (clients, db, clock) = (kit.clients.clone(), kit.db()?.clone(), kit.clock.clone());
    let cleanup = ToolCleanup { clients, db, clock, finalizer };
    Ok(Worker::new("tool-cleanup", move |stop| async move { cleanup.run(&stop).await }))
}

struct ToolCleanup<T> {
    clients: ServiceClients,
    db: Db,
    clock: Arc<dyn Clock>,
    finalizer: T,
}

impl<T, F> ToolCleanup<T>
where
    T: Fn(ToolId) -> F + Send + Sync,
    F: Future<Output = Result<()>> + Send,
{
    async fn run(&self, stop: &ShutdownSignal) {
        let mut backoff = Backoff::new(FIRST_RETRY_PAUSE, MAX_RETRY_PAUSE);
        while let Some(pass) = stop.run_until_shutdown(self.clean_up_and_wait()).await {
            let all_succeeded = pass.unwrap_or_else(|error| {
                tracing::debug!(%error, "deleted tools cannot be read; will retry");
                false
            });
            if all_succeeded {
                backoff.reset_pause();
            } else if backoff.pause(stop).await {
                return;
            }
        }
    }

    /// Runs the finalizer for every deleted tool, then waits for the next deletion. Returns true when all succeeded.
    async fn clean_up_and_wait(&self) -> Result<bool> {
        let accounts = self.clients.create_client(Role::Accounts)?;
        // The stream's head is read before the list of deleted tools: a tool that is deleted in between is in the
        // list, or its event follows the head.
        let mut tools = TopicReader::new(&self.clients, ToolEvent::TOPIC_INFO);
        tools.seek_head().await?;
        if !self.run_finalizers(&accounts).await? {
            return Ok(false);
        }
        wait_for_deletion(tools).await?;
        Ok(true)
    }

    async fn run_finalizers(&self, accounts: &Client) -> Result<bool> {
        let mut paging = Paging::default();
        let mut all_succeeded = true;
        loop {
            let page = accounts.accounts_internal().list_pending_cleanups(&paging).await?;
            for tool in page.items {
                match self.finalize_tool(tool).await {
                    Ok(()) => {
                        accounts.accounts_internal().acknowledge_cleanup(tool).await?;
                        tracing::info!(%tool, "deleted tool erased");
                    }
                    // The tool still runs or builds: it is being stopped.
                    Err(error) if error.kind() == ErrorKind::Conflict => {
                        tracing::debug!(%tool, %error, "deleted tool not erased yet; will retry");
                        all_succeeded = false;
                    }
                    Err(error) => {
                        log_error!(&error, %tool, "deleted tool not erased; will retry");
                        all_succeeded = false;
                    }
                }
            }
            let Some(next) = page.next else { return Ok(all_succeeded) };
            paging.cursor = Some(next);
        }
    }

    async fn finalize_tool(&self, tool: ToolId) -> Result<()> {
        let tx = self.db.begin_background().await?;
        mark_tool_deleted(&tx, tool, self.clock.now()).await?;
        tx.commit().await?;
        (self.finalizer)(tool).await
    }
}

/// Waits until a tool is deleted, at most [`POLL_INTERVAL`].
async fn wait_for_deletion(mut tools: TopicReader) -> Result<()> {
    let until = Instant::now() + POLL_INTERVAL;
    while Instant::now() < until {
        for event in tools.wait(TopicReader::MAX_WAIT).await? {
            if let Some(ToolEvent::Erased(_)) = event.decode()? {
                return Ok(());
            }
        }
    }
    Ok(())
}

//! Reader of a topic of another service with a position in memory.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_wire::events::{Event, EventBatch, EventsQuery, TopicInfo};

use crate::{ServiceClients, db::events::EVENT_GAP_CODE};

/// Reads one topic of another service from the head of its stream on. For loops that read the state themselves and
/// only wait for a change.
#[derive(Clone)]
pub struct TopicReader {
    clients: ServiceClients,
    topic: &'static TopicInfo,
    position: Option<i64>,
}

impl TopicReader {
    /// Maximum time of one call of [`TopicReader::wait`].
    pub const MAX_WAIT: Duration = Duration::from_secs(EventsQuery::MAX_WAIT_SECONDS);

    /// A reader of `topic` without a position.
    pub fn new(clients: &ServiceClients, topic: &'static TopicInfo) -> Self {
        Self { clients: clients.clone(), topic, position: None }
    }

    /// Moves to the head of the stream: only later events are read.
    pub async fn seek_head(&mut self) -> Result<()> {
        self.position = Some(self.read_batch(&EventsQuery::from_head()).await?.next);
        Ok(())
    }

    /// Waits for the next events, at most `time`. Without a position it only moves to the head of the stream. After
    /// an error the next call continues at the same position; after a gap it moves to the head.
    pub async fn wait(&mut self, time: Duration) -> Result<Vec<Event>> {
        let Some(position) = self.position else {
            self.seek_head().await?;
            return Ok(Vec::new());
        };
        let read = self.read_batch(&EventsQuery::after_position(Some(position), time)).await;
        let EventBatch { events, next } = read.inspect_err(|error| {
            if is_gap(error) {
                self.position = None;
            }
        })?;
        self.position = Some(next);
        Ok(events)
    }

    async fn read_batch(&self, after: &EventsQuery) -> Result<EventBatch> {
        self.clients.create_client(self.topic.service)?.read_events(self.topic, after).await
    }
}

/// True when an error means that events after the reader's position were deleted.
pub(super) fn is_gap(error: &Error) -> bool {
    error.code() == EVENT_GAP_CODE
}

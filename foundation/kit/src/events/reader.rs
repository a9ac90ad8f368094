//! Reading a topic of another service with a position that is kept in memory.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_wire::events::{After, Event, EventBatch, TopicInfo};

use crate::{Clients, db::events::EVENT_GAP_CODE};

/// Reads one topic of another service, from the end of its stream on. For a loop that looks at the state itself and only
/// waits for a change.
#[derive(Clone)]
pub struct TopicReader {
    clients: Clients,
    topic: &'static TopicInfo,
    position: Option<i64>,
}

impl TopicReader {
    /// The longest that one call of [`TopicReader::wait`] waits.
    pub const MAX_WAIT: Duration = Duration::from_secs(After::MAX_WAIT_SECONDS);

    /// A reader of `topic` that has read nothing.
    pub fn new(clients: &Clients, topic: &'static TopicInfo) -> Self {
        Self { clients: clients.clone(), topic, position: None }
    }

    /// Goes to the end of the stream: only what happens from here on is read.
    pub async fn seek_head(&mut self) -> Result<()> {
        self.position = Some(self.read_batch(&After::head()).await?.next);
        Ok(())
    }

    /// Waits for the next events, at most `time`. The first time it only goes to the end of the stream. After an error the
    /// next call reads what was missed; where that is no longer kept, it goes to the end again.
    pub async fn wait(&mut self, time: Duration) -> Result<Vec<Event>> {
        let Some(position) = self.position else {
            self.seek_head().await?;
            return Ok(Vec::new());
        };
        let read = self.read_batch(&After::position(Some(position), time)).await;
        let EventBatch { events, next } = read.inspect_err(|error| {
            if is_gap(error) {
                self.position = None;
            }
        })?;
        self.position = Some(next);
        Ok(events)
    }

    async fn read_batch(&self, after: &After) -> Result<EventBatch> {
        self.clients.of(self.topic.service)?.read_events(self.topic, after).await
    }
}

/// Whether events after the reader's position are gone.
pub(super) fn is_gap(error: &Error) -> bool {
    error.code() == EVENT_GAP_CODE
}

//! Calls that read a topic of a service's event stream.

use hearth_base::Result;
use hearth_wire::events::{EventBatch, EventsQuery, TopicInfo};
use http::Method;

use crate::Client;

impl Client {
    /// Reads a part of a topic from the service that owns it. Waits for events on request.
    pub async fn read_events(&self, topic: &TopicInfo, after: &EventsQuery) -> Result<EventBatch> {
        let path = format!("/{}/v1/internal/events/{}", topic.service, topic.name);
        self.build_call(Method::GET, &path).query(after).extend_timeout(after.wait_time()).fetch_data().await
    }
}

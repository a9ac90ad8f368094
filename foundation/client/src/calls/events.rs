//! Reading a topic of a service's stream of events.

use hearth_base::Result;
use hearth_wire::events::{After, EventBatch, TopicInfo};
use http::Method;

use crate::Client;

impl Client {
    /// Reads a part of a topic from the service that it belongs to. Waits for events when asked to.
    pub async fn read_events(&self, topic: &TopicInfo, after: &After) -> Result<EventBatch> {
        let path = format!("/{}/v1/internal/events/{}", topic.service, topic.name);
        self.call(Method::GET, &path).query(after).wait_longer(after.wait_time()).data().await
    }
}

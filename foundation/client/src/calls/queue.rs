//! Calls about the queue of a service, for operators.

use hearth_base::{Result, Role};
use hearth_wire::{
    queue::{QueueEntry, QueueQuery},
    reply::Listed,
};
use http::Method;

use crate::{Client, call::Call};

/// Calls to `/SERVICE/v1/queue`.
#[derive(Debug, Clone, Copy)]
pub struct QueueCalls<'a> {
    client: &'a Client,
    service: Role,
}

impl Client {
    /// Returns the calls about the queue of `service`.
    pub fn queue(&self, service: Role) -> QueueCalls<'_> {
        QueueCalls { client: self, service }
    }
}

impl QueueCalls<'_> {
    /// Lists queued items.
    pub async fn list(&self, query: &QueueQuery) -> Result<Listed<QueueEntry>> {
        self.client.build_call(Method::GET, &self.queue_path()).query(query).fetch_data().await
    }

    /// Shows an item.
    pub async fn show(&self, task: &str, key: &str) -> Result<QueueEntry> {
        self.item_call(Method::GET, task, key).fetch_data().await
    }

    /// Makes an item due now and resets its attempts.
    pub async fn retry(&self, task: &str, key: &str) -> Result<QueueEntry> {
        self.item_call(Method::POST, task, key).path_suffix("/retry").fetch_data().await
    }

    /// Deletes an item permanently.
    pub async fn discard_item(&self, task: &str, key: &str) -> Result<QueueEntry> {
        self.item_call(Method::DELETE, task, key).fetch_data().await
    }

    fn item_call(&self, method: Method, task: &str, key: &str) -> Call<'_> {
        self.client.build_call(method, &self.queue_path()).segment(task).segment(key)
    }

    fn queue_path(&self) -> String {
        format!("/{}/v1/queue", self.service.name())
    }
}

//! Calls of operators about the queue of a service.

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
    /// Calls about the queue of `service`.
    pub fn queue(&self, service: Role) -> QueueCalls<'_> {
        QueueCalls { client: self, service }
    }
}

impl QueueCalls<'_> {
    /// A page of items.
    pub async fn list(&self, query: &QueueQuery) -> Result<Listed<QueueEntry>> {
        self.client.call(Method::GET, &self.path()).query(query).data().await
    }

    /// One item.
    pub async fn show(&self, task: &str, key: &str) -> Result<QueueEntry> {
        self.call(Method::GET, task, key).data().await
    }

    /// Makes an item due now, with all its attempts again.
    pub async fn retry(&self, task: &str, key: &str) -> Result<QueueEntry> {
        self.call(Method::POST, task, key).then("/retry").data().await
    }

    /// Deletes an item for good.
    pub async fn discard(&self, task: &str, key: &str) -> Result<QueueEntry> {
        self.call(Method::DELETE, task, key).data().await
    }

    fn call(&self, method: Method, task: &str, key: &str) -> Call<'_> {
        self.client.call(method, &self.path()).segment(task).segment(key)
    }

    fn path(&self) -> String {
        format!("/{}/v1/queue", self.service.name())
    }
}

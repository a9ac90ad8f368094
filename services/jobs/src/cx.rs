//! What handlers, rules and workers of this service stand on.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Clock, Entropy, EventId, Id, IdKind, Result};
use hearth_kit::{Kit, config::Jobs, tasks::Tasks};
use hearth_runtime_api::Runtime;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{neighbours::Neighbours, store::Store};

/// What handlers, rules and workers of this service stand on.
#[derive(Clone)]
pub struct Cx {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub settings: Arc<Jobs>,
    /// Whether `notify` has a mail server to send by.
    pub sends_mail: bool,
    pub neighbours: Neighbours,
    pub runtime: Arc<dyn Runtime>,
    pub tasks: Tasks,
    /// When this process began to look at schedules.
    pub started: Timestamp,
    /// Counts changes of what runs, for the workers that look at it.
    pub seen: watch::Sender<u64>,
    /// Counts changes of schedules: something may be due earlier than the scheduler thinks.
    pub planned: watch::Sender<u64>,
}

impl Cx {
    pub fn new(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Self> {
        Ok(Self {
            store: Store::new(kit.db()?.clone(), kit.work()?, kit.tasks.stop_sign()),
            clock: kit.clock.clone(),
            started: kit.clock.now(),
            entropy: kit.entropy.clone(),
            settings: Arc::new(kit.config.jobs.clone()),
            sends_mail: kit.config.notify.smtp.is_some(),
            neighbours: Neighbours::new(kit),
            runtime,
            tasks: kit.tasks.clone(),
            seen: watch::Sender::default(),
            planned: watch::Sender::default(),
        })
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Wakes the workers that look at what runs.
    pub fn wake_watchers(&self) {
        self.seen.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Wakes the scheduler.
    pub fn wake_scheduler(&self) {
        self.planned.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A new id.
    pub fn id<K: IdKind>(&self) -> Id<K> {
        Id::new(self.now(), &self.entropy)
    }

    /// A new event's id.
    pub fn event(&self) -> EventId {
        self.id()
    }
}

impl FromRequestParts<Cx> for Cx {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, cx: &Cx) -> Result<Self, Infallible> {
        Ok(cx.clone())
    }
}

//! A worker: a background loop of a service. `tasks` starts and stops workers.

use std::{future::Future, pin::Pin};

use crate::tasks::ShutdownSignal;

/// A background loop of a service.
pub struct Worker {
    /// Its name in logs.
    pub name: &'static str,
    /// Runs the loop until shutdown.
    pub run: Box<dyn FnOnce(ShutdownSignal) -> BoxFuture<()> + Send>,
}

/// A boxed future that owns its data.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Worker {
    /// A worker called `name` that runs `task`.
    pub fn new<F>(name: &'static str, task: impl FnOnce(ShutdownSignal) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { name, run: Box::new(|stop| Box::pin(task(stop))) }
    }
}

//! A worker: a loop that a service runs beside its API. What starts and stops workers is in `tasks`.

use std::{future::Future, pin::Pin};

use crate::tasks::Stop;

/// A loop that a service runs beside its API.
pub struct Worker {
    /// Its name in logs.
    pub name: &'static str,
    /// Starts the loop, which runs until the sign to stop is given.
    pub run: Box<dyn FnOnce(Stop) -> BoxFuture<()> + Send>,
}

/// A future that owns all that it uses.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Worker {
    /// A worker called `name` that runs `task`.
    pub fn new<F>(name: &'static str, task: impl FnOnce(Stop) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { name, run: Box::new(|stop| Box::pin(task(stop))) }
    }
}

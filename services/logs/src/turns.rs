//! Turns at work that takes a processor.

use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use hearth_base::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Turns at looking through chunks for a pattern, which takes a processor: what else is asked for goes on beside.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(processors())))
    }
}

impl Turns {
    /// Waits for a turn; it ends when the permit is dropped.
    pub async fn take(&self) -> Result<OwnedSemaphorePermit> {
        self.0.clone().acquire_owned().await.map_err(Error::internal)
    }
}

/// How many processors this process may use.
pub fn processors() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

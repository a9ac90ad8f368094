//! Limit of parallel searches to the number of processors.

use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use hearth_base::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits for searches of chunks for a pattern, which keep a processor busy. Other requests continue
/// meanwhile.
#[derive(Debug, Clone)]
pub struct SearchPermits(Arc<Semaphore>);

impl Default for SearchPermits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(count_processors())))
    }
}

impl SearchPermits {
    /// Waits for a permit. It is released when it is dropped.
    pub async fn acquire(&self) -> Result<OwnedSemaphorePermit> {
        self.0.clone().acquire_owned().await.map_err(Error::internal)
    }
}

/// Counts the processors that this process may use.
pub fn count_processors() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

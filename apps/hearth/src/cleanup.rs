//! Cleanup of temporary resources when a command is interrupted.

use std::{cell::RefCell, fmt, pin::Pin, time::Duration};

use hearth_base::Result;

/// The time limit of the cleanup: the user waits for it after Ctrl-C.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(5);

type CleanupFuture = Pin<Box<dyn Future<Output = Result<()>>>>;

/// The cleanup that runs on Ctrl-C, with the message to print afterwards.
#[derive(Default)]
pub struct InterruptCleanup(RefCell<Option<(CleanupFuture, &'static str)>>);

impl InterruptCleanup {
    /// Registers the cleanup of a resource that exists from now on; `message` is printed after it.
    pub fn register_cleanup(
        &self,
        cleanup: impl Future<Output = Result<()>> + 'static,
        message: &'static str,
    ) {
        self.0.replace(Some((Box::pin(cleanup), message)));
    }

    /// Removes the cleanup: the resource is deleted, or stays.
    pub fn clear_cleanup(&self) {
        self.0.take();
    }

    /// Runs the cleanup. Returns its message when there was one and it succeeded in time.
    pub async fn run_cleanup(&self) -> Option<&'static str> {
        let (cleanup, message) = self.0.take()?;
        let outcome = tokio::time::timeout(CLEANUP_TIMEOUT, cleanup).await;
        matches!(outcome, Ok(Ok(()))).then_some(message)
    }
}

impl fmt::Debug for InterruptCleanup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InterruptCleanup")
    }
}

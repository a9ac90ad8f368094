//! Background tasks: named, stopped together, and awaited at shutdown.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// The background tasks of a process.
#[derive(Debug, Clone, Default)]
pub struct BackgroundTasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// Signal that the process shuts down.
#[derive(Debug, Clone)]
pub struct ShutdownSignal(CancellationToken);

impl ShutdownSignal {
    /// Waits for the shutdown.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// True when the process shuts down.
    pub fn is_set(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Runs `work` until it is finished or the process shuts down; then `None`. `work` must be cancel-safe.
    pub async fn run_until_shutdown<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }

    /// Sleeps for `time` or until shutdown. Returns true on shutdown.
    pub async fn pause(&self, time: Duration) -> bool {
        self.run_until_shutdown(tokio::time::sleep(time)).await.is_none()
    }
}

impl BackgroundTasks {
    /// An empty set of tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// The signal that is set when these tasks are shut down.
    pub fn shutdown_signal(&self) -> ShutdownSignal {
        ShutdownSignal(self.stop.clone())
    }

    /// Spawns a task. `name` is in its log lines. A panic in a task shuts the whole process down in order, so that
    /// its supervisor restarts it: a process without one of its tasks would be worse.
    #[expect(clippy::disallowed_methods, reason = "all tasks are spawned here")]
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let span = tracing::info_span!("task", name);
        let stop = self.stop.clone();
        let watched = async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(name, "task panicked; the process shuts down");
                stop.cancel();
            }
        };
        tokio::spawn(self.tracker.track_future(watched.instrument(span)));
    }

    /// Signals the shutdown and waits for all tasks, at most `patience`. Returns true when all ended in time.
    pub async fn shutdown(&self, timeout: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(timeout, self.tracker.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn finishing_waits_for_tasks_that_obey() {
        let tasks = BackgroundTasks::new();
        let stop = tasks.shutdown_signal();
        let (done, ended) = tokio::sync::oneshot::channel();
        tasks.spawn("obedient", async move {
            stop.wait().await;
            let _listener_may_be_gone = done.send(());
        });
        assert!(tasks.shutdown(Duration::from_secs(5)).await);
        assert!(ended.await.is_ok());
    }
}

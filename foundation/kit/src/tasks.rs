//! Background tasks: owned, named, told to stop, and waited for.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// The background tasks of a process.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// Tells a task that it is time to end.
#[derive(Debug, Clone)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Waits until it is time to end.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// Whether it is time to end.
    pub fn is_set(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Runs `work` unless it is time to end first; `None` then. `work` must be fit to be dropped half-way.
    pub async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }

    /// Waits for `time` or the end; whether it is time to end.
    pub async fn pause(&self, time: Duration) -> bool {
        self.unless(tokio::time::sleep(time)).await.is_none()
    }
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A sign for whoever has to end with these tasks.
    pub fn stop_sign(&self) -> Stop {
        Stop(self.stop.clone())
    }

    /// Starts a task. `name` is in its log lines. One that panics takes the process to its end in good order,
    /// for whoever supervises it to start it again: half of a Hearth would be worse.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts tasks")]
    pub fn start<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let span = tracing::info_span!("task", name);
        let stop = self.stop.clone();
        let watched = async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(name, "a task panicked: this process stops");
                stop.cancel();
            }
        };
        tokio::spawn(self.tracker.track_future(watched.instrument(span)));
    }

    /// Tells all tasks to end, and waits for them, at most `patience`. Whether all ended.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn finishing_waits_for_tasks_that_obey() {
        let tasks = Tasks::new();
        let stop = tasks.stop_sign();
        let (done, ended) = tokio::sync::oneshot::channel();
        tasks.start("obedient", async move {
            stop.wait().await;
            let _listener_may_be_gone = done.send(());
        });
        assert!(tasks.finish(Duration::from_secs(5)).await);
        assert!(ended.await.is_ok());
    }
}

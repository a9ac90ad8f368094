//! Metrics of queues, per task. Gauges of waiting and running items are read from the database when metrics are
//! requested; failures are counted by each process.

use std::sync::{Arc, Mutex, PoisonError};

use hearth_base::Result;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::Queue;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    task: &'static str,
}

/// The metrics of a service's queue.
#[derive(Clone, Default)]
pub struct QueueMetrics(Arc<QueueMetricsState>);

#[derive(Default)]
struct QueueMetricsState {
    waiting: Family<TaskLabels, Gauge>,
    running: Family<TaskLabels, Gauge>,
    dead_letters: Family<TaskLabels, Gauge>,
    oldest_seconds: Family<TaskLabels, Gauge>,
    failures: Family<TaskLabels, Counter>,
    died: Family<TaskLabels, Counter>,
    watched: Mutex<Vec<(&'static str, Queue)>>,
}

impl QueueMetrics {
    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        let state = &self.0;
        registry.register("queue_waiting", "Due items that wait for a worker", state.waiting.clone());
        registry.register("queue_running", "Items being processed", state.running.clone());
        registry.register("queue_dead_letters", "Dead letters", state.dead_letters.clone());
        let age = "Waiting time of the oldest due item";
        registry.register("queue_oldest_age_seconds", age, state.oldest_seconds.clone());
        registry.register("queue_failures", "Failed attempts", state.failures.clone());
        registry.register("queue_died", "Items that became dead letters", state.died.clone());
    }

    /// Adds a task to the metrics.
    pub(super) fn watch_task(&self, task: &'static str, queue: &Queue) {
        // Without these metrics: a reference cycle would leak them.
        let queue = Queue { metrics: Self::default(), ..queue.clone() };
        let mut watched = self.0.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.push((task, queue));
    }

    pub(super) fn count_failure(&self, task: &'static str, is_dead: bool) {
        let labels = TaskLabels { task };
        self.0.failures.get_or_create(&labels).inc();
        if is_dead {
            self.0.died.get_or_create(&labels).inc();
        }
    }

    /// Updates the gauges from the database.
    pub(crate) async fn refresh_gauges(&self) -> Result<()> {
        let watched = self.0.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (task, queue) in watched {
            let counts = queue.count_items(task).await?;
            let labels = TaskLabels { task };
            let set =
                |family: &Family<TaskLabels, Gauge>, count: i64| family.get_or_create(&labels).set(count);
            set(&self.0.waiting, counts.waiting);
            set(&self.0.running, counts.running);
            set(&self.0.dead_letters, counts.dead);
            set(&self.0.oldest_seconds, counts.oldest_age.as_secs());
        }
        Ok(())
    }
}

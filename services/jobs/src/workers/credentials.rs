//! Renews the credentials of runs once an hour.

use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::SignedDuration;

use crate::{app::workloads::credential, context::JobsContext};

const RENEWAL_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Creates the hourly worker.
pub fn create_worker(cx: &JobsContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "credentials", RENEWAL_INTERVAL, move |_| {
        let cx = cx.clone();
        async move { credential::renew_credentials(&cx).await }
    })
}

//! Counts, once a minute, what is used by what runs.

use hearth_kit::tasks::Stop;
use jiff::SignedDuration;

use crate::{app::metrics, cx::Cx};

const KIND: &str = "metrics";
const EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    cx.store.work.regularly(&*cx.clock, &stop, KIND, EVERY, |now| metrics::count(cx, now)).await;
}

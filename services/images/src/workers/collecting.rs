//! Collects, once an hour, what nothing relies on any more.

use hearth_kit::tasks::Stop;
use jiff::SignedDuration;

use crate::{app::collect, cx::Cx};

const KIND: &str = "collect";
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    cx.store.work.regularly(&*cx.clock, &stop, KIND, EVERY, |_| collect::run(cx)).await;
}

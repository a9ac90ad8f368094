//! Forgets, once an hour, what is too old.

use hearth_kit::tasks::Stop;
use jiff::SignedDuration;

use crate::{app::sweep::sweep, cx::Cx};

const KIND: &str = "housekeeping";
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    cx.store.work.regularly(&*cx.clock, &stop, KIND, EVERY, |now| sweep(cx, now)).await;
}

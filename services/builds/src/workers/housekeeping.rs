//! Forgets, every ten minutes, uploads that are kept no longer.

use hearth_kit::tasks::Stop;
use jiff::SignedDuration;

use crate::{app::sources, cx::Cx};

const KIND: &str = "housekeeping";
const EVERY: SignedDuration = SignedDuration::from_mins(10);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    cx.store.work.regularly(&*cx.clock, &stop, KIND, EVERY, |now| sources::sweep(cx, now)).await;
}

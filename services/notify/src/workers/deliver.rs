//! Tells webhooks, several at one time. One that is slow holds the others up once, and is left alone then.

use hearth_kit::tasks::Stop;
use tokio::task::JoinSet;

use super::each;
use crate::{app::deliver, cx::Cx, store::Store};

/// How many are told at one time.
const LANES: usize = 4;

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        lanes.spawn(lane(cx.clone(), stop.clone()));
    }
    while lanes.join_next().await.is_some() {}
}

async fn lane(cx: Cx, stop: Stop) {
    let cx = &cx;
    each(cx, &stop, Store::DELIVER, |claim, id| async move { deliver::deliver(cx, &claim, id).await }).await;
}

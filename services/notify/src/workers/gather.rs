//! Makes mails of what waits.

use hearth_kit::tasks::Stop;

use super::each;
use crate::{app::gather, cx::Cx, store::Store};

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    each(cx, &stop, Store::GATHER, |claim, tool| async move { gather::gather(cx, &claim, tool).await }).await;
}

//! Sends mails, one after the other: mail servers like that.

use hearth_kit::tasks::Stop;

use super::each;
use crate::{app::mail, cx::Cx, store::Store};

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    each(cx, &stop, Store::MAIL, |claim, id| async move { mail::send(cx, &claim, id).await }).await;
}

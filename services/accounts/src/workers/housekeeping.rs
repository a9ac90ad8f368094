//! Forgets, once an hour, what has run out: sessions, tokens, invitations, old events.

use hearth_base::Result;
use hearth_kit::tasks::Stop;
use jiff::{SignedDuration, Timestamp};

use crate::{app::guesses, cx::Cx};

const KIND: &str = "housekeeping";
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let cx = &cx;
    cx.store.work.regularly(&*cx.clock, &stop, KIND, EVERY, |now| sweep(cx, now)).await;
}

async fn sweep(cx: &Cx, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.session_sweep(&tx, now).await?;
    cx.store.token_sweep(&tx, now).await?;
    cx.store.run_token_sweep(&tx, now).await?;
    cx.store.mandate_sweep(&tx, now).await?;
    cx.store.invitation_sweep(&tx, now).await?;
    cx.store.guesses_sweep(&tx, now.saturating_sub(guesses::REST).unwrap_or(now)).await?;
    cx.store.events.delete_old(&tx, now).await?;
    tx.commit().await
}

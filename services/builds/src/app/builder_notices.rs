//! Notices to the operators about builders that keep failing.

use hearth_base::{Result, Role};
use hearth_kit::{db::Tx, queue::TaskName};
use hearth_wire::accounts::internal::OperatorNotice;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    context::BuildsContext,
    store::{Builder, Suspension},
};

/// Task that sends notices; its key is the builder's id.
pub const BUILDER_NOTICE_TASK: TaskName<BuilderNotice> = TaskName::new("builder-notice");

/// Time after the end of a suspension within which a further one of the same builder causes no notice: the cause is
/// known.
const REPEATED_NOTICE_INTERVAL: SignedDuration = SignedDuration::from_hours(6);
/// Maximum length of the last error in a notice, in characters.
const MAX_ERROR_CHARS: usize = 500;

/// A suspension to report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuilderNotice {
    pub builder: String,
    pub failures: u32,
    pub error: String,
    pub until: Timestamp,
}

/// Enqueues a notice about a builder that is suspended now for its failures, unless `former` is a recent suspension of the
/// same builder.
pub async fn announce_suspension(
    cx: &BuildsContext,
    tx: &Tx,
    builder: &Builder,
    former: Option<&Suspension>,
) -> Result<()> {
    let now = cx.now();
    let Some(until) = builder.suspension.as_ref().and_then(|suspension| suspension.until) else {
        return Ok(());
    };
    let former_end = former.and_then(|former| former.until);
    if former_end.is_some_and(|end| now.duration_since(end) < REPEATED_NOTICE_INTERVAL) {
        return Ok(());
    }
    let error = builder.last_error.as_deref().unwrap_or_default().chars().take(MAX_ERROR_CHARS).collect();
    let notice = BuilderNotice { builder: builder.id.clone(), failures: builder.failures, error, until };
    cx.store.queue.enqueue(tx, BUILDER_NOTICE_TASK, &builder.id, &notice, now).await
}

/// Sends a notice to the operators.
pub async fn send_notice(cx: &BuildsContext, notice: &BuilderNotice) -> Result<()> {
    let BuilderNotice { builder, failures, error, until } = notice;
    let notice = OperatorNotice {
        key: format!("builder:{builder}:{}", until.as_second()),
        subject: "A builder was suspended".to_owned(),
        body: format!(
            "The builder {builder} failed {failures} builds in a row for reasons outside of their sources. Other \
             builders get its builds until {until}.\n\nLast error: {error}\n\nTo see all builders, and to return this \
             one once the cause is gone:\n\n    hearth admin builders list\n    hearth admin builders return \
             '{builder}'\n"
        ),
    };
    cx.clients
        .create_client(Role::Accounts)?
        .accounts_internal()
        .send_operator_notice(&notice)
        .await
        .map(drop)
}

//! `hearth webhooks delete ID`: wants a yes.

use hearth_base::{Result, WebhookId};
use serde::{Deserialize, Serialize};

use super::{OneChanged, one};
use crate::context::Context;

/// What was deleted.
#[derive(Debug, Serialize, Deserialize)]
struct Deleted {
    id: WebhookId,
    url: String,
    deleted: bool,
}

/// Deletes it.
pub async fn run(cx: &Context, args: OneChanged) -> Result<()> {
    let answer = cx.printer.answer::<Deleted>()?;
    let OneChanged { id, dry_run } = args;
    let at = cx.at_tool()?;
    let url = one(&at, id).await?.url;
    let what = format!("the webhook {id} to {url}, its secret, and what waits to be told there");
    if dry_run.dry_run {
        return answer.said(&Deleted { id, url, deleted: false }, &format!("would delete {what}"));
    }
    cx.confirm("delete", &what).await?;
    at.ask(at.client().notify().webhook_delete(at.name(), id)).await?;
    answer.done(&Deleted { id, url, deleted: true }, &format!("{what} are deleted"))
}

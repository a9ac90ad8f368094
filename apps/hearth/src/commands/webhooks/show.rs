//! `hearth webhooks show ID`.

use hearth_base::Result;
use hearth_wire::notify::Webhook;

use super::{One, one, pairs};
use crate::{context::Context, printer::Table};

/// Shows it.
pub async fn run(cx: &Context, args: One) -> Result<()> {
    let answer = cx.printer.answer::<Webhook>()?;
    let webhook = one(&cx.at_tool()?, args.id).await?;
    answer.shown(&webhook, &Table::pairs(pairs(&webhook)))
}

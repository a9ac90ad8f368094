//! `hearth build cancel [ID …]`: stops builds that run or wait.

use hearth_base::Result;

use super::several::{Deed, Which};
use crate::context::Context;

/// What `hearth build cancel` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

/// Does it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let at = cx.at_tool()?;
    let (builds, name) = (at.client().builds(), at.name());
    let deed = Deed { verb: "cancel", past: "cancelled", means: super::is_under_way };
    args.which.each(cx, &at, &deed, |id| async move { builds.cancel(name, id).await }).await
}

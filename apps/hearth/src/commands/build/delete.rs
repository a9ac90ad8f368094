//! `hearth build delete [ID …]`: forgets builds that are over; an image that nothing uses may go.

use hearth_base::Result;

use super::several::{Deed, Which};
use crate::context::Context;

/// What `hearth build delete` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

/// Does it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let at = cx.at_tool()?;
    let (builds, name) = (at.client().builds(), at.name());
    let deed = Deed { verb: "delete", past: "deleted", means: |build| !super::is_under_way(build) };
    args.which.each(cx, &at, &deed, |id| async move { builds.delete(name, id).await }).await
}

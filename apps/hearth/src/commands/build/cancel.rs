//! `hearth build cancel [ID …]`: cancels waiting and running builds.

use hearth_base::Result;

use super::selection::{BuildAction, BuildSelection};
use crate::context::CommandContext;

/// The arguments of `hearth build cancel`.
#[derive(Debug, clap::Args)]
pub struct CancelBuildsArgs {
    #[command(flatten)]
    which: BuildSelection,
}

/// Cancels the builds.
pub async fn run(cx: &CommandContext, args: CancelBuildsArgs) -> Result<()> {
    let session = cx.open_tool_session()?;
    let (builds, name) = (session.client().builds(), session.tool_name());
    let deed = BuildAction { verb: "cancel", past: "cancelled", applies_to: super::is_under_way };
    args.which.apply_action(cx, &session, &deed, |id| async move { builds.cancel(name, id).await }).await
}

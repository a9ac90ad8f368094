//! `hearth build delete [ID …]`: deletes finished builds; unused images may be deleted with them.

use hearth_base::Result;

use super::selection::{BuildAction, BuildSelection};
use crate::context::CommandContext;

/// The arguments of `hearth build delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteBuildsArgs {
    #[command(flatten)]
    which: BuildSelection,
}

/// Deletes the builds.
pub async fn run(cx: &CommandContext, args: DeleteBuildsArgs) -> Result<()> {
    let session = cx.open_tool_session()?;
    let (builds, name) = (session.client().builds(), session.tool_name());
    let deed =
        BuildAction { verb: "delete", past: "deleted", applies_to: |build| !super::is_under_way(build) };
    args.which.apply_action(cx, &session, &deed, |id| async move { builds.delete(name, id).await }).await
}

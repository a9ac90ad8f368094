//! `hearth build clean`: deletes all finished builds.

use hearth_base::Result;
use serde::{Deserialize, Serialize};

use super::is_under_way;
use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth build clean`.
#[derive(Debug, clap::Args)]
pub struct CleanBuildsArgs {
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result: the number of builds, and whether they were deleted.
#[derive(Debug, Serialize, Deserialize)]
struct CleanedBuilds {
    builds: usize,
    cleaned: bool,
}

/// Deletes the finished builds after a confirmation.
pub async fn run(cx: &CommandContext, args: CleanBuildsArgs) -> Result<()> {
    let result = cx.printer.open_output::<CleanedBuilds>()?;
    let CleanBuildsArgs { dry_run } = args;
    let session = cx.open_tool_session()?;
    let over = super::list_builds(&session).await?.iter().filter(|build| !is_under_way(build)).count();
    let target = match over {
        1 => "1 finished build and the unused images".to_owned(),
        over => format!("{over} finished builds and the unused images"),
    };
    if over == 0 {
        return result.print_sentence(
            &CleanedBuilds { builds: 0, cleaned: false },
            "nothing to change: there is no finished build",
        );
    }
    if dry_run.dry_run {
        return result.print_sentence(
            &CleanedBuilds { builds: over, cleaned: false },
            &format!("would delete {target}"),
        );
    }
    cx.require_confirmation("delete", &target).await?;
    session.send(session.client().builds().delete_finished(session.tool_name())).await?;
    result.print_done(&CleanedBuilds { builds: over, cleaned: true }, &format!("deleted: {target}"))
}

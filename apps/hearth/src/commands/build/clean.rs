//! `hearth build clean`: forgets all builds that are over.

use hearth_base::Result;
use serde::{Deserialize, Serialize};

use super::is_under_way;
use crate::{context::Context, flags::DryRun};

/// What `hearth build clean` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was cleaned up.
#[derive(Debug, Serialize, Deserialize)]
struct Cleaned {
    builds: usize,
    cleaned: bool,
}

/// Cleans up.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Cleaned>()?;
    let Args { dry_run } = args;
    let at = cx.at_tool()?;
    let over = super::all(&at).await?.iter().filter(|build| !is_under_way(build)).count();
    let what = match over {
        1 => "1 build that is over, and the images that nothing uses".to_owned(),
        over => format!("{over} builds that are over, and the images that nothing uses"),
    };
    if over == 0 {
        return answer.said(&Cleaned { builds: 0, cleaned: false }, "nothing to change: no build is over");
    }
    if dry_run.dry_run {
        return answer.said(&Cleaned { builds: over, cleaned: false }, &format!("would delete {what}"));
    }
    cx.confirm("delete", &what).await?;
    at.ask(at.client().builds().clean(at.name())).await?;
    answer.done(&Cleaned { builds: over, cleaned: true }, &format!("deleted: {what}"))
}

//! `hearth envvars delete NAME`: wants a yes; the value cannot be had again.

use hearth_base::{EnvvarName, Result};
use serde::{Deserialize, Serialize};

use crate::{cli::DryRun, context::Context};

/// What `hearth envvars delete` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The variable
    #[arg(value_parser = super::name)]
    name: EnvvarName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was deleted. The value is not repeated.
#[derive(Debug, Serialize, Deserialize)]
struct Deleted {
    name: EnvvarName,
    deleted: bool,
}

/// Deletes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Deleted>()?;
    let Args { name, dry_run } = args;
    let at = cx.at_tool()?;
    super::one(&at, &name).await?;
    let what = format!("the variable {name} and its value");
    if dry_run.dry_run {
        return answer.said(&Deleted { name, deleted: false }, &format!("would delete {what}"));
    }
    cx.confirm("delete", &what).await?;
    at.ask(at.client().envvars().delete(at.name(), &name)).await?;
    answer.done(&Deleted { name, deleted: true }, &format!("{what} are deleted; runs that have it keep it"))
}

//! `hearth envvars delete NAME`: wants a yes; the value cannot be had again.

use hearth_base::{EnvvarName, JobName, Result};
use serde::{Deserialize, Serialize};

use super::{restart::Restart, scope::OfJob};
use crate::{context::Context, flags::DryRun};

/// What `hearth envvars delete` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The variable
    #[arg(value_parser = super::name)]
    name: EnvvarName,
    #[command(flatten)]
    of: OfJob,
    #[command(flatten)]
    restart: Restart,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was deleted. The value is not repeated.
#[derive(Debug, Serialize, Deserialize)]
struct Deleted {
    name: EnvvarName,
    deleted: bool,
    /// Jobs that were restarted for it.
    restarted: Vec<JobName>,
}

/// Deletes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Deleted>()?;
    let Args { name, of, restart, dry_run } = args;
    let at = cx.at_tool()?;
    let scope = of.scope();
    super::one(&at, &name, &scope).await?;
    let what = format!("the {} and its value", of.names(&name));
    if dry_run.dry_run {
        let deleted = Deleted { name, deleted: false, restarted: Vec::new() };
        return answer.said(&deleted, &format!("would delete {what}"));
    }
    cx.confirm("delete", &what).await?;
    let told = at.ask(at.client().envvars().delete(at.name(), &name, &scope)).await?;
    cx.printer.told(&told.messages);
    let restarted = restart.run(cx, &at).await?;
    answer.done(
        &Deleted { name, deleted: true, restarted },
        &format!("{what} are deleted; runs that have it keep it"),
    )
}

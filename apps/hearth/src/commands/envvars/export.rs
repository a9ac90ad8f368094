//! `hearth envvars export [FILE]`: variables as a dotenv file, which `hearth envvars import` reads back.

use std::path::PathBuf;

use hearth_base::{Result, dotenv};
use hearth_wire::envvars::Envvar;

use super::scope::OfJob;
use crate::{
    context::Context,
    flags::DryRun,
    out_file::{self, Readers},
};

/// What `hearth envvars export` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write to this file, which only you can read; it is replaced only with --yes
    file: Option<PathBuf>,
    #[command(flatten)]
    of: OfJob,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Writes them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Envvar>()?;
    let Args { file, of, dry_run } = args;
    let envvars = super::all(&cx.at_tool()?, &of.scope()).await?;
    let text: String = envvars.iter().map(line).collect();
    let (count, secrets) = (envvars.len(), envvars.iter().filter(|envvar| envvar.secret).count());
    if secrets > 0 {
        cx.printer.note(&format!("{secrets} of {count} are secrets, and their values are not written"));
    }
    let Some(file) = file else { return answer.listed_as(&envvars, &text) };
    let name = file.display();
    if !out_file::is_news(cx, &file, &text, Readers::Owner)? {
        return answer.listed_as(&envvars, &format!("nothing to change: {name} says the same\n"));
    }
    if dry_run.dry_run {
        return answer.listed_as(&envvars, &format!("would write {count} variables to {name}\n"));
    }
    out_file::write(&file, &text, Readers::Owner)?;
    answer.listed_as(&envvars, &format!("✓ {count} variables are written to {name}, for you alone to read\n"))
}

fn line(envvar: &Envvar) -> String {
    match envvar.secret {
        true => format!("# {} is a secret: its value is not here\n", envvar.name),
        false => dotenv::line(&envvar.name, envvar.value.reveal()),
    }
}

//! `hearth jobs dump`: all jobs, as `hearth jobs load` reads them.

use std::{
    io,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};

use super::spec::Spec;
use crate::{cli::DryRun, context::Context, trouble::why};

/// What `hearth jobs dump` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write to this file; it is replaced only with --yes
    #[arg(long, short = 'f', value_name = "FILE")]
    to_file: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Writes them down.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Spec>()?;
    let Args { to_file, dry_run } = args;
    let specs: Vec<Spec> = super::all(&cx.at_tool()?, true).await?.iter().map(Spec::of).collect();
    let text = serde_saphyr::to_string(&specs).map_err(Error::internal)?;
    let Some(file) = to_file else { return answer.listed_as(&specs, &text) };
    let name = file.display();
    match std::fs::read_to_string(&file) {
        Ok(known) if known == text => {
            return answer.listed_as(&specs, &format!("nothing to change: {name} says the same\n"));
        }
        Ok(_) if !cx.yes => {
            return Err(Error::conflict("file-exists", format!("{name} is there and says something else"))
                .help(cx.words.and("--yes")));
        }
        Err(cause) if cause.kind() != io::ErrorKind::NotFound && !cx.yes => {
            return Err(refused(&file, &cause));
        }
        Ok(_) | Err(_) => {}
    }
    if dry_run.dry_run {
        return answer.listed_as(&specs, &format!("would write {} jobs to {name}\n", specs.len()));
    }
    std::fs::write(&file, text).map_err(|cause| refused(&file, &cause))?;
    answer.listed_as(&specs, &format!("✓ {} jobs are written to {name}\n", specs.len()))
}

fn refused(file: &Path, cause: &io::Error) -> Error {
    Error::invalid("job-file", format!("{} cannot be written: {}", file.display(), why(cause)))
}

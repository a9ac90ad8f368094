//! `hearth envvars export [FILE]`: writes variables to a dotenv file, which `hearth envvars import` reads
//! back.

use std::path::PathBuf;

use hearth_base::{Result, dotenv};
use hearth_wire::envvars::Envvar;

use super::scope::JobScopeArgs;
use crate::{
    context::CommandContext,
    flags::DryRun,
    out_file::{self, FileReaders},
};

/// The arguments of `hearth envvars export`.
#[derive(Debug, clap::Args)]
pub struct ExportEnvvarsArgs {
    /// Write to this file, which only you can read; --yes replaces an existing one
    file: Option<PathBuf>,
    #[command(flatten)]
    job_scope: JobScopeArgs,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Writes the variables.
pub async fn run(cx: &CommandContext, args: ExportEnvvarsArgs) -> Result<()> {
    let result = cx.printer.open_output::<Envvar>()?;
    let ExportEnvvarsArgs { file, job_scope, dry_run } = args;
    let envvars = super::list_envvars(&cx.open_tool_session()?, &job_scope.to_scope()).await?;
    let text: String = envvars.iter().map(format_dotenv_line).collect();
    let (count, secrets) = (envvars.len(), envvars.iter().filter(|envvar| envvar.secret).count());
    if secrets > 0 {
        cx.printer
            .print_note(&format!("{secrets} of {count} variables are secrets; their values are not written"));
    }
    let Some(file) = file else { return result.print_list_as_text(&envvars, &text) };
    let name = file.display();
    if !out_file::needs_write(cx, &file, &text, FileReaders::Owner)? {
        return result
            .print_list_as_text(&envvars, &format!("nothing to change: {name} has this content already\n"));
    }
    if dry_run.dry_run {
        return result.print_list_as_text(&envvars, &format!("would write {count} variables to {name}\n"));
    }
    out_file::write_file(&file, &text, FileReaders::Owner)?;
    result.print_list_as_text(
        &envvars,
        &format!("✓ {count} variables are written to {name}, which only you can read\n"),
    )
}

fn format_dotenv_line(envvar: &Envvar) -> String {
    match envvar.secret {
        true => format!("# {} is a secret; its value is not exported\n", envvar.name),
        false => dotenv::format_line(&envvar.name, envvar.value.expose_secret()),
    }
}

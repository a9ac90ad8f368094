//! `hearth envvars import FILE`: sets variables from a dotenv file, all of them or none.

use std::path::{Path, PathBuf};

use hearth_base::{EnvvarName, Error, JobName, Result, dotenv};
use hearth_wire::envvars::{EnvvarWanted, EnvvarsChange, EnvvarsChanged};
use serde::{Deserialize, Serialize};

use super::{restart::RestartFlag, scope::JobScopeArgs};
use crate::{
    context::CommandContext,
    flags::DryRun,
    io_error::describe_io_error,
    printer::{Cell, Table},
    prompter,
};

/// The arguments of `hearth envvars import`.
#[derive(Debug, clap::Args)]
pub struct ImportEnvvarsArgs {
    /// The file with a NAME=value in each line; - for standard input
    file: PathBuf,
    /// Show values in the preview too
    #[arg(long)]
    show_values: bool,
    /// Make all of them secrets: only runs can read the values
    #[arg(long)]
    secret: bool,
    /// Also delete variables that the file does not name, except secrets
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    job_scope: JobScopeArgs,
    #[command(flatten)]
    restart: RestartFlag,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Output of the command: the changes, planned changes in a dry run, without values.
#[derive(Debug, Serialize, Deserialize)]
struct ImportedEnvvars {
    created: Vec<EnvvarName>,
    changed: Vec<EnvvarName>,
    unchanged: Vec<EnvvarName>,
    deleted: Vec<EnvvarName>,
    /// The restarted jobs.
    restarted: Vec<JobName>,
}

/// Imports the variables after a preview and a confirmation.
pub async fn run(cx: &CommandContext, args: ImportEnvvarsArgs) -> Result<()> {
    let result = cx.printer.open_output::<ImportedEnvvars>()?;
    let ImportEnvvarsArgs { file, show_values, secret, prune, job_scope, restart, dry_run } = args;
    let dotenv::DotenvFile { envvars, unexpanded: literal } = read_dotenv(&file).await?;
    let (session, scope) = (cx.open_tool_session()?, job_scope.to_scope());
    let secret = secret.then_some(true);
    let to_wanted = |(name, value): (EnvvarName, _)| EnvvarWanted { name: name.to_string(), value, secret };
    let envvars = envvars.into_iter().map(to_wanted);
    let change = EnvvarsChange { envvars: envvars.collect(), prune, delete: Vec::new(), dry_run: true };
    // The first request is a dry run: the server validates the file and returns the changes.
    let would =
        session.send(session.client().envvars().change_many(session.tool_name(), &change, &scope)).await?;
    cx.printer.print_messages(&would.messages);
    for name in &literal {
        cx.printer.print_warning(&format!("the $ in {name} is literal: values are not expanded"));
    }
    let changes = would.content.changes;
    let (set, deleted) = (changes.created.len() + changes.changed.len(), changes.deleted.len());
    if set + deleted == 0 {
        let restarted =
            if dry_run.dry_run { Vec::new() } else { restart.restart_outdated_jobs(cx, &session).await? };
        let sentence = "nothing to change: every variable has its value already";
        return result.print_sentence(&ImportedEnvvars::from_changes(changes, restarted), sentence);
    }
    let preview = build_preview(&change, &changes, show_values);
    if dry_run.dry_run {
        return result.print_record(&ImportedEnvvars::from_changes(changes, Vec::new()), &preview);
    }
    cx.printer.print_preview(&preview);
    if set > 0 {
        cx.require_confirmation("set", &format_variable_count(set)).await?;
    }
    if deleted > 0 {
        let names: Vec<_> = changes.deleted.iter().map(ToString::to_string).collect();
        cx.require_confirmation(
            "delete",
            &format!("the variables that the file does not name: {}", names.join(", ")),
        )
        .await?;
    }
    // Only confirmed variables are deleted, not those that were created meanwhile.
    let change = EnvvarsChange { dry_run: false, prune: false, delete: changes.deleted, ..change };
    let done =
        session.send(session.client().envvars().change_many(session.tool_name(), &change, &scope)).await?;
    done.messages.info.iter().for_each(|sentence| cx.printer.print_note(sentence));
    let restarted = restart.restart_outdated_jobs(cx, &session).await?;
    let imported = ImportedEnvvars::from_changes(done.content.changes, restarted);
    let ImportedEnvvars { created, changed, unchanged, deleted, .. } = &imported;
    let sentence = format!(
        "{} new, {} changed, {} unchanged, {} deleted, for new runs",
        created.len(),
        changed.len(),
        unchanged.len(),
        deleted.len()
    );
    result.print_done(&imported, &sentence)
}

impl ImportedEnvvars {
    fn from_changes(changes: EnvvarsChanged, restarted: Vec<JobName>) -> Self {
        let EnvvarsChanged { created, changed, unchanged, deleted } = changes;
        Self { created, changed, unchanged, deleted, restarted }
    }
}

fn format_variable_count(count: usize) -> String {
    if count == 1 { "1 variable".to_owned() } else { format!("{count} variables") }
}

/// Builds a row for each variable: the planned change, and with `show_values` the new value.
fn build_preview(change: &EnvvarsChange, changes: &EnvvarsChanged, show_values: bool) -> Table {
    let mut table =
        if show_values { Table::new_uncut() } else { Table::with_headings(&["variable", "change"]) };
    let EnvvarsChanged { created, changed, unchanged, deleted } = changes;
    let all = [
        ("would be added", created),
        ("would be changed", changed),
        ("would be deleted", deleted),
        ("nothing to change", unchanged),
    ];
    for (change_word, names) in all {
        for name in names {
            let mut row = vec![Cell::from(name.as_str()), Cell::from(change_word)];
            let new_value = change.envvars.iter().find(|wanted| show_values && wanted.name == name.as_str());
            row.extend(new_value.map(|wanted| Cell::from(wanted.value.expose_secret())));
            table.add_row(row);
        }
    }
    table
}

async fn read_dotenv(file: &Path) -> Result<dotenv::DotenvFile> {
    let refused = |what: &str| {
        Error::invalid("dotenv", format!("{} cannot be used: {what}", file.display()))
            .help("name a file with NAME=value lines, or - for standard input")
    };
    if file == Path::new("-") {
        let text = prompter::read_stdin().await?.ok_or_else(|| refused("standard input is empty"))?;
        return dotenv::parse_dotenv(text.expose_secret(), "standard input");
    }
    let text = std::fs::read_to_string(file).map_err(|cause| refused(&describe_io_error(&cause)))?;
    if text.len() > dotenv::MAX_DOTENV_BYTES {
        return Err(refused("it is larger than the limit for all variables of a tool"));
    }
    dotenv::parse_dotenv(&text, &file.display().to_string())
}

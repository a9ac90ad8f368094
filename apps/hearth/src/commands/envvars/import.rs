//! `hearth envvars import FILE`: variables become what a dotenv file says, all of them or none.

use std::path::{Path, PathBuf};

use hearth_base::{EnvvarName, Error, JobName, Result, dotenv};
use hearth_wire::envvars::{EnvvarWanted, EnvvarsChange, EnvvarsChanged};
use serde::{Deserialize, Serialize};

use super::{restart::Restart, scope::OfJob};
use crate::{
    ask,
    context::Context,
    flags::DryRun,
    printer::{Cell, Table},
    trouble::why,
};

/// What `hearth envvars import` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file, with a NAME=value in each line; - for standard input
    file: PathBuf,
    /// Show values in the preview too
    #[arg(long)]
    show_values: bool,
    /// Nobody reads any of the values back, only runs have them
    #[arg(long)]
    secret: bool,
    /// Also delete the variables that the file does not name, but for secrets
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    of: OfJob,
    #[command(flatten)]
    restart: Restart,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What became of the variables; of a dry run, what would. Values are not repeated.
#[derive(Debug, Serialize, Deserialize)]
struct Imported {
    created: Vec<EnvvarName>,
    changed: Vec<EnvvarName>,
    unchanged: Vec<EnvvarName>,
    deleted: Vec<EnvvarName>,
    /// Jobs that were restarted for it.
    restarted: Vec<JobName>,
}

/// Imports them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Imported>()?;
    let Args { file, show_values, secret, prune, of, restart, dry_run } = args;
    let dotenv::Read { envvars, literal } = read(&file).await?;
    let (at, scope) = (cx.at_tool()?, of.scope());
    let secret = secret.then_some(true);
    let wanted = |(name, value): (EnvvarName, _)| EnvvarWanted { name: name.to_string(), value, secret };
    let envvars = envvars.into_iter().map(wanted);
    let change = EnvvarsChange { envvars: envvars.collect(), prune, delete: Vec::new(), dry_run: true };
    // The server looks at all of it first, and says what it would do.
    let would = at.ask(at.client().envvars().change(at.name(), &change, &scope)).await?;
    cx.printer.told(&would.messages);
    for name in &literal {
        cx.printer.warning(&format!("the $ in {name} stays as it is: nothing is put into values"));
    }
    let changes = would.content.changes;
    let (set, deleted) = (changes.created.len() + changes.changed.len(), changes.deleted.len());
    if set + deleted == 0 {
        let restarted = if dry_run.dry_run { Vec::new() } else { restart.run(cx, &at).await? };
        let sentence = "nothing to change: every variable has its value already";
        return answer.said(&Imported::of(changes, restarted), sentence);
    }
    let preview = preview(&change, &changes, show_values);
    if dry_run.dry_run {
        return answer.shown(&Imported::of(changes, Vec::new()), &preview);
    }
    cx.printer.beside(&preview);
    if set > 0 {
        cx.confirm("set", &counted(set)).await?;
    }
    if deleted > 0 {
        let names: Vec<_> = changes.deleted.iter().map(ToString::to_string).collect();
        cx.confirm("delete", &format!("what the file does not name: {}", names.join(", "))).await?;
    }
    // What was agreed to is deleted, and nothing that came meanwhile.
    let change = EnvvarsChange { dry_run: false, prune: false, delete: changes.deleted, ..change };
    let done = at.ask(at.client().envvars().change(at.name(), &change, &scope)).await?;
    done.messages.info.iter().for_each(|sentence| cx.printer.note(sentence));
    let restarted = restart.run(cx, &at).await?;
    let imported = Imported::of(done.content.changes, restarted);
    let Imported { created, changed, unchanged, deleted, .. } = &imported;
    let sentence = format!(
        "{} new, {} changed, {} as before, {} deleted; runs that start from now on have it so",
        created.len(),
        changed.len(),
        unchanged.len(),
        deleted.len()
    );
    answer.done(&imported, &sentence)
}

impl Imported {
    fn of(changes: EnvvarsChanged, restarted: Vec<JobName>) -> Self {
        let EnvvarsChanged { created, changed, unchanged, deleted } = changes;
        Self { created, changed, unchanged, deleted, restarted }
    }
}

fn counted(count: usize) -> String {
    if count == 1 { "1 variable".to_owned() } else { format!("{count} variables") }
}

/// A row for each variable: what would become of it, and perhaps its new value.
fn preview(change: &EnvvarsChange, changes: &EnvvarsChanged, show_values: bool) -> Table {
    let mut table = if show_values { Table::whole() } else { Table::of(&["variable", "what"]) };
    let EnvvarsChanged { created, changed, unchanged, deleted } = changes;
    let all = [
        ("would be added", created),
        ("would be changed", changed),
        ("would be deleted", deleted),
        ("nothing to change", unchanged),
    ];
    for (what, names) in all {
        for name in names {
            let mut row = vec![Cell::from(name.as_str()), Cell::from(what)];
            let wanted = change.envvars.iter().find(|wanted| show_values && wanted.name == name.as_str());
            row.extend(wanted.map(|wanted| Cell::from(wanted.value.reveal())));
            table.row(row);
        }
    }
    table
}

async fn read(file: &Path) -> Result<dotenv::Read> {
    let refused = |what: &str| {
        Error::invalid("dotenv", format!("{} cannot be used: {what}", file.display()))
            .help("name a file with NAME=value lines, or - for standard input")
    };
    if file == Path::new("-") {
        let text = ask::all_input().await?.ok_or_else(|| refused("standard input is empty"))?;
        return dotenv::read(text.reveal(), "standard input");
    }
    let text = std::fs::read_to_string(file).map_err(|cause| refused(&why(&cause)))?;
    if text.len() > dotenv::MAX_DOTENV_BYTES {
        return Err(refused("it is larger than all variables of a tool may be"));
    }
    dotenv::read(&text, &file.display().to_string())
}

//! The common part of cancelling and deleting builds: selection, confirmation, and a line for each.

use hearth_base::{BuildId, Error, Result};
use hearth_wire::builds::{Build, BuildChanged};

use crate::{
    context::CommandContext,
    flags::DryRun,
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// The arguments that select builds.
#[derive(Debug, clap::Args)]
pub struct BuildSelection {
    /// The builds
    ids: Vec<BuildId>,
    /// All applicable builds
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The action on each selected build.
pub struct BuildAction<'a> {
    /// The verb, as in "cancel".
    pub verb: &'a str,
    /// The participle, as in "cancelled".
    pub past: &'a str,
    /// Returns true for builds that `--all` selects.
    pub applies_to: fn(&Build) -> bool,
}

impl BuildSelection {
    /// Confirms the action and calls `call` for each selected build.
    pub async fn apply_action<F: Future<Output = Result<BuildChanged>>>(
        self,
        cx: &CommandContext,
        session: &ToolSession<'_>,
        deed: &BuildAction<'_>,
        call: impl Fn(BuildId) -> F,
    ) -> Result<()> {
        let result = cx.printer.open_output::<BuildChanged>()?;
        let Self { ids, all, dry_run } = self;
        let ids = match (ids.is_empty(), all) {
            (true, true) => {
                let builds = super::list_builds(session).await?.into_iter().filter(deed.applies_to);
                builds.map(|build| build.build_id).collect()
            }
            (true, false) => {
                return Err(Error::invalid("build-ambiguous", "the command names no build")
                    .help(format!("hearth build {} --all", deed.verb)));
            }
            (false, _) => ids,
        };
        if ids.is_empty() {
            cx.printer.print_note(&format!("nothing to change: there is no build to {}", deed.verb));
            return result.print_list(&[], &Table::new_uncut());
        }
        let named = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if !dry_run.dry_run {
            let count = if ids.len() == 1 { "build" } else { "builds" };
            cx.require_confirmation(deed.verb, &format!("{count} {named}")).await?;
        }
        let mut table = Table::with_headings(&["build", "outcome"]);
        let mut changed = Vec::new();
        for id in ids {
            let outcome = if dry_run.dry_run {
                format!("would be {}", deed.past)
            } else {
                session.send(call(id)).await?;
                deed.past.to_owned()
            };
            table.add_row([Cell::from(id.to_string()), Cell::from(outcome)]);
            changed.push(BuildChanged { id });
        }
        result.print_list(&changed, &table)
    }
}

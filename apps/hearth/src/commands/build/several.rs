//! What cancelling and deleting builds have in common: which ones, a yes, and a line for each.

use hearth_base::{BuildId, Error, Result};
use hearth_wire::builds::{Build, BuildChanged};

use crate::{
    at_tool::AtTool,
    context::Context,
    flags::DryRun,
    printer::{Cell, Table},
};

/// Which builds.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The builds
    ids: Vec<BuildId>,
    /// All that there are
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What is done to each of them.
pub struct Deed<'a> {
    /// As in "cancel".
    pub verb: &'a str,
    /// As in "cancelled".
    pub past: &'a str,
    /// Whether `--all` means this one.
    pub means: fn(&Build) -> bool,
}

impl Which {
    /// Does `deed` to each, by `call`, after a yes.
    pub async fn each<F: Future<Output = Result<BuildChanged>>>(
        self,
        cx: &Context,
        at: &AtTool<'_>,
        deed: &Deed<'_>,
        call: impl Fn(BuildId) -> F,
    ) -> Result<()> {
        let answer = cx.printer.answer::<BuildChanged>()?;
        let Self { ids, all, dry_run } = self;
        let ids = match (ids.is_empty(), all) {
            (true, true) => {
                let builds = super::all(at).await?.into_iter().filter(deed.means);
                builds.map(|build| build.build_id).collect()
            }
            (true, false) => {
                return Err(Error::invalid("which-build", "no build is named")
                    .help(format!("hearth build {} --all", deed.verb)));
            }
            (false, _) => ids,
        };
        if ids.is_empty() {
            cx.printer.note(&format!("nothing to change: there is no build to {}", deed.verb));
            return answer.listed(&[], &Table::whole());
        }
        let named = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if !dry_run.dry_run {
            let count = if ids.len() == 1 { "build" } else { "builds" };
            cx.confirm(deed.verb, &format!("{count} {named}")).await?;
        }
        let mut table = Table::of(&["build", "what"]);
        let mut changed = Vec::new();
        for id in ids {
            let what = if dry_run.dry_run {
                format!("would be {}", deed.past)
            } else {
                at.ask(call(id)).await?;
                deed.past.to_owned()
            };
            table.row([Cell::from(id.to_string()), Cell::from(what)]);
            changed.push(BuildChanged { id });
        }
        answer.listed(&changed, &table)
    }
}

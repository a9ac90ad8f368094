//! `hearth build …`: images from sources, as Toolforge's `build` says it, flag for flag.

pub mod cancel;
pub mod clean;
pub mod delete;
pub mod list;
pub mod logs;
pub mod plan;
pub mod quota;
mod several;
pub mod show;
pub mod start;

use hearth_base::{BuildId, Result};
use hearth_wire::{
    builds::{Build, BuildStatus},
    reply::Paging,
};

use crate::{at_tool::AtTool, context::Context, flags::TEMPLATE, session::Session};

/// What to do with builds.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Build an image from a git repository or a folder
    #[command(before_help = "Example: hearth build start https://example.org/dup-finder.git", help_template = TEMPLATE)]
    Start(start::Args),
    /// Say how a folder would be built, and why
    #[command(before_help = "Example: hearth build plan .", help_template = TEMPLATE)]
    Plan(plan::Args),
    /// List builds
    #[command(before_help = "Example: hearth build list", help_template = TEMPLATE)]
    List,
    /// Show a build
    #[command(before_help = "Example: hearth build show", help_template = TEMPLATE)]
    Show(show::Args),
    /// Print what a build wrote
    #[command(before_help = "Example: hearth build logs -f", help_template = TEMPLATE)]
    Logs(logs::Args),
    /// Cancel builds that run
    #[command(before_help = "Example: hearth build cancel --all", help_template = TEMPLATE)]
    Cancel(cancel::Args),
    /// Delete builds that are over
    #[command(before_help = "Example: hearth build delete --all", help_template = TEMPLATE)]
    Delete(delete::Args),
    /// Delete all that takes room and is not needed
    #[command(before_help = "Example: hearth build clean", help_template = TEMPLATE)]
    Clean(clean::Args),
    /// Say how much may be built, and is
    #[command(before_help = "Example: hearth build quota", help_template = TEMPLATE)]
    Quota,
}

/// Does it.
pub async fn run(cx: &Context, command: Command) -> Result<()> {
    match command {
        Command::Start(args) => start::run(cx, args).await,
        Command::Plan(args) => plan::run(cx, &args),
        Command::List => list::run(cx).await,
        Command::Show(args) => show::run(cx, args).await,
        Command::Logs(args) => logs::run(cx, args).await,
        Command::Cancel(args) => cancel::run(cx, args).await,
        Command::Delete(args) => delete::run(cx, args).await,
        Command::Clean(args) => clean::run(cx, args).await,
        Command::Quota => quota::run(cx).await,
    }
}

/// What is true after Ctrl-C.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::Start(_) => "a build that began goes on; hearth build logs -f comes back to it",
        Command::Logs(_) => "the build goes on; the same command comes back",
        Command::Cancel(_) | Command::Delete(_) | Command::Clean(_) => {
            "some builds may be changed already; hearth build list shows them"
        }
        Command::Plan(_) | Command::List | Command::Show(_) | Command::Quota => "nothing was changed",
    }
}

/// All builds, the newest first.
async fn all(at: &AtTool<'_>) -> Result<Vec<Build>> {
    let (builds, tool, session): (_, _, &Session<'_>) = (at.client().builds(), at.name(), &at.session);
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let paging = Paging { cursor, ..Paging::default() };
        let page = session.ask_about(&at.tool, builds.list(tool, &paging)).await?;
        found.extend(page.builds);
        match page.next {
            None => return Ok(found),
            next => cursor = next,
        }
    }
}

/// The build that was named, or the newest.
async fn one(at: &AtTool<'_>, id: Option<BuildId>) -> Result<Build> {
    let builds = at.client().builds();
    match id {
        None => at.ask(builds.latest(at.name())).await,
        Some(id) => {
            let ids = async { Ok(all(at).await?.iter().map(|build| build.build_id.to_string()).collect()) };
            at.ask_for(&id.to_string(), builds.show(at.name(), id), ids).await
        }
    }
}

/// Whether more will happen to it.
pub fn is_under_way(build: &Build) -> bool {
    matches!(build.status, BuildStatus::BuildPending | BuildStatus::BuildRunning)
}

/// The state's word.
pub fn state(build: &Build) -> &'static str {
    match build.status {
        BuildStatus::BuildPending => "waiting",
        BuildStatus::BuildRunning => "running",
        BuildStatus::BuildSuccess => "done",
        BuildStatus::BuildFailure => "failed",
        BuildStatus::BuildCancelled => "cancelled",
        BuildStatus::BuildTimeout => "took too long",
        BuildStatus::BuildUnknown => "unknown",
    }
}

/// What was built, in a few words.
pub fn source(build: &Build) -> String {
    let resolved: String = build.resolved_ref.trim_start_matches("sha256:").chars().take(7).collect();
    let what = if build.parameters.source_url.is_empty() { "a folder" } else { &build.parameters.source_url };
    match (build.parameters.reference.as_str(), resolved.as_str()) {
        ("", "") => what.to_owned(),
        ("", resolved) => format!("{what} {resolved}"),
        (reference, "") => format!("{what} {reference}"),
        (reference, resolved) => format!("{what} {reference} ({resolved})"),
    }
}

/// An instant of a build's, which may be empty.
fn instant(text: &str) -> crate::printer::Cell {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => at.into(),
        Err(_) => "-".into(),
    }
}

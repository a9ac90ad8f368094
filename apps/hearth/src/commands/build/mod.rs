//! `hearth build …`: builds of images, with the flags of Toolforge's `build`.

pub mod builders;
pub mod cancel;
pub mod clean;
pub mod credentials;
pub mod delete;
mod image_layers;
mod image_target;
pub mod list;
pub mod logs;
pub mod package_sources;
pub mod plan;
mod provenance;
pub mod quota;
pub mod recipe_args;
pub mod reproduce;
pub mod sbom;
mod selection;
pub mod show;
pub mod start;
pub mod verify;

use hearth_base::{BuildId, Result};
use hearth_wire::{
    builds::{Build, BuildStatus},
    reply::{Listed, Paging},
};

use crate::{context::CommandContext, flags::HELP_TEMPLATE, tool_session::ToolSession};

/// Commands about builds.
#[derive(Debug, clap::Subcommand)]
pub enum BuildCommand {
    /// Build an image from a git repository or a folder
    #[command(before_help = "Example: hearth build start https://example.org/dup-finder.git", help_template = HELP_TEMPLATE)]
    Start(start::StartBuildArgs),
    /// Show how a folder would be built, and why
    #[command(before_help = "Example: hearth build plan .", help_template = HELP_TEMPLATE)]
    Plan(plan::PlanBuildArgs),
    /// List builds
    #[command(before_help = "Example: hearth build list", help_template = HELP_TEMPLATE)]
    List,
    /// Show a build
    #[command(before_help = "Example: hearth build show", help_template = HELP_TEMPLATE)]
    Show(show::ShowBuildArgs),
    /// Print the log of a build
    #[command(before_help = "Example: hearth build logs -f", help_template = HELP_TEMPLATE)]
    Logs(logs::PrintBuildLogsArgs),
    /// Cancel waiting and running builds
    #[command(before_help = "Example: hearth build cancel --all", help_template = HELP_TEMPLATE)]
    Cancel(cancel::CancelBuildsArgs),
    /// Delete finished builds
    #[command(before_help = "Example: hearth build delete --all", help_template = HELP_TEMPLATE)]
    Delete(delete::DeleteBuildsArgs),
    /// Delete finished builds and unused images
    #[command(before_help = "Example: hearth build clean", help_template = HELP_TEMPLATE)]
    Clean(clean::CleanBuildsArgs),
    /// Verify who built an image, and from which source
    #[command(before_help = "Example: hearth build verify", help_template = HELP_TEMPLATE)]
    Verify(verify::VerifyBuildArgs),
    /// Repeat a build, and compare the images
    #[command(before_help = "Example: hearth build reproduce", help_template = HELP_TEMPLATE)]
    Reproduce(reproduce::ReproduceBuildArgs),
    /// List the packages in an image, or save the list (SBOM)
    #[command(before_help = "Example: hearth build sbom --output sbom.json", help_template = HELP_TEMPLATE)]
    Sbom(sbom::ShowSbomArgs),
    /// List, add, remove and choose outside builders
    #[command(before_help = "Example: hearth build builders list", help_template = HELP_TEMPLATE)]
    Builders {
        #[command(subcommand)]
        command: builders::OutsideBuildersCommand,
    },
    /// List, set and delete credentials for private repositories
    #[command(before_help = "Example: hearth build credentials list", help_template = HELP_TEMPLATE)]
    Credentials {
        #[command(subcommand)]
        command: credentials::SourceCredentialsCommand,
    },
    /// List the sources of Debian packages besides Debian
    #[command(before_help = "Example: hearth build package-sources", help_template = HELP_TEMPLATE)]
    PackageSources,
    /// Show quota and usage
    #[command(before_help = "Example: hearth build quota", help_template = HELP_TEMPLATE)]
    Quota,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: BuildCommand) -> Result<()> {
    match command {
        BuildCommand::Start(args) => start::run(cx, args).await,
        BuildCommand::Plan(args) => plan::run(cx, &args),
        BuildCommand::List => list::run(cx).await,
        BuildCommand::Show(args) => show::run(cx, args).await,
        BuildCommand::Logs(args) => logs::run(cx, args).await,
        BuildCommand::Cancel(args) => cancel::run(cx, args).await,
        BuildCommand::Delete(args) => delete::run(cx, args).await,
        BuildCommand::Clean(args) => clean::run(cx, args).await,
        BuildCommand::Verify(args) => verify::run(cx, args).await,
        BuildCommand::Reproduce(args) => reproduce::run(cx, args).await,
        BuildCommand::Sbom(args) => sbom::run(cx, args).await,
        BuildCommand::Builders { command } => builders::run(cx, command).await,
        BuildCommand::Credentials { command } => credentials::run(cx, command).await,
        BuildCommand::PackageSources => package_sources::run(cx).await,
        BuildCommand::Quota => quota::run(cx).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &BuildCommand) -> &'static str {
    match command {
        BuildCommand::Start(_) | BuildCommand::Reproduce(_) => {
            "a started build continues; hearth build logs -f shows it"
        }
        BuildCommand::Logs(_) => "the build continues; the same command shows it again",
        BuildCommand::Cancel(_) | BuildCommand::Delete(_) | BuildCommand::Clean(_) => {
            "some builds may be changed already; hearth build list shows them"
        }
        BuildCommand::Builders { command } => builders::explain_interrupt(command),
        BuildCommand::Credentials { command } => credentials::explain_interrupt(command),
        BuildCommand::Plan(_)
        | BuildCommand::List
        | BuildCommand::Show(_)
        | BuildCommand::Verify(_)
        | BuildCommand::Sbom(_)
        | BuildCommand::PackageSources
        | BuildCommand::Quota => "nothing was changed",
    }
}

/// Lists all builds, the newest first.
async fn list_builds(session: &ToolSession<'_>) -> Result<Vec<Build>> {
    let (builds, tool) = (session.client().builds(), session.tool_name());
    let pages = session.collect_pages(|limit, cursor| async move {
        let page = builds.list(tool, &Paging { limit, cursor }).await?;
        Ok(Listed { items: page.builds, next: page.next })
    });
    pages.await
}

/// Fetches the named build, or the newest.
async fn find_build(session: &ToolSession<'_>, id: Option<BuildId>) -> Result<Build> {
    let builds = session.client().builds();
    match id {
        None => session.send(builds.show_latest(session.tool_name())).await,
        Some(id) => {
            let ids = async {
                Ok(list_builds(session).await?.iter().map(|build| build.build_id.to_string()).collect())
            };
            session.send_with_suggestion(&id.to_string(), builds.show(session.tool_name(), id), ids).await
        }
    }
}

/// Returns true while the build waits or runs.
pub fn is_under_way(build: &Build) -> bool {
    matches!(build.status, BuildStatus::BuildPending | BuildStatus::BuildRunning)
}

/// Describes the state in one word.
pub fn describe_build_state(build: &Build) -> &'static str {
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

/// Describes the source: address or "a folder", reference and short revision.
pub fn describe_source(build: &Build) -> String {
    let resolved: String = build.resolved_ref.trim_start_matches("sha256:").chars().take(7).collect();
    let origin =
        if build.parameters.source_url.is_empty() { "a folder" } else { &build.parameters.source_url };
    match (build.parameters.reference.as_str(), resolved.as_str()) {
        ("", "") => origin.to_owned(),
        ("", resolved) => format!("{origin} {resolved}"),
        (reference, "") => format!("{origin} {reference}"),
        (reference, resolved) => format!("{origin} {reference} ({resolved})"),
    }
}

/// Converts a build's time, which may be empty, to a table cell.
fn instant_cell(text: &str) -> crate::printer::Cell {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => at.into(),
        Err(_) => "-".into(),
    }
}

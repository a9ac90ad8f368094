//! `hearth deploy [SOURCE]`: deploys a folder, a repository or the stored configuration, and follows the deployment.
//!
//! It creates no tool without `--new`. An interrupt does not stop the deployment, which continues
//! on the server.

mod component;
mod config;
mod follow;
mod source;
mod source_digests;

use clap::ValueHint;
use hearth_base::{Error, Result, ToolName};
use hearth_wire::components::{Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentState};

pub use self::{
    config::{ConfigArgs, print_stored_plan},
    source_digests::compute_source_digests,
};

use self::component::ComponentArgs;
use super::build::recipe_args::RecipeArgs;
use crate::{
    context::CommandContext,
    flags::DryRun,
    page_probe,
    printer::{ResultOutput, Steps},
    tool_session::ToolSession,
    upload::UploadArgs,
};

/// The arguments of `hearth deploy`.
#[derive(Debug, clap::Args)]
pub struct DeployToolArgs {
    /// A folder, or the address of a git repository; default: this folder
    #[arg(default_value = ".", hide_default_value = true, value_hint = ValueHint::DirPath)]
    source: String,
    /// Create this tool first, and link the folder to it
    #[arg(long, value_name = "NAME", conflicts_with = "tool")]
    new: Option<ToolName>,
    /// The repository's branch, tag or commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Follow the newest deployment instead of starting one
    #[arg(long, short, conflicts_with_all = ["new", "reference", "queue", "stored"])]
    follow: bool,
    /// Queue behind another deployment instead of failing
    #[arg(long, hide_short_help = true)]
    queue: bool,
    /// A description of the deployment
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    /// The command; default: the process web
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    component: ComponentArgs,
    /// Build even when the source has an image already
    #[arg(long, hide_short_help = true)]
    force_build: bool,
    /// Restart even when nothing changed
    #[arg(long, hide_short_help = true)]
    force_run: bool,
    #[command(flatten)]
    recipe: RecipeArgs,
    #[command(flatten)]
    upload: UploadArgs,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deploys and follows the deployment.
pub async fn run(cx: &CommandContext, args: DeployToolArgs) -> Result<()> {
    let result = cx.printer.open_output::<Deployment>()?;
    let mut steps = cx.printer.open_steps();
    let begun = if args.follow {
        let session = cx.open_tool_session()?;
        let latest = session.send(session.client().components().show_latest(session.tool_name())).await?;
        Some((session, latest))
    } else if args.config.stored {
        config::begin_stored_deployment(cx, args).await?
    } else {
        source::begin_deployment(cx, &mut steps, args).await?
    };
    match begun {
        Some((session, begun)) => follow_to_end(&session, begun, &mut steps, &result).await,
        None => Ok(()),
    }
}

/// Starts a deployment, and prints warnings about its configuration.
pub async fn start_deployment(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    create: &DeploymentCreate,
    query: &DeploymentCreateQuery,
) -> Result<Deployment> {
    let calls = session.client().components();
    let begun =
        session.send(calls.create_deployment_with_messages(session.tool_name(), create, query)).await?;
    begun.messages.warning.iter().for_each(|sentence| cx.printer.print_warning(sentence));
    Ok(begun.data)
}

/// Follows a deployment to its end and prints its outcome.
pub async fn follow_to_end(
    session: &ToolSession<'_>,
    begun: Deployment,
    steps: &mut Steps<'_>,
    result: &ResultOutput<'_, Deployment>,
) -> Result<()> {
    let over = follow::follow_deployment(session, begun, steps).await?;
    if over.status != DeploymentState::Successful {
        return Err(build_deployment_error(&over));
    }
    if let Some(url) = &over.url {
        steps.begin_step("answer");
        match steps.wait_for(page_probe::wait_until_page_answers(&session.server_session, url)).await {
            true => steps.mark_done(""),
            false => steps.mark_failed("no response yet; hearth logs -f shows the reason"),
        }
    }
    result.print_sentence(&over, &describe_outcome(&over))
}

/// Describes a successful deployment: address and revision, then the components if there are several, and what was
/// removed.
fn describe_outcome(over: &Deployment) -> String {
    let unpublished = || match &over.schedule {
        Some(schedule) if over.runs.len() <= 1 => format!("it runs at {schedule}"),
        _ => "the tool runs and is not published".to_owned(),
    };
    let address = over.url.clone().unwrap_or_else(unpublished);
    let revision = over.revision.map(|revision| format!("   revision {revision}")).unwrap_or_default();
    let mut lines = vec![format!("{address}{revision}")];
    if over.runs.len() > 1 {
        let names: Vec<&str> = over.runs.keys().map(String::as_str).collect();
        lines.push(format!("components: {}", names.join(", ")));
    }
    if !over.removed.is_empty() {
        lines.push(format!("removed: {}", over.removed.join(", ")));
    }
    lines.join("\n")
}

/// Builds the error of an unsuccessful deployment. It says first which revision still runs.
fn build_deployment_error(over: &Deployment) -> Error {
    let code = over.code.clone().unwrap_or_else(|| match over.status {
        DeploymentState::TimedOut => "deployment-timed-out".to_owned(),
        DeploymentState::Cancelled => "deployment-cancelled".to_owned(),
        _ => "deployment-failed".to_owned(),
    });
    let still = match over.still_running {
        Some(revision) => format!("Nothing changed: revision {revision} still runs."),
        None => "Nothing else changed; no earlier revision was running.".to_owned(),
    };
    let mut lines = over.long_status.lines();
    let what = lines.next().unwrap_or_default();
    let error = Error::new(hearth_base::ErrorKind::Invalid, code, what);
    let error = lines.fold(error, Error::and_message).and_message(still);
    error.help(over.help.as_deref().unwrap_or("hearth logs"))
}

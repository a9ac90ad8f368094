//! `hearth repository change LINK`.

use hearth_base::{Error, Result, Secret};
use hearth_wire::components::{PreviewSource, RepositoryLink, RepositoryLinkId, RepositoryLinkPatch};

use super::{PreviewChoice, describe_events, fetch_link, link_pairs};
use crate::{context::CommandContext, flags::DryRun, printer::Table, prompter};

/// The name of the environment that is the configuration itself.
const PRODUCTION_ENVIRONMENT: &str = "production";

/// The arguments of `hearth repository change`.
#[derive(Debug, clap::Args)]
pub struct ChangeLinkArgs {
    /// The link's id, as hearth repository list shows it
    id: RepositoryLinkId,
    /// Deploy pushes to this branch; may be repeated
    #[arg(long = "branch", value_name = "BRANCH")]
    branches: Vec<String>,
    /// Deploy only pushes that change these files; may be repeated
    #[arg(long = "path", value_name = "PATTERN", conflicts_with = "all_paths")]
    paths: Vec<String>,
    /// Deploy pushes whatever they change
    #[arg(long)]
    all_paths: bool,
    /// Deploy this environment; production is the configuration itself
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Make previews of these merge requests; those that exist stay until their end
    #[arg(long, value_enum, value_name = "SOURCE")]
    previews: Option<PreviewChoice>,
    /// Read a token of the forge for commit statuses from standard input
    #[arg(long, conflicts_with = "no_status_token")]
    status_token_stdin: bool,
    /// Delete the token for commit statuses
    #[arg(long)]
    no_status_token: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Changes the link.
pub async fn run(cx: &CommandContext, args: ChangeLinkArgs) -> Result<()> {
    let result = cx.printer.open_output::<RepositoryLink>()?;
    let ChangeLinkArgs {
        id,
        branches,
        paths,
        all_paths,
        environment,
        previews,
        status_token_stdin,
        no_status_token,
        dry_run,
    } = args;
    let session = cx.open_tool_session()?;
    let current = fetch_link(&session, id).await?;
    let mut patch = RepositoryLinkPatch {
        branches: (!branches.is_empty()).then_some(branches),
        paths: (all_paths || !paths.is_empty()).then_some(paths),
        environment,
        previews: previews.map(PreviewSource::from),
        status_token: no_status_token.then(|| Secret::new("")),
    };
    if patch == RepositoryLinkPatch::default() && !status_token_stdin {
        let what = "the command names no change; use --branch, --path, --all-paths, --environment, --previews or a \
                    flag of the status token";
        return Err(Error::invalid("no-change", what).help("hearth repository change -h"));
    }
    let changes_token = status_token_stdin || (no_status_token && current.has_status_token);
    if apply_patch(&current, &patch) == current && !changes_token {
        return result
            .print_sentence(&current, &format!("nothing to change: {id} has these settings already"));
    }
    if dry_run.dry_run {
        return result.print_sentence(&current, &format!("{id} would be changed"));
    }
    if status_token_stdin {
        patch.status_token = Some(prompter::read_secret_from_stdin("--status-token-stdin").await?);
    }
    let calls = session.client().components();
    let changed = session.send(calls.update_repository_link(session.tool_name(), id, &patch)).await?;
    result.print_record(&changed, &Table::from_pairs(link_pairs(&changed)))?;
    if current.previews.is_none() && !changed.previews.is_none() {
        let events = describe_events(&changed);
        cx.printer.print_note(&format!("Let the webhook at the forge send merge requests too. {events}."));
    }
    Ok(())
}

/// Applies a change to a link, without its token.
fn apply_patch(current: &RepositoryLink, patch: &RepositoryLinkPatch) -> RepositoryLink {
    let environment = match &patch.environment {
        None => current.environment.clone(),
        Some(environment) => {
            Some(environment.clone()).filter(|environment| environment != PRODUCTION_ENVIRONMENT)
        }
    };
    RepositoryLink {
        branches: patch.branches.clone().unwrap_or_else(|| current.branches.clone()),
        paths: patch.paths.clone().unwrap_or_else(|| current.paths.clone()),
        environment,
        previews: patch.previews.unwrap_or(current.previews),
        ..current.clone()
    }
}

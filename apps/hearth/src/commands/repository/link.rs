//! `hearth repository link ADDRESS`.

use hearth_base::{Error, Result};
use hearth_wire::components::{ForgeKind, RepositoryLinkCreate, RepositoryLinkSecret};
use serde::{Deserialize, Serialize};

use super::{PreviewChoice, build_secret_table, describe_setup};
use crate::{context::CommandContext, flags::DryRun, prompter};

/// The arguments of `hearth repository link`.
#[derive(Debug, clap::Args)]
pub struct LinkRepositoryArgs {
    /// The address of the repository: https://…
    address: String,
    /// The software of the forge; known for github.com, gitlab.com and codeberg.org
    #[arg(long, value_enum)]
    forge: Option<ForgeChoice>,
    /// Deploy pushes to this branch, as in main or release/*; may be repeated
    #[arg(long = "branch", value_name = "BRANCH", default_value = "main")]
    branches: Vec<String>,
    /// Deploy only pushes that change these files, as in src/**; may be repeated
    #[arg(long = "path", value_name = "PATTERN")]
    paths: Vec<String>,
    /// Deploy this environment of the stored configuration
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Make previews of merge requests for these branches
    #[arg(long, value_enum, value_name = "SOURCE", default_value = "none")]
    previews: PreviewChoice,
    /// Read a token of the forge for commit statuses from standard input
    #[arg(long)]
    status_token_stdin: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Software of a forge, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ForgeChoice {
    /// GitHub, also GitHub Enterprise
    Github,
    /// GitLab
    Gitlab,
    /// Gitea
    Gitea,
    /// Forgejo
    Forgejo,
}

impl From<ForgeChoice> for ForgeKind {
    fn from(choice: ForgeChoice) -> Self {
        match choice {
            ForgeChoice::Github => Self::Github,
            ForgeChoice::Gitlab => Self::Gitlab,
            ForgeChoice::Gitea | ForgeChoice::Forgejo => Self::Gitea,
        }
    }
}

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedLink {
    repository: String,
    forge: ForgeKind,
    branches: Vec<String>,
}

/// Links the repository.
pub async fn run(cx: &CommandContext, args: LinkRepositoryArgs) -> Result<()> {
    let LinkRepositoryArgs {
        address,
        forge,
        branches,
        paths,
        environment,
        previews,
        status_token_stdin,
        dry_run,
    } = args;
    let known = forge.map(ForgeKind::from).or_else(|| find_known_forge(&address));
    let forge = known.ok_or_else(|| {
        let what = "the software of this forge is not known; expected github, gitlab, gitea or forgejo";
        Error::invalid("forge", what).help(format!("hearth repository link {address} --forge gitea"))
    })?;
    if dry_run.dry_run {
        let result = cx.printer.open_output::<PlannedLink>()?;
        let sentence = format!("would link {address} for pushes to {}", branches.join(", "));
        return result.print_sentence(&PlannedLink { repository: address, forge, branches }, &sentence);
    }
    let result = cx.printer.open_output::<RepositoryLinkSecret>()?;
    let session = cx.open_tool_session()?;
    let status_token = match status_token_stdin {
        true => Some(prompter::read_secret_from_stdin("--status-token-stdin").await?),
        false => None,
    };
    let create = RepositoryLinkCreate {
        forge,
        repository: address,
        branches,
        paths,
        environment,
        previews: previews.into(),
        status_token,
    };
    let calls = session.client().components();
    let made = session.send(calls.create_repository_link(session.tool_name(), &create)).await?;
    result.print_record(&made, &build_secret_table(&made))?;
    cx.printer.print_note(&describe_setup(&made.link));
    cx.printer.print_next(&format!("hearth repository deliveries {}", made.link.id));
    Ok(())
}

/// Finds the software of a public forge by the host of an address.
fn find_known_forge(address: &str) -> Option<ForgeKind> {
    let host = address.split_once("://")?.1.split('/').next()?;
    match host {
        "github.com" => Some(ForgeKind::Github),
        "gitlab.com" => Some(ForgeKind::Gitlab),
        "codeberg.org" => Some(ForgeKind::Gitea),
        _ => None,
    }
}

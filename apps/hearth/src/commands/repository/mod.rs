//! `hearth repository …`: repositories at forges whose pushes deploy the tool.

pub mod change;
pub mod deliveries;
pub mod link;
pub mod list;
pub mod rotate;
pub mod show;
pub mod unlink;

use hearth_base::Result;
use hearth_wire::components::{
    ForgeKind, PreviewSource, RepositoryLink, RepositoryLinkId, RepositoryLinkSecret,
};

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// Commands about linked repositories.
#[derive(Debug, clap::Subcommand)]
pub enum RepositoryCommand {
    /// Link a repository: pushes to it deploy the tool
    #[command(before_help = "Example: hearth repository link https://github.com/ada/dup-finder --branch main",
        help_template = HELP_TEMPLATE)]
    Link(link::LinkRepositoryArgs),
    /// List linked repositories
    #[command(before_help = "Example: hearth repository list", help_template = HELP_TEMPLATE)]
    List,
    /// Show a linked repository
    #[command(before_help = "Example: hearth repository show link_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Show(LinkIdArgs),
    /// Change what pushes deploy
    #[command(before_help = "Example: hearth repository change link_00000000000000000000000001 --branch 'release/*'",
        help_template = HELP_TEMPLATE)]
    Change(change::ChangeLinkArgs),
    /// List the deliveries of the forge with their outcomes
    #[command(before_help = "Example: hearth repository deliveries link_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Deliveries(LinkIdArgs),
    /// Replace the secret of the webhook, and take the link over
    #[command(before_help = "Example: hearth repository rotate link_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Rotate(LinkActionArgs),
    /// Delete a link: pushes no longer deploy
    #[command(before_help = "Example: hearth repository unlink link_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Unlink(LinkActionArgs),
}

/// The argument that names a link.
#[derive(Debug, clap::Args)]
pub struct LinkIdArgs {
    /// The link's id, as hearth repository list shows it
    id: RepositoryLinkId,
}

/// The arguments of commands that act on one link.
#[derive(Debug, clap::Args)]
pub struct LinkActionArgs {
    /// The link's id, as hearth repository list shows it
    id: RepositoryLinkId,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Merge requests that get a preview, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PreviewChoice {
    /// None
    None,
    /// Those from branches of the repository itself
    Repository,
    /// Those from forks too: everybody who may open a merge request runs code at an address of the tool
    Forks,
}

impl From<PreviewChoice> for PreviewSource {
    fn from(choice: PreviewChoice) -> Self {
        match choice {
            PreviewChoice::None => Self::None,
            PreviewChoice::Repository => Self::Repository,
            PreviewChoice::Forks => Self::Forks,
        }
    }
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: RepositoryCommand) -> Result<()> {
    match command {
        RepositoryCommand::Link(args) => link::run(cx, args).await,
        RepositoryCommand::List => list::run(cx).await,
        RepositoryCommand::Show(args) => show::run(cx, args).await,
        RepositoryCommand::Change(args) => change::run(cx, args).await,
        RepositoryCommand::Deliveries(args) => deliveries::run(cx, args).await,
        RepositoryCommand::Rotate(args) => rotate::run(cx, args).await,
        RepositoryCommand::Unlink(args) => unlink::run(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &RepositoryCommand) -> &'static str {
    match command {
        RepositoryCommand::Link(_) | RepositoryCommand::Change(_) | RepositoryCommand::Unlink(_) => {
            "the change may be done already; hearth repository list shows it"
        }
        RepositoryCommand::Rotate(_) => {
            "the secret may be replaced already; the same command creates and shows a new one"
        }
        RepositoryCommand::List | RepositoryCommand::Show(_) | RepositoryCommand::Deliveries(_) => {
            "nothing was changed"
        }
    }
}

/// Fetches one link.
async fn fetch_link(session: &ToolSession<'_>, id: RepositoryLinkId) -> Result<RepositoryLink> {
    session.send(session.client().components().show_repository_link(session.tool_name(), id)).await
}

/// Returns "on" or "suspended".
fn state_word(link: &RepositoryLink) -> &'static str {
    if link.suspended { "suspended" } else { "on" }
}

/// Describes what a push has to change.
fn describe_paths(paths: &[String]) -> String {
    if paths.is_empty() { "everything".to_owned() } else { paths.join(", ") }
}

/// Builds the rows of a link's table.
fn link_pairs(link: &RepositoryLink) -> Vec<(&'static str, Cell)> {
    let mut pairs = vec![
        ("link", Cell::from(link.id.to_string())),
        ("repository", Cell::from(link.repository.as_str())),
        ("forge", Cell::from(link.forge.as_str())),
        ("branches", Cell::from(link.branches.join(", "))),
        ("paths", Cell::from(describe_paths(&link.paths))),
        ("environment", Cell::from(link.environment.as_deref().unwrap_or("production"))),
        ("previews", Cell::from(link.previews.as_str())),
        ("state", Cell::from(state_word(link))),
    ];
    pairs.extend(link.owner.as_ref().map(|owner| ("owner", Cell::from(owner.to_string()))));
    let statuses = match (&link.status_problem, link.has_status_token) {
        (Some(problem), _) => problem.as_str(),
        (None, true) => "sent to the forge",
        (None, false) => "not sent: there is no token",
    };
    pairs.push(("commit statuses", Cell::from(statuses)));
    pairs.push(("webhook", Cell::from(link.webhook_url.as_str())));
    pairs.push(("created", Cell::from(link.created)));
    pairs
}

/// Builds the table of a link with its secret.
fn build_secret_table(made: &RepositoryLinkSecret) -> Table {
    let mut pairs = link_pairs(&made.link);
    pairs.push(("secret", Cell::from(made.secret.expose_secret())));
    Table::from_pairs(pairs)
}

/// Explains where the webhook is entered at the forge.
fn describe_setup(link: &RepositoryLink) -> String {
    let steps = match link.forge {
        ForgeKind::Github => {
            "At GitHub: Settings, Webhooks, Add webhook. Payload URL: the address webhook above; Content type: \
             application/json; Secret: the secret above;"
        }
        ForgeKind::Gitlab => {
            "At GitLab: Settings, Webhooks, Add new webhook. URL: the address webhook above; Secret token: the secret \
             above;"
        }
        ForgeKind::Gitea => {
            "At Gitea or Forgejo: Settings, Webhooks, Add webhook, Gitea or Forgejo. Target URL: the address webhook \
             above; POST, application/json; Secret: the secret above;"
        }
    };
    format!("{steps} {}. The secret is shown only once.", describe_events(link))
}

/// Names the events of the webhook, as the forge does.
fn describe_events(link: &RepositoryLink) -> &'static str {
    match (link.forge, link.previews.is_none()) {
        (ForgeKind::Github, true) => "Just the push event",
        (ForgeKind::Github, false) => "Let me select individual events: Pushes and Pull requests",
        (ForgeKind::Gitlab, true) => "Trigger: Push events",
        (ForgeKind::Gitlab, false) => "Trigger: Push events and Merge request events",
        (ForgeKind::Gitea, true) => "Trigger on: Push events",
        (ForgeKind::Gitea, false) => {
            "Trigger on: Custom events: Push, Pull Request and Pull Request Synchronized"
        }
    }
}

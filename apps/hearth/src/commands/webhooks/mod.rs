//! `hearth webhooks …`: webhooks for the events of a tool.

pub mod change;
pub mod create;
pub mod delete;
pub mod deliveries;
pub mod list;
pub mod rotate;
pub mod show;
pub mod test;

use hearth_base::{Result, WebhookId};
use hearth_wire::notify::{EventType, Webhook, WebhookSecret};

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// Commands about webhooks.
#[derive(Debug, clap::Subcommand)]
pub enum WebhookCommand {
    /// Create a webhook for events of a tool
    #[command(before_help = "Example: hearth webhooks create https://example.org/hook --event job.run.failed",
        help_template = HELP_TEMPLATE)]
    Create(create::CreateWebhookArgs),
    /// List webhooks
    #[command(before_help = "Example: hearth webhooks list", help_template = HELP_TEMPLATE)]
    List,
    /// Show a webhook
    #[command(before_help = "Example: hearth webhooks show webhook_00000000000000000000000001", help_template = HELP_TEMPLATE)]
    Show(WebhookIdArgs),
    /// Change a webhook, or switch it off or on
    #[command(before_help = "Example: hearth webhooks change webhook_00000000000000000000000001 --off",
        help_template = HELP_TEMPLATE)]
    Change(change::ChangeWebhookArgs),
    /// Send a test event to a webhook
    #[command(before_help = "Example: hearth webhooks test webhook_00000000000000000000000001", help_template = HELP_TEMPLATE)]
    Test(WebhookActionArgs),
    /// List the deliveries of a webhook with their answers
    #[command(before_help = "Example: hearth webhooks deliveries webhook_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Deliveries(WebhookIdArgs),
    /// Replace the secret of a webhook
    #[command(before_help = "Example: hearth webhooks rotate webhook_00000000000000000000000001", help_template = HELP_TEMPLATE)]
    Rotate(WebhookActionArgs),
    /// Delete a webhook
    #[command(before_help = "Example: hearth webhooks delete webhook_00000000000000000000000001", help_template = HELP_TEMPLATE)]
    Delete(WebhookActionArgs),
}

/// The argument that names a webhook.
#[derive(Debug, clap::Args)]
pub struct WebhookIdArgs {
    /// The webhook's id, as hearth webhooks list shows it
    id: WebhookId,
}

/// The arguments of commands that act on one webhook.
#[derive(Debug, clap::Args)]
pub struct WebhookActionArgs {
    /// The webhook's id, as hearth webhooks list shows it
    id: WebhookId,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: WebhookCommand) -> Result<()> {
    match command {
        WebhookCommand::Create(args) => create::run(cx, args).await,
        WebhookCommand::List => list::run(cx).await,
        WebhookCommand::Show(args) => show::run(cx, args).await,
        WebhookCommand::Change(args) => change::run(cx, args).await,
        WebhookCommand::Test(args) => test::run(cx, args).await,
        WebhookCommand::Deliveries(args) => deliveries::run(cx, args).await,
        WebhookCommand::Rotate(args) => rotate::run(cx, args).await,
        WebhookCommand::Delete(args) => delete::run(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &WebhookCommand) -> &'static str {
    match command {
        WebhookCommand::Create(_) | WebhookCommand::Change(_) | WebhookCommand::Delete(_) => {
            "the change may be done already; hearth webhooks list shows it"
        }
        WebhookCommand::Rotate(_) => {
            "the secret may be replaced already; the same command creates and shows a new one"
        }
        WebhookCommand::Test(_) => "the test may be sent already; hearth webhooks deliveries shows it",
        WebhookCommand::List | WebhookCommand::Show(_) | WebhookCommand::Deliveries(_) => {
            "nothing was changed"
        }
    }
}

/// Fetches one webhook.
async fn fetch_webhook(session: &ToolSession<'_>, id: WebhookId) -> Result<Webhook> {
    session.send(session.client().notify().show_webhook(session.tool_name(), id)).await
}

/// Lists the events in words.
fn describe_events(events: &[EventType]) -> String {
    match events {
        [] => "everything".to_owned(),
        events => events.iter().map(EventType::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// Returns "on" or "off".
fn state_word(webhook: &Webhook) -> &'static str {
    if webhook.enabled { "on" } else { "off" }
}

/// Builds the rows of a webhook's table.
fn webhook_pairs(webhook: &Webhook) -> Vec<(&'static str, Cell)> {
    let mut pairs = vec![
        ("webhook", Cell::from(webhook.id.to_string())),
        ("address", Cell::from(webhook.url.as_str())),
        ("events", Cell::from(describe_events(&webhook.events))),
        ("state", Cell::from(state_word(webhook))),
    ];
    pairs.extend(webhook.reason.as_deref().map(|reason| ("reason", Cell::from(reason))));
    pairs.push(("created", Cell::from(webhook.created)));
    pairs
}

/// Builds the table of a webhook with its secret.
fn build_secret_table(made: &WebhookSecret) -> Table {
    let mut pairs = webhook_pairs(&made.webhook);
    pairs.push(("secret", Cell::from(made.secret.expose_secret())));
    Table::from_pairs(pairs)
}

/// The note about a new secret.
const SECRET_SHOWN_ONCE: &str =
    "The secret is shown only once; the receiver checks signatures with it (standardwebhooks.com).";

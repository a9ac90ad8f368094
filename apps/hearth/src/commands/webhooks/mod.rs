//! `hearth webhooks …`: addresses that are told what became of a tool's jobs.

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
    at_tool::AtTool,
    context::Context,
    flags::{DryRun, TEMPLATE},
    printer::{Cell, Table},
};

/// What to do with webhooks.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Have an address told what becomes of jobs
    #[command(before_help = "Example: hearth webhooks create https://example.org/told --event job.run.failed",
        help_template = TEMPLATE)]
    Create(create::Args),
    /// List webhooks
    #[command(before_help = "Example: hearth webhooks list", help_template = TEMPLATE)]
    List,
    /// Show a webhook
    #[command(before_help = "Example: hearth webhooks show webhook_00000000000000000000000001", help_template = TEMPLATE)]
    Show(One),
    /// Change a webhook, or switch it off or on
    #[command(before_help = "Example: hearth webhooks change webhook_00000000000000000000000001 --off",
        help_template = TEMPLATE)]
    Change(change::Args),
    /// Tell a webhook that this is a test
    #[command(before_help = "Example: hearth webhooks test webhook_00000000000000000000000001", help_template = TEMPLATE)]
    Test(OneChanged),
    /// List what a webhook was told, and what it answered
    #[command(before_help = "Example: hearth webhooks deliveries webhook_00000000000000000000000001",
        help_template = TEMPLATE)]
    Deliveries(One),
    /// Give a webhook another secret
    #[command(before_help = "Example: hearth webhooks rotate webhook_00000000000000000000000001", help_template = TEMPLATE)]
    Rotate(OneChanged),
    /// Delete a webhook
    #[command(before_help = "Example: hearth webhooks delete webhook_00000000000000000000000001", help_template = TEMPLATE)]
    Delete(OneChanged),
}

/// One webhook.
#[derive(Debug, clap::Args)]
pub struct One {
    /// The webhook's id, as hearth webhooks list shows it
    id: WebhookId,
}

/// One webhook that something is done with.
#[derive(Debug, clap::Args)]
pub struct OneChanged {
    /// The webhook's id, as hearth webhooks list shows it
    id: WebhookId,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Does it.
pub async fn run(cx: &Context, command: Command) -> Result<()> {
    match command {
        Command::Create(args) => create::run(cx, args).await,
        Command::List => list::run(cx).await,
        Command::Show(args) => show::run(cx, args).await,
        Command::Change(args) => change::run(cx, args).await,
        Command::Test(args) => test::run(cx, args).await,
        Command::Deliveries(args) => deliveries::run(cx, args).await,
        Command::Rotate(args) => rotate::run(cx, args).await,
        Command::Delete(args) => delete::run(cx, args).await,
    }
}

/// What is true after Ctrl-C.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::Create(_) | Command::Change(_) | Command::Delete(_) => {
            "it may be done already; hearth webhooks list shows it"
        }
        Command::Rotate(_) => {
            "it may have another secret already; the same command gives it one that is shown"
        }
        Command::Test(_) => "the test may be on its way; hearth webhooks deliveries shows it",
        Command::List | Command::Show(_) | Command::Deliveries(_) => "nothing was changed",
    }
}

/// One webhook.
async fn one(at: &AtTool<'_>, id: WebhookId) -> Result<Webhook> {
    at.ask(at.client().notify().webhook(at.name(), id)).await
}

/// What it is told of, in words.
fn told_of(events: &[EventType]) -> String {
    match events {
        [] => "everything".to_owned(),
        events => events.iter().map(EventType::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// Whether it is on, in a word.
fn state(webhook: &Webhook) -> &'static str {
    if webhook.enabled { "on" } else { "off" }
}

/// A webhook as a table of two columns.
fn pairs(webhook: &Webhook) -> Vec<(&'static str, Cell)> {
    let mut pairs = vec![
        ("webhook", Cell::from(webhook.id.to_string())),
        ("address", Cell::from(webhook.url.as_str())),
        ("told of", Cell::from(told_of(&webhook.events))),
        ("state", Cell::from(state(webhook))),
    ];
    pairs.extend(webhook.reason.as_deref().map(|reason| ("because", Cell::from(reason))));
    pairs.push(("made", Cell::from(webhook.created)));
    pairs
}

/// A webhook with its secret, which is shown this once.
fn with_secret(made: &WebhookSecret) -> Table {
    let mut pairs = pairs(&made.webhook);
    pairs.push(("secret", Cell::from(made.secret.reveal())));
    Table::pairs(pairs)
}

/// What is to be said of a secret.
const ONCE: &str =
    "The secret is shown this once; whoever is told checks signatures with it (standardwebhooks.com).";

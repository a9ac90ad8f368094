//! `hearth admin queue …`: the background work of the services.

mod discard;
mod list;
mod retry;
mod show;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use hearth_base::{Error, Result, Role};
use hearth_wire::queue::{QueueEntry, QueueEntryState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    context::Context,
    flags::{DryRun, TEMPLATE},
    printer::{Cell, Table},
};

/// Commands about queues.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List items of one service or of all
    #[command(before_help = "Example: hearth admin queue list --state dead", help_template = TEMPLATE)]
    List(list::Args),
    /// Show an item: what it is to do, and why it failed
    #[command(before_help = "Example: hearth admin queue show notify mail mail_00000000000000000000000001",
        help_template = TEMPLATE)]
    Show(Item),
    /// Make an item due now, with all its attempts again
    #[command(before_help = "Example: hearth admin queue retry notify mail mail_00000000000000000000000001",
        help_template = TEMPLATE)]
    Retry(ItemChanged),
    /// Delete an item for good
    #[command(before_help = "Example: hearth admin queue discard notify mail mail_00000000000000000000000001",
        help_template = TEMPLATE)]
    Discard(ItemChanged),
}

/// One item.
#[derive(Debug, clap::Args)]
pub struct Item {
    /// The service that has the item, as hearth admin queue list shows it
    #[arg(value_parser = service_parser(), hide_possible_values = true)]
    service: Role,
    /// The task that performs it
    task: String,
    /// Its key
    key: String,
}

/// One item to change.
#[derive(Debug, clap::Args)]
pub struct ItemChanged {
    #[command(flatten)]
    item: Item,
    #[command(flatten)]
    dry_run: DryRun,
}

/// An item with the service that has it.
#[derive(Debug, Serialize, Deserialize)]
struct ServiceItem {
    service: Role,
    task: String,
    key: String,
    state: QueueEntryState,
    payload: Value,
    enqueued_at: Timestamp,
    due_at: Option<Timestamp>,
    leased_until: Option<Timestamp>,
    failures: u32,
    last_error: Option<String>,
    died_at: Option<Timestamp>,
}

impl ServiceItem {
    fn new(service: Role, entry: QueueEntry) -> Self {
        let QueueEntry { task, key, state, payload, enqueued_at, due_at, leased_until, .. } = entry;
        let QueueEntry { failures, last_error, died_at, .. } = entry;
        Self {
            service,
            task,
            key,
            state,
            payload,
            enqueued_at,
            due_at,
            leased_until,
            failures,
            last_error,
            died_at,
        }
    }
}

/// An item that was changed, or would be.
#[derive(Debug, Serialize, Deserialize)]
struct ItemDone {
    service: Role,
    task: String,
    key: String,
    done: bool,
}

impl Item {
    fn name(&self) -> String {
        let Self { service, task, key } = self;
        format!("{service} {task} {key}")
    }

    fn into_done(self, done: bool) -> ItemDone {
        let Self { service, task, key } = self;
        ItemDone { service, task, key, done }
    }
}

/// Does it.
pub async fn run(cx: &Context, command: Command) -> Result<()> {
    match command {
        Command::List(args) => list::run(cx, args).await,
        Command::Show(args) => show::run(cx, args).await,
        Command::Retry(args) => retry::run(cx, args).await,
        Command::Discard(args) => discard::run(cx, args).await,
    }
}

/// Returns the sentence about what Ctrl-C left behind.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::List(_) | Command::Show(_) => "nothing was changed",
        Command::Retry(_) | Command::Discard(_) => "it may be done already; hearth admin queue list shows it",
    }
}

/// Reads the name of a service.
fn service_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.name())).try_map(|name| name.parse())
}

/// Waits for an answer about the queue of `service`, and explains the refusal of a service that has none.
async fn ask_queue<T>(service: Role, call: impl Future<Output = Result<T>>) -> Result<T> {
    call.await.map_err(|error| match error.code() {
        "no-such-endpoint" => {
            Error::invalid("no-queue", format!("{service} has no queue")).help("hearth admin queue list")
        }
        _ => error,
    })
}

/// The state's word.
fn state_word(state: QueueEntryState) -> &'static str {
    match state {
        QueueEntryState::Waiting => "waiting",
        QueueEntryState::Scheduled => "scheduled",
        QueueEntryState::Running => "running",
        QueueEntryState::Dead => "dead",
    }
}

/// An item as a table of two columns.
fn item_table(entry: &ServiceItem) -> Table {
    let mut rows = vec![
        ("service", Cell::from(entry.service.name())),
        ("task", Cell::from(entry.task.as_str())),
        ("key", Cell::from(entry.key.as_str())),
        ("state", Cell::from(state_word(entry.state))),
        ("enqueued", Cell::from(entry.enqueued_at)),
    ];
    rows.extend(entry.due_at.map(|due| ("due", Cell::from(due))));
    rows.extend(entry.leased_until.map(|until| ("leased until", Cell::from(until))));
    rows.push(("failures", Cell::from(entry.failures.to_string())));
    rows.extend(entry.died_at.map(|died| ("dead since", Cell::from(died))));
    rows.extend(entry.last_error.as_deref().map(|error| ("last error", Cell::from(error))));
    if !entry.payload.is_null() {
        rows.push(("payload", Cell::from(entry.payload.to_string())));
    }
    Table::pairs(rows)
}

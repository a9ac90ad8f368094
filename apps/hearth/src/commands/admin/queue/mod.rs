//! `hearth admin queue …`: background queues of the services.

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
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
};

/// Commands about queues.
#[derive(Debug, clap::Subcommand)]
pub enum QueueCommand {
    /// List items of one service or of all
    #[command(before_help = "Example: hearth admin queue list --state dead", help_template = HELP_TEMPLATE)]
    List(list::ListQueueArgs),
    /// Show a queue item with its payload and last error
    #[command(before_help = "Example: hearth admin queue show notify mail mail_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Show(QueueItemArgs),
    /// Retry an item now, with a new count of attempts
    #[command(before_help = "Example: hearth admin queue retry notify mail mail_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Retry(QueueItemActionArgs),
    /// Delete an item without processing it
    #[command(before_help = "Example: hearth admin queue discard notify mail mail_00000000000000000000000001",
        help_template = HELP_TEMPLATE)]
    Discard(QueueItemActionArgs),
}

/// The arguments that name one item.
#[derive(Debug, clap::Args)]
pub struct QueueItemArgs {
    /// The service that has the item, as hearth admin queue list shows it
    #[arg(value_parser = service_parser(), hide_possible_values = true)]
    service: Role,
    /// The item's task
    task: String,
    /// The item's key
    key: String,
}

/// The arguments of the commands that change one item.
#[derive(Debug, clap::Args)]
pub struct QueueItemActionArgs {
    #[command(flatten)]
    item: QueueItemArgs,
    #[command(flatten)]
    dry_run: DryRun,
}

/// A queue item with its service.
#[derive(Debug, Serialize, Deserialize)]
struct ServiceQueueItem {
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

impl ServiceQueueItem {
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

/// The result of a change; `done` is false in a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct QueueItemResult {
    service: Role,
    task: String,
    key: String,
    done: bool,
}

impl QueueItemArgs {
    fn display_name(&self) -> String {
        let Self { service, task, key } = self;
        format!("{service} {task} {key}")
    }

    fn into_result(self, done: bool) -> QueueItemResult {
        let Self { service, task, key } = self;
        QueueItemResult { service, task, key, done }
    }
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: QueueCommand) -> Result<()> {
    match command {
        QueueCommand::List(args) => list::run(cx, args).await,
        QueueCommand::Show(args) => show::run(cx, args).await,
        QueueCommand::Retry(args) => retry::run(cx, args).await,
        QueueCommand::Discard(args) => discard::run(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &QueueCommand) -> &'static str {
    match command {
        QueueCommand::List(_) | QueueCommand::Show(_) => "nothing was changed",
        QueueCommand::Retry(_) | QueueCommand::Discard(_) => {
            "the change may be done already; hearth admin queue list shows it"
        }
    }
}

/// Returns the parser of a service's name.
fn service_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.name())).try_map(|name| name.parse())
}

/// Sends a request about the queue of `service`, and explains the refusal of a service without one.
async fn send_to_queue<T>(service: Role, call: impl Future<Output = Result<T>>) -> Result<T> {
    call.await.map_err(|error| match error.code() {
        "no-such-endpoint" => {
            Error::invalid("no-queue", format!("{service} has no queue")).help("hearth admin queue list")
        }
        _ => error,
    })
}

/// Describes the state in one word.
fn describe_state(state: QueueEntryState) -> &'static str {
    match state {
        QueueEntryState::Waiting => "waiting",
        QueueEntryState::Scheduled => "scheduled",
        QueueEntryState::Running => "running",
        QueueEntryState::Dead => "dead",
    }
}

/// Builds a table of two columns for an item.
fn item_table(entry: &ServiceQueueItem) -> Table {
    let mut rows = vec![
        ("service", Cell::from(entry.service.name())),
        ("task", Cell::from(entry.task.as_str())),
        ("key", Cell::from(entry.key.as_str())),
        ("state", Cell::from(describe_state(entry.state))),
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
    Table::from_pairs(rows)
}

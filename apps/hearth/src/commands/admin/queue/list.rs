//! `hearth admin queue list`.

use hearth_base::{ErrorKind, Result, Role};
use hearth_wire::queue::{QueueEntryState, QueueQuery};

use super::{ServiceQueueItem, describe_state, send_to_queue, service_parser};
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
    session::Session,
};

/// The arguments of `hearth admin queue list`.
#[derive(Debug, clap::Args)]
pub struct ListQueueArgs {
    /// Show only items of this service
    #[arg(long, value_name = "NAME", value_parser = service_parser(), hide_possible_values = true)]
    service: Option<Role>,
    /// Show only items of this task
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// Show only items in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<ItemState>,
}

/// A state as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ItemState {
    /// Due now
    Waiting,
    /// Due later
    Scheduled,
    /// Leased by a worker
    Running,
    /// Failed for good
    Dead,
}

impl From<ItemState> for QueueEntryState {
    fn from(state: ItemState) -> Self {
        match state {
            ItemState::Waiting => Self::Waiting,
            ItemState::Scheduled => Self::Scheduled,
            ItemState::Running => Self::Running,
            ItemState::Dead => Self::Dead,
        }
    }
}

/// Lists the items.
pub async fn run(cx: &CommandContext, args: ListQueueArgs) -> Result<()> {
    let result = cx.printer.open_output::<ServiceQueueItem>()?;
    let ListQueueArgs { service, task, state } = args;
    let session = cx.open_session()?;
    let query = QueueQuery { task, state: state.map(QueueEntryState::from), ..QueueQuery::default() };
    let items = match service {
        Some(service) => send_to_queue(service, list_items(&session, service, &query)).await?,
        None => list_items_of_all(&session, &query).await?,
    };
    let mut table =
        Table::with_headings(&["service", "task", "key", "state", "due", "failures", "last error"]);
    for item in &items {
        table.add_row([
            Cell::from(item.service.name()),
            Cell::from(item.task.as_str()),
            Cell::from(item.key.as_str()),
            Cell::from(describe_state(item.state)),
            item.due_at.map_or_else(|| Cell::from("-"), Cell::from),
            Cell::from(item.failures.to_string()),
            Cell::from(item.last_error.as_deref().unwrap_or("-")),
        ]);
    }
    result.print_list(&items, &table)?;
    if items.is_empty() {
        cx.printer.print_note("No items.");
    }
    Ok(())
}

/// Lists the items of every service that has a queue and runs here.
async fn list_items_of_all(session: &Session<'_>, query: &QueueQuery) -> Result<Vec<ServiceQueueItem>> {
    let mut items = Vec::new();
    for service in Role::ALL.iter().copied() {
        match list_items(session, service, query).await {
            Err(error) if error.kind() == ErrorKind::NotFound || error.code() == "no-such-service" => {}
            listed => items.extend(listed?),
        }
    }
    Ok(items)
}

async fn list_items(
    session: &Session<'_>,
    service: Role,
    query: &QueueQuery,
) -> Result<Vec<ServiceQueueItem>> {
    let queue = session.client.queue(service);
    let page = |limit, cursor| {
        let query = QueueQuery { limit, cursor, ..query.clone() };
        async move { queue.list(&query).await }
    };
    let entries = session.collect_pages(page).await?;
    Ok(entries.into_iter().map(|entry| ServiceQueueItem::new(service, entry)).collect())
}

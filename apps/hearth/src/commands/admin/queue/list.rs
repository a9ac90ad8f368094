//! `hearth admin queue list`.

use hearth_base::{Kind, Result, Role};
use hearth_wire::queue::{QueueEntryState, QueueQuery};

use super::{ServiceItem, ask_queue, service_parser, state_word};
use crate::{
    context::Context,
    printer::{Cell, Table},
    session::Session,
};

/// The arguments of `hearth admin queue list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only items of this service
    #[arg(long, value_name = "NAME", value_parser = service_parser(), hide_possible_values = true)]
    service: Option<Role>,
    /// Only items of this task
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// Only items in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<ItemState>,
}

/// A state, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ItemState {
    /// Due
    Waiting,
    /// Due later
    Scheduled,
    /// A worker leases it
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

/// Lists them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<ServiceItem>()?;
    let Args { service, task, state } = args;
    let session = cx.session()?;
    let query = QueueQuery { task, state: state.map(QueueEntryState::from), ..QueueQuery::default() };
    let items = match service {
        Some(service) => ask_queue(service, list_items(&session, service, &query)).await?,
        None => list_items_of_all(&session, &query).await?,
    };
    let mut table = Table::of(&["service", "task", "key", "state", "due", "failures", "last error"]);
    for item in &items {
        table.row([
            Cell::from(item.service.name()),
            Cell::from(item.task.as_str()),
            Cell::from(item.key.as_str()),
            Cell::from(state_word(item.state)),
            item.due_at.map_or_else(|| Cell::from("-"), Cell::from),
            Cell::from(item.failures.to_string()),
            Cell::from(item.last_error.as_deref().unwrap_or("-")),
        ]);
    }
    answer.listed(&items, &table)?;
    if items.is_empty() {
        cx.printer.note("No items.");
    }
    Ok(())
}

/// The items of every service that has a queue and runs here.
async fn list_items_of_all(session: &Session<'_>, query: &QueueQuery) -> Result<Vec<ServiceItem>> {
    let mut items = Vec::new();
    for service in Role::ALL.iter().copied() {
        match list_items(session, service, query).await {
            Err(error) if error.kind() == Kind::NotFound || error.code() == "no-such-service" => {}
            listed => items.extend(listed?),
        }
    }
    Ok(items)
}

async fn list_items(session: &Session<'_>, service: Role, query: &QueueQuery) -> Result<Vec<ServiceItem>> {
    let queue = session.client.queue(service);
    let page = |limit, cursor| {
        let query = QueueQuery { limit, cursor, ..query.clone() };
        async move { queue.list(&query).await }
    };
    let entries = session.every(page).await?;
    Ok(entries.into_iter().map(|entry| ServiceItem::new(service, entry)).collect())
}

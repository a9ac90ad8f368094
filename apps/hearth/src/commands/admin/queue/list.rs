//! `hearth admin queue list`.

use hearth_base::{Kind, Result, Role};
use hearth_wire::queue::{QueueEntryState, QueueQuery};

use super::{ServiceItem, state_word};
use crate::{
    context::Context,
    printer::{Cell, Table},
    session::Session,
};

/// What `hearth admin queue list` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only items of this service
    #[arg(long, value_name = "NAME")]
    service: Option<Role>,
    /// Only items of this task
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// Only items in this state: waiting, scheduled, running or dead
    #[arg(long, value_name = "STATE", value_parser = read_state)]
    state: Option<QueueEntryState>,
}

fn read_state(word: &str) -> std::result::Result<QueueEntryState, String> {
    match word {
        "waiting" => Ok(QueueEntryState::Waiting),
        "scheduled" => Ok(QueueEntryState::Scheduled),
        "running" => Ok(QueueEntryState::Running),
        "dead" => Ok(QueueEntryState::Dead),
        _ => Err("a state is waiting, scheduled, running or dead".to_owned()),
    }
}

/// Lists them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<ServiceItem>()?;
    let Args { service, task, state: wanted } = args;
    let session = cx.session()?;
    let query = QueueQuery { task, state: wanted, ..QueueQuery::default() };
    let mut items = Vec::new();
    match service {
        Some(service) => items.extend(items_of(&session, service, &query).await?),
        None => {
            for service in Role::ALL.iter().copied() {
                match items_of(&session, service, &query).await {
                    // It has no queue, or does not run here.
                    Err(error)
                        if matches!(error.kind(), Kind::NotFound) || error.code() == "no-such-service" => {}
                    found => items.extend(found?),
                }
            }
        }
    }
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

async fn items_of(session: &Session<'_>, service: Role, query: &QueueQuery) -> Result<Vec<ServiceItem>> {
    let mut query = query.clone();
    let mut items = Vec::new();
    loop {
        let page = session.ask(session.client.queue(service).list(&query)).await?;
        items.extend(page.items.into_iter().map(|entry| ServiceItem::new(service, entry)));
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(items);
        }
    }
}

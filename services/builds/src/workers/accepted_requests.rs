//! Consumer of the accepted requests of tools for package sources.

use hearth_base::{Result, Role};
use hearth_kit::{
    Kit, Worker,
    db::Tx,
    events::{EventConsumer, EventHandler, ResumePosition},
};
use hearth_wire::{
    accounts::{RequestEvent, RequestEventData, RequestKind, RequestState, ToolRequestQuery},
    events::{Event, Topic},
};

use crate::{
    app::package_sources::{AcceptedSource, apply_accepted_source},
    context::BuildsContext,
};

/// Creates the consumer.
pub fn create_worker(kit: &Kit, cx: &BuildsContext) -> Result<Worker> {
    let consumer = EventConsumer::new(kit, "accepted-requests", RequestEvent::TOPIC_INFO);
    Ok(consumer.into_stored_worker(kit.db()?, AcceptedRequests(cx.clone())))
}

struct AcceptedRequests(BuildsContext);

impl EventHandler for AcceptedRequests {
    async fn apply_events(&self, tx: &Tx, events: Vec<Event>) -> Result<()> {
        for event in events {
            if let Some(RequestEvent::Accepted(data)) = event.decode()?
                && let Some(accepted) = to_accepted_source(data)
            {
                apply_accepted_source(&self.0, tx, accepted).await?;
            }
        }
        Ok(())
    }

    /// Applies all accepted requests that `accounts` keeps: each is applied once.
    async fn rebuild_state(&self) -> Result<ResumePosition> {
        let Self(cx) = self;
        let accounts = cx.clients.create_client(Role::Accounts)?;
        let mut query =
            ToolRequestQuery { kind: Some(RequestKind::PackageSource), ..ToolRequestQuery::default() };
        loop {
            let page = accounts.accounts_internal().list_accepted_requests(&query).await?;
            for accepted in page.items.into_iter().filter_map(to_accepted_source) {
                let tx = cx.store.begin().await?;
                apply_accepted_source(cx, &tx, accepted).await?;
                tx.commit().await?;
            }
            match page.next {
                None => return Ok(ResumePosition::AtHead),
                next => query.cursor = next,
            }
        }
    }
}

fn to_accepted_source(data: RequestEventData) -> Option<AcceptedSource> {
    let RequestEventData { tool: _, tool_id, request } = data;
    let accepted = request.decided.filter(|_| request.state == RequestState::Accepted)?;
    Some(AcceptedSource {
        request: request.id,
        tool: tool_id,
        source: request.package_source?.name,
        accepted,
    })
}

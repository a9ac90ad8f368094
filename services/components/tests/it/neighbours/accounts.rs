//! `accounts`: mandates, and the tools that end.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{delete, get, post},
};
use hearth_base::{
    Access, Entropy, EventId, MandateId, Role, Scopes, Secret, Shown, ToolGrant, ToolId, ToolName,
};
use hearth_kit::Query;
use hearth_wire::{
    accounts::internal::{MandateCreate, MandateCreated, MandateUse, MandateUsed},
    events::{After, Event, EventBatch},
    reply::{Done, Listed},
};
use serde_json::json;

use super::{Ears, Known, Neighbours, data, missing, refused};

/// Mandates, and the tools that end.
#[derive(Default)]
pub struct Accounts {
    pub mandates: BTreeMap<String, Mandate>,
    /// Whoever gave mandates has lost the right.
    pub right_lost: bool,
    /// Ended tools that are not erased yet.
    pub duties: Vec<ToolId>,
    /// How many tools have ended.
    ends: i64,
}

/// What somebody may do through a service.
pub struct Mandate {
    pub scopes: Scopes,
    pub ended: bool,
    tool: ToolName,
}

impl Accounts {
    /// A tool ends.
    pub fn end(&mut self, tool: ToolId) {
        self.duties.push(tool);
        self.ends += 1;
    }

    /// Mandates that have not ended.
    pub fn open(&self) -> usize {
        self.mandates.values().filter(|mandate| !mandate.ended).count()
    }
}

pub fn router() -> Router<std::sync::Arc<Neighbours>> {
    Router::new()
        .route("/accounts/v1/internal/mandates", post(create))
        .route("/accounts/v1/internal/mandates/{id}", delete(end))
        .route("/accounts/v1/internal/mandates/{id}/use", post(sign))
        .route("/accounts/v1/internal/events/tools", get(tool_events))
        .route("/accounts/v1/internal/duties", get(duties))
        .route("/accounts/v1/internal/erased/{tool}", post(erased))
}

async fn create(State(all): Ears, Json(create): Json<MandateCreate>) -> Response {
    let shown = Shown { identity: create.identity.reveal(), mandate: None };
    let giver = shown.verify(&all.ring, Role::Components, all.now());
    let Ok(Some(ToolGrant::Granted { name: tool, access, .. })) = giver.map(|(giver, _)| giver.tool) else {
        return refused(StatusCode::FORBIDDEN, "mandate-tool", "a mandate is about a tool");
    };
    if access < Access::Write {
        return refused(StatusCode::FORBIDDEN, "scope-too-wide", "this needs more than the giver may do");
    }
    let id = MandateId::new(all.now(), &Entropy::System);
    let mandate = Mandate { scopes: create.scopes, ended: false, tool };
    all.known().accounts.mandates.insert(id.to_string(), mandate);
    data(MandateCreated { id })
}

async fn sign(State(all): Ears, Path(id): Path<String>, Json(asked): Json<MandateUse>) -> Response {
    let audience = asked.audience;
    let mut known = all.known();
    let Known { accounts, .. } = &mut *known;
    let Some(mandate) = accounts.mandates.get_mut(&id) else { return missing("mandate", &id) };
    let forbidden = |code, said: &str| refused(StatusCode::FORBIDDEN, code, said);
    if mandate.ended {
        return forbidden("mandate-ended", "what this was started with has ended: a right was taken away");
    }
    if mandate.scopes.access(audience).is_none() {
        return forbidden("mandate-scope", &format!("this mandate was not given for {audience}"));
    }
    if accounts.right_lost {
        mandate.ended = true;
        return forbidden("mandate-lost", &format!("somebody may not work on {} any more", mandate.tool));
    }
    let tool = mandate.tool.clone();
    data(MandateUsed { mandate: Secret::new(format!("{audience} {tool}")), tool })
}

async fn end(State(all): Ears, Path(id): Path<String>) -> Response {
    if let Some(mandate) = all.known().accounts.mandates.get_mut(&id) {
        mandate.ended = true;
    }
    data(Done {})
}

async fn tool_events(State(all): Ears, Query(asked): Query<After>) -> Response {
    let after = asked.after.unwrap_or_default();
    let newer = |known: &Known| Some(known.accounts.ends).filter(|ends| *ends > after);
    let news = all.wait(asked.wait.unwrap_or(0), newer).await;
    let event = |position| Event {
        position,
        id: EventId::new(all.now(), &Entropy::System),
        service: Role::Accounts,
        event_type: "tool.erased".to_owned(),
        tool: None,
        time: all.now(),
        data: json!({"tool": ToolId::new(all.now(), &Entropy::System)}),
        notice: None,
    };
    data(EventBatch { events: news.map(event).into_iter().collect(), next: all.known().accounts.ends })
}

async fn duties(State(all): Ears) -> Response {
    data(Listed { items: all.known().accounts.duties.clone(), next: None })
}

async fn erased(State(all): Ears, Path(tool): Path<String>) -> Response {
    all.known().accounts.duties.retain(|duty| duty.to_string() != tool);
    data(Done {})
}

//! A fake of `accounts`: mandates and deleted tools.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{delete, get, post},
};
use hearth_base::{
    Entropy, EventId, MandateId, PresentedCredentials, Role, Scopes, Secret, ToolGrant, ToolId, ToolName,
};
use hearth_kit::Query;
use hearth_wire::{
    accounts::internal::{
        MandateCreate, MandateCreated, MandateDerive, MandateUse, MandateUsed, StandingMandate,
        StandingMandateCreate, ToolFacts,
    },
    events::{Event, EventBatch, EventsQuery},
    reply::{Done, Listed},
    tools::Quota,
};
use serde_json::json;

use super::{FakeComponentPeers, FakeServicesState, FakeState, build_not_found, build_refusal, reply_data};

/// The mandates and the deleted tools.
#[derive(Default)]
pub struct FakeAccounts {
    pub mandates: BTreeMap<String, FakeMandate>,
    /// The standing mandates; true while the owner has the right.
    pub standing_mandates: BTreeMap<String, bool>,
    /// True if the giver of the mandates has lost their right.
    pub right_lost: bool,
    /// The deleted tools whose data is not deleted yet.
    pub cleanup_duties: Vec<ToolId>,
    /// The names of the tools that gave mandates.
    tools: BTreeMap<ToolId, ToolName>,
    /// The number of deleted tools.
    deleted_tools: i64,
}

/// A mandate: the scopes of a user that a service may use.
pub struct FakeMandate {
    pub scopes: Scopes,
    pub ended: bool,
    tool: ToolName,
}

impl FakeAccounts {
    /// Deletes a tool.
    pub fn delete_tool(&mut self, tool: ToolId) {
        self.cleanup_duties.push(tool);
        self.deleted_tools += 1;
    }

    /// Ends all standing mandates, as the removal of their owners does.
    pub fn end_standing_mandates(&mut self) {
        self.standing_mandates.values_mut().for_each(|active| *active = false);
    }

    /// Counts the standing mandates whose owner has the right.
    pub fn count_standing_mandates(&self) -> usize {
        self.standing_mandates.values().filter(|active| **active).count()
    }

    /// Counts the mandates that have not ended.
    pub fn count_open_mandates(&self) -> usize {
        self.mandates.values().filter(|mandate| !mandate.ended).count()
    }
}

pub fn build_router() -> Router<std::sync::Arc<FakeComponentPeers>> {
    Router::new()
        .route("/accounts/v1/internal/mandates", post(create_mandate))
        .route("/accounts/v1/internal/mandates/{id}", delete(end_mandate))
        .route("/accounts/v1/internal/mandates/{id}/use", post(use_mandate))
        .route("/accounts/v1/internal/standing-mandates", post(create_standing_mandate))
        .route("/accounts/v1/internal/standing-mandates/{id}", get(show_standing_mandate))
        .route("/accounts/v1/internal/standing-mandates/{id}/mandates", post(derive_mandate))
        .route("/accounts/v1/internal/events/tools", get(list_tool_events))
        .route("/accounts/v1/internal/tools/{id}", get(show_tool_facts))
        .route("/accounts/v1/internal/duties", get(list_duties))
        .route("/accounts/v1/internal/erased/{tool}", post(acknowledge_duty))
}

async fn create_mandate(State(all): FakeServicesState, Json(create): Json<MandateCreate>) -> Response {
    let shown = PresentedCredentials { identity: create.identity.expose_secret(), mandate: None };
    let giver = shown.verify(&all.ring, Role::Components, all.now());
    let Ok(Some(ToolGrant::Granted { id: tool_id, name: tool, access, .. })) =
        giver.map(|(giver, _)| giver.tool)
    else {
        return build_refusal(StatusCode::FORBIDDEN, "mandate-tool", "a mandate is about a tool");
    };
    let wanted = [Role::Jobs, Role::Builds].map(|role| create.scopes.access_to_service(role));
    if wanted.into_iter().flatten().any(|wanted| wanted > access) {
        return build_refusal(
            StatusCode::FORBIDDEN,
            "scope-too-wide",
            "this needs more than the giver may do",
        );
    }
    let id = MandateId::new(all.now(), &Entropy::System);
    let mut state = all.lock_state();
    state.accounts.tools.insert(tool_id, tool.clone());
    let mandate = FakeMandate { scopes: create.scopes, ended: false, tool };
    state.accounts.mandates.insert(id.to_string(), mandate);
    reply_data(MandateCreated { id })
}

async fn create_standing_mandate(
    State(all): FakeServicesState,
    Json(create): Json<StandingMandateCreate>,
) -> Response {
    let shown = PresentedCredentials { identity: create.identity.expose_secret(), mandate: None };
    let giver = shown.verify(&all.ring, Role::Components, all.now());
    let Ok(Some(ToolGrant::Granted { id: tool_id, name, .. })) = giver.map(|(giver, _)| giver.tool) else {
        return build_refusal(StatusCode::FORBIDDEN, "mandate-owner", "a mandate is about a tool");
    };
    let id = MandateId::new(all.now(), &Entropy::System);
    let mut state = all.lock_state();
    state.accounts.tools.insert(tool_id, name);
    state.accounts.standing_mandates.insert(id.to_string(), true);
    reply_data(StandingMandate { id, owner: "somebody".parse().ok(), active: true })
}

async fn show_standing_mandate(State(all): FakeServicesState, Path(id): Path<String>) -> Response {
    let active = all.lock_state().accounts.standing_mandates.get(&id).copied();
    match (id.parse(), active) {
        (Ok(id), Some(active)) => reply_data(StandingMandate { id, owner: "somebody".parse().ok(), active }),
        _ => build_not_found("mandate", &id),
    }
}

async fn derive_mandate(
    State(all): FakeServicesState,
    Path(standing): Path<String>,
    Json(derive): Json<MandateDerive>,
) -> Response {
    if all.lock_state().accounts.standing_mandates.get(&standing) != Some(&true) {
        return build_refusal(StatusCode::FORBIDDEN, "mandate-ended", "the owner has lost the right");
    }
    let id = MandateId::new(all.now(), &Entropy::System);
    let Ok(tool) = "hello".parse() else { return build_not_found("tool", "hello") };
    let mandate = FakeMandate { scopes: derive.scopes, ended: false, tool };
    all.lock_state().accounts.mandates.insert(id.to_string(), mandate);
    reply_data(MandateCreated { id })
}

async fn use_mandate(
    State(all): FakeServicesState,
    Path(id): Path<String>,
    Json(mandate_use): Json<MandateUse>,
) -> Response {
    let audience = mandate_use.audience;
    let mut state = all.lock_state();
    let FakeState { accounts, .. } = &mut *state;
    let Some(mandate) = accounts.mandates.get_mut(&id) else { return build_not_found("mandate", &id) };
    let forbidden = |code, message: &str| build_refusal(StatusCode::FORBIDDEN, code, message);
    if mandate.ended {
        return forbidden("mandate-ended", "what this was started with has ended: a right was taken away");
    }
    if mandate.scopes.access_to_service(audience).is_none() {
        return forbidden("mandate-scope", &format!("this mandate was not given for {audience}"));
    }
    if accounts.right_lost {
        mandate.ended = true;
        return forbidden("mandate-lost", &format!("somebody may not work on {} any more", mandate.tool));
    }
    let tool = mandate.tool.clone();
    reply_data(MandateUsed { mandate: Secret::new(format!("{audience} {tool}")), tool })
}

async fn end_mandate(State(all): FakeServicesState, Path(id): Path<String>) -> Response {
    let mut state = all.lock_state();
    if let Some(mandate) = state.accounts.mandates.get_mut(&id) {
        mandate.ended = true;
    }
    if let Some(active) = state.accounts.standing_mandates.get_mut(&id) {
        *active = false;
    }
    reply_data(Done {})
}

/// Shows the facts about a tool that gave a mandate.
async fn show_tool_facts(State(all): FakeServicesState, Path(id): Path<ToolId>) -> Response {
    let state = all.lock_state();
    let Some(tool) = state.accounts.tools.get(&id) else { return build_not_found("tool", &id.to_string()) };
    reply_data(ToolFacts { id, name: tool.clone(), deleting: false, quota: Quota::default(), owner: None })
}

async fn list_tool_events(State(all): FakeServicesState, Query(query): Query<EventsQuery>) -> Response {
    let after = query.after.unwrap_or_default();
    let newer = |state: &FakeState| Some(state.accounts.deleted_tools).filter(|ends| *ends > after);
    let changed = all.wait(query.wait.unwrap_or(0), newer).await;
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
    reply_data(EventBatch {
        events: changed.map(event).into_iter().collect(),
        next: all.lock_state().accounts.deleted_tools,
    })
}

async fn list_duties(State(all): FakeServicesState) -> Response {
    reply_data(Listed { items: all.lock_state().accounts.cleanup_duties.clone(), next: None })
}

async fn acknowledge_duty(State(all): FakeServicesState, Path(tool): Path<String>) -> Response {
    all.lock_state().accounts.cleanup_duties.retain(|duty| duty.to_string() != tool);
    reply_data(Done {})
}

//! Notices about requests: events for webhooks, services and the mail to a tool's maintainers, and mails to operators.

use hearth_base::{EventId, Result, ToolName};
use hearth_kit::{db::Tx, events::NewEvent};
use hearth_wire::{
    accounts::{RequestEvent, RequestEventData, RequestState, ToolRequest, internal::OperatorNotice},
    events::{Notice, NoticeFact},
};

use super::operator_notices;
use crate::{
    context::{AccountsContext, RequestActor},
    store::StoredRequest,
};

/// Writes the event of a new request, and enqueues a mail to each operator.
pub async fn announce_request(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: &ToolName,
    request: &StoredRequest,
) -> Result<()> {
    let data = build_event_data(tool, request);
    let notice = build_operator_notice(&data.request);
    let event = RequestEvent::Created(data);
    let event = NewEvent::new(EventId::new(actor.now, &cx.entropy), actor.now, &event)?;
    cx.store.events.append(tx, [event]).await?;
    operator_notices::enqueue_notice_in(cx, tx, notice).await
}

/// Writes the event of a decision, with the text for the tool's maintainers. A withdrawal causes none.
pub async fn announce_decision(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: &ToolName,
    request: &StoredRequest,
) -> Result<()> {
    let data = build_event_data(tool, request);
    let summary = format!("{}: {}", request.state.as_str(), data.request.describe_details());
    let event = match request.state {
        RequestState::Accepted => RequestEvent::Accepted(data),
        RequestState::Refused => RequestEvent::Refused(data),
        RequestState::Open | RequestState::Withdrawn => return Ok(()),
    };
    let mut facts = vec![NoticeFact::new("author", request.author.clone())];
    facts.extend(request.decided_by.as_ref().map(|operator| NoticeFact::new("by", operator.clone())));
    if !request.answer.is_empty() {
        facts.push(NoticeFact::new("answer", request.answer.clone()));
    }
    let notice = Notice {
        subject: "request".to_owned(),
        summary,
        facts,
        next_command: Some(format!("hearth request show {}", request.id)),
        ..Notice::default()
    };
    let event = NewEvent::new(EventId::new(actor.now, &cx.entropy), actor.now, &event)?;
    cx.store.events.append(tx, [event.with_notice(Some(&notice))?]).await
}

/// Builds the data of an event about a request.
pub fn build_event_data(tool: &ToolName, request: &StoredRequest) -> RequestEventData {
    RequestEventData {
        tool: tool.clone(),
        tool_id: request.tool,
        request: request.clone().render_request(tool.clone()),
    }
}

/// Builds the notice of a new request to the operators. Those without a confirmed address see it by
/// `hearth admin requests list`.
fn build_operator_notice(request: &ToolRequest) -> OperatorNotice {
    let ToolRequest { id, tool, kind, author, reason, .. } = request;
    // A line of the reason must not look like a line of the notice.
    let reason = reason.replace('\n', "\n> ");
    let body = format!(
        "The tool {tool} asks for: {what}\n\nAuthor: {author}\nReason: {reason}\n\nTo decide:\n\n    hearth admin \
         requests accept {id}\n    hearth admin requests refuse {id} --answer TEXT\n",
        what = request.describe_details(),
    );
    let subject = format!("Request of {tool}: {}", kind.as_str());
    OperatorNotice { key: id.to_string(), subject, body }
}

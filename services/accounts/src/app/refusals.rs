//! Refused changes, as the gateway reports them: changes that a service refused for lack of a right.

use hearth_base::{Result, ToolName, to_single_line};
use hearth_wire::accounts::internal::RefusedChange;

use super::attempts;
use crate::context::{AccountsContext, RequestActor};

/// Action of a refused change in the audit log.
const REFUSED_ACTION: &str = "change.refuse";
/// Codes of refusals that this service has recorded itself.
const RECORDED_CODES: [&str; 3] = ["wrong-password", "code-refused", "user-disabled"];
/// Length of a subject in the audit log, in characters.
const MAX_SUBJECT_CHARACTERS: usize = 200;

/// Records a refused change. Beyond a limit per caller it is not recorded, so that nobody fills the log.
pub async fn record_refused_change(
    cx: &AccountsContext,
    actor: &RequestActor,
    refused: RefusedChange,
) -> Result<()> {
    let RefusedChange { who, method, path, tool, code, client } = refused;
    if RECORDED_CODES.contains(&code.as_str()) {
        return Ok(());
    }
    let who = to_single_line(&who, MAX_SUBJECT_CHARACTERS);
    let actor = RequestActor { who: who.clone(), user: None, client, ..actor.clone() };
    let tool = match tool.and_then(|name| name.parse::<ToolName>().ok()) {
        Some(name) => cx.store.find_tool(&name).await?,
        None => None,
    };
    let counter = format!("refused:{who}");
    let tx = cx.store.begin().await?;
    let (recorded, last) = cx.store.lock_attempts(&tx, &counter, actor.now).await?;
    let is_new_window = actor.now.duration_since(last) >= attempts::lock_duration(&cx.settings);
    let recorded = if is_new_window { 0 } else { recorded };
    if recorded >= cx.settings.refused_changes_per_caller {
        return Ok(());
    }
    cx.store.update_attempts(&tx, &counter, recorded + 1, actor.now).await?;
    let subject = to_single_line(&format!("{method} {path}"), MAX_SUBJECT_CHARACTERS);
    let tool = tool.as_ref().map(|tool| (tool.id, &tool.name));
    cx.record_refusal(&tx, &actor, REFUSED_ACTION, tool, subject, &code).await?;
    tx.commit().await
}

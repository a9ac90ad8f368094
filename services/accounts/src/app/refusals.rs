//! Refused changes, as the gateway reports them: changes that a service refused for lack of a right.

use hearth_base::{Result, ToolName, to_single_line};
use hearth_wire::accounts::internal::RefusedChange;

use super::attempts;
use crate::{
    context::{AccountsContext, RequestActor},
    store::MAX_AUDIT_TEXT_CHARACTERS,
};

/// Action of a refused change in the audit log.
const REFUSED_ACTION: &str = "change.refuse";
/// Codes of refusals that this service has recorded itself.
const RECORDED_CODES: [&str; 3] = ["wrong-password", "code-refused", "user-disabled"];

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
    let who = to_single_line(&who, MAX_AUDIT_TEXT_CHARACTERS);
    let actor = RequestActor { who: who.clone(), user: None, client, ..actor.clone() };
    let tool = match tool.and_then(|name| name.parse::<ToolName>().ok()) {
        Some(name) => cx.store.find_tool(&name).await?,
        None => None,
    };
    let counter = format!("refused:{who}");
    let tx = cx.store.begin().await?;
    let (recorded, _) = attempts::lock_current_attempts(cx, &tx, &counter, actor.now).await?;
    if recorded >= cx.settings.refused_changes_per_caller {
        return Ok(());
    }
    cx.store.update_attempts(&tx, &counter, recorded + 1, actor.now).await?;
    let subject = to_single_line(&format!("{method} {path}"), MAX_AUDIT_TEXT_CHARACTERS);
    let tool = tool.as_ref().map(|tool| (tool.id, &tool.name));
    cx.record_refusal(&tx, &actor, REFUSED_ACTION, tool, subject, &code).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use hearth_base::PageLimit;
    use hearth_kit::{config::HearthConfig, db::Db};
    use hearth_testkit::on_every_store;

    use super::*;
    use crate::{AccountsSettings, context::test_context::build_test_context, store::AuditFilter};

    async fn refused_changes_of_one_caller_do_not_fill_the_audit_log(db: Db) -> Result<()> {
        let mut config = HearthConfig::default();
        config.change_section(|accounts: &mut AccountsSettings| accounts.refused_changes_per_caller = 2);
        let (cx, _stand) = build_test_context(db, config).await?;
        let actor = cx.build_system_actor();
        for who in ["user eve", "user eve", "user eve", "user bob"] {
            let refused = RefusedChange {
                who: who.to_owned(),
                method: "DELETE".to_owned(),
                path: "/tools/v1/tool/hello".to_owned(),
                tool: None,
                code: "forbidden".to_owned(),
                client: None,
            };
            record_refused_change(&cx, &actor, refused).await?;
        }
        let filter = AuditFilter { refused: true, ..AuditFilter::default() };
        let recorded = cx.store.list_audit_entries(filter, PageLimit::new(10)?, None).await?.items;
        let count = |who: &str| recorded.iter().filter(|entry| entry.who == who).count();
        assert_eq!((count("user eve"), count("user bob")), (2, 1), "{recorded:?}");
        Ok(())
    }

    on_every_store!(refused_changes_of_one_caller_do_not_fill_the_audit_log);
}

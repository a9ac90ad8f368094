//! Changes that other services have made for a caller, for the audit log.

use hearth_base::{Error, Result, Role, to_single_line};
use hearth_wire::accounts::internal::{AuditedChange, AuditedTool};

use crate::{
    context::AccountsContext,
    store::{MAX_AUDIT_TEXT_CHARACTERS, NewAuditEntry},
};

/// Length of an action, in characters.
const MAX_ACTION_CHARACTERS: usize = 50;

/// Lists the objects of the actions that a service may record, so that no service writes entries about what another one
/// owns, such as sign-ins.
fn list_audited_objects(role: Role) -> &'static [&'static str] {
    match role {
        Role::Builds => &["builder", "outside-builder", "package-source"],
        _ => &[],
    }
}

/// Records a change of a service, once for each id.
pub async fn record_audited_change(cx: &AccountsContext, peer: Role, change: AuditedChange) -> Result<()> {
    let AuditedChange { id, at, who, action, tool, subject, request_id, client } = change;
    let object = action.split_once('.').map_or("", |(object, _)| object);
    if !list_audited_objects(peer).contains(&object) || action.chars().count() > MAX_ACTION_CHARACTERS {
        let what = format!("the service {peer} cannot record the action {action:.80?} in the audit log");
        return Err(Error::invalid("audit-action", what));
    }
    let entry = NewAuditEntry {
        id,
        at,
        who: to_single_line(&who, MAX_AUDIT_TEXT_CHARACTERS),
        action: &action,
        tool: tool.as_ref().map(|AuditedTool { id, name }| (*id, name)),
        subject: to_single_line(&subject, MAX_AUDIT_TEXT_CHARACTERS),
        request: request_id,
        refused: None,
        client,
    };
    let tx = cx.store.begin().await?;
    cx.store.insert_audit_entry(&tx, entry).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use hearth_base::{EventId, PageLimit, RequestId};
    use hearth_kit::{config::HearthConfig, db::Db};
    use hearth_testkit::on_every_store;

    use super::*;
    use crate::{context::test_context::build_test_context, store::AuditFilter};

    async fn repeated_report_of_a_change_is_stored_once(db: Db) -> Result<()> {
        let (cx, _stand) = build_test_context(db, HearthConfig::default()).await?;
        let now = cx.clock.now();
        let change = AuditedChange {
            id: EventId::new(now, &cx.entropy),
            at: now,
            who: "user ann".to_owned(),
            action: "package-source.grant".to_owned(),
            tool: None,
            subject: "pond\nand a second line".to_owned(),
            request_id: RequestId::new(now, &cx.entropy),
            client: None,
        };
        for _ in 0..2 {
            record_audited_change(&cx, Role::Builds, change.clone()).await?;
        }
        for (peer, action) in [
            (Role::Builds, "session.create"),
            (Role::Builds, "package-source"),
            (Role::Jobs, "package-source.grant"),
        ] {
            let id = EventId::new(now, &cx.entropy);
            let foreign = AuditedChange { id, action: action.to_owned(), ..change.clone() };
            let refused = record_audited_change(&cx, peer, foreign).await.unwrap_err();
            assert_eq!(refused.code(), "audit-action", "{peer} {action}");
        }
        let filter = AuditFilter::default();
        let stored = cx.store.list_audit_entries(filter, PageLimit::new(10)?, None).await?.items;
        let entries: Vec<_> =
            stored.iter().map(|entry| (entry.id, entry.who.as_str(), entry.subject.as_str())).collect();
        assert_eq!(entries, [(change.id, "user ann", "pond and a second line")]);
        Ok(())
    }

    on_every_store!(repeated_report_of_a_change_is_stored_once);
}

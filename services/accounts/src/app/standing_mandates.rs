//! Standing mandates: rights of a maintainer for something that acts without a request, such as pushes to a repository.
//!
//! A standing mandate depends on the membership of its owner (or on the tool's token that the owner used), not on a
//! session. Only mandates for single works are made from it. It ends with the right of its owner and stays ended.

use hearth_base::{
    Access, Caller, Credential, Error, ErrorKind, Identity, MandateId, PresentedCredentials, Result, Role,
    ToolGrant, check_plain_text,
};
use hearth_wire::accounts::internal::{MandateDerive, StandingMandate, StandingMandateCreate};
use jiff::SignedDuration;

use super::mandates::{self, MAX_MANDATE_DURATION, check_giver_rights, check_scopes, is_active};
use crate::{
    context::{AccountsContext, RequestActor},
    store::{Mandate, MandateCredential},
};

/// Duration of a standing mandate: until its owner loses the right.
const STANDING_DURATION: SignedDuration = SignedDuration::from_hours(24 * 36_525);

/// Creates a standing mandate for `holder` from the rights of the present request on its tool.
pub async fn create_standing_mandate(
    cx: &AccountsContext,
    actor: &RequestActor,
    holder: Role,
    create: StandingMandateCreate,
) -> Result<StandingMandate> {
    let StandingMandateCreate { identity, scopes, cause } = create;
    check_plain_text("cause", &cause, 1..=200)?;
    let shown = PresentedCredentials { identity: identity.expose_secret(), mandate: None };
    let (identity, _) = shown.verify(&cx.ring, holder, actor.now)?;
    let Some(ToolGrant::Granted { id: tool, name, access }) = identity.tool.clone() else {
        return Err(build_owner_error());
    };
    if access < Access::Write {
        return Err(build_owner_error());
    }
    check_scopes(&scopes, &identity.scopes)?;
    let giver_credential = find_owner_credential(cx, &identity).await?;
    let mandate = Mandate {
        id: MandateId::new(actor.now, &cx.entropy),
        holder,
        tool,
        user: identity.user_id(),
        giver_credential,
        parent: None,
        scopes,
        cause,
        created: actor.now,
        expires: actor.now + STANDING_DURATION,
        ended: None,
    };
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, tool).await?;
    let (caller, _) = check_giver_rights(cx, actor, &mandate).await?;
    cx.store.insert_mandate(&tx, &mandate).await?;
    let actor = actor.on_behalf_of(&caller.0);
    cx.record_audit_entry(&tx, &actor, "standing-mandate.create", Some((tool, &name)), &mandate.cause)
        .await?;
    tx.commit().await?;
    render_mandate(cx, &mandate, true).await
}

/// Shows the owner of a standing mandate, and whether the owner still has the right.
pub async fn show_standing_mandate(
    cx: &AccountsContext,
    actor: &RequestActor,
    holder: Role,
    id: MandateId,
) -> Result<StandingMandate> {
    let mandate = find_standing_mandate(cx, holder, id).await?;
    let active = is_active(&mandate, actor)
        && match check_giver_rights(cx, actor, &mandate).await {
            Ok(_) => true,
            Err(error) if error.kind().is_transient() => return Err(error),
            Err(_) => false,
        };
    render_mandate(cx, &mandate, active).await
}

/// Makes a mandate for one work from a standing mandate. Ends the standing mandate if its owner has lost the right.
pub async fn derive_mandate(
    cx: &AccountsContext,
    actor: &RequestActor,
    holder: Role,
    id: MandateId,
    derive: MandateDerive,
) -> Result<MandateId> {
    let MandateDerive { scopes, cause } = derive;
    check_plain_text("cause", &cause, 1..=200)?;
    let standing = find_standing_mandate(cx, holder, id).await?;
    if !is_active(&standing, actor) {
        return Err(mandates::build_ended_error());
    }
    check_scopes(&scopes, &standing.scopes)?;
    let (caller, tool) = match check_giver_rights(cx, actor, &standing).await {
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => {
            mandates::end_lost_mandate(cx, actor, &standing).await?;
            return Err(error);
        }
        found => found?,
    };
    let mandate = Mandate {
        id: MandateId::new(actor.now, &cx.entropy),
        parent: None,
        scopes,
        cause,
        created: actor.now,
        expires: actor.now + MAX_MANDATE_DURATION,
        ..standing
    };
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, mandate.tool).await?;
    // The right may have ended since the check: what ends it locks the tool too.
    let current = cx.store.find_mandate_in(&tx, id).await?;
    current.filter(|standing| is_active(standing, actor)).ok_or_else(mandates::build_ended_error)?;
    cx.store.insert_mandate(&tx, &mandate).await?;
    let actor = actor.on_behalf_of(&caller.0);
    let tool = Some((tool.id, &tool.name));
    cx.record_audit_entry(&tx, &actor, "standing-mandate.use", tool, &mandate.cause).await?;
    tx.commit().await?;
    Ok(mandate.id)
}

/// Finds the credential that a standing mandate depends on: the membership of a person, or a token of the tool that has
/// a maintainer behind it. The credential of a run has none: what it creates would outlive the run.
async fn find_owner_credential(cx: &AccountsContext, identity: &Identity) -> Result<MandateCredential> {
    match (&identity.caller, &identity.credential) {
        (Caller::User { id, .. }, _) => Ok(MandateCredential::Membership(*id)),
        (Caller::Tool { .. }, Credential::ToolToken(token)) => {
            let token = cx.store.find_token_by_id(*token).await?.ok_or_else(build_owner_error)?;
            Ok(MandateCredential::Token(token.id))
        }
        _ => Err(build_owner_error()),
    }
}

async fn find_standing_mandate(cx: &AccountsContext, holder: Role, id: MandateId) -> Result<Mandate> {
    let found = cx.store.find_mandate(id).await?.filter(|mandate| mandate.holder == holder);
    let standing =
        found.filter(|mandate| mandate.expires.duration_since(mandate.created) == STANDING_DURATION);
    standing.ok_or_else(|| Error::not_found("mandate", id))
}

async fn render_mandate(cx: &AccountsContext, mandate: &Mandate, active: bool) -> Result<StandingMandate> {
    let user = match mandate.giver_credential {
        MandateCredential::Membership(user) | MandateCredential::Session(user, _) => Some(user),
        MandateCredential::Token(token) => cx.store.find_token_by_id(token).await?.map(|token| token.maker),
    };
    let owner = match user {
        Some(user) => cx.store.find_user_by_id(user).await?.map(|user| user.name),
        None => None,
    };
    Ok(StandingMandate { id: mandate.id, owner, active })
}

fn build_owner_error() -> Error {
    let what = "only a maintainer of the tool may let something act for it without a request";
    Error::forbidden("mandate-owner", what).help("sign in as a maintainer: hearth login")
}

#[cfg(test)]
mod tests {
    use hearth_base::{Scope, Scopes, ToolRole, UserId};
    use hearth_kit::{config::HearthConfig, db::Db};
    use hearth_testkit::on_every_store;

    use super::*;
    use crate::{
        context::test_context::{build_test_context, insert_maintainer},
        store::StoredTool,
    };

    fn build_standing_mandate(cx: &AccountsContext, user: UserId, tool: &StoredTool) -> Mandate {
        let now = cx.now();
        Mandate {
            id: MandateId::new(now, &cx.entropy),
            holder: Role::Components,
            tool: tool.id,
            user: Some(user),
            giver_credential: MandateCredential::Membership(user),
            parent: None,
            scopes: Scopes::from_scopes([
                Scope::Tools(Some(Role::Jobs), Access::Write),
                Scope::Tools(Some(Role::Builds), Access::Write),
            ]),
            cause: "pushes".to_owned(),
            created: now,
            expires: now + STANDING_DURATION,
            ended: None,
        }
    }

    fn build_derive(role: Role) -> MandateDerive {
        let scopes = Scopes::from_scopes([Scope::Tools(Some(role), Access::Write)]);
        MandateDerive { scopes, cause: "deployment".to_owned() }
    }

    async fn standing_mandate_makes_mandates_until_its_owner_loses_the_right(db: Db) -> Result<()> {
        let (cx, _stand) = build_test_context(db, HearthConfig::default()).await?;
        let (user, tool) = insert_maintainer(&cx, None).await?;
        let actor = cx.build_system_actor();
        let standing = build_standing_mandate(&cx, user.id, &tool);
        let tx = cx.store.begin().await?;
        cx.store.insert_mandate(&tx, &standing).await?;
        tx.commit().await?;
        let derive = async |role: Role| {
            derive_mandate(&cx, &actor, Role::Components, standing.id, build_derive(role)).await
        };
        let show = async || show_standing_mandate(&cx, &actor, Role::Components, standing.id).await;
        let made = derive(Role::Jobs).await?;
        let used = mandates::sign_mandate(&cx, &actor, Role::Components, made, Role::Jobs).await?;
        assert_eq!(used.tool, tool.name);
        // It has no more scopes than the standing one, and nothing is derived from it.
        assert_eq!(derive(Role::Images).await.unwrap_err().code(), "scope-too-wide");
        let again = derive_mandate(&cx, &actor, Role::Components, made, build_derive(Role::Jobs)).await;
        assert_eq!(again.unwrap_err().code(), "no-such-mandate");
        let other = derive_mandate(&cx, &actor, Role::Jobs, standing.id, build_derive(Role::Jobs)).await;
        assert_eq!(other.unwrap_err().code(), "no-such-mandate");
        let shown = show().await?;
        assert_eq!((shown.owner.as_ref(), shown.active), (Some(&user.name), true));
        let set_role = async |role: ToolRole| {
            let tx = cx.store.begin().await?;
            cx.store.set_member(&tx, tool.id, user.id, role, actor.now).await?;
            tx.commit().await
        };
        set_role(ToolRole::Viewer).await?;
        assert!(!show().await?.active);
        assert_eq!(derive(Role::Jobs).await.unwrap_err().code(), "mandate-lost");
        let used = mandates::sign_mandate(&cx, &actor, Role::Components, made, Role::Jobs).await;
        assert_eq!(used.unwrap_err().code(), "mandate-lost");
        // It stays ended: another maintainer, or the same one, has to take over what it is for.
        set_role(ToolRole::Maintainer).await?;
        assert_eq!(derive(Role::Jobs).await.unwrap_err().code(), "mandate-ended");
        assert!(!show().await?.active);
        Result::Ok(())
    }

    on_every_store!(standing_mandate_makes_mandates_until_its_owner_loses_the_right);
}

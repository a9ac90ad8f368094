//! Invitations: codes for new accounts.

use hearth_base::{Error, Result, Secret, TokenId, check_plain_text};
use hearth_wire::accounts::InvitationCreate;
use jiff::SignedDuration;

use super::secrets::{self, SecretKind};
use crate::{
    context::{AccountsContext, RequestActor},
    store::Invitation,
};

const INVITATION_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Creates a code for one new account, valid for a week.
pub async fn create_invitation(
    cx: &AccountsContext,
    actor: &RequestActor,
    create: InvitationCreate,
) -> Result<(Secret, Invitation)> {
    let InvitationCreate { operator, note } = create;
    check_plain_text("note", &note, 0..=200)?;
    let code = secrets::create_secret(SecretKind::Invitation, &cx.entropy);
    let invitation = Invitation {
        id: TokenId::new(actor.now, &cx.entropy),
        hash: secrets::hash_secret(&code),
        operator,
        is_setup: false,
        maker: actor.user,
        note,
        created: actor.now,
        expires: actor.now.saturating_add(INVITATION_LIFETIME).unwrap_or(actor.now),
    };
    let tx = cx.store.begin().await?;
    cx.require_operator(&tx, actor).await?;
    cx.store.insert_invitation(&tx, &invitation).await?;
    cx.record_audit_entry(&tx, actor, "invitation.create", None, &invitation.note).await?;
    tx.commit().await?;
    Ok((code, invitation))
}

/// Withdraws an unused code.
pub async fn withdraw_invitation(cx: &AccountsContext, actor: &RequestActor, id: TokenId) -> Result<()> {
    let tx = cx.store.begin().await?;
    let withdrawn = cx.store.delete_invitation(&tx, id).await?;
    let invitation =
        withdrawn.ok_or_else(|| Error::not_found("invitation", id).help("hearth invite list"))?;
    cx.record_audit_entry(&tx, actor, "invitation.withdraw", None, invitation.note).await?;
    tx.commit().await
}

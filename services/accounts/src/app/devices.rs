//! Known devices: a device that has signed in as a user is not locked by the failed sign-ins of others.

use hearth_base::{Result, Secret, TokenId, UserId};
use hearth_kit::db::Tx;
use jiff::{SignedDuration, Timestamp};

use super::secrets::{self, SecretKind};
use crate::{
    context::{AccountsContext, RequestActor},
    store::NewDevice,
};

/// Finds the device of a sign-in, if the user has signed in with it before.
pub async fn find_known_device(
    cx: &AccountsContext,
    actor: &RequestActor,
    user: Option<UserId>,
    secret: Option<&Secret>,
) -> Result<Option<TokenId>> {
    let (Some(user), Some(secret)) = (user, secret) else { return Ok(None) };
    cx.store.find_device(user, &secrets::hash_secret(secret), actor.now).await
}

/// Remembers the device of a sign-in. Returns the secret of a new device.
pub async fn remember_device(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    user: UserId,
    known: Option<TokenId>,
) -> Result<Option<Secret>> {
    let expires = compute_device_expiry(cx, actor.now);
    if let Some(known) = known {
        cx.store.extend_device(tx, known, expires).await?;
        return Ok(None);
    }
    let secret = secrets::create_secret(SecretKind::Device, &cx.entropy);
    let device = NewDevice {
        id: TokenId::new(actor.now, &cx.entropy),
        hash: secrets::hash_secret(&secret),
        user,
        created: actor.now,
        expires,
    };
    cx.store.insert_device(tx, &device).await?;
    Ok(Some(secret))
}

fn compute_device_expiry(cx: &AccountsContext, now: Timestamp) -> Timestamp {
    let days = i64::from(cx.settings.device_days);
    now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(now)
}

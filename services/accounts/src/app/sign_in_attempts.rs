//! Lockout after failed sign-ins. An attempt is counted before the password is checked, so that concurrent
//! attempts count too, and also for names without an account, so that the response does not reveal which
//! accounts exist.

use hearth_base::{Error, ErrorKind, Result, UserName};
use jiff::SignedDuration;

use crate::context::{AccountsContext, RequestActor};

/// Failed attempts after which a name is locked.
const MAX_ATTEMPTS: u32 = 10;
/// Duration of the lock after the last attempt.
pub const LOCKOUT_DURATION: SignedDuration = SignedDuration::from_mins(15);

/// Counts one attempt for `name`; fails with `sign-in-locked` while the name is locked.
pub async fn record_attempt(cx: &AccountsContext, actor: &RequestActor, name: &UserName) -> Result<()> {
    let tx = cx.store.begin().await?;
    let (attempts, last) = cx.store.lock_attempts(&tx, name, actor.now).await?;
    let attempts = if actor.now.duration_since(last) < LOCKOUT_DURATION { attempts } else { 0 };
    if attempts >= MAX_ATTEMPTS {
        return Err(Error::new(
            ErrorKind::Exhausted,
            "sign-in-locked",
            "too many failed sign-ins for this name",
        )
        .help("try again in 15 minutes"));
    }
    cx.store.update_attempts(&tx, name, attempts + 1, actor.now).await?;
    tx.commit().await
}

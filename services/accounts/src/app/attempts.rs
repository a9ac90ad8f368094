//! Throttling of attempts: failed sign-ins, changes of a password, and mailed codes.
//!
//! An attempt is counted before the password is checked, so that concurrent attempts count too, and also for names
//! without an account, so that the response does not reveal which accounts exist. A stranger who guesses locks
//! his own address, not the owner of the name:
//!
//! | attempt | counted by |
//! |---|---|
//! | from a device that has signed in as the user before | the device alone |
//! | with a session or token of the user (a change of the password) | the credential alone |
//! | from elsewhere | name and address together; the name over all such addresses; the address over all names |

use std::net::IpAddr;

use hearth_base::{Credential, Error, ErrorKind, Result, TokenId, UserName};
use hearth_kit::{db::Tx, server::AddressBlock};
use jiff::{SignedDuration, Timestamp};

use crate::{
    AccountsSettings,
    context::{AccountsContext, RequestActor},
};

/// A counter of attempts and its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptCounter {
    name: String,
    max_attempts: u32,
    /// True when a success says nothing about the other attempts that it counts.
    is_shared: bool,
}

impl AttemptCounter {
    /// Creates a counter that a success resets.
    pub fn new(name: String, max_attempts: u32) -> Self {
        Self { name, max_attempts, is_shared: false }
    }
}

/// Lists the counters of a sign-in.
pub fn list_sign_in_counters(
    settings: &AccountsSettings,
    name: &UserName,
    client: Option<IpAddr>,
    device: Option<TokenId>,
) -> Vec<AttemptCounter> {
    if let Some(device) = device {
        return vec![AttemptCounter::new(format!("device:{device}"), settings.sign_in_attempts)];
    }
    let client = format_client(client);
    let shared = |name, max_attempts| AttemptCounter { name, max_attempts, is_shared: true };
    vec![
        AttemptCounter::new(format!("name-address:{name} {client}"), settings.sign_in_attempts),
        shared(format!("name:{name}"), settings.sign_in_attempts_per_name),
        shared(format!("address:{client}"), settings.sign_in_attempts_per_address),
    ]
}

/// Lists the counters of a change of the password, which needs the current one.
pub fn list_password_counters(settings: &AccountsSettings, credential: &Credential) -> Vec<AttemptCounter> {
    let credential = match credential {
        Credential::Session(id) => id.to_string(),
        Credential::PersonalToken(id) | Credential::ToolToken(id) => id.to_string(),
        Credential::None | Credential::RoleKey => "none".to_owned(),
    };
    vec![AttemptCounter::new(format!("credential:{credential}"), settings.sign_in_attempts)]
}

/// Lists the counters of a code for a new account or a new password.
pub fn list_code_counters(settings: &AccountsSettings, client: Option<IpAddr>) -> Vec<AttemptCounter> {
    let name = format!("code-address:{}", format_client(client));
    vec![AttemptCounter { name, max_attempts: settings.sign_in_attempts_per_address, is_shared: true }]
}

/// Records a refused attempt in the audit log, and returns its error.
pub async fn record_refused_attempt(
    cx: &AccountsContext,
    actor: &RequestActor,
    (action, subject): (&'static str, &str),
    error: Error,
) -> Result<Error> {
    let tx = cx.store.begin().await?;
    cx.record_refusal(&tx, actor, action, None, subject, error.code()).await?;
    tx.commit().await?;
    Ok(error)
}

/// Formats the network of a client, as the part of a counter's name.
pub fn format_client(client: Option<IpAddr>) -> String {
    client.map_or_else(|| "unknown".to_owned(), |client| AddressBlock::from_address(client).to_string())
}

/// Counts an attempt. Fails with `sign-in-locked` while a counter is at its limit; the first such refusal is
/// recorded in the audit log as an attempt on `subject`.
pub async fn record_attempt(
    cx: &AccountsContext,
    actor: &RequestActor,
    counters: &[AttemptCounter],
    (action, subject): (&'static str, &str),
) -> Result<()> {
    let minutes = cx.settings.sign_in_lock_minutes;
    let locked =
        Error::new(ErrorKind::Exhausted, "sign-in-locked", "too many failed attempts from this place").help(
            format!(
                "try again in {minutes} minutes; a device that has signed in before is not affected by others"
            ),
        );
    count_attempt(cx, actor, counters, (action, subject), locked).await
}

/// Counts the request of a mail with a code. Fails with `too-many-codes` while a counter is at its limit.
pub async fn record_mail_request(
    cx: &AccountsContext,
    actor: &RequestActor,
    counters: &[AttemptCounter],
    request: (&'static str, &str),
) -> Result<()> {
    let minutes = cx.settings.sign_in_lock_minutes;
    let exhausted = Error::new(ErrorKind::Exhausted, "too-many-codes", "too many codes were requested")
        .help(format!("use the newest code, or try again in {minutes} minutes"));
    count_attempt(cx, actor, counters, request, exhausted).await
}

/// Counts an attempt. Fails with `refusal` while a counter is at its limit.
async fn count_attempt(
    cx: &AccountsContext,
    actor: &RequestActor,
    counters: &[AttemptCounter],
    (action, subject): (&'static str, &str),
    refusal: Error,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    let mut locked = Vec::new();
    for counter in sort_counters(counters) {
        let (attempts, last) = lock_current_attempts(cx, &tx, &counter.name, actor.now).await?;
        locked.push((counter, attempts, last));
    }
    let full = locked.iter().find(|(counter, attempts, _)| *attempts >= counter.max_attempts);
    let Some((counter, attempts, last)) = full else {
        for (counter, attempts, _) in &locked {
            cx.store.update_attempts(&tx, &counter.name, attempts.saturating_add(1), actor.now).await?;
        }
        return tx.commit().await;
    };
    if *attempts == counter.max_attempts {
        // Only the first refusal is recorded: a flood must not fill the audit log.
        cx.store.update_attempts(&tx, &counter.name, attempts.saturating_add(1), *last).await?;
        cx.record_refusal(&tx, actor, action, None, subject, refusal.code()).await?;
        tx.commit().await?;
    }
    Err(refusal)
}

/// Forgets the attempts of a success: those of its own counters, and its own one of shared counters.
pub async fn forget_attempts(
    cx: &AccountsContext,
    tx: &Tx,
    counters: &[AttemptCounter],
    now: Timestamp,
) -> Result<()> {
    for counter in sort_counters(counters) {
        if counter.is_shared {
            let (attempts, last) = cx.store.lock_attempts(tx, &counter.name, now).await?;
            cx.store.update_attempts(tx, &counter.name, attempts.saturating_sub(1), last).await?;
        } else {
            cx.store.delete_attempts(tx, &counter.name).await?;
        }
    }
    Ok(())
}

/// Sorts counters into the order in which every transaction locks them.
fn sort_counters(counters: &[AttemptCounter]) -> Vec<&AttemptCounter> {
    let mut sorted: Vec<_> = counters.iter().collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    sorted
}

/// Locks a counter. Returns its attempts within the current window, and the time of the last one: a window ends
/// [`lock_duration`] after its last attempt.
pub async fn lock_current_attempts(
    cx: &AccountsContext,
    tx: &Tx,
    counter: &str,
    now: Timestamp,
) -> Result<(u32, Timestamp)> {
    let (attempts, last) = cx.store.lock_attempts(tx, counter, now).await?;
    let is_expired = now.duration_since(last) >= lock_duration(&cx.settings);
    Ok((if is_expired { 0 } else { attempts }, last))
}

/// Returns the duration of a lock after the last attempt.
pub fn lock_duration(settings: &AccountsSettings) -> SignedDuration {
    SignedDuration::from_mins(settings.sign_in_lock_minutes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list_names(client: &str, device: Option<TokenId>) -> Vec<String> {
        let settings = AccountsSettings::default();
        let counters = list_sign_in_counters(&settings, &"ann".parse().unwrap(), client.parse().ok(), device);
        counters.into_iter().map(|counter| counter.name).collect()
    }

    #[test]
    fn sign_in_from_elsewhere_is_counted_by_name_and_address() {
        assert_eq!(
            list_names("192.0.2.7", None),
            ["name-address:ann 192.0.2.7", "name:ann", "address:192.0.2.7"]
        );
        // The addresses of one IPv6 network are one place.
        assert_eq!(list_names("2001:db8::1", None), list_names("2001:db8::2", None));
        assert_ne!(list_names("2001:db8::1", None), list_names("2001:db8:0:1::1", None));
    }

    #[test]
    fn known_device_is_counted_by_itself() {
        let device = TokenId::new(Timestamp::UNIX_EPOCH, &hearth_base::Entropy::System);
        assert_eq!(list_names("192.0.2.7", Some(device)), [format!("device:{device}")]);
    }
}

//! Cache of signed identities: resolved once per caller, tool and service for ten seconds, and cleared at
//! once after an access event of `accounts`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::HeaderValue;
use hearth_base::{
    Caller, Credential, Error, ErrorKind, IDENTITY_LIFETIME, Identity, RequestId, Result, Role, Scopes,
    Secret, ToolGrant,
};
use hearth_client::Client;
use hearth_kit::Kit;
use hearth_wire::accounts::internal::{ResolveCaller, ResolvedCaller, ResolvedTool};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use tokio::sync::broadcast;

/// Maximum number of access changes that a watch may be behind; then it resolves its caller in any case.
const MAX_PENDING_CHANGES: usize = 256;

/// Change of access that a watch compares with its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessChange {
    /// The access of the user, token, session or tool with this id changed.
    About(String),
    /// Any access may have changed.
    Any,
}

/// Signed identities of callers.
pub struct IdentityIssuer {
    kit: Kit,
    accounts: Client,
    cache: Mutex<IdentityCache>,
    changes: broadcast::Sender<AccessChange>,
}

#[derive(Default)]
struct IdentityCache {
    signed: BTreeMap<IdentityKey, SignedIdentity>,
    /// Number of clearings: an identity that was resolved before a clearing is not cached after it.
    epoch: u64,
}

type IdentityKey = (Option<[u8; 32]>, Role, Option<String>);

/// Identity, signed for one service.
#[derive(Clone)]
pub struct SignedIdentity {
    /// Value of the header.
    pub value: HeaderValue,
    /// Name of the caller, for the log.
    pub caller: String,
    /// The identity.
    pub identity: Arc<Identity>,
    /// Expiry of the credential, if it has one.
    pub credential_expires: Option<Timestamp>,
    /// Epoch of the cache in which the caller was resolved.
    pub epoch: u64,
    expires: Timestamp,
}

impl IdentityIssuer {
    /// Minimum remaining lifetime of an identity in use; it covers the time of transport.
    const RENEWAL_MARGIN: SignedDuration = SignedDuration::from_secs(2);
    /// Maximum number of cached identities. Beyond it, expired ones are dropped, or all if none has expired.
    const MAX_CACHED_IDENTITIES: usize = 10_000;

    pub fn new(kit: &Kit) -> Result<Self> {
        let accounts = kit.clients.create_client(Role::Accounts)?;
        let (changes, _) = broadcast::channel(MAX_PENDING_CHANGES);
        Ok(Self { kit: kit.clone(), accounts, cache: Mutex::default(), changes })
    }

    /// Signs the identity of the holder of `secret` (anonymous without one), for `service` and the tool in
    /// the path.
    pub async fn sign_identity(
        &self,
        secret: Option<Secret>,
        service: Role,
        tool: Option<&str>,
        request: RequestId,
    ) -> Result<SignedIdentity> {
        let hash = secret.as_ref().map(|secret| Sha256::digest(secret.expose_secret()).into());
        // The rights of an anonymous caller do not depend on the tool.
        let tool = tool.filter(|_| secret.is_some()).map(str::to_owned);
        let key = (hash, service, tool);
        let now = self.kit.clock.now();
        let epoch = {
            let cache = self.lock();
            let fresh = cache.signed.get(&key).filter(|signed| signed.expires - Self::RENEWAL_MARGIN > now);
            if let Some(signed) = fresh {
                return Ok(signed.clone());
            }
            cache.epoch
        };
        let resolved = match secret {
            None => build_anonymous(),
            Some(secret) => {
                let resolve = ResolveCaller { secret: Some(secret), tool: key.2.clone() };
                let resolved =
                    self.accounts.accounts_internal().resolve(&resolve, &request.to_string()).await;
                resolved.map_err(hide_service_address)?
            }
        };
        let signed = self.sign_resolved(resolved, service, now, epoch)?;
        // The caller may create this tool or become its member the next moment, before the event arrives: only a grant is
        // kept.
        let is_granted = matches!(signed.identity.tool, Some(ToolGrant::Granted { .. }));
        let is_kept = key.2.is_none() || is_granted;
        let mut cache = self.lock();
        if cache.epoch == epoch && is_kept {
            if cache.signed.len() >= Self::MAX_CACHED_IDENTITIES {
                cache.signed.retain(|_, signed| signed.expires > now);
            }
            if cache.signed.len() >= Self::MAX_CACHED_IDENTITIES {
                cache.signed.clear();
            }
            cache.signed.insert(key, signed.clone());
        }
        Ok(signed)
    }

    /// Clears the cache, because its identities may be outdated, and informs the watches of open streams.
    pub fn note_changes(&self, changes: impl IntoIterator<Item = AccessChange>) {
        {
            let mut cache = self.lock();
            cache.signed.clear();
            cache.epoch += 1;
        }
        for change in changes {
            // Without an open stream there is no receiver.
            let _received_by = self.changes.send(change);
        }
    }

    /// The number of clearings of the cache.
    pub fn current_epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// Subscribes to changes of access.
    pub fn subscribe_to_changes(&self) -> broadcast::Receiver<AccessChange> {
        self.changes.subscribe()
    }

    fn sign_resolved(
        &self,
        resolved: ResolvedCaller,
        service: Role,
        now: Timestamp,
        epoch: u64,
    ) -> Result<SignedIdentity> {
        let ResolvedCaller { caller, credential, scopes, tool, expires: end } = resolved;
        let name = caller.to_string();
        let lifetime_end = now.saturating_add(IDENTITY_LIFETIME).unwrap_or(now);
        let expires = end.map_or(lifetime_end, |end| end.min(lifetime_end));
        let tool = compute_grant(tool, &scopes, service);
        let identity = Identity { caller, credential, scopes, audience: service, tool, expires };
        let mut value = HeaderValue::try_from(identity.sign(&self.kit.key)?).map_err(Error::internal)?;
        value.set_sensitive(true);
        let identity = Arc::new(identity);
        Ok(SignedIdentity { value, caller: name, identity, credential_expires: end, epoch, expires })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, IdentityCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Computes the grant of a role on a tool in `service`: the lower of the role's and the scopes' access level.
fn compute_grant(tool: ResolvedTool, scopes: &Scopes, service: Role) -> Option<ToolGrant> {
    match tool {
        ResolvedTool::None => None,
        ResolvedTool::Missing => Some(ToolGrant::Missing),
        ResolvedTool::Role { id, name, role } => {
            let access = scopes.access_to_service(service)?.min(role.granted_access());
            Some(ToolGrant::Granted { id, name, access })
        }
    }
}

/// Hides the address of a service from external callers.
pub fn hide_service_address(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Timeout => {
            Error::unavailable("service-unavailable", "a service of this Hearth does not respond")
                .help("try again in a moment")
                .with_cause(error)
        }
        _ => error,
    }
}

fn build_anonymous() -> ResolvedCaller {
    ResolvedCaller {
        caller: Caller::Anonymous,
        credential: Credential::None,
        scopes: Scopes::from_scopes([]),
        tool: ResolvedTool::None,
        expires: None,
    }
}

//! Signed identities: found out once per caller, tool and service in ten seconds, and forgotten at once when
//! `accounts` says that something has changed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use axum::http::HeaderValue;
use hearth_base::{
    Caller, Credential, Error, IDENTITY_LIFE, Identity, Kind, RequestId, Result, Role, Scopes, Secret,
    ToolGrant,
};
use hearth_client::Client;
use hearth_kit::Kit;
use hearth_wire::accounts::internal::{Resolve, Resolved, ResolvedTool};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

/// Signed identities of callers.
pub struct Identities {
    kit: Kit,
    accounts: Client,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    signed: BTreeMap<Key, Signed>,
    /// Counts how often all was forgotten: what was asked before is not remembered after.
    epoch: u64,
}

type Key = (Option<[u8; 32]>, Role, Option<String>);

/// An identity, signed for one service.
#[derive(Clone)]
pub struct Signed {
    /// For the header.
    pub value: HeaderValue,
    /// Who it is, for the log.
    pub caller: String,
    expires: Timestamp,
}

impl Identities {
    /// How long before its end an identity is replaced: time enough to travel.
    const MARGIN: SignedDuration = SignedDuration::from_secs(2);
    /// The most remembered; when there are more, those that have expired are forgotten, and if none has, all.
    const MOST: usize = 10_000;

    pub fn new(kit: &Kit) -> Result<Self> {
        let accounts = kit.clients.of(Role::Accounts)?;
        Ok(Self { kit: kit.clone(), accounts, known: Mutex::default() })
    }

    /// Signs the identity of the holder of `secret` (of nobody without one), towards `service` and the tool that the path names.
    pub async fn sign_identity(
        &self,
        secret: Option<Secret>,
        service: Role,
        tool: Option<&str>,
        request: RequestId,
    ) -> Result<Signed> {
        let hash = secret.as_ref().map(|secret| Sha256::digest(secret.reveal()).into());
        // What nobody is to a tool does not depend on the tool.
        let tool = tool.filter(|_| secret.is_some()).map(str::to_owned);
        let key = (hash, service, tool);
        let now = self.kit.clock.now();
        let epoch = {
            let known = self.lock();
            let fresh = known.signed.get(&key).filter(|signed| signed.expires - Self::MARGIN > now);
            if let Some(signed) = fresh {
                return Ok(signed.clone());
            }
            known.epoch
        };
        let resolved = match secret {
            None => nobody(),
            Some(secret) => {
                let resolve = Resolve { secret: Some(secret), tool: key.2.clone() };
                let resolved = self.accounts.internal().resolve(&resolve, &request.to_string()).await;
                resolved.map_err(without_address)?
            }
        };
        let signed = self.sign(resolved, service, now)?;
        let mut known = self.lock();
        if known.epoch == epoch {
            if known.signed.len() >= Self::MOST {
                known.signed.retain(|_, signed| signed.expires > now);
            }
            if known.signed.len() >= Self::MOST {
                known.signed.clear();
            }
            known.signed.insert(key, signed.clone());
        }
        Ok(signed)
    }

    /// Forgets everything: it may be wrong now.
    pub fn forget(&self) {
        let mut known = self.lock();
        known.signed.clear();
        known.epoch += 1;
    }

    fn sign(&self, resolved: Resolved, service: Role, now: Timestamp) -> Result<Signed> {
        let Resolved { caller, credential, scopes, tool, expires: end } = resolved;
        let name = match &caller {
            Caller::Nobody => "nobody".to_owned(),
            Caller::User { name, .. } => format!("user {name}"),
            Caller::Tool { name, .. } => format!("tool {name}"),
            Caller::Service { role } => format!("service {role}"),
        };
        let life = now.saturating_add(IDENTITY_LIFE).unwrap_or(now);
        let expires = end.map_or(life, |end| end.min(life));
        let tool = grant(tool, &scopes, service);
        let identity = Identity { caller, credential, scopes, audience: service, tool, expires };
        let mut value = HeaderValue::try_from(identity.sign(&self.kit.key)?).map_err(Error::internal)?;
        value.set_sensitive(true);
        Ok(Signed { value, caller: name, expires })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a role on a tool allows in `service` with a credential of these scopes: the smaller of the two.
fn grant(tool: ResolvedTool, scopes: &Scopes, service: Role) -> Option<ToolGrant> {
    match tool {
        ResolvedTool::None => None,
        ResolvedTool::Missing => Some(ToolGrant::Missing),
        ResolvedTool::Role { id, name, role } => {
            let access = scopes.access(service)?.min(role.access());
            Some(ToolGrant::Granted { id, name, access })
        }
    }
}

/// Where services are is nobody's business outside.
pub fn without_address(error: Error) -> Error {
    match error.kind() {
        Kind::Unavailable | Kind::Timeout => {
            Error::unavailable("service-unavailable", "a part of this Hearth does not answer now")
                .help("try again in a moment")
                .because(error)
        }
        _ => error,
    }
}

fn nobody() -> Resolved {
    Resolved {
        caller: Caller::Nobody,
        credential: Credential::None,
        scopes: Scopes::of([]),
        tool: ResolvedTool::None,
        expires: None,
    }
}

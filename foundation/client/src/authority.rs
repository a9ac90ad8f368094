//! Credentials of requests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use hearth_base::{Clock, Error, Identity, Result, Role, RoleKey, Secret};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};

use crate::headers;

/// Source of a request's credential.
pub trait Authority: Send + Sync {
    /// Adds the credential to a request for `service`.
    fn authorize(&self, service: Role, headers: &mut HeaderMap) -> Result<()>;
}

/// No credential.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

impl Authority for Anonymous {
    fn authorize(&self, _: Role, _: &mut HeaderMap) -> Result<()> {
        Ok(())
    }
}

/// Bearer token: a token or a session, for the gateway.
#[derive(Debug, Clone)]
pub struct Bearer(pub Secret);

impl Authority for Bearer {
    fn authorize(&self, _: Role, headers: &mut HeaderMap) -> Result<()> {
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", self.0.expose_secret())).map_err(|_| {
                Error::invalid("token-form", "the token contains invalid characters")
                    .help("sign in again: hearth login")
            })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// Adds a mandate beside the credential of `own`: the service acts for the mandate's caller.
pub struct DelegatedAuthority {
    own: Arc<dyn Authority>,
    mandate: HeaderValue,
}

impl DelegatedAuthority {
    /// Creates an authority with a mandate that was signed for one use.
    pub fn with_mandate(own: Arc<dyn Authority>, mandate: &str) -> Result<Self> {
        let mut mandate = HeaderValue::try_from(mandate).map_err(Error::internal)?;
        mandate.set_sensitive(true);
        Ok(Self { own, mandate })
    }
}

impl Authority for DelegatedAuthority {
    fn authorize(&self, service: Role, headers: &mut HeaderMap) -> Result<()> {
        headers.insert(headers::MANDATE_HEADER, self.mandate.clone());
        self.own.authorize(service, headers)
    }
}

/// Identity of a role, signed again shortly before it expires.
pub struct ServiceAuthority {
    key: RoleKey,
    clock: Arc<dyn Clock>,
    signed: Mutex<BTreeMap<Role, (Timestamp, HeaderValue)>>,
}

impl ServiceAuthority {
    /// Minimum remaining lifetime of an identity in use; it covers the time of transport.
    const RENEWAL_MARGIN: SignedDuration = SignedDuration::from_secs(5);

    /// Creates an authority for the role of `key`.
    pub fn new(key: RoleKey, clock: Arc<dyn Clock>) -> Self {
        Self { key, clock, signed: Mutex::default() }
    }
}

impl Authority for ServiceAuthority {
    fn authorize(&self, service: Role, headers: &mut HeaderMap) -> Result<()> {
        let now = self.clock.now();
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh =
            signed.get(&service).filter(|(expires, _)| expires.duration_since(now) > Self::RENEWAL_MARGIN);
        let value = match fresh {
            Some((_, value)) => value.clone(),
            None => {
                let identity = Identity::for_service(self.key.role(), service, now);
                let mut value = HeaderValue::try_from(identity.sign(&self.key)?).map_err(Error::internal)?;
                value.set_sensitive(true);
                signed.insert(service, (identity.expires, value.clone()));
                value
            }
        };
        headers.insert(headers::IDENTITY_HEADER, value);
        Ok(())
    }
}

//! What a request shows of who sends it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use hearth_base::{Clock, Error, Identity, Result, Role, RoleKey, Secret};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};

use crate::headers;

/// What a request shows of who sends it.
pub trait Authority: Send + Sync {
    /// Adds what is shown to a request for `service`.
    fn authorize(&self, service: Role, headers: &mut HeaderMap) -> Result<()>;
}

/// Shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

impl Authority for Anonymous {
    fn authorize(&self, _: Role, _: &mut HeaderMap) -> Result<()> {
        Ok(())
    }
}

/// Shows a token or a session, at the door.
#[derive(Debug, Clone)]
pub struct Bearer(pub Secret);

impl Authority for Bearer {
    fn authorize(&self, _: Role, headers: &mut HeaderMap) -> Result<()> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0.reveal())).map_err(|_| {
            Error::invalid("token-form", "the token holds characters that no token has")
                .help("sign in again: hearth login")
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// Shows a mandate beside what `own` shows: acts for whoever gave it.
pub struct Acting {
    own: Arc<dyn Authority>,
    mandate: HeaderValue,
}

impl Acting {
    /// Acts by `mandate`, signed for one use.
    pub fn by(own: Arc<dyn Authority>, mandate: &str) -> Result<Self> {
        let mut mandate = HeaderValue::try_from(mandate).map_err(Error::internal)?;
        mandate.set_sensitive(true);
        Ok(Self { own, mandate })
    }
}

impl Authority for Acting {
    fn authorize(&self, service: Role, headers: &mut HeaderMap) -> Result<()> {
        headers.insert(headers::MANDATE, self.mandate.clone());
        self.own.authorize(service, headers)
    }
}

/// Shows a role's own identity, signed anew when the last one is about to expire.
pub struct ServiceAuthority {
    key: RoleKey,
    clock: Arc<dyn Clock>,
    signed: Mutex<BTreeMap<Role, (Timestamp, HeaderValue)>>,
}

impl ServiceAuthority {
    /// How long before its end an identity is replaced: time enough to travel.
    const MARGIN: SignedDuration = SignedDuration::from_secs(5);

    /// Speaks for the role of `key`.
    pub fn new(key: RoleKey, clock: Arc<dyn Clock>) -> Self {
        Self { key, clock, signed: Mutex::default() }
    }
}

impl Authority for ServiceAuthority {
    fn authorize(&self, service: Role, headers: &mut HeaderMap) -> Result<()> {
        let now = self.clock.now();
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = signed.get(&service).filter(|(expires, _)| expires.duration_since(now) > Self::MARGIN);
        let value = match fresh {
            Some((_, value)) => value.clone(),
            None => {
                let identity = Identity::of_service(self.key.role(), service, now);
                let mut value = HeaderValue::try_from(identity.sign(&self.key)?).map_err(Error::internal)?;
                value.set_sensitive(true);
                signed.insert(service, (identity.expires, value.clone()));
                value
            }
        };
        headers.insert(headers::IDENTITY, value);
        Ok(())
    }
}

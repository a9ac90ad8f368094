//! Credential for a private repository.

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::{Error, Result, Secret};
use http::HeaderValue;

/// User name and secret that a server accepts for a repository.
#[derive(Debug, Clone)]
pub struct RepositoryCredential {
    pub username: String,
    pub secret: Secret,
}

impl RepositoryCredential {
    /// Builds the value of `Authorization` (RFC 7617).
    pub fn build_authorization(&self) -> Result<HeaderValue> {
        let pair = BASE64_STANDARD.encode(format!("{}:{}", self.username, self.secret.expose_secret()));
        let mut value = HeaderValue::try_from(format!("Basic {pair}")).map_err(Error::internal)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

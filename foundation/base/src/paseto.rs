//! Signed statements between roles: PASETO v4.public (<https://github.com/paseto-standard/paseto-spec>).
//!
//! The footer names the signing role. The implicit assertion is the purpose of the statement, so that a
//! signature for one purpose is invalid for any other.

use pasetors::{
    Public,
    token::UntrustedToken,
    version4::{PublicToken, V4},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, KeyRing, Result, Role, RoleKey};

/// Signs `statement` for `purpose`.
pub fn sign_statement<T: Serialize>(key: &RoleKey, purpose: &str, statement: &T) -> Result<String> {
    let payload = serde_json::to_vec(statement).map_err(Error::internal)?;
    let footer = key.role().name().as_bytes();
    PublicToken::sign(key.secret(), &payload, Some(footer), Some(purpose.as_bytes()))
        .map_err(|error| Error::internal(format!("{error:?}")))
}

/// Verifies the signature of `token` for `purpose`, and returns the signing role and the statement.
pub fn verify_statement<T: DeserializeOwned>(
    ring: &KeyRing,
    purpose: &str,
    token: &str,
) -> Result<(Role, T)> {
    let refused = || Error::unauthenticated("signature", "the identity has an invalid signature");
    let untrusted = UntrustedToken::<Public, V4>::try_from(token).map_err(|_| refused())?;
    let footer = untrusted.untrusted_footer();
    let role: Role =
        std::str::from_utf8(footer).ok().and_then(|text| text.parse().ok()).ok_or_else(refused)?;
    let key = ring.get(role).ok_or_else(refused)?;
    let trusted = PublicToken::verify(key, &untrusted, Some(footer), Some(purpose.as_bytes()))
        .map_err(|_| refused())?;
    let statement = serde_json::from_str(trusted.payload()).map_err(|_| refused())?;
    Ok((role, statement))
}

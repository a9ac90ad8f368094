//! The caller of a request: resolved once, and admitted within the rate limits.

use std::net::IpAddr;

use hearth_base::{Error, RequestId, Result, Secret};

use crate::{Gateway, identities::SignedIdentity, rate_limit::RateLimitState, routes::MatchedRoute};

/// Error codes of `accounts` for an invalid credential. Any other error concerns the gateway itself.
const INVALID_CREDENTIAL_CODES: [&str; 4] =
    ["credential-refused", "code-is-no-token", "deploy-token-refused", "deploy-token-suspended"];

/// An admitted caller.
pub struct RequestCaller {
    /// The valid credential.
    pub secret: Option<Secret>,
    /// The signed identity.
    pub signed: SignedIdentity,
    /// Error of the credential of a caller who is treated as anonymous.
    pub invalid_credential: Option<Error>,
    /// The address of the client.
    pub client: Option<IpAddr>,
    /// The state of the caller's rate limit; `None` for an anonymous request within the process.
    pub limit: Option<RateLimitState>,
}

impl RequestCaller {
    /// Resolves the caller with this secret, and takes a token from the bucket of the caller, or of the address of an
    /// anonymous one. The inner error is the exceeded limit.
    ///
    /// An invalid credential does not block public endpoints (sign-in, for example): the request is forwarded as
    /// anonymous, and the credential's error is returned if the service requires a sign-in.
    pub async fn admit_caller(
        gateway: &Gateway,
        route: &MatchedRoute,
        request: RequestId,
        secret: Option<Secret>,
        client: Option<IpAddr>,
    ) -> Result<Result<Self, RateLimitState>> {
        let (identities, service, tool) = (&gateway.identities, route.service, route.tool.as_deref());
        let (mut valid_secret, mut signed, mut invalid_credential) = (None, None, None);
        if let Some(secret) = secret {
            let lookup = match gateway.credential_lookups.admit_lookup(&secret, client) {
                Ok(lookup) => lookup,
                Err(exceeded) => return Ok(Err(exceeded)),
            };
            match identities.sign_identity(Some(secret.clone()), service, tool, request).await {
                Ok(identity) => {
                    lookup.record_valid();
                    (valid_secret, signed) = (Some(secret), Some(identity));
                }
                Err(error) if INVALID_CREDENTIAL_CODES.contains(&error.code()) => {
                    lookup.record_invalid();
                    invalid_credential = Some(error);
                }
                Err(error) => {
                    lookup.record_failure();
                    return Err(error);
                }
            }
        }
        let signed = match signed {
            Some(signed) => signed,
            None => identities.sign_identity(None, service, tool, request).await?,
        };
        let limit = match &valid_secret {
            Some(_) => Some(gateway.rate_limits.take_for_caller(&signed.caller)),
            None => client.map(|client| gateway.rate_limits.take_for_address(client)),
        };
        Ok(match limit {
            Some(exceeded) if exceeded.is_exceeded() => Err(exceeded),
            limit => Ok(Self { secret: valid_secret, signed, invalid_credential, client, limit }),
        })
    }
}

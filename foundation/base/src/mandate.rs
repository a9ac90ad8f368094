//! Mandates: delegated rights of a caller, for the time after the end of their request.
//!
//! `accounts` stores a mandate (caller, tool, access, reason) and signs it for one use at a time, after it
//! has checked that the caller still has the right. The service that holds the mandate sends it beside its
//! own identity; each is worthless without the other.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Caller, Credential, Error, Identity, KeyRing, MandateId, Result, Role, RoleKey, Scopes,
    ToolGrant, ToolId, ToolName, paseto,
};

/// Lifetime of a mandate that was signed for one use.
pub const MANDATE_LIFETIME: SignedDuration = SignedDuration::from_secs(10);

const MANDATE_PURPOSE: &str = "hearth mandate v1";

/// Signed mandate: the rights of a caller on one tool, for one service to use towards one other service, for
/// a few seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// Id of the stored mandate.
    pub id: MandateId,
    /// Service that may present it.
    pub holder: Role,
    /// Caller whose rights it carries.
    pub caller: Caller,
    /// Credential that the caller used to grant it.
    pub credential: Credential,
    /// Scopes of the mandate, within those of that credential.
    pub scopes: Scopes,
    /// Service that it is presented to; all others reject it.
    pub audience: Role,
    /// Id of the tool.
    pub tool: ToolId,
    /// Current name of the tool.
    pub name: ToolName,
    /// Access level on the tool in that service.
    pub access: Access,
    /// Expiry.
    pub expires: Timestamp,
}

impl Mandate {
    /// Signs the mandate with the key of `accounts`.
    pub fn sign(&self, key: &RoleKey) -> Result<String> {
        paseto::sign_statement(key, MANDATE_PURPOSE, self)
    }

    /// Verifies a signed mandate that `holder` presents to `audience`.
    pub fn verify(ring: &KeyRing, token: &str, holder: Role, audience: Role, now: Timestamp) -> Result<Self> {
        let (signer, mandate): (Role, Self) = paseto::verify_statement(ring, MANDATE_PURPOSE, token)?;
        let of_somebody = matches!(mandate.caller, Caller::User { .. } | Caller::Tool { .. });
        if signer != Role::Accounts
            || mandate.holder != holder
            || mandate.audience != audience
            || !of_somebody
        {
            return Err(build_refusal("the mandate is not valid for this service"));
        }
        if mandate.expires <= now {
            return Err(build_refusal("the mandate has expired"));
        }
        Ok(mandate)
    }

    /// Converts the mandate into the identity of its caller, limited to the mandate's rights.
    fn into_identity(self) -> Identity {
        let Self { caller, credential, scopes, audience, tool, name, access, expires, .. } = self;
        let tool = Some(ToolGrant::Granted { id: tool, name, access });
        Identity { caller, credential, scopes, audience, tool, expires }
    }
}

/// Credentials of a request between services.
#[derive(Debug, Clone, Copy)]
pub struct PresentedCredentials<'a> {
    /// Signed identity.
    pub identity: &'a str,
    /// Signed mandate, when the identity is that of a service that acts for a caller.
    pub mandate: Option<&'a str>,
}

impl PresentedCredentials<'_> {
    /// Verifies the credentials for `audience`. Returns the effective identity, which with a mandate is that
    /// of its caller, and the id of the mandate.
    pub fn verify(
        &self,
        ring: &KeyRing,
        audience: Role,
        now: Timestamp,
    ) -> Result<(Identity, Option<MandateId>)> {
        let identity = Identity::verify(ring, self.identity, audience, now)?;
        let Some(token) = self.mandate else { return Ok((identity, None)) };
        let Caller::Service { role } = identity.caller else {
            return Err(build_refusal("only a service may use a mandate"));
        };
        let mandate = Mandate::verify(ring, token, role, audience, now)?;
        let (id, expires) = (mandate.id, mandate.expires.min(identity.expires));
        Ok((Identity { expires, ..mandate.into_identity() }, Some(id)))
    }
}

fn build_refusal(message: &'static str) -> Error {
    Error::unauthenticated("mandate", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entropy, TokenId};

    const TEST_NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn generate_keys() -> Result<(RoleKey, RoleKey, KeyRing)> {
        let accounts = RoleKey::generate_for_role(Role::Accounts)?;
        let gateway = RoleKey::generate_for_role(Role::Gateway)?;
        let mut ring = KeyRing::default();
        for key in [&accounts, &gateway] {
            ring.insert(key.role(), &key.public_text())?;
        }
        Ok((accounts, gateway, ring))
    }

    /// Builds a mandate for a tool's token; the gateway stands in for the service that holds it.
    fn build_mandate() -> Result<Mandate> {
        let tool = ToolId::new(TEST_NOW, &Entropy::System);
        Ok(Mandate {
            id: MandateId::new(TEST_NOW, &Entropy::System),
            holder: Role::Gateway,
            caller: Caller::Tool { id: tool, name: "hello".parse()? },
            credential: Credential::ToolToken(TokenId::new(TEST_NOW, &Entropy::System)),
            scopes: Scopes::for_tool_token(),
            audience: Role::Accounts,
            tool,
            name: "hello".parse()?,
            access: Access::Write,
            expires: TEST_NOW + MANDATE_LIFETIME,
        })
    }

    fn verify(ring: &KeyRing, identity: &str, mandate: &str, now: Timestamp) -> Result<Identity> {
        let credentials = PresentedCredentials { identity, mandate: Some(mandate) };
        credentials.verify(ring, Role::Accounts, now).map(|(identity, _)| identity)
    }

    #[test]
    fn service_with_a_mandate_acts_as_its_issuer_for_that_tool() -> Result<()> {
        let (accounts, gateway, ring) = generate_keys()?;
        let own = Identity::for_service(Role::Gateway, Role::Accounts, TEST_NOW).sign(&gateway)?;
        let mandate = build_mandate()?;
        let identity = verify(&ring, &own, &mandate.sign(&accounts)?, TEST_NOW)?;
        assert_eq!(identity.caller, mandate.caller);
        let granted = ToolGrant::Granted { id: mandate.tool, name: mandate.name, access: Access::Write };
        assert_eq!(identity.tool, Some(granted));
        assert!(!identity.is_unlimited());
        Ok(())
    }

    #[test]
    fn mandate_of_another_holder_audience_or_signer_is_refused() -> Result<()> {
        let (accounts, gateway, ring) = generate_keys()?;
        let own = Identity::for_service(Role::Gateway, Role::Accounts, TEST_NOW).sign(&gateway)?;
        let other_holder = Mandate { holder: Role::Images, ..build_mandate()? };
        let other_audience = Mandate { audience: Role::Gateway, ..build_mandate()? };
        let of_a_service = Mandate { caller: Caller::Service { role: Role::Accounts }, ..build_mandate()? };
        let of_nobody = Mandate { caller: Caller::Anonymous, ..build_mandate()? };
        for wrong in [other_holder, other_audience, of_a_service, of_nobody] {
            assert!(verify(&ring, &own, &wrong.sign(&accounts)?, TEST_NOW).is_err(), "{wrong:?}");
        }
        assert!(verify(&ring, &own, &build_mandate()?.sign(&gateway)?, TEST_NOW).is_err());
        assert!(verify(&ring, &own, &own, TEST_NOW).is_err());
        Ok(())
    }

    #[test]
    fn mandate_is_refused_with_a_user_identity_or_after_expiry() -> Result<()> {
        let (accounts, gateway, ring) = generate_keys()?;
        let signed = build_mandate()?.sign(&accounts)?;
        let person = Identity {
            caller: build_mandate()?.caller,
            credential: Credential::None,
            scopes: Scopes::full_access(),
            audience: Role::Accounts,
            tool: None,
            expires: TEST_NOW + MANDATE_LIFETIME,
        };
        assert!(verify(&ring, &person.sign(&gateway)?, &signed, TEST_NOW).is_err());
        let later = TEST_NOW + MANDATE_LIFETIME;
        let own = Identity::for_service(Role::Gateway, Role::Accounts, later).sign(&gateway)?;
        assert!(verify(&ring, &own, &signed, later).is_err());
        Ok(())
    }
}

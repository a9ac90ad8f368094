//! Acting for somebody after their request has ended.
//!
//! `accounts` keeps a mandate (who, which tool, how much, why) and signs it for one use at a time, after finding
//! out that its giver still has the right. The service that holds it shows it beside its own identity; neither
//! is worth anything without the other.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Caller, Credential, Error, Identity, KeyRing, MandateId, Result, Role, RoleKey, Scopes,
    ToolGrant, ToolId, ToolName, envelope,
};

/// How long a mandate that was signed for a use is good for.
pub const MANDATE_LIFE: SignedDuration = SignedDuration::from_secs(10);

const PURPOSE: &str = "hearth mandate v1";

/// What a service may do for somebody with one tool, towards one other service, for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// The mandate that this is one use of.
    pub id: MandateId,
    /// The service that may show it.
    pub holder: Role,
    /// For whom it acts.
    pub caller: Caller,
    /// What they showed when they gave it.
    pub credential: Credential,
    /// What it may be used for, never more than that credential.
    pub scopes: Scopes,
    /// The service that it is shown to; no other accepts it.
    pub audience: Role,
    /// The tool.
    pub tool: ToolId,
    /// The tool's name now.
    pub name: ToolName,
    /// How much it allows with the tool in that service.
    pub access: Access,
    /// When it ends.
    pub expires: Timestamp,
}

impl Mandate {
    /// Signs it with the key of `accounts`.
    pub fn sign(&self, key: &RoleKey) -> Result<String> {
        envelope::sign(key, PURPOSE, self)
    }

    /// Reads and checks a signed mandate that `holder` shows to `audience`.
    pub fn verify(ring: &KeyRing, token: &str, holder: Role, audience: Role, now: Timestamp) -> Result<Self> {
        let (signer, mandate): (Role, Self) = envelope::open(ring, PURPOSE, token)?;
        let of_somebody = matches!(mandate.caller, Caller::User { .. } | Caller::Tool { .. });
        if signer != Role::Accounts
            || mandate.holder != holder
            || mandate.audience != audience
            || !of_somebody
        {
            return Err(refused("this mandate was not given for this"));
        }
        if mandate.expires <= now {
            return Err(refused("this mandate has expired"));
        }
        Ok(mandate)
    }

    /// The identity of whoever gave it, as far as it goes.
    fn into_identity(self) -> Identity {
        let Self { caller, credential, scopes, audience, tool, name, access, expires, .. } = self;
        let tool = Some(ToolGrant::Granted { id: tool, name, access });
        Identity { caller, credential, scopes, audience, tool, expires }
    }
}

/// What a request shows of who sends it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// A signed identity.
    pub identity: &'a str,
    /// A signed mandate beside it, when the identity is that of a service which acts for somebody.
    pub mandate: Option<&'a str>,
}

impl Shown<'_> {
    /// Who that is towards `audience`, and by which mandate: the identity's own caller, or whoever gave the
    /// mandate to the service that shows it.
    pub fn verify(
        &self,
        ring: &KeyRing,
        audience: Role,
        now: Timestamp,
    ) -> Result<(Identity, Option<MandateId>)> {
        let identity = Identity::verify(ring, self.identity, audience, now)?;
        let Some(token) = self.mandate else { return Ok((identity, None)) };
        let Caller::Service { role } = identity.caller else {
            return Err(refused("only a service acts by a mandate"));
        };
        let mandate = Mandate::verify(ring, token, role, audience, now)?;
        let (id, expires) = (mandate.id, mandate.expires.min(identity.expires));
        Ok((Identity { expires, ..mandate.into_identity() }, Some(id)))
    }
}

fn refused(what: &'static str) -> Error {
    Error::unauthenticated("mandate", what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entropy, TokenId};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn parts() -> Result<(RoleKey, RoleKey, KeyRing)> {
        let accounts = RoleKey::generate(Role::Accounts)?;
        let gateway = RoleKey::generate(Role::Gateway)?;
        let mut ring = KeyRing::default();
        for key in [&accounts, &gateway] {
            ring.insert(key.role(), &key.public_text())?;
        }
        Ok((accounts, gateway, ring))
    }

    /// The gateway stands in for a service that acts for a tool's token.
    fn mandate() -> Result<Mandate> {
        let tool = ToolId::new(NOW, &Entropy::System);
        Ok(Mandate {
            id: MandateId::new(NOW, &Entropy::System),
            holder: Role::Gateway,
            caller: Caller::Tool { id: tool, name: "hello".parse()? },
            credential: Credential::ToolToken(TokenId::new(NOW, &Entropy::System)),
            scopes: Scopes::maintenance(),
            audience: Role::Accounts,
            tool,
            name: "hello".parse()?,
            access: Access::Write,
            expires: NOW + MANDATE_LIFE,
        })
    }

    fn verify(ring: &KeyRing, identity: &str, mandate: &str, now: Timestamp) -> Result<Identity> {
        let shown = Shown { identity, mandate: Some(mandate) };
        shown.verify(ring, Role::Accounts, now).map(|(identity, _)| identity)
    }

    #[test]
    fn a_service_with_a_mandate_is_its_giver_for_that_tool() -> Result<()> {
        let (accounts, gateway, ring) = parts()?;
        let own = Identity::of_service(Role::Gateway, Role::Accounts, NOW).sign(&gateway)?;
        let given = mandate()?;
        let identity = verify(&ring, &own, &given.sign(&accounts)?, NOW)?;
        assert_eq!(identity.caller, given.caller);
        let granted = ToolGrant::Granted { id: given.tool, name: given.name, access: Access::Write };
        assert_eq!(identity.tool, Some(granted));
        assert!(!identity.is_unlimited());
        Ok(())
    }

    #[test]
    fn a_mandate_of_another_holder_audience_or_signer_is_refused() -> Result<()> {
        let (accounts, gateway, ring) = parts()?;
        let own = Identity::of_service(Role::Gateway, Role::Accounts, NOW).sign(&gateway)?;
        let other_holder = Mandate { holder: Role::Images, ..mandate()? };
        let other_audience = Mandate { audience: Role::Gateway, ..mandate()? };
        let of_a_service = Mandate { caller: Caller::Service { role: Role::Accounts }, ..mandate()? };
        let of_nobody = Mandate { caller: Caller::Nobody, ..mandate()? };
        for wrong in [other_holder, other_audience, of_a_service, of_nobody] {
            assert!(verify(&ring, &own, &wrong.sign(&accounts)?, NOW).is_err(), "{wrong:?}");
        }
        assert!(verify(&ring, &own, &mandate()?.sign(&gateway)?, NOW).is_err());
        assert!(verify(&ring, &own, &own, NOW).is_err());
        Ok(())
    }

    #[test]
    fn a_mandate_is_worth_nothing_beside_a_person_or_after_its_time() -> Result<()> {
        let (accounts, gateway, ring) = parts()?;
        let signed = mandate()?.sign(&accounts)?;
        let person = Identity {
            caller: mandate()?.caller,
            credential: Credential::None,
            scopes: Scopes::everything(),
            audience: Role::Accounts,
            tool: None,
            expires: NOW + MANDATE_LIFE,
        };
        assert!(verify(&ring, &person.sign(&gateway)?, &signed, NOW).is_err());
        let later = NOW + MANDATE_LIFE;
        let own = Identity::of_service(Role::Gateway, Role::Accounts, later).sign(&gateway)?;
        assert!(verify(&ring, &own, &signed, later).is_err());
        Ok(())
    }
}

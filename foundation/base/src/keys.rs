//! Keys of roles: Ed25519, one pair for each, public halves known to all.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use pasetors::{
    keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey, Generate},
    version4::V4,
};

use crate::{Error, Result, Role, Secret};

/// A role's own key pair. Whoever holds it speaks for the role.
#[derive(Clone)]
pub struct RoleKey {
    role: Role,
    secret: AsymmetricSecretKey<V4>,
    public: AsymmetricPublicKey<V4>,
}

impl RoleKey {
    /// A new key for `role`.
    pub fn generate(role: Role) -> Result<Self> {
        let pair =
            AsymmetricKeyPair::<V4>::generate().map_err(|error| Error::internal(format!("{error:?}")))?;
        Ok(Self { role, secret: pair.secret, public: pair.public })
    }

    /// Reads what [`RoleKey::to_text`] wrote.
    pub fn from_text(role: Role, text: &Secret) -> Result<Self> {
        let unreadable = || Error::invalid("role-key", format!("the key of role {role} cannot be read"));
        let bytes = STANDARD_NO_PAD.decode(text.reveal().trim()).map_err(|_| unreadable())?;
        let secret = AsymmetricSecretKey::<V4>::from(&bytes).map_err(|_| unreadable())?;
        let public = AsymmetricPublicKey::<V4>::try_from(&secret).map_err(|_| unreadable())?;
        Ok(Self { role, secret, public })
    }

    /// The key pair in base64, for a file that only its role can read.
    pub fn to_text(&self) -> Secret {
        Secret::new(STANDARD_NO_PAD.encode(self.secret.as_bytes()))
    }

    /// The public half in base64.
    pub fn public_text(&self) -> String {
        STANDARD_NO_PAD.encode(self.public.as_bytes())
    }

    /// Whose key this is.
    pub fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn secret(&self) -> &AsymmetricSecretKey<V4> {
        &self.secret
    }
}

impl std::fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RoleKey({}, ***)", self.role)
    }
}

/// The public keys of all roles: enough to check what any of them signed.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(BTreeMap<Role, AsymmetricPublicKey<V4>>);

impl KeyRing {
    /// Adds a role's public key in base64.
    pub fn insert(&mut self, role: Role, public: &str) -> Result<()> {
        let unreadable =
            || Error::invalid("role-key", format!("the public key of role {role} cannot be read"));
        let bytes = STANDARD_NO_PAD.decode(public.trim()).map_err(|_| unreadable())?;
        self.0.insert(role, AsymmetricPublicKey::from(&bytes).map_err(|_| unreadable())?);
        Ok(())
    }

    pub(crate) fn get(&self, role: Role) -> Option<&AsymmetricPublicKey<V4>> {
        self.0.get(&role)
    }
}

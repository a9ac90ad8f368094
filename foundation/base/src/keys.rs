//! Keys of roles: one Ed25519 key pair per role; every role knows all public keys.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use pasetors::{
    keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey, Generate},
    version4::V4,
};

use crate::{Error, Result, Role, Secret};

/// Key pair of a role. Its holder acts as the role.
#[derive(Clone)]
pub struct RoleKey {
    role: Role,
    secret: AsymmetricSecretKey<V4>,
    public: AsymmetricPublicKey<V4>,
}

impl RoleKey {
    /// Creates a new key pair for `role`.
    pub fn generate_for_role(role: Role) -> Result<Self> {
        let pair =
            AsymmetricKeyPair::<V4>::generate().map_err(|error| Error::internal(format!("{error:?}")))?;
        Ok(Self { role, secret: pair.secret, public: pair.public })
    }

    /// Parses the form of [`RoleKey::to_text`].
    pub fn from_text(role: Role, text: &Secret) -> Result<Self> {
        let unreadable = || Error::invalid("role-key", format!("the key of role {role} cannot be read"));
        let bytes = STANDARD_NO_PAD.decode(text.expose_secret().trim()).map_err(|_| unreadable())?;
        let secret = AsymmetricSecretKey::<V4>::from(&bytes).map_err(|_| unreadable())?;
        let public = AsymmetricPublicKey::<V4>::try_from(&secret).map_err(|_| unreadable())?;
        Ok(Self { role, secret, public })
    }

    /// Returns the key pair in base64, for a file that only its role can read.
    pub fn to_text(&self) -> Secret {
        Secret::new(STANDARD_NO_PAD.encode(self.secret.as_bytes()))
    }

    /// Returns the public key in base64.
    pub fn public_text(&self) -> String {
        STANDARD_NO_PAD.encode(self.public.as_bytes())
    }

    /// Returns the role that owns the key.
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

/// Public keys of all roles, for the verification of signatures.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(BTreeMap<Role, AsymmetricPublicKey<V4>>);

impl KeyRing {
    /// Adds the public key of a role, in base64.
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

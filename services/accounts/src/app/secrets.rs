//! Secrets created by Hearth: a prefix that names the kind, and 256 random bits. Only the SHA-256 is stored,
//! which is enough for random bits.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hearth_base::{Entropy, Secret};
use sha2::{Digest, Sha256};

/// Kind of a secret, recognized by its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// Code for a new account.
    Invitation,
    /// Session.
    Session,
    /// Token of a user or a tool.
    Token,
    /// Short-lived token created by a service.
    Run,
}

impl SecretKind {
    const ALL: [Self; 4] = [Self::Invitation, Self::Session, Self::Token, Self::Run];

    fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "hearth_code_",
            Self::Session => "hearth_session_",
            Self::Token => "hearth_token_",
            Self::Run => "hearth_run_",
        }
    }

    /// Returns the kind of a secret by its prefix.
    pub fn from_secret(secret: &Secret) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| secret.expose_secret().starts_with(kind.prefix()))
    }
}

/// Creates a secret.
pub fn create_secret(kind: SecretKind, entropy: &Entropy) -> Secret {
    let bits = URL_SAFE_NO_PAD.encode(entropy.generate_bytes::<32>());
    Secret::new(format!("{}{bits}", kind.prefix()))
}

/// Hashes a secret for storage and lookup.
pub fn hash_secret(secret: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.expose_secret().trim()))
}

//! Secrets that Hearth makes: 256 random bits behind a word that says what they are for. Only their SHA-256 is
//! kept, and for random bits that is enough.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hearth_base::{Entropy, Secret};
use sha2::{Digest, Sha256};

/// What a secret is for, told by its first letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Coming in.
    Invitation,
    /// A sign-in.
    Session,
    /// A token, of a person or a tool.
    Token,
    /// A token that a service made for a while.
    Run,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Invitation, Self::Session, Self::Token, Self::Run];

    fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "hearth_code_",
            Self::Session => "hearth_session_",
            Self::Token => "hearth_token_",
            Self::Run => "hearth_run_",
        }
    }

    /// What `secret` says it is for.
    pub fn of(secret: &Secret) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| secret.reveal().starts_with(purpose.prefix()))
    }
}

/// A new secret.
pub fn make(purpose: Purpose, entropy: &Entropy) -> Secret {
    let bits = URL_SAFE_NO_PAD.encode(entropy.bytes::<32>());
    Secret::new(format!("{}{bits}", purpose.prefix()))
}

/// What is kept of it.
pub fn hash(secret: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.reveal().trim()))
}

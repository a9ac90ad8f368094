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
    /// Device that has signed in as a user.
    Device,
    /// Code that sets a new password.
    Recovery,
}

impl SecretKind {
    const ALL: [Self; 6] =
        [Self::Invitation, Self::Session, Self::Token, Self::Run, Self::Device, Self::Recovery];

    fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "hearth_code_",
            Self::Session => "hearth_session_",
            Self::Token => "hearth_token_",
            Self::Run => "hearth_run_",
            Self::Device => "hearth_device_",
            Self::Recovery => "hearth_recovery_",
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

/// Symbols of codes that people type: no two look alike.
const ENTERED_CODE_SYMBOLS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Symbols between two hyphens of a code that people type.
const ENTERED_CODE_GROUP: usize = 4;

/// Creates a code that people type: 60 random bits as `ABCD-EFGH-JKLM`. It needs a limit of attempts.
pub fn create_entered_code(entropy: &Entropy) -> Secret {
    let bytes = entropy.generate_bytes::<12>();
    let symbol = |byte: &u8| char::from(ENTERED_CODE_SYMBOLS[usize::from(byte % 32)]);
    let groups = bytes.chunks(ENTERED_CODE_GROUP).map(|group| group.iter().map(symbol).collect::<String>());
    Secret::new(groups.collect::<Vec<_>>().join("-"))
}

/// Hashes a code that somebody typed, whatever the case and the hyphens.
pub fn hash_entered_code(code: &Secret) -> String {
    let symbols = code.expose_secret().chars().filter(char::is_ascii_alphanumeric);
    hash_secret(&Secret::new(symbols.map(|symbol| symbol.to_ascii_uppercase()).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entered_code_is_recognized_in_any_spelling() {
        let code = create_entered_code(&Entropy::System);
        let text = code.expose_secret();
        assert_eq!(text.len(), 14, "{text}");
        let typed = Secret::new(format!(" {} ", text.replace('-', " ").to_lowercase()));
        assert_eq!(hash_entered_code(&typed), hash_entered_code(&code));
        assert_ne!(hash_entered_code(&create_entered_code(&Entropy::System)), hash_entered_code(&code));
    }
}

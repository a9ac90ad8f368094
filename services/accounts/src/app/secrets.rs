//! Secrets created by Hearth: a prefix that names the kind, and 256 random bits. Only the SHA-256 is stored,
//! which is enough for random bits.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hearth_base::{Entropy, Secret};
use hearth_wire::accounts::deploy_tokens::QUERY_CREDENTIAL_PREFIX;
use sha2::{Digest, Sha256};

/// Kind of a secret, recognized by its prefix; a deploy token by the form of a UUID.
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
    /// Deploy token of a tool, or a credential from a place where only deploy tokens are accepted.
    Deploy,
}

impl SecretKind {
    const ALL: [Self; 7] =
        [Self::Invitation, Self::Session, Self::Token, Self::Run, Self::Device, Self::Recovery, Self::Deploy];

    fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "hearth_code_",
            Self::Session => "hearth_session_",
            Self::Token => "hearth_token_",
            Self::Run => "hearth_run_",
            Self::Device => "hearth_device_",
            Self::Recovery => "hearth_recovery_",
            Self::Deploy => QUERY_CREDENTIAL_PREFIX,
        }
    }

    /// Returns the kind of a secret.
    pub fn from_secret(secret: &Secret) -> Option<Self> {
        let text = secret.expose_secret();
        let is_uuid = || is_uuid(text).then_some(Self::Deploy);
        Self::ALL.into_iter().find(|kind| text.starts_with(kind.prefix())).or_else(is_uuid)
    }
}

/// True for a UUID in its usual form (RFC 9562): hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.trim().split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Creates a deploy token: a random UUID (RFC 9562, version 4), because Toolforge's clients expect one. 122 bits are
/// random.
pub fn create_deploy_token(entropy: &Entropy) -> Secret {
    let mut bytes = entropy.generate_bytes::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]);
    Secret::new(groups.join("-"))
}

/// Hashes a deploy token as it was sent: marked or not, in any case.
pub fn hash_deploy_token(token: &Secret) -> String {
    let text = token.expose_secret();
    let text = text.strip_prefix(QUERY_CREDENTIAL_PREFIX).unwrap_or(text);
    hash_secret(&Secret::new(text.trim().to_ascii_lowercase()))
}

/// Compares two hashes in a time that does not depend on their content.
pub fn is_same_hash(one: &str, other: &str) -> bool {
    let differences = one.bytes().zip(other.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differences) == 0
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
    fn deploy_token_is_a_uuid_and_is_recognized_in_any_spelling() {
        let token = create_deploy_token(&Entropy::System);
        let text = token.expose_secret();
        assert!(is_uuid(text) && text.as_bytes()[14] == b'4', "{text}");
        for sent in [text.to_owned(), format!("query:{text}"), text.to_uppercase(), format!("query: {text} ")]
        {
            let sent = Secret::new(sent);
            assert_eq!(SecretKind::from_secret(&sent), Some(SecretKind::Deploy));
            assert!(is_same_hash(&hash_deploy_token(&sent), &hash_deploy_token(&token)));
        }
        assert_eq!(SecretKind::from_secret(&Secret::new("query:hearth_token_x")), Some(SecretKind::Deploy));
        for other in
            ["", "00000000-0000-0000-0000-00000000000g", "00000000-0000-0000-000000000000-0000", "hello"]
        {
            assert_eq!(SecretKind::from_secret(&Secret::new(other)), None, "{other}");
        }
        let another = hash_deploy_token(&create_deploy_token(&Entropy::System));
        assert!(!is_same_hash(&hash_deploy_token(&token), &another) && !is_same_hash("", &another));
    }

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

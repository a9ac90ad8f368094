//! Sealed values, which only the runtime can open: HPKE in base mode (RFC 9180) with DHKEM(X25519,
//! HKDF-SHA256), HKDF-SHA256 and ChaCha20Poly1305.
//!
//! The holder of the public key can seal values but cannot open them. The context of a value (tool, name,
//! job) is bound as `info`: the value does not open in any other context.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use orion::{
    KP,
    hazardous::{
        hpke::{DHKEM_X25519_SHA256_CHACHA20, ModeBase},
        kem::x25519_hkdf_sha256::{KeyPair, PrivateKey, PublicKey},
    },
};
use serde::{Deserialize, Serialize};

use crate::{EnvvarName, Error, JobName, Result, Secret, ToolId};

type Hpke = ModeBase<DHKEM_X25519_SHA256_CHACHA20>;

/// Length of the encapsulated key, which precedes the ciphertext (RFC 9180, section 7.1: `Nenc`).
const ENCAPSULATED_KEY_BYTES: usize = 32;
/// Length of the authentication tag (RFC 9180, section 7.3: `Nt`).
const AEAD_TAG_BYTES: usize = 16;
/// Length of a key id: this many characters of the public key.
const KEY_ID_CHARS: usize = 12;

/// Context of a sealed value: it opens only there.
#[derive(Debug, Clone, Copy)]
pub struct SealContext<'a> {
    /// Tool whose runs get the value.
    pub tool: ToolId,
    /// Name of the variable.
    pub name: &'a EnvvarName,
    /// Job whose runs get the value; absent for every job of the tool.
    pub job: Option<&'a JobName>,
}

impl SealContext<'_> {
    /// Ids and names contain no slash, so the encoding of each context is unique.
    fn encode_hpke_info(&self) -> Vec<u8> {
        let job = self.job.map(|job| format!("/{job}")).unwrap_or_default();
        format!("hearth-sealed-v1/{}/{}{job}", self.tool, self.name).into_bytes()
    }
}

/// Sealed value. It contains no readable secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedValue {
    /// Id of the key that opens the value.
    pub key: String,
    /// Job of the value's context; absent for every job of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobName>,
    /// Encapsulated key and ciphertext, in base64.
    pub text: String,
}

/// Public key, which seals values.
#[derive(Debug, Clone, PartialEq)]
pub struct SealingKey(PublicKey);

impl SealingKey {
    /// Parses the form of [`SealingKey::to_text`].
    pub fn from_text(text: &str) -> Result<Self> {
        let bytes = STANDARD_NO_PAD.decode(text.trim()).ok();
        let key = bytes.and_then(|bytes| PublicKey::try_from(bytes.as_slice()).ok());
        key.map(Self)
            .ok_or_else(|| Error::invalid("sealing-key", "the key that seals secrets cannot be read"))
    }

    /// Returns the key in base64.
    pub fn to_text(&self) -> String {
        STANDARD_NO_PAD.encode(self.0.as_ref())
    }

    /// Returns the id of the key: the start of its text form.
    pub fn key_id(&self) -> String {
        self.to_text().chars().take(KEY_ID_CHARS).collect()
    }

    /// Seals a value for one context.
    pub fn seal_value(&self, context: SealContext<'_>, value: &Secret) -> Result<SealedValue> {
        let broken = |_| Error::internal("a value cannot be sealed");
        // JSON, so that an empty value has a plaintext too.
        let plain = serde_json::to_vec(value.expose_secret()).map_err(Error::internal)?;
        let mut closed = vec![0; plain.len() + AEAD_TAG_BYTES];
        let encapsulated = Hpke::base_seal(&self.0, &context.encode_hpke_info(), &plain, b"", &mut closed)
            .map_err(broken)?;
        let text = STANDARD_NO_PAD.encode([encapsulated.as_ref(), &closed].concat());
        Ok(SealedValue { key: self.key_id(), job: context.job.cloned(), text })
    }
}

/// Private keys, which open values; the current key first. Former keys stay while a value is sealed to them.
#[derive(Default)]
pub struct OpeningKeys(Vec<KeyPair>);

impl OpeningKeys {
    /// Creates a set with one new key.
    pub fn generate() -> Result<Self> {
        let pair = KeyPair::generate().map_err(|_| Error::internal("the key cannot be generated"))?;
        Ok(Self(vec![pair]))
    }

    /// Parses the form of [`OpeningKeys::to_text`]: one key a line.
    pub fn from_text(text: &Secret) -> Result<Self> {
        let unreadable = || Error::invalid("opening-keys", "a line is not a valid opening key");
        let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        let pairs = lines.map(|line| {
            let bytes = STANDARD_NO_PAD.decode(line.trim_end_matches('=')).ok()?;
            KeyPair::try_from(&PrivateKey::try_from(bytes.as_slice()).ok()?).ok()
        });
        let pairs: Option<Vec<_>> = pairs.collect();
        pairs.filter(|pairs| !pairs.is_empty()).map(Self).ok_or_else(unreadable)
    }

    /// Returns the keys in base64, one a line, for a private file.
    pub fn to_text(&self) -> Secret {
        let lines =
            self.0.iter().map(|pair| STANDARD_NO_PAD.encode(pair.private().unprotected_as_ref()) + "\n");
        Secret::new(lines.collect::<String>())
    }

    /// Returns the public key of the current key.
    pub fn sealing_key(&self) -> Result<SealingKey> {
        let first = self.0.first().ok_or_else(|| Error::internal("there is no opening key"))?;
        Ok(SealingKey(first.public().clone()))
    }

    /// Opens a value in its context.
    pub fn open_value(&self, context: SealContext<'_>, sealed: &SealedValue) -> Result<Secret> {
        let SealContext { name, .. } = context;
        let SealedValue { key, job: _, text } = sealed;
        let pair = self.0.iter().find(|pair| SealingKey(pair.public().clone()).key_id() == *key);
        let pair = pair.ok_or_else(|| {
            let public = format!("the secret {name} is sealed to the key {key}, which is missing");
            Error::new(crate::ErrorKind::Unprocessable, "secret-key", public)
                .help(format!("set its value again (hearth envvars create {name}), or restore the key"))
        })?;
        let wrong = || {
            let public = format!("the secret {name} cannot be opened in this context");
            Error::new(crate::ErrorKind::Unprocessable, "secret-closed", public)
                .help(format!("set its value again: hearth envvars create {name}"))
        };
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (encapsulated, closed) = bytes.split_at_checked(ENCAPSULATED_KEY_BYTES).ok_or_else(wrong)?;
        let encapsulated = PublicKey::try_from(encapsulated).map_err(|_| wrong())?;
        let mut plain = vec![0; closed.len().checked_sub(AEAD_TAG_BYTES).ok_or_else(wrong)?];
        Hpke::base_open(&encapsulated, pair.private(), &context.encode_hpke_info(), closed, b"", &mut plain)
            .map_err(|_| wrong())?;
        serde_json::from_slice::<String>(&plain).map(Secret::new).map_err(|_| wrong())
    }
}

impl fmt::Debug for OpeningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpeningKeys(***)")
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::Entropy;

    fn build_tool_id() -> ToolId {
        ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
    }

    #[test]
    fn sealed_value_opens_only_in_its_own_context() -> Result<()> {
        let keys = OpeningKeys::generate()?;
        let (name, other, job): (EnvvarName, EnvvarName, JobName) =
            ("API_KEY".parse()?, "OTHER".parse()?, "web".parse()?);
        let context = SealContext { tool: build_tool_id(), name: &name, job: Some(&job) };
        for value in ["", "s3cret", "two\nlines", "日本 \u{1b}[31m", &"x".repeat(65_536)] {
            let value = Secret::new(value);
            let sealed =
                SealingKey::from_text(&keys.sealing_key()?.to_text())?.seal_value(context, &value)?;
            assert_eq!(keys.open_value(context, &sealed)?, value);
            assert_ne!(sealed, keys.sealing_key()?.seal_value(context, &value)?, "sealing is randomized");
            for elsewhere in [
                SealContext { tool: build_tool_id(), ..context },
                SealContext { name: &other, ..context },
                SealContext { job: None, ..context },
            ] {
                assert_eq!(keys.open_value(elsewhere, &sealed).unwrap_err().code(), "secret-closed");
            }
            let mut bytes = STANDARD_NO_PAD.decode(&sealed.text).map_err(Error::internal)?;
            for at in [0, 31, 32, bytes.len() - 1] {
                bytes[at] ^= 1;
                let bent = SealedValue { text: STANDARD_NO_PAD.encode(&bytes), ..sealed.clone() };
                assert!(keys.open_value(context, &bent).is_err(), "{at}");
                bytes[at] ^= 1;
            }
            for text in ["", "AAAA", "not base64!"] {
                let cut = SealedValue { text: text.to_owned(), ..sealed.clone() };
                assert_eq!(keys.open_value(context, &cut).unwrap_err().code(), "secret-closed");
            }
        }
        Ok(())
    }

    #[test]
    fn former_key_still_opens_and_a_missing_key_is_named() -> Result<()> {
        let (old, new) = (OpeningKeys::generate()?, OpeningKeys::generate()?);
        let name: EnvvarName = "API_KEY".parse()?;
        let context = SealContext { tool: build_tool_id(), name: &name, job: None };
        let sealed = old.sealing_key()?.seal_value(context, &Secret::new("s3cret"))?;
        let both = format!("{}{}", new.to_text().expose_secret(), old.to_text().expose_secret());
        let both = OpeningKeys::from_text(&Secret::new(both))?;
        assert_eq!(both.open_value(context, &sealed)?.expose_secret(), "s3cret");
        assert_eq!(both.sealing_key()?, new.sealing_key()?);
        let refused = new.open_value(context, &sealed).unwrap_err();
        assert!(refused.public_message().contains(&sealed.key), "{refused}");
        for text in ["", "\n", "not base64!", "c2hvcnQ="] {
            assert_eq!(OpeningKeys::from_text(&Secret::new(text)).unwrap_err().code(), "opening-keys");
        }
        Ok(())
    }

    /// RFC 9180, appendix A.2.1 (base setup): key of the recipient, `info`, and plaintext.
    #[test]
    fn rfc_9180_test_vector_opens() {
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let private = bytes("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        let private = PrivateKey::try_from(private.as_slice()).unwrap();
        let enc = bytes("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
        let enc = PublicKey::try_from(enc.as_slice()).unwrap();
        let info = bytes("4f6465206f6e2061204772656369616e2055726e");
        let closed = bytes(
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
        );
        let mut plain = vec![0; closed.len() - AEAD_TAG_BYTES];
        Hpke::base_open(&enc, &private, &info, &closed, b"Count-0", &mut plain).unwrap();
        assert_eq!(plain, b"Beauty is truth, truth beauty");
    }
}

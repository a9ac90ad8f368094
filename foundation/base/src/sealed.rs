//! Values that only whoever starts a tool can read: HPKE in base mode (RFC 9180) with DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256 and ChaCha20Poly1305.
//!
//! Who has the public half writes values that they cannot read again. What a value was sealed for is bound in
//! (`info`): it does not open anywhere else.

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

/// Bytes of an encapsulated key, in front of what it sealed (RFC 9180, section 7.1: `Nenc`).
const ENCAPSULATED: usize = 32;
/// Bytes that sealing adds (RFC 9180, section 7.3: `Nt`).
const TAG: usize = 16;
/// How much of the public half names a key.
const NAMING: usize = 12;

/// What a value is sealed for.
#[derive(Debug, Clone, Copy)]
pub struct SealedFor<'a> {
    /// The tool whose runs have it.
    pub tool: ToolId,
    /// Its name there.
    pub name: &'a EnvvarName,
    /// The one job whose runs have it; none: every job's.
    pub job: Option<&'a JobName>,
}

impl SealedFor<'_> {
    /// Neither ids nor names hold a slash, so nothing else is written alike.
    fn info(&self) -> Vec<u8> {
        let job = self.job.map(|job| format!("/{job}")).unwrap_or_default();
        format!("hearth-sealed-v1/{}/{}{job}", self.tool, self.name).into_bytes()
    }
}

/// A sealed value. There is nothing to hide in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Which key opens it.
    pub key: String,
    /// The one job that it was sealed for; none: every job of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobName>,
    /// The encapsulated key and what it sealed, in base64.
    pub text: String,
}

/// The public half of a key: seals, and opens nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct SealingKey(PublicKey);

impl SealingKey {
    /// Reads what [`SealingKey::to_text`] wrote.
    pub fn from_text(text: &str) -> Result<Self> {
        let bytes = STANDARD_NO_PAD.decode(text.trim()).ok();
        let key = bytes.and_then(|bytes| PublicKey::try_from(bytes.as_slice()).ok());
        key.map(Self)
            .ok_or_else(|| Error::invalid("sealing-key", "the key that seals secrets cannot be read"))
    }

    /// The key in base64.
    pub fn to_text(&self) -> String {
        STANDARD_NO_PAD.encode(self.0.as_ref())
    }

    /// What values that it seals call it: the beginning of itself.
    pub fn id(&self) -> String {
        self.to_text().chars().take(NAMING).collect()
    }

    /// Seals a value.
    pub fn seal(&self, place: SealedFor<'_>, value: &Secret) -> Result<Sealed> {
        let broken = |_| Error::internal("a value cannot be sealed");
        // As JSON, for an empty value has to become something too.
        let plain = serde_json::to_vec(value.reveal()).map_err(Error::internal)?;
        let mut closed = vec![0; plain.len() + TAG];
        let encapsulated =
            Hpke::base_seal(&self.0, &place.info(), &plain, b"", &mut closed).map_err(broken)?;
        let text = STANDARD_NO_PAD.encode([encapsulated.as_ref(), &closed].concat());
        Ok(Sealed { key: self.id(), job: place.job.cloned(), text })
    }
}

/// The private halves, the one in use first. Former ones stay for as long as something is sealed to them.
#[derive(Default)]
pub struct OpeningKeys(Vec<KeyPair>);

impl OpeningKeys {
    /// A ring of one new key.
    pub fn generate() -> Result<Self> {
        let pair = KeyPair::generate().map_err(|_| Error::internal("no key can be made"))?;
        Ok(Self(vec![pair]))
    }

    /// Reads what [`OpeningKeys::to_text`] wrote: a key a line.
    pub fn from_text(text: &Secret) -> Result<Self> {
        let unreadable = || Error::invalid("opening-keys", "a line is not a key that opens secrets");
        let lines = text.reveal().lines().map(str::trim).filter(|line| !line.is_empty());
        let pairs = lines.map(|line| {
            let bytes = STANDARD_NO_PAD.decode(line.trim_end_matches('=')).ok()?;
            KeyPair::try_from(&PrivateKey::try_from(bytes.as_slice()).ok()?).ok()
        });
        let pairs: Option<Vec<_>> = pairs.collect();
        pairs.filter(|pairs| !pairs.is_empty()).map(Self).ok_or_else(unreadable)
    }

    /// The keys in base64, a line each, for a file that nobody else can read.
    pub fn to_text(&self) -> Secret {
        let lines =
            self.0.iter().map(|pair| STANDARD_NO_PAD.encode(pair.private().unprotected_as_ref()) + "\n");
        Secret::new(lines.collect::<String>())
    }

    /// The public half of the key in use.
    pub fn sealing(&self) -> Result<SealingKey> {
        let first = self.0.first().ok_or_else(|| Error::internal("there is no key"))?;
        Ok(SealingKey(first.public().clone()))
    }

    /// Opens a value where it was sealed for.
    pub fn open(&self, place: SealedFor<'_>, sealed: &Sealed) -> Result<Secret> {
        let SealedFor { name, .. } = place;
        let Sealed { key, job: _, text } = sealed;
        let pair = self.0.iter().find(|pair| SealingKey(pair.public().clone()).id() == *key);
        let pair = pair.ok_or_else(|| {
            let public = format!("the secret {name} was sealed to the key {key}, which is not here any more");
            Error::new(crate::Kind::Unprocessable, "secret-key", public)
                .help(format!("give it its value again (hearth envvars create {name}), or put the key back"))
        })?;
        let wrong = || {
            let public = format!("the secret {name} does not open here");
            Error::new(crate::Kind::Unprocessable, "secret-closed", public)
                .help(format!("give it its value again: hearth envvars create {name}"))
        };
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (encapsulated, closed) = bytes.split_at_checked(ENCAPSULATED).ok_or_else(wrong)?;
        let encapsulated = PublicKey::try_from(encapsulated).map_err(|_| wrong())?;
        let mut plain = vec![0; closed.len().checked_sub(TAG).ok_or_else(wrong)?];
        Hpke::base_open(&encapsulated, pair.private(), &place.info(), closed, b"", &mut plain)
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

    fn tool() -> ToolId {
        ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
    }

    #[test]
    fn a_value_opens_where_it_was_sealed_for_and_nowhere_else() -> Result<()> {
        let keys = OpeningKeys::generate()?;
        let (name, other, job): (EnvvarName, EnvvarName, JobName) =
            ("API_KEY".parse()?, "OTHER".parse()?, "web".parse()?);
        let place = SealedFor { tool: tool(), name: &name, job: Some(&job) };
        for value in ["", "s3cret", "two\nlines", "日本 \u{1b}[31m", &"x".repeat(65_536)] {
            let value = Secret::new(value);
            let sealed = SealingKey::from_text(&keys.sealing()?.to_text())?.seal(place, &value)?;
            assert_eq!(keys.open(place, &sealed)?, value);
            assert_ne!(
                sealed,
                keys.sealing()?.seal(place, &value)?,
                "the same value twice does not look alike"
            );
            for elsewhere in [
                SealedFor { tool: tool(), ..place },
                SealedFor { name: &other, ..place },
                SealedFor { job: None, ..place },
            ] {
                assert_eq!(keys.open(elsewhere, &sealed).unwrap_err().code(), "secret-closed");
            }
            let mut bytes = STANDARD_NO_PAD.decode(&sealed.text).map_err(Error::internal)?;
            for at in [0, 31, 32, bytes.len() - 1] {
                bytes[at] ^= 1;
                let bent = Sealed { text: STANDARD_NO_PAD.encode(&bytes), ..sealed.clone() };
                assert!(keys.open(place, &bent).is_err(), "{at}");
                bytes[at] ^= 1;
            }
            for text in ["", "AAAA", "not base64!"] {
                let cut = Sealed { text: text.to_owned(), ..sealed.clone() };
                assert_eq!(keys.open(place, &cut).unwrap_err().code(), "secret-closed");
            }
        }
        Ok(())
    }

    #[test]
    fn a_former_key_still_opens_and_a_lost_one_is_named() -> Result<()> {
        let (old, new) = (OpeningKeys::generate()?, OpeningKeys::generate()?);
        let name: EnvvarName = "API_KEY".parse()?;
        let place = SealedFor { tool: tool(), name: &name, job: None };
        let sealed = old.sealing()?.seal(place, &Secret::new("s3cret"))?;
        let both = format!("{}{}", new.to_text().reveal(), old.to_text().reveal());
        let both = OpeningKeys::from_text(&Secret::new(both))?;
        assert_eq!(both.open(place, &sealed)?.reveal(), "s3cret");
        assert_eq!(both.sealing()?, new.sealing()?);
        let refused = new.open(place, &sealed).unwrap_err();
        assert!(refused.public().contains(&sealed.key), "{refused}");
        for text in ["", "\n", "not base64!", "c2hvcnQ="] {
            assert_eq!(OpeningKeys::from_text(&Secret::new(text)).unwrap_err().code(), "opening-keys");
        }
        Ok(())
    }

    /// RFC 9180, appendix A.2.1 (base setup): the recipient's key, `info` and what it opens.
    #[test]
    fn what_the_rfc_sealed_opens() {
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
        let mut plain = vec![0; closed.len() - TAG];
        Hpke::base_open(&enc, &private, &info, &closed, b"Count-0", &mut plain).unwrap();
        assert_eq!(plain, b"Beauty is truth, truth beauty");
    }
}

//! Keys that sign the provenance of images: Ed25519, in `keys/builds.provenance` of the state folder, one in Base64 on
//! each line. The first one signs; the others are former keys, whose signatures stay valid.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_compact::{KeyPair, Seed};
use hearth_base::{Error, ErrorKind, Result, Role, Secret};
use hearth_kit::state::{StateFolder, write_private_file};
use hearth_wire::builds::provenance::{
    DsseEnvelope, DsseSignature, ProvenanceKey, ProvenanceKeys, STATEMENT_MEDIA_TYPE, encode_signed_bytes,
};
use sha2::{Digest, Sha256};

/// Beginning of the DER form of an Ed25519 public key (RFC 8410, section 4).
const PUBLIC_KEY_DER_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The signing keys. They are loaded while the service starts; before that every operation fails.
#[derive(Clone)]
pub struct SigningKeys {
    path: PathBuf,
    keys: Arc<OnceLock<Vec<SigningKey>>>,
}

#[derive(Clone)]
struct SigningKey {
    pair: KeyPair,
    public: ProvenanceKey,
}

impl SigningKeys {
    /// The keys of the state folder.
    pub fn new(state: &StateFolder) -> Self {
        let path = state.keys_folder().join(format!("{}.provenance", Role::Builds));
        Self { path, keys: Arc::default() }
    }

    /// Loads the keys, and creates the first one at the first start.
    pub fn load_keys(&self) -> Result<()> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => Secret::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = Secret::new(format!("{}\n", BASE64_STANDARD.encode(*Seed::generate())));
                write_private_file(&self.path, text.expose_secret())?;
                text
            }
            Err(cause) => return Err(self.build_keys_error(&format!("cannot be read: {cause}"))),
        };
        let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        let keys: Option<Vec<SigningKey>> = lines.map(parse_key).collect();
        let keys = keys.filter(|keys| !keys.is_empty());
        let keys =
            keys.ok_or_else(|| self.build_keys_error("contains a line that is not a key, or no key"))?;
        // Only tests call this twice; then the keys of the first call stay.
        let _first_ones_stay = self.keys.set(keys);
        Ok(())
    }

    /// Lists the public keys.
    pub fn list_public_keys(&self) -> Result<ProvenanceKeys> {
        Ok(ProvenanceKeys { keys: self.loaded_keys()?.iter().map(|key| key.public.clone()).collect() })
    }

    /// Signs an in-toto statement. The same statement has the same signature.
    pub fn sign_statement(&self, statement: &[u8]) -> Result<DsseEnvelope> {
        let key = self.loaded_keys()?.first().ok_or_else(|| Error::internal("there is no signing key"))?;
        let signature = key.pair.sk.sign(encode_signed_bytes(STATEMENT_MEDIA_TYPE, statement), None);
        let signature =
            DsseSignature { keyid: key.public.keyid.clone(), sig: BASE64_STANDARD.encode(*signature) };
        Ok(DsseEnvelope {
            payload: BASE64_STANDARD.encode(statement),
            payload_type: STATEMENT_MEDIA_TYPE.to_owned(),
            signatures: vec![signature],
        })
    }

    fn loaded_keys(&self) -> Result<&[SigningKey]> {
        self.keys.get().map(Vec::as_slice).ok_or_else(|| Error::internal("the signing keys are not loaded"))
    }

    fn build_keys_error(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unavailable, "builds-keys", format!("{} {what}", self.path.display()))
            .help("restore the file from the backup of the state folder's keys")
    }
}

fn parse_key(line: &str) -> Option<SigningKey> {
    let seed = Seed::from_slice(&BASE64_STANDARD.decode(line).ok()?).ok()?;
    let pair = KeyPair::from_seed(seed);
    let der = [PUBLIC_KEY_DER_PREFIX.as_slice(), pair.pk.as_slice()].concat();
    let keyid = Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect();
    let public_key =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64_STANDARD.encode(der));
    Some(SigningKey { pair, public: ProvenanceKey { keyid, public_key } })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn open_keys(folder: &tempfile::TempDir) -> SigningKeys {
        SigningKeys::new(&StateFolder::open(folder.path()).unwrap())
    }

    #[test]
    fn key_is_created_once_and_readable_by_the_service_alone() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let keys = open_keys(&folder);
        assert!(keys.list_public_keys().is_err(), "before the keys are loaded");
        keys.load_keys()?;
        let again = open_keys(&folder);
        again.load_keys()?;
        assert_eq!(again.list_public_keys()?, keys.list_public_keys()?);
        assert_eq!(fs::metadata(&keys.path).unwrap().permissions().mode() & 0o777, 0o600);
        Ok(())
    }

    #[test]
    fn former_keys_are_served_and_the_first_one_signs() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let old = open_keys(&folder);
        old.load_keys()?;
        let former = fs::read_to_string(&old.path).unwrap();
        write_private_file(&old.path, &format!("{}\n{former}", BASE64_STANDARD.encode([7; 32])))?;
        let new = open_keys(&folder);
        new.load_keys()?;
        let served = new.list_public_keys()?.keys;
        assert_eq!(served.len(), 2);
        assert_eq!(served[1], old.list_public_keys()?.keys[0]);
        assert_eq!(new.sign_statement(b"{}")?.signatures[0].keyid, served[0].keyid);
        Ok(())
    }

    #[test]
    fn damaged_key_file_is_refused_and_not_replaced() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let keys = open_keys(&folder);
        for damaged in ["", "not a key\n", "c2hvcnQ=\n"] {
            write_private_file(&keys.path, damaged)?;
            assert_eq!(keys.load_keys().unwrap_err().code(), "builds-keys");
            assert_eq!(fs::read_to_string(&keys.path).unwrap(), damaged);
        }
        Ok(())
    }
}

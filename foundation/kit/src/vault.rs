//! Encryption of tools' secret values: PASETO v4.local (<https://github.com/paseto-standard/paseto-spec>). The
//! implicit assertion contains the service and the value's place, so that a value cannot be decrypted at another
//! place.

use std::{
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Error, ErrorKind, Result, Role, Secret};
use pasetors::{
    Local,
    keys::{Generate, SymmetricKey},
    token::UntrustedToken,
    version4::{LocalToken, V4},
};
use sha2::{Digest, Sha256};

use crate::state::{StateFolder, write_private_file};

/// A value as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedValue {
    /// Id of the key that encrypted it.
    pub key_id: String,
    /// The PASETO token.
    pub token: String,
}

/// The keys of a service's values. They are loaded while the service starts; before that every operation fails.
#[derive(Clone)]
pub struct Vault {
    role: Role,
    path: PathBuf,
    keys: Arc<OnceLock<Vec<VaultKey>>>,
}

/// A key and its id: the first 9 bytes of its SHA-256 digest, in Base64.
#[derive(Clone)]
struct VaultKey {
    id: String,
    key: SymmetricKey<V4>,
}

impl Vault {
    /// The vault of a service, whose keys are in `keys/ROLE.values` of the state folder.
    pub fn new(role: Role, state: &StateFolder) -> Self {
        Self { role, path: state.keys_folder().join(format!("{role}.values")), keys: Arc::default() }
    }

    /// Loads the keys, and creates the first one at the first start. `needed` are the ids of the keys that encrypted
    /// the stored values. When one of them is missing, no key is created and the error `ROLE-keys` (unavailable) is
    /// returned.
    pub fn load_keys(&self, needed: &[String]) -> Result<()> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => Secret::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && needed.is_empty() => {
                create_key_file(&self.path)?
            }
            Err(cause) => return Err(self.build_keys_error(&format!("cannot be read: {cause}"))),
        };
        let keys =
            parse_keys(&text).ok_or_else(|| self.build_keys_error("contains a line that is not a key"))?;
        if let Some(missing) = needed.iter().find(|id| !keys.iter().any(|key| key.id == **id)) {
            return Err(
                self.build_keys_error(&format!("lacks the key {missing}, which encrypted stored values"))
            );
        }
        // Only tests call this twice; then the keys of the first call stay.
        let _first_ones_stay = self.keys.set(keys);
        Ok(())
    }

    /// Id of the key that encrypts new values.
    pub fn current_key_id(&self) -> Result<&str> {
        Ok(&self.current_key()?.id)
    }

    /// Encrypts a value for its place: owner and name, such as `TOOL-ID/NAME`. Places must be unique.
    pub fn encrypt_value(&self, place: impl Display, value: &Secret) -> Result<EncryptedValue> {
        let VaultKey { id, key } = self.current_key()?;
        // As JSON, because PASETO rejects an empty message and a value may be empty.
        let text = serde_json::to_vec(value.expose_secret()).map_err(Error::internal)?;
        let place = self.build_assertion(place);
        let token = LocalToken::encrypt(key, &text, Some(id.as_bytes()), Some(place.as_bytes()));
        Ok(EncryptedValue {
            key_id: id.clone(),
            token: token.map_err(|error| Error::internal(format!("{error:?}")))?,
        })
    }

    /// Decrypts a value at its place.
    pub fn decrypt_value(&self, place: impl Display, encrypted: &EncryptedValue) -> Result<Secret> {
        let place = self.build_assertion(place);
        let wrong = || Error::internal(format!("the value at {place} cannot be decrypted"));
        let VaultKey { id, key } =
            self.loaded_keys()?.iter().find(|key| key.id == encrypted.key_id).ok_or_else(wrong)?;
        let untrusted = UntrustedToken::<Local, V4>::try_from(&encrypted.token).map_err(|_| wrong())?;
        let decrypted = LocalToken::decrypt(key, &untrusted, Some(id.as_bytes()), Some(place.as_bytes()));
        let decrypted = decrypted.map_err(|_| wrong())?;
        serde_json::from_str::<String>(decrypted.payload()).map(Secret::new).map_err(|_| wrong())
    }

    fn loaded_keys(&self) -> Result<&[VaultKey]> {
        self.keys.get().map(Vec::as_slice).ok_or_else(|| Error::internal("the keys are not loaded"))
    }

    fn current_key(&self) -> Result<&VaultKey> {
        self.loaded_keys()?.first().ok_or_else(|| Error::internal("there is no key"))
    }

    /// The implicit assertion, which binds a value to its place.
    fn build_assertion(&self, place: impl Display) -> String {
        format!("hearth-{}-v1/{place}", self.role)
    }

    fn build_keys_error(&self, what: &str) -> Error {
        let public = format!("{} {what}", self.path.display());
        Error::new(ErrorKind::Unavailable, format!("{}-keys", self.role), public).help(
            "restore the file from the backup of the state folder's keys: without it no value can be decrypted",
        )
    }
}

fn create_key_file(path: &Path) -> Result<Secret> {
    let key = SymmetricKey::<V4>::generate().map_err(|error| Error::internal(format!("{error:?}")))?;
    let text = Secret::new(format!("{}\n", STANDARD.encode(key.as_bytes())));
    write_private_file(path, text.expose_secret())?;
    Ok(text)
}

fn parse_keys(text: &Secret) -> Option<Vec<VaultKey>> {
    let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
    let keys = lines.map(|line| {
        let bytes = STANDARD.decode(line).ok()?;
        let id = STANDARD.encode(&Sha256::digest(&bytes)[..9]);
        Some(VaultKey { id, key: SymmetricKey::from(&bytes).ok()? })
    });
    keys.collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn build_vault(folder: &tempfile::TempDir) -> Vault {
        Vault::new(Role::Envvars, &StateFolder::open(folder.path()).unwrap())
    }

    #[test]
    fn value_is_decrypted_at_its_place_only() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let vault = build_vault(&folder);
        vault.load_keys(&[])?;
        for value in ["", "s3cret", "two\nlines", "日本 \u{1b}[31m"] {
            let value = Secret::new(value);
            let closed = vault.encrypt_value("tool_1/KEY", &value)?;
            assert_eq!(vault.decrypt_value("tool_1/KEY", &closed)?, value);
            assert!(value.expose_secret().is_empty() || !closed.token.contains(value.expose_secret()));
            for other in ["tool_2/KEY", "tool_1/OTHER", "tool_1/KEY/web", ""] {
                assert!(vault.decrypt_value(other, &closed).is_err(), "{other}");
            }
            let other = Vault { role: Role::Jobs, ..vault.clone() };
            assert!(other.decrypt_value("tool_1/KEY", &closed).is_err());
            let mut bent = closed.clone();
            bent.token.insert(20, 'A');
            assert!(vault.decrypt_value("tool_1/KEY", &bent).is_err());
        }
        Ok(())
    }

    #[test]
    fn former_key_still_decrypts_and_the_first_one_encrypts() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let old = build_vault(&folder);
        old.load_keys(&[])?;
        let (place, value) = ("tool_1/KEY", Secret::new("s3cret"));
        let closed = old.encrypt_value(place, &value)?;
        let former = fs::read_to_string(&old.path).unwrap();
        write_private_file(&old.path, &format!("{}\n{former}", STANDARD.encode([7; 32])))?;
        let new = build_vault(&folder);
        new.load_keys(std::slice::from_ref(&closed.key_id))?;
        assert_eq!(new.decrypt_value(place, &closed)?, value);
        assert_ne!(new.encrypt_value(place, &value)?.key_id, closed.key_id);
        Ok(())
    }

    #[test]
    fn start_without_the_keys_of_stored_values_is_refused() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let vault = build_vault(&folder);
        assert_eq!(vault.load_keys(&["gone".to_owned()]).unwrap_err().code(), "envvars-keys");
        assert!(!vault.path.exists(), "a lost key is not replaced by a new one");
        vault.load_keys(&[])?;
        let refused = self::build_vault(&folder).load_keys(&["gone".to_owned()]).unwrap_err();
        assert!(refused.public_message().contains("lacks the key gone"), "{refused}");
        Ok(())
    }

    #[test]
    fn key_file_is_private_and_invalid_keys_are_refused() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let vault = build_vault(&folder);
        vault.load_keys(&[])?;
        assert_eq!(fs::metadata(&vault.path).unwrap().permissions().mode() & 0o777, 0o600);
        for text in ["", "\n", "not base64!", "c2hvcnQ="] {
            write_private_file(&vault.path, text)?;
            assert_eq!(
                self::build_vault(&folder).load_keys(&[]).unwrap_err().code(),
                "envvars-keys",
                "{text:?}"
            );
        }
        Ok(())
    }
}

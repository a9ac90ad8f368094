//! Secret values of tools, closed and opened: PASETO v4.local (<https://github.com/paseto-standard/paseto-spec>). The
//! implicit assertion names the service and the place, so that what was closed for one place does not open at another.

use std::{
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Error, Kind, Result, Role, Secret};
use pasetors::{
    Local,
    keys::{Generate, SymmetricKey},
    token::UntrustedToken,
    version4::{LocalToken, V4},
};
use sha2::{Digest, Sha256};

use crate::state::{StateFolder, write_private};

/// A value as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Which key closed it.
    pub key: String,
    /// What it became.
    pub token: String,
}

/// The keys of a service's values. They are read when the service gets ready; until then nothing opens.
#[derive(Clone)]
pub struct Vault {
    role: Role,
    path: PathBuf,
    keys: Arc<OnceLock<Vec<Key>>>,
}

/// A key and its id: the first bytes of its hash.
#[derive(Clone)]
struct Key {
    id: String,
    key: SymmetricKey<V4>,
}

impl Vault {
    /// The keys of a service in the state folder: the file `ROLE.values` in `keys`.
    pub fn of(role: Role, state: &StateFolder) -> Self {
        Self { role, path: state.keys().join(format!("{role}.values")), keys: Arc::default() }
    }

    /// Reads the keys, and makes the first one at the first start. `needed` are the ids of the keys that kept
    /// values were closed with: without one of them, nothing is made and the start is refused.
    pub fn open(&self, needed: &[String]) -> Result<()> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => Secret::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && needed.is_empty() => make(&self.path)?,
            Err(cause) => return Err(self.unusable(&format!("cannot be read: {cause}"))),
        };
        let keys = read(&text).ok_or_else(|| self.unusable("holds a line that is not a key"))?;
        if let Some(missing) = needed.iter().find(|id| !keys.iter().any(|key| key.id == **id)) {
            return Err(self.unusable(&format!("lacks the key {missing}, which values are closed with")));
        }
        // A second call finds the same file, or is a test's.
        let _first_ones_stay = self.keys.set(keys);
        Ok(())
    }

    /// The id of the key in use.
    pub fn current(&self) -> Result<&str> {
        Ok(&self.first()?.id)
    }

    /// Closes a value for its place: whose it is and what, as in `TOOL-ID/NAME`. No two places may be written alike.
    pub fn close(&self, place: impl Display, value: &Secret) -> Result<Closed> {
        let Key { id, key } = self.first()?;
        // As JSON, for an empty value has to become something too.
        let text = serde_json::to_vec(value.reveal()).map_err(Error::internal)?;
        let place = self.bound(place);
        let token = LocalToken::encrypt(key, &text, Some(id.as_bytes()), Some(place.as_bytes()));
        Ok(Closed { key: id.clone(), token: token.map_err(|error| Error::internal(format!("{error:?}")))? })
    }

    /// Opens a value at its place.
    pub fn open_value(&self, place: impl Display, closed: &Closed) -> Result<Secret> {
        let place = self.bound(place);
        let wrong = || Error::internal(format!("the value at {place} does not open"));
        let Key { id, key } = self.keys()?.iter().find(|key| key.id == closed.key).ok_or_else(wrong)?;
        let untrusted = UntrustedToken::<Local, V4>::try_from(&closed.token).map_err(|_| wrong())?;
        let opened = LocalToken::decrypt(key, &untrusted, Some(id.as_bytes()), Some(place.as_bytes()));
        let opened = opened.map_err(|_| wrong())?;
        serde_json::from_str::<String>(opened.payload()).map(Secret::new).map_err(|_| wrong())
    }

    fn keys(&self) -> Result<&[Key]> {
        self.keys.get().map(Vec::as_slice).ok_or_else(|| Error::internal("the keys were not read yet"))
    }

    fn first(&self) -> Result<&Key> {
        self.keys()?.first().ok_or_else(|| Error::internal("there is no key"))
    }

    /// What binds a value to its place.
    fn bound(&self, place: impl Display) -> String {
        format!("hearth-{}-v1/{place}", self.role)
    }

    fn unusable(&self, what: &str) -> Error {
        let public = format!("{} {what}", self.path.display());
        Error::new(Kind::Unavailable, format!("{}-keys", self.role), public).help(
            "put the file back from where the state folder's keys are kept: without it no value can be read",
        )
    }
}

fn make(path: &Path) -> Result<Secret> {
    let key = SymmetricKey::<V4>::generate().map_err(|error| Error::internal(format!("{error:?}")))?;
    let text = Secret::new(format!("{}\n", STANDARD.encode(key.as_bytes())));
    write_private(path, text.reveal())?;
    Ok(text)
}

fn read(text: &Secret) -> Option<Vec<Key>> {
    let lines = text.reveal().lines().map(str::trim).filter(|line| !line.is_empty());
    let keys = lines.map(|line| {
        let bytes = STANDARD.decode(line).ok()?;
        let id = STANDARD.encode(&Sha256::digest(&bytes)[..9]);
        Some(Key { id, key: SymmetricKey::from(&bytes).ok()? })
    });
    keys.collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn vault(folder: &tempfile::TempDir) -> Vault {
        Vault::of(Role::Envvars, &StateFolder::open(folder.path()).unwrap())
    }

    #[test]
    fn a_value_opens_at_its_place_only() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(&folder);
        vault.open(&[])?;
        for value in ["", "s3cret", "two\nlines", "日本 \u{1b}[31m"] {
            let value = Secret::new(value);
            let closed = vault.close("tool_1/KEY", &value)?;
            assert_eq!(vault.open_value("tool_1/KEY", &closed)?, value);
            assert!(value.reveal().is_empty() || !closed.token.contains(value.reveal()));
            for other in ["tool_2/KEY", "tool_1/OTHER", "tool_1/KEY/web", ""] {
                assert!(vault.open_value(other, &closed).is_err(), "{other}");
            }
            let other = Vault { role: Role::Jobs, ..vault.clone() };
            assert!(other.open_value("tool_1/KEY", &closed).is_err());
            let mut bent = closed.clone();
            bent.token.insert(20, 'A');
            assert!(vault.open_value("tool_1/KEY", &bent).is_err());
        }
        Ok(())
    }

    #[test]
    fn a_former_key_still_opens_and_the_first_one_closes() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let old = vault(&folder);
        old.open(&[])?;
        let (place, value) = ("tool_1/KEY", Secret::new("s3cret"));
        let closed = old.close(place, &value)?;
        let former = fs::read_to_string(&old.path).unwrap();
        write_private(&old.path, &format!("{}\n{former}", STANDARD.encode([7; 32])))?;
        let new = vault(&folder);
        new.open(std::slice::from_ref(&closed.key))?;
        assert_eq!(new.open_value(place, &closed)?, value);
        assert_ne!(new.close(place, &value)?.key, closed.key);
        Ok(())
    }

    #[test]
    fn a_start_without_the_keys_of_what_is_kept_is_refused() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(&folder);
        assert_eq!(vault.open(&["gone".to_owned()]).unwrap_err().code(), "envvars-keys");
        assert!(!vault.path.exists(), "no new key takes the place of a lost one");
        vault.open(&[])?;
        let refused = self::vault(&folder).open(&["gone".to_owned()]).unwrap_err();
        assert!(refused.public().contains("lacks the key gone"), "{refused}");
        Ok(())
    }

    #[test]
    fn the_file_is_for_its_owner_only_and_keys_alone_are_taken() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(&folder);
        vault.open(&[])?;
        assert_eq!(fs::metadata(&vault.path).unwrap().permissions().mode() & 0o777, 0o600);
        for text in ["", "\n", "not base64!", "c2hvcnQ="] {
            write_private(&vault.path, text)?;
            assert_eq!(self::vault(&folder).open(&[]).unwrap_err().code(), "envvars-keys", "{text:?}");
        }
        Ok(())
    }
}

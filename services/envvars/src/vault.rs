//! Values, closed and opened: PASETO v4.local (<https://github.com/paseto-standard/paseto-spec>). The implicit
//! assertion names tool and variable, so that what was closed for one place does not open at another.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{EnvvarName, Error, Result, Secret, ToolId};
use hearth_kit::state::{StateFolder, write_private};
use pasetors::{
    Local,
    keys::{Generate, SymmetricKey},
    token::UntrustedToken,
    version4::{LocalToken, V4},
};
use sha2::{Digest, Sha256};

/// A value as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Which key closed it.
    pub key: String,
    /// What it became.
    pub token: String,
}

/// The keys of values. They are read when the service gets ready; until then nothing opens.
#[derive(Clone)]
pub struct Vault {
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
    /// The keys in the state folder.
    pub fn at(state: &StateFolder) -> Self {
        Self { path: state.keys().join("envvars.values"), keys: Arc::default() }
    }

    /// Reads the keys, and makes the first one at the first start. `needed` are the ids of the keys that kept
    /// values were closed with: without one of them, nothing is made and the start is refused.
    pub fn open(&self, needed: &[String]) -> Result<()> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => Secret::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && needed.is_empty() => make(&self.path)?,
            Err(cause) => return Err(unusable(&self.path, &format!("cannot be read: {cause}"))),
        };
        let keys = read(&self.path, &text)?;
        if let Some(missing) = needed.iter().find(|id| !keys.iter().any(|key| key.id == **id)) {
            return Err(unusable(
                &self.path,
                &format!("lacks the key {missing}, which values are closed with"),
            ));
        }
        // A second call finds the same file, or is a test's.
        let _first_ones_stay = self.keys.set(keys);
        Ok(())
    }

    /// The id of the key in use.
    pub fn current(&self) -> Result<&str> {
        Ok(&self.first()?.id)
    }

    /// Closes a value for its place.
    pub fn close(&self, tool: ToolId, name: &EnvvarName, value: &Secret) -> Result<Closed> {
        let Key { id, key } = self.first()?;
        // As JSON, for an empty value has to become something too.
        let text = serde_json::to_vec(value.reveal()).map_err(Error::internal)?;
        let place = place(tool, name);
        let token = LocalToken::encrypt(key, &text, Some(id.as_bytes()), Some(place.as_bytes()));
        Ok(Closed { key: id.clone(), token: token.map_err(|error| Error::internal(format!("{error:?}")))? })
    }

    /// Opens a value at its place.
    pub fn open_value(&self, tool: ToolId, name: &EnvvarName, closed: &Closed) -> Result<Secret> {
        let wrong = || Error::internal(format!("the value of {name} of {tool} does not open"));
        let Key { id, key } = self.keys()?.iter().find(|key| key.id == closed.key).ok_or_else(wrong)?;
        let untrusted = UntrustedToken::<Local, V4>::try_from(&closed.token).map_err(|_| wrong())?;
        let place = place(tool, name);
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
}

/// Neither ids nor names hold a slash, so no two places are written alike.
fn place(tool: ToolId, name: &EnvvarName) -> String {
    format!("hearth-envvars-v1/{tool}/{name}")
}

fn make(path: &Path) -> Result<Secret> {
    let key = SymmetricKey::<V4>::generate().map_err(|error| Error::internal(format!("{error:?}")))?;
    let text = Secret::new(format!("{}\n", STANDARD.encode(key.as_bytes())));
    write_private(path, text.reveal())?;
    Ok(text)
}

fn read(path: &Path, text: &Secret) -> Result<Vec<Key>> {
    let lines = text.reveal().lines().map(str::trim).filter(|line| !line.is_empty());
    let keys = lines.map(|line| {
        let bytes = STANDARD.decode(line).ok()?;
        let id = STANDARD.encode(&Sha256::digest(&bytes)[..9]);
        Some(Key { id, key: SymmetricKey::from(&bytes).ok()? })
    });
    let keys: Option<Vec<_>> = keys.collect();
    keys.filter(|keys| !keys.is_empty()).ok_or_else(|| unusable(path, "holds a line that is not a key"))
}

fn unusable(path: &Path, what: &str) -> Error {
    Error::unavailable("envvars-keys", format!("{} {what}", path.display())).help(
        "put the file back from where the state folder's keys are kept: without it no value can be read",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use hearth_base::Entropy;
    use jiff::Timestamp;

    use super::*;

    fn vault(folder: &tempfile::TempDir) -> Vault {
        Vault::at(&StateFolder::open(folder.path()).unwrap())
    }

    fn tool() -> ToolId {
        ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
    }

    #[test]
    fn a_value_opens_at_its_place_only() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(&folder);
        vault.open(&[])?;
        let (tool, name) = (tool(), "API_KEY".parse()?);
        for value in ["", "s3cret", "two\nlines", "日本 \u{1b}[31m"] {
            let value = Secret::new(value);
            let closed = vault.close(tool, &name, &value)?;
            assert_eq!(vault.open_value(tool, &name, &closed)?, value);
            assert!(value.reveal().is_empty() || !closed.token.contains(value.reveal()));
            assert!(vault.open_value(self::tool(), &name, &closed).is_err());
            assert!(vault.open_value(tool, &"OTHER".parse()?, &closed).is_err());
            let mut bent = closed.clone();
            bent.token.insert(20, 'A');
            assert!(vault.open_value(tool, &name, &bent).is_err());
        }
        Ok(())
    }

    #[test]
    fn a_former_key_still_opens_and_the_first_one_closes() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let old = vault(&folder);
        old.open(&[])?;
        let (tool, name, value) = (tool(), "API_KEY".parse()?, Secret::new("s3cret"));
        let closed = old.close(tool, &name, &value)?;
        let former = fs::read_to_string(&old.path).unwrap();
        write_private(&old.path, &format!("{}\n{former}", STANDARD.encode([7; 32])))?;
        let new = vault(&folder);
        new.open(std::slice::from_ref(&closed.key))?;
        assert_eq!(new.open_value(tool, &name, &closed)?, value);
        assert_ne!(new.close(tool, &name, &value)?.key, closed.key);
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

//! Private and moved repositories of the git server.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD};

/// Rules of access to repositories, and the requests that had a credential.
#[derive(Debug, Clone, Default)]
pub struct GitAccess(Arc<Mutex<AccessState>>);

#[derive(Debug, Default)]
struct AccessState {
    /// Value of `Authorization` that each private repository requires, by its name without `.git`.
    private: BTreeMap<String, String>,
    /// New names of moved repositories, by the former ones.
    moved: BTreeMap<String, String>,
    /// Paths of requests with `Authorization`.
    authorized_paths: Vec<String>,
}

impl GitAccess {
    /// Requires a user name and secret for a repository.
    pub fn require_credential(&self, name: &str, username: &str, secret: &str) {
        let value = format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{secret}")));
        self.lock_state().private.insert(strip_suffix(name).to_owned(), value);
    }

    /// Redirects requests for a repository to another name.
    pub fn move_repository(&self, from: &str, to: &str) {
        self.lock_state().moved.insert(from.to_owned(), to.to_owned());
    }

    /// Returns the paths of requests that had a credential.
    pub fn list_authorized_paths(&self) -> Vec<String> {
        self.lock_state().authorized_paths.clone()
    }

    /// Records a request. Returns status and header of its refusal or redirect; `None` if it is to be answered.
    pub fn check_request(&self, target: &str, authorization: Option<&str>) -> Option<(&'static str, String)> {
        let mut state = self.lock_state();
        if authorization.is_some() {
            state.authorized_paths.push(target.to_owned());
        }
        let (name, rest) = target.trim_start_matches('/').split_once('/')?;
        if let Some(to) = state.moved.get(name) {
            return Some(("301 Moved Permanently", format!("Location: /{to}/{rest}")));
        }
        let required = state.private.get(strip_suffix(name))?;
        (authorization != Some(required.as_str()))
            .then(|| ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"git\"".to_owned()))
    }

    fn lock_state(&self) -> std::sync::MutexGuard<'_, AccessState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn strip_suffix(name: &str) -> &str {
    name.strip_suffix(".git").unwrap_or(name)
}

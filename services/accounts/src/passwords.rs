//! Passwords: argon2id (RFC 9106), computed on blocking threads.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use hearth_base::{Error, ErrorKind, Result, Secret};
use tokio::sync::Semaphore;

/// Hashes and checks passwords, two at a time: each takes 19 MiB of memory.
#[derive(Debug, Clone)]
pub struct PasswordService(Arc<Semaphore>);

impl PasswordService {
    const MAX_CONCURRENT: usize = 2;
    const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);
    const MIN_CHARS: usize = 10;
    const MAX_BYTES: usize = 1000;

    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(Self::MAX_CONCURRENT)))
    }

    /// Hashes a new password, after a check of its length.
    pub async fn hash_password(&self, password: &Secret) -> Result<String> {
        let length = password.expose_secret().chars().count();
        if length < Self::MIN_CHARS || password.expose_secret().len() > Self::MAX_BYTES {
            let rule = format!(
                "the password has an invalid length; expected {} to {} characters",
                Self::MIN_CHARS,
                Self::MAX_BYTES
            );
            return Err(Error::invalid("password-length", rule).help("use for example four words"));
        }
        let password = password.clone();
        self.run_blocking(move || {
            Argon2::default()
                .hash_password(password.expose_secret().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|cause| Error::internal(cause.to_string()))
        })
        .await
    }

    /// Returns true if `password` matches `hash`. Without a hash it takes as long and returns false, so that
    /// the duration does not reveal whether an account exists.
    pub async fn check_password(&self, password: &Secret, hash: Option<String>) -> Result<bool> {
        let password = password.clone();
        self.run_blocking(move || {
            let argon = Argon2::default();
            let Some(hash) = hash else {
                let _same_duration = argon.hash_password(password.expose_secret().as_bytes());
                return Ok(false);
            };
            let hash = PasswordHash::new(&hash).map_err(|cause| Error::internal(cause.to_string()))?;
            Ok(argon.verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = tokio::time::timeout(Self::QUEUE_TIMEOUT, self.0.clone().acquire_owned()).await;
        let permit = permit
            .map_err(|_| {
                Error::new(ErrorKind::Exhausted, "sign-in-busy", "too many sign-ins at this moment")
                    .help("try again in a few seconds")
            })?
            .map_err(Error::internal)?;
        // The permit is released by the work itself: a caller that disconnects must not free its place early.
        let work = move || {
            let result = work();
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }
}

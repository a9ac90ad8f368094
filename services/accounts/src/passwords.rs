//! Passwords: argon2id (RFC 9106), hashed and checked beside the threads that answer requests.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use hearth_base::{Error, Kind, Result, Secret};
use tokio::sync::Semaphore;

/// Hashes and checks passwords, a few at a time: each takes 19 MiB.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Semaphore>);

impl Passwords {
    const AT_ONCE: usize = 2;
    const PATIENCE: Duration = Duration::from_secs(10);
    const SHORTEST: usize = 10;
    const LONGEST: usize = 1000;

    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(Self::AT_ONCE)))
    }

    /// Hashes a new password, which has to be long enough.
    pub async fn hash(&self, password: &Secret) -> Result<String> {
        let length = password.reveal().chars().count();
        if length < Self::SHORTEST || password.reveal().len() > Self::LONGEST {
            let rule = format!("a password has {} to {} characters", Self::SHORTEST, Self::LONGEST);
            return Err(
                Error::invalid("password-length", rule).help("choose a longer one: four words will do")
            );
        }
        let password = password.clone();
        self.run(move || {
            Argon2::default()
                .hash_password(password.reveal().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|cause| Error::internal(cause.to_string()))
        })
        .await
    }

    /// Compares `password` with the one behind `hash`. Without a hash it takes as long and is wrong, so that
    /// nobody learns who has an account.
    pub async fn check_password(&self, password: &Secret, hash: Option<String>) -> Result<bool> {
        let password = password.clone();
        self.run(move || {
            let argon = Argon2::default();
            let Some(hash) = hash else {
                let _takes_as_long = argon.hash_password(password.reveal().as_bytes());
                return Ok(false);
            };
            let hash = PasswordHash::new(&hash).map_err(|cause| Error::internal(cause.to_string()))?;
            Ok(argon.verify_password(password.reveal().as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let turn = tokio::time::timeout(Self::PATIENCE, self.0.clone().acquire_owned()).await;
        let turn = turn
            .map_err(|_| {
                Error::new(Kind::Exhausted, "sign-in-busy", "too many people sign in at this moment")
                    .help("try again in a few seconds")
            })?
            .map_err(Error::internal)?;
        // The turn goes with the work: who hangs up does not make room for one more.
        let work = move || {
            let result = work();
            drop(turn);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }
}

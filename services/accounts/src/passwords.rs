//! Passwords: argon2id (RFC 9106), computed on blocking threads.

use std::{net::IpAddr, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use hearth_base::{Error, ErrorKind, Result, Secret};
use hearth_kit::{
    fair_pool::{FairPool, PoolLimits},
    server::AddressBlock,
};
use hearth_wire::accounts::PASSWORD_CHARACTERS;

/// Hashes and checks passwords, two at a time: each takes 19 MiB of memory. One address never takes both places, and
/// waiting addresses take turns, so that a flood from one address delays no other.
#[derive(Debug, Clone)]
pub struct PasswordService(FairPool<Option<AddressBlock>>);

/// Places of the password service.
const PASSWORD_POOL_LIMITS: PoolLimits =
    PoolLimits { permits: 2, permits_per_key: 1, waiting_per_key: 16, waiting: 256 };

impl PasswordService {
    const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

    pub fn new() -> Self {
        Self(FairPool::new(PASSWORD_POOL_LIMITS))
    }

    /// Hashes a new password of a client, after a check of its length.
    pub async fn hash_password(&self, password: &Secret, client: Option<IpAddr>) -> Result<String> {
        let length = password.expose_secret().chars().count();
        if !PASSWORD_CHARACTERS.contains(&length) {
            let rule = format!(
                "the password has {length} characters; expected {} to {}",
                PASSWORD_CHARACTERS.start(),
                PASSWORD_CHARACTERS.end()
            );
            return Err(Error::invalid("password-length", rule).help("use for example four words"));
        }
        let password = password.clone();
        self.run_blocking(client, move || {
            Argon2::default()
                .hash_password(password.expose_secret().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|cause| Error::internal(cause.to_string()))
        })
        .await
    }

    /// Returns true if `password` matches `hash`. Without a hash it takes as long and returns false, so that
    /// the duration does not reveal whether an account exists.
    pub async fn check_password(
        &self,
        password: &Secret,
        hash: Option<String>,
        client: Option<IpAddr>,
    ) -> Result<bool> {
        let password = password.clone();
        self.run_blocking(client, move || {
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
        client: Option<IpAddr>,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.0.acquire(client.map(AddressBlock::from_address));
        let place = tokio::time::timeout(Self::QUEUE_TIMEOUT, place).await;
        let permit = place.ok().and_then(Result::ok).ok_or_else(|| {
            Error::new(ErrorKind::Exhausted, "sign-in-busy", "too many sign-ins at this moment")
                .help("try again in a few seconds")
        })?;
        // The permit is released by the work itself: a caller that disconnects must not free its place early.
        let work = move || {
            let result = work();
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn length_of_a_password_is_counted_in_characters() -> Result<()> {
        let service = PasswordService::new();
        // Each has as many characters as the limit, and more bytes.
        for length in [10, 1000] {
            let hash = service.hash_password(&Secret::new("€".repeat(length)), None).await?;
            assert!(service.check_password(&Secret::new("€".repeat(length)), Some(hash), None).await?);
        }
        for length in [9, 1001] {
            let refused = service.hash_password(&Secret::new("€".repeat(length)), None).await.unwrap_err();
            assert_eq!(refused.code(), "password-length");
            let message = format!("the password has {length} characters; expected 10 to 1000");
            assert!(refused.to_string().contains(&message), "{refused}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn flood_from_one_address_is_refused_and_delays_no_other() -> Result<()> {
        let service = PasswordService::new();
        let (flooding, other) = ("192.0.2.7".parse().ok(), "198.51.100.1".parse().ok());
        let guess = Secret::new("guess");
        let flood: Vec<_> = (0..40).map(|_| service.check_password(&guess, None, flooding)).collect();
        let mut flood = Box::pin(futures::future::join_all(flood));
        // Every guess of the flood has its place before the other address comes.
        assert!(futures::poll!(flood.as_mut()).is_pending());
        let first = futures::future::select(flood, Box::pin(service.check_password(&guess, None, other)));
        let futures::future::Either::Right((checked, flood)) = first.await else {
            panic!("the other address waits for the flood")
        };
        assert!(!checked?);
        let refused = flood.await.into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert_eq!(refused.len(), 40 - 17, "one runs and sixteen wait");
        assert!(refused.iter().all(|error| error.code() == "sign-in-busy"));
        Ok(())
    }
}

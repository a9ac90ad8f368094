//! Loops over leased work, as workers run them.

use std::{future::Future, time::Duration};

use hearth_base::{Clock, Error, Result};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Claim, Work};
use crate::tasks::Stop;

/// How many pieces are claimed at one time. They are done one after the other, within one lease.
const HANDFUL: u64 = 8;
/// The longest wait for work that another process may ask for.
const LOOK: Duration = Duration::from_secs(600);
/// Between two tries when the database does not answer.
const PAUSE: Duration = Duration::from_secs(5);
/// Until what is done regularly is tried again when it failed.
const RETRY: SignedDuration = SignedDuration::from_mins(1);

impl Work {
    /// Does each piece of a kind that is due, until it is told to stop. `done` ends the claim itself; what fails is
    /// given back, and comes again.
    pub async fn each<T, F>(
        &self,
        clock: &dyn Clock,
        stop: &Stop,
        kind: &'static str,
        done: impl Fn(Claim<T>) -> F,
    ) where
        T: DeserializeOwned + Clone,
        F: Future<Output = Result<()>>,
    {
        let turn = async || {
            for claim in self.claim::<T>(kind, HANDFUL, clock.now()).await? {
                if let Err(error) = done(claim.clone()).await {
                    self.fail(&claim, &error, clock.now()).await?;
                }
            }
            stop.unless(self.wait(kind, clock.now(), LOOK)).await.unwrap_or(Ok(()))
        };
        while !stop.is_set() {
            if let Err(error) = turn().await {
                tell(kind, &error);
                stop.pause(PAUSE).await;
            }
        }
    }

    /// Does something every so often until it is told to stop; `done` is given the time. However many processes do
    /// this on one database, each turn is one's alone, and a process that starts does not begin anew: unless one
    /// outlives its lease or dies, and then the turn is taken twice.
    pub async fn regularly<F>(
        &self,
        clock: &dyn Clock,
        stop: &Stop,
        kind: &'static str,
        every: SignedDuration,
        done: impl Fn(Timestamp) -> F,
    ) where
        F: Future<Output = Result<()>>,
    {
        while let Err(error) = self.begin(kind, clock.now()).await {
            tell(kind, &error);
            if stop.pause(PAUSE).await {
                return;
            }
        }
        let done = &done;
        self.each::<Value, _>(clock, stop, kind, |claim| async move {
            // From when it looked, not from when it was done.
            let now = clock.now();
            let pause = match done(now).await {
                Ok(()) => every,
                Err(error) => {
                    tell(kind, &error);
                    every.min(RETRY)
                }
            };
            let transaction = self.db.begin().await?;
            self.again(&transaction, &claim, now + pause).await?;
            transaction.commit().await
        })
        .await;
    }

    /// Makes sure that there is a turn to come.
    async fn begin(&self, kind: &'static str, now: Timestamp) -> Result<()> {
        let transaction = self.db.begin().await?;
        self.ask_once(&transaction, kind, "turn", &Value::Null, now).await?;
        transaction.commit().await
    }
}

fn tell(kind: &'static str, error: &Error) {
    tracing::warn!(kind, %error, cause = error.cause().map(ToString::to_string), "leased work waits");
}

//! Loops over leased work, as workers run them.

use std::{future::Future, time::Duration};

use hearth_base::{Clock, Error, Result};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Claim, LOST, Work, insert, new, tables::row};
use crate::{
    db::{At, OrFault},
    tasks::Stop,
};

/// How often a claim is held on to: a lease lasts 30 seconds.
const BEAT: Duration = Duration::from_secs(8);
/// The longest wait for work that another process may ask for.
const LOOK: Duration = Duration::from_secs(600);
/// Between two tries when the database does not answer.
const PAUSE: Duration = Duration::from_secs(5);
/// The key of what is done regularly.
const TURN: &str = "turn";
/// Until what is done regularly is tried again when it failed.
const RETRY: SignedDuration = SignedDuration::from_mins(1);

impl Work {
    /// Holds on to a claim for ever, or until it is lost; then the error. To be run beside what is done.
    pub async fn hold<T>(&self, claim: &Claim<T>, clock: &dyn Clock) -> Error {
        loop {
            tokio::time::sleep(BEAT).await;
            match self.beat(claim, clock.now()).await {
                Err(error) if error.code() == LOST => return error,
                // The next one may reach the database.
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Does each piece of a kind that is due, one after the other, until it is told to stop. `done` ends the claim
    /// itself; what fails is given back, and comes again.
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
            if let Some(claim) = self.claim::<T>(kind, 1, clock.now()).await?.pop() {
                return tokio::select! {
                    done = done(claim.clone()) => match done {
                        Ok(()) => Ok(()),
                        Err(error) => self.fail(&claim, &error, clock.now()).await.map(|_| ()),
                    },
                    lost = self.hold(&claim, clock) => Err(lost),
                };
            }
            stop.unless(self.wait(clock, kind, LOOK)).await.unwrap_or(Ok(()))
        };
        while !stop.is_set() {
            if let Err(error) = turn().await {
                tell(kind, &error);
                stop.pause(PAUSE).await;
            }
        }
    }

    /// Does something every so often until it is told to stop; `done` is given the time. However many processes do
    /// this on one database, each turn is one's alone, and one that starts does not begin anew. When one dies within
    /// its turn, another takes the turn again.
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
        while let Err(error) = self.begin(kind, clock.now(), every).await {
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
            let transaction = self.db.begin_behind().await?;
            self.again(&transaction, &claim, now + pause).await?;
            transaction.commit().await
        })
        .await;
    }

    /// Makes sure that there is a turn to come, and not later than it may be: a clock may have been wrong.
    async fn begin(&self, kind: &'static str, now: Timestamp, every: SignedDuration) -> Result<()> {
        let transaction = self.db.begin_behind().await?;
        let known = OnConflict::columns([row::Column::Kind, row::Column::Key]).do_nothing().to_owned();
        insert(&transaction, vec![new(kind, TURN, &Value::Null, now)?], known).await?;
        let nearer = row::Entity::update_many()
            .col_expr(row::Column::Due, Expr::value(At::from(now)))
            .filter(row::Column::Kind.eq(kind))
            .filter(row::Column::Key.eq(TURN))
            .filter(row::Column::Due.gt(At::from(now + every)));
        nearer.exec(&*transaction).await.or_fault()?;
        transaction.commit().await
    }
}

fn tell(kind: &'static str, error: &Error) {
    tracing::warn!(kind, %error, cause = error.cause().map(ToString::to_string), "leased work waits");
}

//! Leased work: whatever happens later is a row, taken by one worker at a time and finished once.
//!
//! A worker claims rows that are due, for the length of a lease, and beats the heart of those it still works
//! on. When it dies, the lease runs out and another worker takes over, with a higher fence: whatever the first
//! one still writes is refused. What a process left behind when it ended, its next life takes up at once. What
//! fails is tried again with growing pauses, and put aside in the end.

mod claim;
mod loops;
mod tables;

use std::time::Duration;

use hearth_base::{Clock, Error, Result};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, IntoCondition, LockBehavior, LockType, OnConflict},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{At, Db, OrFault, Tx, wake::Topic};
use tables::row;

pub use claim::{Claim, Holder, Ticket};
pub use tables::{CreateWork, WorkHolders};

/// The code of what is refused to whoever has lost a claim.
const LOST: &str = "lease-lost";

/// The leased work of one service.
#[derive(Debug, Clone)]
pub struct Work {
    db: Db,
    holder: Option<Holder>,
}

impl Work {
    /// How long a claim lasts without a heartbeat.
    pub const LEASE: SignedDuration = SignedDuration::from_secs(30);
    /// After so many failures work is put aside, for a person to look at.
    pub const TRIES: u32 = 10;

    /// The work in `db`, claimed by `holder`. Without one, what is left behind waits until its lease has run out.
    pub fn new(db: Db, holder: Option<Holder>) -> Self {
        Self { db, holder }
    }

    /// Has every worker of this process look: for a test that sets the clock.
    pub fn wake(&self) {
        self.db.wake_everybody();
    }

    /// Asks for work, within the transaction that makes it necessary. Asked for again, it is done once more with
    /// the newest content, also when somebody is at it or when it was put aside; while it waits, twice is
    /// once. The commit wakes the workers that wait.
    pub async fn ask(
        &self,
        transaction: &Tx,
        kind: &'static str,
        key: &str,
        content: &impl Serialize,
        due: Timestamp,
    ) -> Result<()> {
        self.ask_all(transaction, kind, [(key, content, due)]).await
    }

    /// Asks for several pieces of work of a kind, each at most once.
    pub async fn ask_all<'a, C: Serialize + 'a>(
        &self,
        transaction: &Tx,
        kind: &'static str,
        pieces: impl IntoIterator<Item = (&'a str, &'a C, Timestamp)>,
    ) -> Result<()> {
        let pieces = pieces.into_iter().map(|(key, content, due)| new(kind, key, content, due));
        let known = OnConflict::columns([row::Column::Kind, row::Column::Key])
            .update_columns([row::Column::Content, row::Column::Due, row::Column::Failures])
            .value(row::Column::Asked, one_more(row::Column::Asked))
            .to_owned();
        let pieces = pieces.collect::<Result<Vec<_>>>()?;
        if pieces.is_empty() {
            return Ok(());
        }
        transaction.wake(topic(kind));
        insert(transaction, pieces, known).await
    }

    /// Claims up to `most` pieces of work of a kind that are due.
    pub async fn claim<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        most: u64,
        now: Timestamp,
    ) -> Result<Vec<Claim<T>>> {
        self.claim_for(self.holder.as_ref(), kind, most, now).await
    }

    /// As [`Work::claim`], for a worker in another process.
    pub async fn claim_for<T: DeserializeOwned>(
        &self,
        holder: Option<&Holder>,
        kind: &'static str,
        most: u64,
        now: Timestamp,
    ) -> Result<Vec<Claim<T>>> {
        let transaction = self.db.begin_behind().await?;
        let rows = row::Entity::find()
            .filter(row::Column::Kind.eq(kind))
            .filter(row::Column::Due.lte(At::from(now)))
            .filter(free(holder, now))
            .order_by_asc(row::Column::Due)
            .limit(most)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&*transaction)
            .await
            .or_fault()?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        row::Entity::update_many()
            .col_expr(row::Column::LeasedUntil, Expr::value(until(now)))
            .col_expr(row::Column::Holder, Expr::value(holder.map(Holder::name)))
            .col_expr(row::Column::Life, Expr::value(holder.map(|holder| holder.life.to_string())))
            .col_expr(row::Column::Fence, one_more(row::Column::Fence))
            .filter(row::Column::Kind.eq(kind))
            .filter(row::Column::Key.is_in(rows.iter().map(|row| row.key.as_str())))
            .exec(&*transaction)
            .await
            .or_fault()?;
        let mut claims = Vec::with_capacity(rows.len());
        for row in rows {
            let content = match serde_json::from_value(row.content) {
                Ok(content) => content,
                // Of another release, perhaps: put aside, and no hindrance to the others.
                Err(cause) => {
                    let aside = given_up(row::Entity::update_many())
                        .col_expr(row::Column::Due, Expr::value(None::<At>))
                        .col_expr(row::Column::LastError, Expr::value(cause.to_string()))
                        .filter(row::Column::Kind.eq(kind))
                        .filter(row::Column::Key.eq(row.key));
                    aside.exec(&*transaction).await.or_fault()?;
                    continue;
                }
            };
            let failures = u32::try_from(row.failures).unwrap_or(0);
            claims.push(Claim {
                key: row.key,
                content,
                failures,
                kind,
                fence: row.fence + 1,
                asked: row.asked,
            });
        }
        transaction.commit().await?;
        Ok(claims)
    }

    /// Lengthens the lease of work that goes on. Refused when it is somebody else's by now.
    pub async fn beat<T>(&self, claim: &Claim<T>, now: Timestamp) -> Result<()> {
        let transaction = self.db.begin().await?;
        let update = mine(claim).col_expr(row::Column::LeasedUntil, Expr::value(until(now)));
        held(update.exec(&*transaction).await.or_fault()?.rows_affected)?;
        transaction.commit().await
    }

    /// Ends work within the transaction of its effect. Refused when it is somebody else's by now, and then
    /// the transaction must not be committed.
    pub async fn finish<T>(&self, transaction: &Tx, claim: &Claim<T>) -> Result<()> {
        self.finish_all(transaction, [claim]).await
    }

    /// Ends several pieces of work within the transaction of their effect. Refused when one of them is somebody
    /// else's by now, and then the transaction must not be committed.
    pub async fn finish_all<'a, T: 'a>(
        &self,
        transaction: &Tx,
        claims: impl IntoIterator<Item = &'a Claim<T>, IntoIter: Clone>,
    ) -> Result<()> {
        let claims = claims.into_iter();
        let count = claims.clone().count() as u64;
        if count == 0 {
            return Ok(());
        }
        let any =
            |one: fn(&Claim<T>) -> Condition| claims.clone().map(one).fold(Condition::any(), Condition::add);
        let done = any(|claim| is(claim).add(row::Column::Asked.eq(claim.asked)));
        let done =
            row::Entity::delete_many().filter(done).exec(&**transaction).await.or_fault()?.rows_affected;
        if done == count {
            return Ok(());
        }
        // Asked for again while it was done: it is done once more.
        claims.clone().for_each(|claim| transaction.wake(topic(claim.kind)));
        let again = given_up(row::Entity::update_many()).filter(any(is));
        let again = again.exec(&**transaction).await.or_fault()?.rows_affected;
        held(u64::from(done + again == count))
    }

    /// Ends this turn of work that comes again at `due`. What was asked for again meanwhile comes when that says.
    pub async fn again<T>(&self, transaction: &Tx, claim: &Claim<T>, due: Timestamp) -> Result<()> {
        let update = given_up(mine(claim))
            .col_expr(row::Column::Due, Expr::value(At::from(due)))
            .col_expr(row::Column::Failures, Expr::value(0))
            .filter(row::Column::Asked.eq(claim.asked));
        transaction.wake(topic(claim.kind));
        if update.exec(&**transaction).await.or_fault()?.rows_affected > 0 {
            return Ok(());
        }
        hand_back(transaction, claim).await
    }

    /// Gives back work that failed: it comes again after a pause that grows with each failure, or is put
    /// aside after [`Work::TRIES`]. What was asked for again meanwhile comes when that says, and as if nothing
    /// had failed. Whether it was put aside.
    pub async fn fail<T>(&self, claim: &Claim<T>, reason: &Error, now: Timestamp) -> Result<bool> {
        let failures = claim.failures + 1;
        let due = (failures < Self::TRIES).then(|| At::from(now + pause(failures)));
        let transaction = self.db.begin_behind().await?;
        transaction.wake(topic(claim.kind));
        let update = given_up(mine(claim))
            .col_expr(row::Column::Due, Expr::value(due))
            .col_expr(row::Column::Failures, Expr::value(i32::try_from(failures).unwrap_or(i32::MAX)))
            .col_expr(row::Column::LastError, Expr::value(reason.public()))
            .filter(row::Column::Asked.eq(claim.asked));
        let failed = update.exec(&*transaction).await.or_fault()?.rows_affected > 0;
        if !failed {
            hand_back(&transaction, claim).await?;
        }
        transaction.commit().await?;
        Ok(failed && due.is_none())
    }

    /// Waits until work is due, whoever asks for it, or until a lease runs out; at most `most`.
    pub async fn wait(&self, clock: &dyn Clock, kind: &'static str, most: Duration) -> Result<()> {
        self.wait_for(self.holder.as_ref(), clock, kind, most).await
    }

    /// As [`Work::wait`], for a worker in another process.
    pub async fn wait_for(
        &self,
        holder: Option<&Holder>,
        clock: &dyn Clock,
        kind: &'static str,
        most: Duration,
    ) -> Result<()> {
        let end = tokio::time::Instant::now() + most;
        let mut listener = self.db.listen([topic(kind)]);
        loop {
            let now = clock.now();
            let next = self.next(holder, kind, now).await?.map(|next| next.duration_since(now));
            let most = end.saturating_duration_since(tokio::time::Instant::now());
            let left = next.map_or(most, |next| Duration::try_from(next).unwrap_or_default().min(most));
            if left.is_zero() || !listener.wait_for(left).await {
                return Ok(());
            }
        }
    }

    /// When the next of a kind is due: what is free when it says, what is leased when its lease runs out.
    async fn next(
        &self,
        holder: Option<&Holder>,
        kind: &'static str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        let next_by = |column: row::Column, which: Condition| {
            let query = row::Entity::find().filter(row::Column::Kind.eq(kind)).filter(which);
            query.filter(row::Column::Due.is_not_null()).order_by_asc(column).limit(1)
        };
        let due = next_by(row::Column::Due, free(holder, now)).one(self.db.reader()).await.or_fault()?;
        let due = due.and_then(|row| row.due);
        if due.is_some_and(|due| due <= At::from(now)) {
            return Ok(due.map(Timestamp::from));
        }
        let runs = row::Column::LeasedUntil.gt(At::from(now)).into_condition();
        let leased = next_by(row::Column::LeasedUntil, runs).one(self.db.reader()).await.or_fault()?;
        let leased = leased.and_then(|row| row.leased_until);
        Ok(due.into_iter().chain(leased).min().map(Timestamp::from))
    }

    /// Work that was put aside: its kind, key and last error.
    pub async fn put_aside(&self) -> Result<Vec<(String, String, String)>> {
        let rows = row::Entity::find()
            .filter(row::Column::Due.is_null())
            .order_by_asc(row::Column::Key)
            .limit(1000)
            .all(self.db.reader())
            .await
            .or_fault()?;
        Ok(rows.into_iter().map(|row| (row.kind, row.key, row.last_error.unwrap_or_default())).collect())
    }
}

/// Work of a kind has become due, or will.
fn topic(kind: &'static str) -> Topic {
    Topic::keyed("work", kind)
}

fn new(kind: &str, key: &str, content: &impl Serialize, due: Timestamp) -> Result<row::ActiveModel> {
    Ok(row::ActiveModel {
        kind: Set(kind.to_owned()),
        key: Set(key.to_owned()),
        content: Set(serde_json::to_value(content).map_err(Error::internal)?),
        due: Set(Some(due.into())),
        leased_until: Set(None),
        holder: Set(None),
        life: Set(None),
        fence: Set(0),
        asked: Set(1),
        failures: Set(0),
        last_error: Set(None),
    })
}

async fn insert(transaction: &Tx, rows: Vec<row::ActiveModel>, known: OnConflict) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let insert = row::Entity::insert_many(rows).on_conflict(known);
    insert.exec_without_returning(&**transaction).await.or_fault().map(|_| ())
}

/// What nobody has, or nobody any more: never claimed, its lease run out, or left behind by a former life of
/// `holder`.
fn free(holder: Option<&Holder>, now: Timestamp) -> Condition {
    let free = Condition::any()
        .add(row::Column::LeasedUntil.is_null())
        .add(row::Column::LeasedUntil.lte(At::from(now)));
    match holder {
        None => free,
        Some(holder) => {
            let mine = Condition::all().add(row::Column::Holder.eq(holder.name()));
            // Ids of lives are in the order of their beginnings.
            free.add(mine.add(row::Column::Life.lt(holder.life.to_string())))
        }
    }
}

fn one_more(column: row::Column) -> Expr {
    sea_orm::ExprTrait::add(Expr::col((row::Entity, column)), 1)
}

fn given_up(update: sea_orm::UpdateMany<row::Entity>) -> sea_orm::UpdateMany<row::Entity> {
    update
        .col_expr(row::Column::LeasedUntil, Expr::value(None::<At>))
        .col_expr(row::Column::Holder, Expr::value(None::<String>))
        .col_expr(row::Column::Life, Expr::value(None::<String>))
}

fn is<T>(claim: &Claim<T>) -> Condition {
    Condition::all()
        .add(row::Column::Kind.eq(claim.kind))
        .add(row::Column::Key.eq(claim.key.as_str()))
        .add(row::Column::Fence.eq(claim.fence))
}

fn mine<T>(claim: &Claim<T>) -> sea_orm::UpdateMany<row::Entity> {
    row::Entity::update_many().filter(is(claim))
}

/// Gives work back as it is. Refused when it is somebody else's by now.
async fn hand_back<T>(transaction: &Tx, claim: &Claim<T>) -> Result<()> {
    let freed = given_up(mine(claim));
    held(freed.exec(&**transaction).await.or_fault()?.rows_affected)
}

fn held(rows: u64) -> Result<()> {
    match rows {
        0 => Err(Error::conflict(LOST, "this work is somebody else's by now")),
        _ => Ok(()),
    }
}

fn until(now: Timestamp) -> At {
    At::from(now.saturating_add(Work::LEASE).unwrap_or(now))
}

/// 1 s, 2 s, 4 s … up to ten minutes.
fn pause(failures: u32) -> SignedDuration {
    SignedDuration::from_secs((1_i64 << failures.saturating_sub(1).min(10)).min(600))
}

//! Chunks of lines.

use hearth_base::Result;
use hearth_kit::db::{At, OrFault, Tx};
use hearth_wire::logs::LogsDirection;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::{Line, Log, Store, Unpacker, form, log::LogId};

/// Loose chunks are merged when there are so many,
const LOOSE: i32 = 64;
/// or when they take so much.
const LOOSE_BYTES: i64 = 256 << 10;
/// The most bytes of text in a sealed chunk, but for one line more.
const SEALED_TEXT: usize = 256 << 10;

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "chunk")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub log_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub first: i64,
        pub lines: i32,
        /// When its oldest and its newest line were written.
        pub oldest: At,
        pub newest: At,
        pub sealed: bool,
        pub bytes: i32,
        #[sea_orm(column_type = "Blob")]
        pub content: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Which chunks of a log are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Those with positions from here on,
    pub from: i64,
    /// and before this.
    pub before: i64,
    /// Those that may hold lines from then on,
    pub since: Option<Timestamp>,
    /// and until then.
    pub until: Option<Timestamp>,
    /// Which come first.
    pub order: LogsDirection,
}

/// A chunk as it lies.
#[derive(Debug)]
pub struct Piece {
    /// The position of its first line.
    pub first: i64,
    /// When its oldest and its newest line were written.
    pub oldest: Timestamp,
    pub newest: Timestamp,
    /// What [`Unpacker::read`] reads.
    pub content: Vec<u8>,
}

impl Store {
    /// Writes lines at the end of a log, and merges its loose chunks when there are enough. `log` is brought up to
    /// date, and is written by the caller.
    pub async fn chunk_append(&self, tx: &Tx, log: &mut Log, lines: &[Line], seal: bool) -> Result<()> {
        if !lines.is_empty() {
            let bytes = insert(tx, log.id, lines, false).await?;
            log.bytes += bytes;
            log.loose += 1;
            log.loose_bytes += bytes;
        }
        if log.loose >= LOOSE || log.loose_bytes >= LOOSE_BYTES || (seal && log.loose > 1) {
            self.seal(tx, log).await?;
        }
        Ok(())
    }

    async fn seal(&self, tx: &Tx, log: &mut Log) -> Result<()> {
        let loose = of(log.id).filter(row::Column::Sealed.eq(false)).order_by_asc(row::Column::First);
        let (mut lines, mut unpacker) = (Vec::new(), Unpacker::default());
        for row in loose.all(&**tx).await.or_fault()? {
            lines.extend(unpacker.read(&row.content, None)?);
        }
        let gone = row::Entity::delete_many()
            .filter(row::Column::LogId.eq(log.id.to_string()))
            .filter(row::Column::Sealed.eq(false));
        gone.exec(&**tx).await.or_fault()?;
        log.bytes -= log.loose_bytes;
        (log.loose, log.loose_bytes) = (0, 0);
        let mut left = lines.as_slice();
        while !left.is_empty() {
            let (now, later) = left.split_at(fitting(left));
            log.bytes += insert(tx, log.id, now, true).await?;
            left = later;
        }
        Ok(())
    }

    /// The place of the chunk that holds a position, or would begin with it.
    pub async fn chunk_holding(&self, log: LogId, position: i64) -> Result<i64> {
        let query = of(log).select_only().column(row::Column::First);
        let query = query.filter(row::Column::First.lte(position)).order_by_desc(row::Column::First);
        let first: Option<i64> = query.limit(1).into_tuple().one(self.db.reader()).await.or_fault()?;
        Ok(first.unwrap_or(position))
    }

    /// Some chunks of a log.
    pub async fn chunks(&self, log: LogId, part: &Part, most: u64) -> Result<Vec<Piece>> {
        let Part { from, before, since, until, order } = *part;
        let mut query =
            of(log).filter(row::Column::First.gte(from)).filter(row::Column::First.lt(before)).limit(most);
        if let Some(since) = since {
            query = query.filter(row::Column::Newest.gte(At::from(since)));
        }
        if let Some(until) = until {
            query = query.filter(row::Column::Oldest.lte(At::from(until)));
        }
        let order = match order {
            LogsDirection::NewestFirst => Order::Desc,
            LogsDirection::OldestFirst => Order::Asc,
        };
        let rows = query.order_by(row::Column::First, order).all(self.db.reader()).await.or_fault()?;
        let piece = |row: row::Model| {
            let row::Model { first, oldest, newest, content, .. } = row;
            Piece { first, oldest: oldest.into(), newest: newest.into(), content }
        };
        Ok(rows.into_iter().map(piece).collect())
    }

    /// Drops the oldest chunks of a log, at most `most`, of those that hold nothing newer than `until`. How much
    /// that made free; `log` is brought up to date, and is written by the caller.
    pub async fn chunks_drop(
        &self,
        tx: &Tx,
        log: &mut Log,
        until: Option<Timestamp>,
        most: u64,
    ) -> Result<i64> {
        let mut query = of(log.id).order_by_asc(row::Column::First).limit(most);
        if let Some(until) = until {
            query = query.filter(row::Column::Newest.lt(At::from(until)));
        }
        let columns =
            [row::Column::First, row::Column::Lines, row::Column::Bytes, row::Column::Sealed].into_iter();
        let query = columns.fold(query.select_only(), QuerySelect::column);
        let rows: Vec<(i64, i32, i32, bool)> = query.into_tuple().all(&**tx).await.or_fault()?;
        let firsts = rows.iter().map(|(first, ..)| *first);
        let gone = row::Entity::delete_many().filter(row::Column::LogId.eq(log.id.to_string()));
        gone.filter(row::Column::First.is_in(firsts)).exec(&**tx).await.or_fault()?;
        let mut freed = 0;
        for (_, lines, bytes, sealed) in rows {
            freed += i64::from(bytes);
            log.dropped += i64::from(lines);
            if !sealed {
                log.loose -= 1;
                log.loose_bytes -= i64::from(bytes);
            }
        }
        log.bytes -= freed;
        Ok(freed)
    }
}

fn of(log: LogId) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::LogId.eq(log.to_string()))
}

/// How many of these lines go into one sealed chunk.
fn fitting(lines: &[Line]) -> usize {
    let mut text = 0;
    let over = lines.iter().position(|line| {
        text += line.text.len();
        text > SEALED_TEXT
    });
    over.map_or(lines.len(), |last| last + 1)
}

async fn insert(tx: &Tx, log: LogId, lines: &[Line], sealed: bool) -> Result<i64> {
    let Some(first) = lines.first() else { return Ok(0) };
    let oldest = lines.iter().map(|line| line.time).min().unwrap_or(first.time);
    let newest = lines.iter().map(|line| line.time).max().unwrap_or(first.time);
    let content = if sealed { form::seal(lines)? } else { form::write(lines)? };
    let bytes = i32::try_from(content.len()).unwrap_or(i32::MAX);
    let row = row::ActiveModel {
        log_id: Set(log.to_string()),
        first: Set(first.position),
        lines: Set(i32::try_from(lines.len()).unwrap_or(i32::MAX)),
        oldest: Set(oldest.into()),
        newest: Set(newest.into()),
        sealed: Set(sealed),
        bytes: Set(bytes),
        content: Set(content),
    };
    row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault()?;
    Ok(i64::from(bytes))
}

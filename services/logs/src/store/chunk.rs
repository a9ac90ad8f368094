//! The table of chunks of lines.

use hearth_base::Result;
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use hearth_wire::logs::LogsDirection;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::{ChunkReader, LogsStore, StoredLine, StoredLog, chunk_format, log::LogId};

/// The number of loose chunks at which they are merged.
const MAX_LOOSE_CHUNKS: i32 = 64;
/// The size of loose chunks at which they are merged.
const MAX_LOOSE_BYTES: i64 = 256 << 10;
/// The maximum number of text bytes in a sealed chunk, except that its last line may exceed it.
const MAX_SEALED_TEXT_BYTES: usize = 256 << 10;

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "chunk")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub log_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub first: i64,
        pub lines: i32,
        /// The times of its oldest and newest line.
        pub oldest: DbTimestamp,
        pub newest: DbTimestamp,
        pub sealed: bool,
        pub bytes: i32,
        #[sea_orm(column_type = "Blob")]
        pub content: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The requested chunks of a log.
#[derive(Debug, Clone, Copy)]
pub struct ChunkRange {
    /// Only chunks with first positions from here on.
    pub from: i64,
    /// Only chunks with first positions before this.
    pub before: i64,
    /// Only chunks that may hold lines from then on.
    pub since: Option<Timestamp>,
    /// Only chunks that may hold lines until then.
    pub until: Option<Timestamp>,
    /// The order of the chunks.
    pub order: LogsDirection,
}

/// A stored chunk.
#[derive(Debug)]
pub struct StoredChunk {
    /// The position of its first line.
    pub first: i64,
    /// The times of its oldest and newest line.
    pub oldest: Timestamp,
    pub newest: Timestamp,
    /// The encoded lines, for [`ChunkReader::read_lines`].
    pub content: Vec<u8>,
}

impl LogsStore {
    /// Appends lines to a log and merges its loose chunks if they reach a limit. Updates `log`; the caller
    /// saves it.
    pub async fn append_lines(
        &self,
        tx: &Tx,
        log: &mut StoredLog,
        lines: &[StoredLine],
        seal: bool,
    ) -> Result<()> {
        if !lines.is_empty() {
            let bytes = insert_chunk(tx, log.id, lines, false).await?;
            log.bytes += bytes;
            log.loose_chunks += 1;
            log.loose_bytes += bytes;
        }
        if log.loose_chunks >= MAX_LOOSE_CHUNKS
            || log.loose_bytes >= MAX_LOOSE_BYTES
            || (seal && log.loose_chunks > 1)
        {
            self.seal_loose_chunks(tx, log).await?;
        }
        Ok(())
    }

    async fn seal_loose_chunks(&self, tx: &Tx, log: &mut StoredLog) -> Result<()> {
        let loose_chunks =
            select_chunks(log.id).filter(row::Column::Sealed.eq(false)).order_by_asc(row::Column::First);
        let (mut lines, mut reader) = (Vec::new(), ChunkReader::default());
        for row in loose_chunks.all(&**tx).await.or_db_error()? {
            lines.extend(reader.read_lines(&row.content, None)?);
        }
        let deletion = row::Entity::delete_many()
            .filter(row::Column::LogId.eq(log.id.to_string()))
            .filter(row::Column::Sealed.eq(false));
        deletion.exec(&**tx).await.or_db_error()?;
        log.bytes -= log.loose_bytes;
        (log.loose_chunks, log.loose_bytes) = (0, 0);
        let mut left = lines.as_slice();
        while !left.is_empty() {
            let (now, later) = left.split_at(count_fitting_lines(left));
            log.bytes += insert_chunk(tx, log.id, now, true).await?;
            left = later;
        }
        Ok(())
    }

    /// Finds the first position of the chunk that holds a position; without one, returns the position itself.
    pub async fn find_chunk_of_position(&self, log: LogId, position: i64) -> Result<i64> {
        let query = select_chunks(log).select_only().column(row::Column::First);
        let query = query.filter(row::Column::First.lte(position)).order_by_desc(row::Column::First);
        let first: Option<i64> = query.limit(1).into_tuple().one(self.db.reader()).await.or_db_error()?;
        Ok(first.unwrap_or(position))
    }

    /// Lists chunks of a log.
    pub async fn list_chunks(&self, log: LogId, range: &ChunkRange, limit: u64) -> Result<Vec<StoredChunk>> {
        let ChunkRange { from, before, since, until, order } = *range;
        let mut query = select_chunks(log)
            .filter(row::Column::First.gte(from))
            .filter(row::Column::First.lt(before))
            .limit(limit);
        if let Some(since) = since {
            query = query.filter(row::Column::Newest.gte(DbTimestamp::from(since)));
        }
        if let Some(until) = until {
            query = query.filter(row::Column::Oldest.lte(DbTimestamp::from(until)));
        }
        let order = match order {
            LogsDirection::NewestFirst => Order::Desc,
            LogsDirection::OldestFirst => Order::Asc,
        };
        let rows = query.order_by(row::Column::First, order).all(self.db.reader()).await.or_db_error()?;
        let to_chunk = |row: row::Model| {
            let row::Model { first, oldest, newest, content, .. } = row;
            StoredChunk { first, oldest: oldest.into(), newest: newest.into(), content }
        };
        Ok(rows.into_iter().map(to_chunk).collect())
    }

    /// Deletes the oldest chunks of a log, at most `limit`, and only those without lines newer than `until`.
    /// Returns the freed bytes. Updates `log`; the caller saves it.
    pub async fn delete_oldest_chunks(
        &self,
        tx: &Tx,
        log: &mut StoredLog,
        until: Option<Timestamp>,
        limit: u64,
    ) -> Result<i64> {
        let mut query = select_chunks(log.id).order_by_asc(row::Column::First).limit(limit);
        if let Some(until) = until {
            query = query.filter(row::Column::Newest.lt(DbTimestamp::from(until)));
        }
        let columns =
            [row::Column::First, row::Column::Lines, row::Column::Bytes, row::Column::Sealed].into_iter();
        let query = columns.fold(query.select_only(), QuerySelect::column);
        let rows: Vec<(i64, i32, i32, bool)> = query.into_tuple().all(&**tx).await.or_db_error()?;
        let firsts = rows.iter().map(|(first, ..)| *first);
        let deletion = row::Entity::delete_many().filter(row::Column::LogId.eq(log.id.to_string()));
        deletion.filter(row::Column::First.is_in(firsts)).exec(&**tx).await.or_db_error()?;
        let mut freed = 0;
        for (_, lines, bytes, sealed) in rows {
            freed += i64::from(bytes);
            log.dropped += i64::from(lines);
            if !sealed {
                log.loose_chunks -= 1;
                log.loose_bytes -= i64::from(bytes);
            }
        }
        log.bytes -= freed;
        Ok(freed)
    }
}

fn select_chunks(log: LogId) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::LogId.eq(log.to_string()))
}

/// Counts the lines that go into one sealed chunk.
fn count_fitting_lines(lines: &[StoredLine]) -> usize {
    let mut text = 0;
    let over = lines.iter().position(|line| {
        text += line.text.len();
        text > MAX_SEALED_TEXT_BYTES
    });
    over.map_or(lines.len(), |last| last + 1)
}

async fn insert_chunk(tx: &Tx, log: LogId, lines: &[StoredLine], sealed: bool) -> Result<i64> {
    let Some(first) = lines.first() else { return Ok(0) };
    let oldest = lines.iter().map(|line| line.time).min().unwrap_or(first.time);
    let newest = lines.iter().map(|line| line.time).max().unwrap_or(first.time);
    let content = if sealed {
        chunk_format::encode_sealed_chunk(lines)?
    } else {
        chunk_format::encode_loose_chunk(lines)?
    };
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
    row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error()?;
    Ok(i64::from(bytes))
}

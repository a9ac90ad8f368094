//! Old rows, deleted some thousands at a time.

use hearth_base::Result;
use jiff::Timestamp;
use sea_orm::{
    EntityTrait, Iterable, PrimaryKeyToColumn, QueryFilter,
    sea_query::{Expr, ExprTrait, Func, Order, Query, TableRef, WindowStatement},
};

use super::{At, OrFault, Tx};

/// The most rows that one statement deletes: others have to wait for its end.
const MAX_ROWS_PER_DELETE: u64 = 5000;

/// The column of a row's rank among those of its group, the newest first, from 1.
const RANK_COLUMN: &str = "rank_in_group";

/// The rows of a table that are deleted when they are old, or when their group has enough newer ones.
#[derive(Debug, Clone)]
pub struct OldRows<C> {
    /// Rows for which this does not hold are not deleted, and do not count.
    pub deletable: Expr,
    /// Rows with the same value in this column are one group.
    pub group: C,
    /// The newest row of a group has the highest values in these columns.
    pub newest_by: Vec<C>,
    /// The time by which a row is old.
    pub time: C,
}

/// Deletes rows older than `before`, and all but the newest `keep_newest` of each group. Returns how many are gone: with
/// some gone, there may be more.
pub async fn delete_old_rows<E: EntityTrait>(
    tx: &Tx,
    old: OldRows<E::Column>,
    before: Timestamp,
    keep_newest: u32,
) -> Result<u64> {
    let OldRows { deletable, group, newest_by, time } = old;
    let keys: Vec<E::Column> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
    let mut window = WindowStatement::partition_by(group);
    for column in newest_by {
        window.order_by(column, Order::Desc);
    }
    let ranked = Query::select()
        .columns(keys.iter().copied())
        .expr_as(Expr::col(time), "time")
        .expr_window_as(Func::cust("row_number"), window, RANK_COLUMN)
        .from(E::default())
        .and_where(deletable)
        .to_owned();
    let is_old = Expr::col("time").lt(At::from(before)).or(Expr::col(RANK_COLUMN).gt(keep_newest));
    let gone = Query::select()
        .columns(keys.iter().copied())
        .from_subquery(ranked, "ranked")
        .and_where(is_old)
        .limit(MAX_ROWS_PER_DELETE)
        .to_owned();
    // MariaDB has no LIMIT in the operand of IN, but in a table of its own there.
    let gone = Query::select()
        .columns(keys.iter().copied())
        .from(TableRef::SubQuery(Box::new(gone), "gone".into()))
        .to_owned();
    let key = match keys.as_slice() {
        [one] => Expr::col(*one),
        several => Expr::tuple(several.iter().map(|column| Expr::col(*column))),
    };
    let delete = E::delete_many().filter(key.in_subquery(gone));
    delete.exec(&**tx).await.or_fault().map(|deleted| deleted.rows_affected)
}

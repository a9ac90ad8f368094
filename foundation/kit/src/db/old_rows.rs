//! Deletion of old rows in batches.

use hearth_base::Result;
use jiff::Timestamp;
use sea_orm::{
    EntityTrait, Iterable, PrimaryKeyToColumn, QueryFilter,
    sea_query::{Expr, ExprTrait, Func, Order, Query, TableRef, WindowStatement},
};

use super::{DbTimestamp, OrDbError, Tx};

/// Maximum number of rows that one statement deletes, because other writers wait for it.
const MAX_ROWS_PER_DELETE: u64 = 5000;

/// Column with a row's rank within its group, from 1 for the newest.
const RANK_COLUMN: &str = "rank_in_group";

/// Rows of a table that are deleted when they are old, or when their group has enough newer rows.
#[derive(Debug, Clone)]
pub struct OldRows<C> {
    /// Condition for deletion: other rows are neither deleted nor counted.
    pub deletable: Expr,
    /// Rows with the same value in this column form a group.
    pub group: C,
    /// Columns that order a group; the newest row has the highest values.
    pub newest_by: Vec<C>,
    /// Column with the time from which a row's age is counted.
    pub time: C,
}

/// Deletes rows older than `before`, and all but the newest `keep_newest` of each group, at most
/// [`MAX_ROWS_PER_DELETE`]. Returns the number of deleted rows; call it again until that is 0.
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
    let is_old = Expr::col("time").lt(DbTimestamp::from(before)).or(Expr::col(RANK_COLUMN).gt(keep_newest));
    let expired = Query::select()
        .columns(keys.iter().copied())
        .from_subquery(ranked, "ranked")
        .and_where(is_old)
        .limit(MAX_ROWS_PER_DELETE)
        .to_owned();
    // MariaDB supports no LIMIT directly in the subquery of IN, but it does in a derived table there.
    let expired = Query::select()
        .columns(keys.iter().copied())
        .from(TableRef::SubQuery(Box::new(expired), "gone".into()))
        .to_owned();
    let key = match keys.as_slice() {
        [one] => Expr::col(*one),
        several => Expr::tuple(several.iter().map(|column| Expr::col(*column))),
    };
    let delete = E::delete_many().filter(key.in_subquery(expired));
    delete.exec(&**tx).await.or_db_error().map(|deleted| deleted.rows_affected)
}

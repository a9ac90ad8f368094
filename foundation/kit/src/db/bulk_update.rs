//! Bulk update: many rows in one statement, each with its own values.

use hearth_base::{Error, Result};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseBackend, EntityTrait, Iterable,
    PrimaryKeyToColumn, Value,
    sea_query::{Expr, ExprTrait, Query, TableRef, ValueTuple},
};

use super::{OrDbError, Tx};

/// Alias of the `VALUES` list in the statement.
const VALUES_ALIAS: &str = "given";

/// Updates rows to the values that are set in these models. All models must have the primary key and the same columns
/// set, and each row may occur once. Rows that no longer exist are skipped.
pub async fn bulk_update_rows<M: ActiveModelTrait>(tx: &Tx, rows: &[M]) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let keys: Vec<ColumnOf<M>> = PrimaryKeyOf::<M>::iter().map(PrimaryKeyToColumn::into_column).collect();
    let is_key = |column: &ColumnOf<M>| keys.iter().any(|key| column_name(key) == column_name(column));
    let changed = |row: &M| {
        let is_set = |column: &ColumnOf<M>| matches!(row.get(*column), ActiveValue::Set(_));
        ColumnOf::<M>::iter().filter(|column| is_set(column) && !is_key(column)).collect::<Vec<_>>()
    };
    let names = |columns: &[ColumnOf<M>]| columns.iter().map(column_name).collect::<Vec<_>>();
    let columns = changed(first);
    if rows.iter().any(|row| names(&changed(row)) != names(&columns)) {
        return Err(Error::internal("the rows of a bulk update have different columns set"));
    }
    if columns.is_empty() {
        return Ok(());
    }
    let collect_values = |row: &M| {
        let values = keys.iter().chain(&columns).map(|column| row.get(*column).into_value());
        values.collect::<Option<Vec<Value>>>().map(ValueTuple::Many)
    };
    let values = rows.iter().map(collect_values).collect::<Option<Vec<ValueTuple>>>();
    let values = values.ok_or_else(|| Error::internal("a row of a bulk update has no primary key"))?;
    if tx.get_database_backend() == DatabaseBackend::MySql {
        return update_one_by_one(tx, &keys, &columns, rows).await;
    }
    let table = M::Entity::default();
    let mut update = Query::update();
    update.table(table).from(TableRef::ValuesList(values, VALUES_ALIAS.into()));
    for (place, column) in (1..).zip(&keys) {
        update.and_where(Expr::col((table, *column)).eq(value_column(place)));
    }
    for (place, column) in (keys.len() + 1..).zip(&columns) {
        update.value(*column, value_column(place));
    }
    tx.execute(&update).await.or_db_error().map(drop)
}

/// Updates with one statement per row: MariaDB has no `UPDATE … FROM`.
async fn update_one_by_one<M: ActiveModelTrait>(
    tx: &Tx,
    keys: &[ColumnOf<M>],
    columns: &[ColumnOf<M>],
    rows: &[M],
) -> Result<()> {
    for row in rows {
        let mut update = Query::update();
        update.table(M::Entity::default());
        for key in keys {
            let value = row.get(*key).into_value();
            let value = value.ok_or_else(|| Error::internal("a row of a bulk update has no primary key"))?;
            update.and_where(Expr::col(*key).eq(value));
        }
        for column in columns {
            if let Some(value) = row.get(*column).into_value() {
                update.value(*column, value);
            }
        }
        tx.execute(&update).await.or_db_error()?;
    }
    Ok(())
}

type ColumnOf<M> = <<M as ActiveModelTrait>::Entity as EntityTrait>::Column;
type PrimaryKeyOf<M> = <<M as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey;

fn column_name(column: &impl sea_orm::IdenStatic) -> &'static str {
    column.as_str()
}

/// A column of the `VALUES` list by position, from 1: `column1`, in SQLite (<https://sqlite.org/lang_select.html>)
/// and PostgreSQL (<https://www.postgresql.org/docs/current/sql-values.html>).
fn value_column(position: usize) -> Expr {
    Expr::col((VALUES_ALIAS, format!("column{position}")))
}

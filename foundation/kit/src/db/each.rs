//! Many rows changed in one statement, each in its own way.

use hearth_base::{Error, Result};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseBackend, EntityTrait, Iterable,
    PrimaryKeyToColumn, Value,
    sea_query::{Expr, ExprTrait, Query, TableRef, ValueTuple},
};

use super::{OrFault, Tx};

/// The rows as the statement knows them.
const GIVEN: &str = "given";

/// Changes rows, each at most once: to what is set in these models, which is the same columns in all of them and the
/// key. Those that there are no more are left out.
pub async fn update_each<M: ActiveModelTrait>(tx: &Tx, rows: &[M]) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let keys: Vec<Column<M>> = Key::<M>::iter().map(PrimaryKeyToColumn::into_column).collect();
    let is_key = |column: &Column<M>| keys.iter().any(|key| name(key) == name(column));
    let changed = |row: &M| {
        let is_set = |column: &Column<M>| matches!(row.get(*column), ActiveValue::Set(_));
        Column::<M>::iter().filter(|column| is_set(column) && !is_key(column)).collect::<Vec<_>>()
    };
    let names = |columns: &[Column<M>]| columns.iter().map(name).collect::<Vec<_>>();
    let columns = changed(first);
    if rows.iter().any(|row| names(&changed(row)) != names(&columns)) {
        return Err(Error::internal("rows are to be changed in different columns"));
    }
    if columns.is_empty() {
        return Ok(());
    }
    let given = |row: &M| {
        let values = keys.iter().chain(&columns).map(|column| row.get(*column).into_value());
        values.collect::<Option<Vec<Value>>>().map(ValueTuple::Many)
    };
    let given = rows.iter().map(given).collect::<Option<Vec<ValueTuple>>>();
    let given = given.ok_or_else(|| Error::internal("a row to be changed has no key"))?;
    if tx.get_database_backend() == DatabaseBackend::MySql {
        return update_one_by_one(tx, &keys, &columns, rows).await;
    }
    let table = M::Entity::default();
    let mut update = Query::update();
    update.table(table).from(TableRef::ValuesList(given, GIVEN.into()));
    for (place, column) in (1..).zip(&keys) {
        update.and_where(Expr::col((table, *column)).eq(at(place)));
    }
    for (place, column) in (keys.len() + 1..).zip(&columns) {
        update.value(*column, at(place));
    }
    tx.execute(&update).await.or_fault().map(drop)
}

/// MariaDB has no `UPDATE … FROM`: a statement for each row.
async fn update_one_by_one<M: ActiveModelTrait>(
    tx: &Tx,
    keys: &[Column<M>],
    columns: &[Column<M>],
    rows: &[M],
) -> Result<()> {
    for row in rows {
        let mut update = Query::update();
        update.table(M::Entity::default());
        for key in keys {
            let value = row.get(*key).into_value();
            let value = value.ok_or_else(|| Error::internal("a row to be changed has no key"))?;
            update.and_where(Expr::col(*key).eq(value));
        }
        for column in columns {
            if let Some(value) = row.get(*column).into_value() {
                update.value(*column, value);
            }
        }
        tx.execute(&update).await.or_fault()?;
    }
    Ok(())
}

type Column<M> = <<M as ActiveModelTrait>::Entity as EntityTrait>::Column;
type Key<M> = <<M as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey;

fn name(column: &impl sea_orm::IdenStatic) -> &'static str {
    column.as_str()
}

/// A value of a row by its place, from 1: SQLite (<https://sqlite.org/lang_select.html>) and PostgreSQL
/// (<https://www.postgresql.org/docs/current/sql-values.html>) both call it so.
fn at(place: usize) -> Expr {
    Expr::col((GIVEN, format!("column{place}")))
}

//! Variables.

use hearth_base::{EnvvarName, Error, Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::Store;
use crate::vault::Closed;

/// How many values are closed anew in one change.
const AT_ONCE: u64 = 200;

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "envvar")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub key_id: String,
        #[sea_orm(column_type = "Text")]
        pub closed: String,
        /// Bytes that it takes in an environment.
        pub size: i64,
        pub changed: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A variable as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub name: EnvvarName,
    pub closed: Closed,
    pub size: usize,
}

impl TryFrom<row::Model> for Kept {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { tool_id: _, name, key_id, closed, size, changed: _ } = row;
        let name = name.parse().map_err(|_| Error::internal("envvar.name holds what it never was given"))?;
        let closed = Closed { key: key_id, token: closed };
        Ok(Self { name, closed, size: usize::try_from(size).unwrap_or(0) })
    }
}

impl Store {
    /// A tool's variables, by name.
    pub async fn list(&self, tool: ToolId) -> Result<Vec<Kept>> {
        all(self.db.reader(), tool).await
    }

    /// The same, as a change sees them.
    pub async fn list_in(tx: &Tx, tool: ToolId) -> Result<Vec<Kept>> {
        all(&**tx, tool).await
    }

    /// One variable.
    pub async fn one(&self, tool: ToolId, name: &EnvvarName) -> Result<Option<Kept>> {
        one(self.db.reader(), tool, name).await
    }

    /// The same, as a change sees it.
    pub async fn one_in(&self, tx: &Tx, tool: ToolId, name: &EnvvarName) -> Result<Option<Kept>> {
        one(&**tx, tool, name).await
    }

    /// Writes a variable: a new one, or another value of one that is there.
    pub async fn put(&self, tx: &Tx, tool: ToolId, kept: &Kept, new: bool, now: Timestamp) -> Result<()> {
        let Kept { name, closed: Closed { key, token }, size } = kept;
        let row = row::ActiveModel {
            tool_id: Set(tool.to_string()),
            name: Set(name.to_string()),
            key_id: Set(key.clone()),
            closed: Set(token.clone()),
            size: Set(i64::try_from(*size).unwrap_or(i64::MAX)),
            changed: Set(now.into()),
        };
        if new {
            row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
        } else {
            row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
        }
    }

    /// Deletes a variable.
    pub async fn delete(&self, tx: &Tx, tool: ToolId, name: &EnvvarName) -> Result<()> {
        let key = (tool.to_string(), name.to_string());
        row::Entity::delete_by_id(key).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// The ids of the keys that closed what is kept.
    pub async fn keys(&self) -> Result<Vec<String>> {
        let query = row::Entity::find().select_only().column(row::Column::KeyId).distinct();
        query.into_tuple().all(self.db.reader()).await.or_fault()
    }

    /// Some variables that another key than this closed, with their tools, to be changed.
    pub async fn closed_otherwise(tx: &Tx, key: &str) -> Result<Vec<(ToolId, Kept)>> {
        let query = row::Entity::find().filter(row::Column::KeyId.ne(key)).limit(AT_ONCE);
        let rows = query.all(&**tx).await.or_fault()?;
        let place = |row: row::Model| {
            let tool = row.tool_id.parse();
            let tool = tool.map_err(|_| Error::internal("envvar.tool_id holds what it never was given"))?;
            Ok((tool, Kept::try_from(row)?))
        };
        rows.into_iter().map(place).collect()
    }
}

async fn all(db: &impl ConnectionTrait, tool: ToolId) -> Result<Vec<Kept>> {
    let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
    let rows = query.all(db).await.or_fault()?;
    let mut all = rows.into_iter().map(Kept::try_from).collect::<Result<Vec<_>>>()?;
    // Sorted here: databases differ in how they order capitals.
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

async fn one(db: &impl ConnectionTrait, tool: ToolId, name: &EnvvarName) -> Result<Option<Kept>> {
    let key = (tool.to_string(), name.to_string());
    row::Entity::find_by_id(key).one(db).await.or_fault()?.map(Kept::try_from).transpose()
}

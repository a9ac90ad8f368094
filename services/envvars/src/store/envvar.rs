//! Variables.

use hearth_base::{Error, Result, Sealed, ToolId};
use hearth_kit::{
    db::{OrFault, Tx},
    vault::Closed,
};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::Store;
use crate::place::Place;

/// How many values are closed anew in one change.
const AT_ONCE: u64 = 200;

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "scoped_envvar")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        /// The one job that has it; empty: all of the tool's.
        #[sea_orm(primary_key, auto_increment = false)]
        pub job: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        /// It is sealed to the runtime's key; otherwise closed by one of this service's own.
        pub secret: bool,
        pub key_id: String,
        #[sea_orm(column_type = "Text")]
        pub closed: String,
        /// Bytes that it takes in an environment.
        pub size: i64,
        /// When it was last given another value.
        pub changed: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A value as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// This service opens it.
    Closed(Closed),
    /// Only the runtime opens it.
    Sealed(Sealed),
}

/// A variable as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub place: Place,
    pub held: Held,
    pub size: usize,
    /// When it was last given another value.
    pub changed: Timestamp,
}

impl TryFrom<row::Model> for Kept {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { tool_id, job, name, secret, key_id, closed, size, changed } = row;
        let odd = |column: &str| Error::internal(format!("{column} holds what it never was given"));
        let place = Place {
            tool: tool_id.parse().map_err(|_| odd("scoped_envvar.tool_id"))?,
            job: match job.as_str() {
                "" => None,
                job => Some(job.parse().map_err(|_| odd("scoped_envvar.job"))?),
            },
            name: name.parse().map_err(|_| odd("scoped_envvar.name"))?,
        };
        let held = match secret {
            true => Held::Sealed(Sealed { key: key_id, job: place.job.clone(), text: closed }),
            false => Held::Closed(Closed { key: key_id, token: closed }),
        };
        Ok(Self { place, held, size: usize::try_from(size).unwrap_or(0), changed: changed.into() })
    }
}

impl Kept {
    /// Whether nobody reads its value back.
    pub fn is_secret(&self) -> bool {
        matches!(self.held, Held::Sealed(_))
    }
}

impl Store {
    /// A tool's variables and those of its jobs, by name.
    pub async fn list(&self, tool: ToolId) -> Result<Vec<Kept>> {
        all(self.db.reader(), tool).await
    }

    /// The same, as a change sees them.
    pub async fn list_in(tx: &Tx, tool: ToolId) -> Result<Vec<Kept>> {
        all(&**tx, tool).await
    }

    /// One variable.
    pub async fn one(&self, place: &Place) -> Result<Option<Kept>> {
        one(self.db.reader(), place).await
    }

    /// The same, as a change sees it.
    pub async fn one_in(&self, tx: &Tx, place: &Place) -> Result<Option<Kept>> {
        one(&**tx, place).await
    }

    /// Writes a variable: a new one, or another value of one that is there.
    pub async fn put(&self, tx: &Tx, kept: &Kept, new: bool) -> Result<()> {
        let Kept { place, held, size, changed } = kept;
        let (key, text) = match held {
            Held::Closed(Closed { key, token }) => (key, token),
            Held::Sealed(Sealed { key, job: _, text }) => (key, text),
        };
        let (tool, job, name) = place.key();
        let row = row::ActiveModel {
            tool_id: Set(tool),
            job: Set(job),
            name: Set(name),
            secret: Set(kept.is_secret()),
            key_id: Set(key.clone()),
            closed: Set(text.clone()),
            size: Set(i64::try_from(*size).unwrap_or(i64::MAX)),
            changed: Set((*changed).into()),
        };
        if new {
            row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
        } else {
            row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
        }
    }

    /// Deletes a variable.
    pub async fn delete(&self, tx: &Tx, place: &Place) -> Result<()> {
        row::Entity::delete_by_id(place.key()).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// The ids of the keys of this service that closed what is kept.
    pub async fn keys(&self) -> Result<Vec<String>> {
        let closed = row::Column::Secret.eq(false);
        let query = row::Entity::find().filter(closed).select_only().column(row::Column::KeyId).distinct();
        query.into_tuple().all(self.db.reader()).await.or_fault()
    }

    /// Where some variables are that another key of this service than this closed.
    pub async fn closed_otherwise(&self, key: &str) -> Result<Vec<Place>> {
        let closed = row::Entity::find().filter(row::Column::Secret.eq(false));
        let query = closed.filter(row::Column::KeyId.ne(key)).limit(AT_ONCE);
        let rows = query.all(self.db.reader()).await.or_fault()?;
        rows.into_iter().map(|row| Kept::try_from(row).map(|kept| kept.place)).collect()
    }
}

async fn all(db: &impl ConnectionTrait, tool: ToolId) -> Result<Vec<Kept>> {
    let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
    let rows = query.all(db).await.or_fault()?;
    let mut all = rows.into_iter().map(Kept::try_from).collect::<Result<Vec<_>>>()?;
    // Sorted here: databases differ in how they order capitals.
    all.sort_by(|one, other| (&one.place.name, &one.place.job).cmp(&(&other.place.name, &other.place.job)));
    Ok(all)
}

async fn one(db: &impl ConnectionTrait, place: &Place) -> Result<Option<Kept>> {
    row::Entity::find_by_id(place.key()).one(db).await.or_fault()?.map(Kept::try_from).transpose()
}

//! Table of variables.

use hearth_base::{Error, Result, SealedValue, ToolId};
use hearth_kit::{
    db::{OrDbError, Tx},
    vault::EncryptedValue,
};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::EnvvarStore;
use crate::envvar_key::EnvvarKey;

/// Number of values that one transaction re-encrypts.
pub const REENCRYPT_BATCH_SIZE: u64 = 200;

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "envvar")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        /// Job that owns the variable; empty for every job of the tool.
        #[sea_orm(primary_key, auto_increment = false)]
        pub job: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        /// True when the value is sealed to the runtime's key; otherwise a key of this service encrypts it.
        pub secret: bool,
        pub key_id: String,
        #[sea_orm(column_type = "Text")]
        pub ciphertext: String,
        /// Size in an environment, in bytes.
        pub size: i64,
        /// Time of the last change of the value.
        pub changed: DbTimestamp,
        /// Time of the first value; unknown in rows of release 0.1.0.
        pub created: Option<DbTimestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredValue {
    /// Encrypted value, which this service can open.
    Encrypted(EncryptedValue),
    /// Sealed value, which only the runtime can open.
    Sealed(SealedValue),
}

/// Stored variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEnvvar {
    pub key: EnvvarKey,
    pub value: StoredValue,
    pub size: usize,
    /// Time of the last change of the value.
    pub changed: Timestamp,
    /// Time of the first value; unknown in rows of release 0.1.0, and of former values.
    pub created: Option<Timestamp>,
}

impl StoredValue {
    /// Returns the columns `key_id` and `ciphertext`.
    pub fn to_columns(&self) -> (String, String) {
        match self {
            Self::Encrypted(EncryptedValue { key_id, token }) => (key_id.clone(), token.clone()),
            Self::Sealed(SealedValue { key, job: _, text }) => (key.clone(), text.clone()),
        }
    }
}

impl TryFrom<row::Model> for StoredEnvvar {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { tool_id, job, name, secret, key_id, ciphertext, size, changed, created } = row;
        let invalid_column =
            |column: &str| Error::internal(format!("the column {column} has an invalid value"));
        let key = EnvvarKey {
            tool: tool_id.parse().map_err(|_| invalid_column("envvar.tool_id"))?,
            job: match job.as_str() {
                "" => None,
                job => Some(job.parse().map_err(|_| invalid_column("envvar.job"))?),
            },
            name: name.parse().map_err(|_| invalid_column("envvar.name"))?,
        };
        let value = match secret {
            true => StoredValue::Sealed(SealedValue { key: key_id, job: key.job.clone(), text: ciphertext }),
            false => StoredValue::Encrypted(EncryptedValue { key_id, token: ciphertext }),
        };
        let size = usize::try_from(size).unwrap_or(0);
        Ok(Self { key, value, size, changed: changed.into(), created: created.map(Timestamp::from) })
    }
}

impl StoredEnvvar {
    /// True for a secret, whose value no call returns.
    pub fn is_secret(&self) -> bool {
        matches!(self.value, StoredValue::Sealed(_))
    }
}

impl EnvvarStore {
    /// Lists the variables of a tool and of its jobs, by name.
    pub async fn list(&self, tool: ToolId) -> Result<Vec<StoredEnvvar>> {
        select_by_tool(self.db.reader(), tool).await
    }

    /// Lists them within a transaction.
    pub async fn list_in(tx: &Tx, tool: ToolId) -> Result<Vec<StoredEnvvar>> {
        select_by_tool(&**tx, tool).await
    }

    /// Finds a variable.
    pub async fn find_envvar(&self, key: &EnvvarKey) -> Result<Option<StoredEnvvar>> {
        select_by_key(self.db.reader(), key).await
    }

    /// Finds a variable within a transaction.
    pub async fn find_in(&self, tx: &Tx, key: &EnvvarKey) -> Result<Option<StoredEnvvar>> {
        select_by_key(&**tx, key).await
    }

    /// Inserts a variable, or updates its value.
    pub async fn save_envvar(&self, tx: &Tx, stored: &StoredEnvvar, new: bool) -> Result<()> {
        let StoredEnvvar { key, value, size, changed, created } = stored;
        let (key_id, text) = value.to_columns();
        let (tool, job, name) = key.to_row_key();
        let row = row::ActiveModel {
            tool_id: Set(tool),
            job: Set(job),
            name: Set(name),
            secret: Set(stored.is_secret()),
            key_id: Set(key_id),
            ciphertext: Set(text),
            size: Set(i64::try_from(*size).unwrap_or(i64::MAX)),
            changed: Set((*changed).into()),
            created: Set(created.map(Into::into)),
        };
        if new {
            row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
        } else {
            row::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
        }
    }

    /// Deletes a variable.
    pub async fn delete(&self, tx: &Tx, key: &EnvvarKey) -> Result<()> {
        row::Entity::delete_by_id(key.to_row_key()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists some variables that another key than `key` of this service encrypts.
    pub async fn list_closed_by_other_keys(&self, key: &str) -> Result<Vec<EnvvarKey>> {
        let encrypted = row::Entity::find().filter(row::Column::Secret.eq(false));
        let query = encrypted.filter(row::Column::KeyId.ne(key)).limit(REENCRYPT_BATCH_SIZE);
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(|row| StoredEnvvar::try_from(row).map(|stored| stored.key)).collect()
    }
}

async fn select_by_tool(db: &impl ConnectionTrait, tool: ToolId) -> Result<Vec<StoredEnvvar>> {
    let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
    let rows = query.all(db).await.or_db_error()?;
    let mut all = rows.into_iter().map(StoredEnvvar::try_from).collect::<Result<Vec<_>>>()?;
    // Sorted here, because databases differ in the order of capitals.
    all.sort_by(|one, other| (&one.key.name, &one.key.job).cmp(&(&other.key.name, &other.key.job)));
    Ok(all)
}

async fn select_by_key(db: &impl ConnectionTrait, key: &EnvvarKey) -> Result<Option<StoredEnvvar>> {
    row::Entity::find_by_id(key.to_row_key())
        .one(db)
        .await
        .or_db_error()?
        .map(StoredEnvvar::try_from)
        .transpose()
}

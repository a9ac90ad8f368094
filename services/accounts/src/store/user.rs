//! People.

use hearth_base::{Cursor, EmailAddress, Error, Limit, Page, Result, UserId, UserName};
use hearth_kit::db::{OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::LockType,
};

use super::{
    Store,
    columns::{read, read_some, write_some},
};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "user")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub name: String,
        pub password_hash: String,
        pub operator: bool,
        pub disabled: bool,
        pub created: At,
        /// Where mail to them goes.
        pub email: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A person with an account.
#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    pub name: UserName,
    pub password_hash: String,
    pub operator: bool,
    pub disabled: bool,
    pub created: Timestamp,
    /// Where mail to them goes: for `notify`, and for themselves.
    pub email: Option<EmailAddress>,
}

impl TryFrom<row::Model> for User {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, name, password_hash, operator, disabled, created, email } = row;
        Ok(Self {
            id: read("user.id", &id)?,
            name: read("user.name", &name)?,
            password_hash,
            operator,
            disabled,
            created: created.into(),
            email: read_some("user.email", email.as_deref())?,
        })
    }
}

impl From<&User> for row::ActiveModel {
    fn from(user: &User) -> Self {
        let User { id, name, password_hash, operator, disabled, created, email } = user;
        Self {
            id: Set(id.to_string()),
            name: Set(name.to_string()),
            password_hash: Set(password_hash.clone()),
            operator: Set(*operator),
            disabled: Set(*disabled),
            created: Set((*created).into()),
            email: Set(write_some(email.as_ref())),
        }
    }
}

impl Store {
    /// A user by name.
    pub async fn user(&self, name: &UserName) -> Result<Option<User>> {
        let query = row::Entity::find().filter(row::Column::Name.eq(name.as_str()));
        query.one(self.db.reader()).await.or_fault()?.map(User::try_from).transpose()
    }

    /// A user by id.
    pub async fn user_by_id(&self, id: UserId) -> Result<Option<User>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_fault()?;
        found.map(User::try_from).transpose()
    }

    /// A user by name, to be changed: others wait until this change is through.
    pub async fn user_locked(&self, tx: &Tx, name: &UserName) -> Result<Option<User>> {
        let query = row::Entity::find().filter(row::Column::Name.eq(name.as_str())).lock(LockType::Update);
        query.one(&**tx).await.or_fault()?.map(User::try_from).transpose()
    }

    /// Adds a user; a taken name is refused.
    pub async fn user_add(&self, tx: &Tx, user: &User) -> Result<()> {
        let taken = || {
            Error::conflict("user-name-taken", format!("there is a user {} already", user.name))
                .help("choose another name")
        };
        let added = row::Entity::insert(row::ActiveModel::from(user)).exec_without_returning(&**tx).await;
        added.or_taken(taken).map(|_| ())
    }

    /// Writes a changed user.
    pub async fn user_save(&self, tx: &Tx, user: &User) -> Result<()> {
        row::Entity::update(row::ActiveModel::from(user)).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// How many users there are.
    pub async fn user_count(&self) -> Result<u64> {
        row::Entity::find().count(self.db.reader()).await.or_fault()
    }

    /// The operators who can sign in. Others wait until this change is through, so that two cannot each take
    /// the other for the one who stays.
    pub async fn operators_locked(&self, tx: &Tx) -> Result<Vec<UserId>> {
        let rows = row::Entity::find()
            .filter(row::Column::Operator.eq(true))
            .filter(row::Column::Disabled.eq(false))
            .order_by_asc(row::Column::Id)
            .lock(LockType::Update)
            .all(&**tx)
            .await
            .or_fault()?;
        rows.iter().map(|row| read("user.id", &row.id)).collect()
    }

    /// A user by id, to be changed: others wait until this change is through.
    pub async fn user_by_id_locked(&self, tx: &Tx, id: UserId) -> Result<Option<User>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_fault()?.map(User::try_from).transpose()
    }

    /// Users by name.
    pub async fn user_list(&self, limit: Limit, cursor: Option<&Cursor>) -> Result<Page<User>> {
        let mut query = row::Entity::find().order_by_asc(row::Column::Name);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Name.gt(cursor.key::<UserName>()?.as_str()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let users = rows.into_iter().map(User::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(users, limit, |user: &User| user.name.clone()))
    }
}

//! Table of users.

use hearth_base::{EmailAddress, Error, Page, PageCursor, PageLimit, Result, ToolRole, UserId, UserName};
use hearth_kit::db::{OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, SelectTwo, sea_query::LockType,
};

use super::{
    AccountStore,
    columns::{parse_column, parse_optional_column, to_optional_text},
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
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
        pub created: DbTimestamp,
        /// Mail address; unconfirmed when it differs from `confirmed_email`.
        pub email: Option<String>,
        /// Mail address whose code was entered.
        pub confirmed_email: Option<String>,
        /// Former mail address that waits for the notice of the change.
        pub former_email: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A user account.
#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    pub name: UserName,
    pub password_hash: String,
    pub operator: bool,
    pub disabled: bool,
    pub created: Timestamp,
    /// Mail address, visible to `notify` and to the user only.
    pub email: Option<EmailAddress>,
    /// Mail address whose code was entered. Mail is sent to `email` only when it is the same.
    pub confirmed_email: Option<EmailAddress>,
    /// Former mail address that waits for the notice of the change.
    pub former_email: Option<EmailAddress>,
}

impl TryFrom<row::Model> for User {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            name,
            password_hash,
            operator,
            disabled,
            created,
            email,
            confirmed_email,
            former_email,
        } = row;
        Ok(Self {
            id: parse_column("user.id", &id)?,
            name: parse_column("user.name", &name)?,
            password_hash,
            operator,
            disabled,
            created: created.into(),
            email: parse_optional_column("user.email", email.as_deref())?,
            confirmed_email: parse_optional_column("user.confirmed_email", confirmed_email.as_deref())?,
            former_email: parse_optional_column("user.former_email", former_email.as_deref())?,
        })
    }
}

impl From<&User> for row::ActiveModel {
    fn from(user: &User) -> Self {
        let User {
            id,
            name,
            password_hash,
            operator,
            disabled,
            created,
            email,
            confirmed_email,
            former_email,
        } = user;
        Self {
            id: Set(id.to_string()),
            name: Set(name.to_string()),
            password_hash: Set(password_hash.clone()),
            operator: Set(*operator),
            disabled: Set(*disabled),
            created: Set((*created).into()),
            email: Set(to_optional_text(email.as_ref())),
            confirmed_email: Set(to_optional_text(confirmed_email.as_ref())),
            former_email: Set(to_optional_text(former_email.as_ref())),
        }
    }
}

impl User {
    /// Returns the mail address, if its code was entered.
    pub fn verified_email(&self) -> Option<&EmailAddress> {
        self.email.as_ref().filter(|address| self.confirmed_email.as_ref() == Some(*address))
    }

    /// Returns true if the user, with this role on a tool, may own tokens and webhooks of it.
    pub fn may_own_tokens(&self, role: Option<ToolRole>) -> bool {
        !self.disabled && (self.operator || role >= Some(ToolRole::Maintainer))
    }
}

/// Reads a page of rows that are joined with their users, by the names of the users.
pub async fn read_page_by_user<E: EntityTrait, T>(
    db: &impl ConnectionTrait,
    mut query: SelectTwo<E, row::Entity>,
    (limit, cursor): (PageLimit, Option<&PageCursor>),
    convert: impl Fn(E::Model, UserName, row::Model) -> Result<T>,
) -> Result<Page<T>> {
    query = query.order_by_asc(row::Column::Name);
    if let Some(cursor) = cursor {
        query = query.filter(row::Column::Name.gt(cursor.parse_key::<UserName>()?.as_str()));
    }
    let rows = query.limit(u64::from(limit.get()) + 1).all(db).await.or_db_error()?;
    let rows = rows.into_iter().filter_map(|(row, user)| user.map(|user| (row, user)));
    let named = rows.map(|(row, user)| {
        let name: UserName = parse_column("user.name", &user.name)?;
        Ok((name.clone(), convert(row, name, user)?))
    });
    let page =
        Page::from_items(named.collect::<Result<_>>()?, limit, |(name, _): &(UserName, T)| name.clone());
    Ok(page.map(|(_, item)| item))
}

impl AccountStore {
    /// Finds a user by name.
    pub async fn find_user(&self, name: &UserName) -> Result<Option<User>> {
        let query = row::Entity::find().filter(row::Column::Name.eq(name.as_str()));
        query.one(self.db.reader()).await.or_db_error()?.map(User::try_from).transpose()
    }

    /// Finds a user by id.
    pub async fn find_user_by_id(&self, id: UserId) -> Result<Option<User>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(User::try_from).transpose()
    }

    /// Finds users by their ids.
    pub async fn find_users_by_id(&self, ids: impl IntoIterator<Item = UserId>) -> Result<Vec<User>> {
        let ids = ids.into_iter().map(|id| id.to_string());
        let query = row::Entity::find().filter(row::Column::Id.is_in(ids));
        query.all(self.db.reader()).await.or_db_error()?.into_iter().map(User::try_from).collect()
    }

    /// Finds a user by name and locks the row.
    pub async fn lock_user(&self, tx: &Tx, name: &UserName) -> Result<Option<User>> {
        let query = row::Entity::find().filter(row::Column::Name.eq(name.as_str())).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(User::try_from).transpose()
    }

    /// Inserts a user; fails with `user-name-taken`.
    pub async fn insert_user(&self, tx: &Tx, user: &User) -> Result<()> {
        let taken = || {
            Error::conflict("user-name-taken", format!("the name {} is taken by another user", user.name))
                .help("choose another name")
        };
        let added = row::Entity::insert(row::ActiveModel::from(user)).exec_without_returning(&**tx).await;
        added.or_unique_violation(taken).map(|_| ())
    }

    /// Updates a user.
    pub async fn update_user(&self, tx: &Tx, user: &User) -> Result<()> {
        row::Entity::update(row::ActiveModel::from(user)).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Counts the users.
    pub async fn count_users(&self) -> Result<u64> {
        row::Entity::find().count(self.db.reader()).await.or_db_error()
    }

    /// Lists the enabled operators and locks their rows, so that two concurrent changes cannot each leave the
    /// other as the last one.
    pub async fn lock_operators(&self, tx: &Tx) -> Result<Vec<UserId>> {
        let rows = row::Entity::find()
            .filter(row::Column::Operator.eq(true))
            .filter(row::Column::Disabled.eq(false))
            .order_by_asc(row::Column::Id)
            .lock(LockType::Update)
            .all(&**tx)
            .await
            .or_db_error()?;
        rows.iter().map(|row| parse_column("user.id", &row.id)).collect()
    }

    /// Lists the enabled operators, without a lock.
    pub async fn list_operators(&self, tx: &Tx) -> Result<Vec<UserId>> {
        let operators = row::Entity::find()
            .filter(row::Column::Operator.eq(true))
            .filter(row::Column::Disabled.eq(false))
            .order_by_asc(row::Column::Id);
        let rows = operators.all(&**tx).await.or_db_error()?;
        rows.iter().map(|row| parse_column("user.id", &row.id)).collect()
    }

    /// Finds a user by id and locks the row.
    pub async fn lock_user_by_id(&self, tx: &Tx, id: UserId) -> Result<Option<User>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(User::try_from).transpose()
    }

    /// Lists users by name.
    pub async fn list_users(&self, limit: PageLimit, cursor: Option<&PageCursor>) -> Result<Page<User>> {
        let mut query = row::Entity::find().order_by_asc(row::Column::Name);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Name.gt(cursor.parse_key::<UserName>()?.as_str()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let users = rows.into_iter().map(User::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(users, limit, |user: &User| user.name.clone()))
    }
}

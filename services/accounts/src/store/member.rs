//! Table of members of tools.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, ToolId, ToolRole, UserId, UserName};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use hearth_wire::accounts::internal::Recipient;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{
    AccountStore,
    columns::{parse_column, parse_optional_column},
    user,
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
        pub role: String,
        pub since: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::super::user::row::Entity",
            from = "Column::UserId",
            to = "super::super::user::row::Column::Id"
        )]
        User,
    }

    impl Related<super::super::user::row::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::User.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A user with a role on a tool.
#[derive(Debug, Clone)]
pub struct Member {
    pub user: UserName,
    pub role: ToolRole,
    pub since: Timestamp,
    /// True while the user has not accepted the role.
    pub is_offer: bool,
}

impl AccountStore {
    /// Finds the role of a user on a tool.
    pub async fn find_member_role(&self, tool: ToolId, user: UserId) -> Result<Option<ToolRole>> {
        let key = (tool.to_string(), user.to_string());
        let found = row::Entity::find_by_id(key).one(self.db.reader()).await.or_db_error()?;
        found.map(|row| parse_column("member.role", &row.role)).transpose()
    }

    /// Finds the role of a user on a tool, as seen within the transaction, under the tool's lock.
    pub async fn find_member_role_in(&self, tx: &Tx, tool: ToolId, user: UserId) -> Result<Option<ToolRole>> {
        let found =
            row::Entity::find_by_id((tool.to_string(), user.to_string())).one(&**tx).await.or_db_error()?;
        found.map(|row| parse_column("member.role", &row.role)).transpose()
    }

    /// Finds the roles of a user on these tools.
    pub async fn find_member_roles(&self, tools: &[ToolId], user: UserId) -> Result<Vec<(ToolId, ToolRole)>> {
        let rows = row::Entity::find()
            .filter(row::Column::UserId.eq(user.to_string()))
            .filter(row::Column::ToolId.is_in(tools.iter().map(ToString::to_string)))
            .all(self.db.reader())
            .await
            .or_db_error()?;
        rows.into_iter()
            .map(|row| {
                Ok((parse_column("member.tool_id", &row.tool_id)?, parse_column("member.role", &row.role)?))
            })
            .collect()
    }

    /// Inserts a member, or changes its role.
    pub async fn set_member(
        &self,
        tx: &Tx,
        tool: ToolId,
        user: UserId,
        role: ToolRole,
        since: Timestamp,
    ) -> Result<()> {
        let row = row::ActiveModel {
            tool_id: Set(tool.to_string()),
            user_id: Set(user.to_string()),
            role: Set(role.to_string()),
            since: Set(DbTimestamp::from(since)),
        };
        let update = OnConflict::columns([row::Column::ToolId, row::Column::UserId])
            .update_columns([row::Column::Role, row::Column::Since])
            .to_owned();
        row::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes a member.
    pub async fn remove_member(&self, tx: &Tx, tool: ToolId, user: UserId) -> Result<()> {
        let key = (tool.to_string(), user.to_string());
        row::Entity::delete_by_id(key).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes all members of a tool.
    pub async fn remove_all_members(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Counts the owners of a tool, as seen within the transaction.
    pub async fn count_owners(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Role.eq(ToolRole::Owner.name()))
            .count(&**tx)
            .await
            .or_db_error()
    }

    /// Finds the member who has been an owner of a tool for the longest time.
    pub async fn find_first_owner(&self, tool: ToolId) -> Result<Option<UserId>> {
        let first = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Role.eq(ToolRole::Owner.name()))
            .order_by_asc(row::Column::Since)
            .order_by_asc(row::Column::UserId)
            .one(self.db.reader())
            .await
            .or_db_error()?;
        first.map(|member| parse_column("member.user_id", &member.user_id)).transpose()
    }

    /// Counts the tools that a user owns, as seen within the transaction.
    pub async fn count_owned_tools(&self, tx: &Tx, user: UserId) -> Result<u64> {
        row::Entity::find()
            .filter(row::Column::UserId.eq(user.to_string()))
            .filter(row::Column::Role.eq(ToolRole::Owner.name()))
            .count(&**tx)
            .await
            .or_db_error()
    }

    /// Lists the members of a tool by name.
    pub async fn list_members(
        &self,
        tool: ToolId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Member>> {
        let query = row::Entity::find()
            .find_also_related(user::row::Entity)
            .filter(row::Column::ToolId.eq(tool.to_string()));
        let convert = |member: row::Model, user, _| {
            let role = parse_column("member.role", &member.role)?;
            Ok(Member { user, role, since: member.since.into(), is_offer: false })
        };
        user::read_page_by_user(self.db.reader(), query, (limit, cursor), convert).await
    }

    /// Lists the maintainers and owners of a tool who are enabled and have a confirmed mail address, by name.
    pub async fn list_recipients(
        &self,
        tool: ToolId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Recipient>> {
        let query = row::Entity::find()
            .find_also_related(user::row::Entity)
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Role.ne(ToolRole::Viewer.name()))
            .filter(user::row::Column::Disabled.eq(false))
            .filter(user::row::Column::Email.is_not_null())
            .filter(Expr::col(email_column()).equals(confirmed_email_column()));
        let convert = |_: row::Model, name, user: user::row::Model| {
            let address = parse_optional_column("user.email", user.email.as_deref())?;
            let address = address.ok_or_else(|| Error::internal("a recipient has no address"))?;
            Ok(Recipient { user: parse_column("user.id", &user.id)?, name, address })
        };
        user::read_page_by_user(self.db.reader(), query, (limit, cursor), convert).await
    }
}

/// The mail address of a user, in a query with several tables.
fn email_column() -> (user::row::Entity, user::row::Column) {
    (user::row::Entity, user::row::Column::Email)
}

/// The confirmed mail address of a user, in a query with several tables.
fn confirmed_email_column() -> (user::row::Entity, user::row::Column) {
    (user::row::Entity, user::row::Column::ConfirmedEmail)
}

#[cfg(test)]
mod tests {
    use hearth_kit::{config::HearthConfig, db::Db};
    use hearth_testkit::on_every_store;

    use super::*;
    use crate::context::test_context::{build_test_context, insert_maintainer};

    /// Release 0.1.0 stored addresses without a confirmation.
    async fn unconfirmed_address_of_an_earlier_release_gets_no_mail(db: Db) -> Result<()> {
        let (cx, _stand) = build_test_context(db, HearthConfig::default()).await?;
        let (mut user, tool) = insert_maintainer(&cx, Some("ann@example.org")).await?;
        let list = async || Ok(cx.store.list_recipients(tool.id, PageLimit::new(10)?, None).await?.items);
        assert_eq!((list().await?.len(), user.verified_email()), (0, None));
        user.confirmed_email = "ann@example.net".parse().ok();
        let tx = cx.store.begin().await?;
        cx.store.update_user(&tx, &user).await?;
        tx.commit().await?;
        assert_eq!((list().await?.len(), user.verified_email()), (0, None));
        user.confirmed_email = user.email.clone();
        let tx = cx.store.begin().await?;
        cx.store.update_user(&tx, &user).await?;
        tx.commit().await?;
        assert_eq!((list().await?.len(), user.verified_email()), (1, user.email.as_ref()));
        Result::Ok(())
    }

    on_every_store!(unconfirmed_address_of_an_earlier_release_gets_no_mail);
}

//! Who belongs to which tool, as what.

use hearth_base::{Cursor, Error, Limit, Page, Result, ToolId, ToolRole, UserId, UserName};
use hearth_kit::db::{At, OrFault, Tx};
use hearth_wire::accounts::internal::Recipient;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::{
    Store,
    columns::{read, read_some},
    user,
};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
        pub role: String,
        pub since: At,
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
}

impl Store {
    /// What a user is to a tool.
    pub async fn member_role(&self, tool: ToolId, user: UserId) -> Result<Option<ToolRole>> {
        let key = (tool.to_string(), user.to_string());
        let found = row::Entity::find_by_id(key).one(self.db.reader()).await.or_fault()?;
        found.map(|row| read("member.role", &row.role)).transpose()
    }

    /// What a user is to a tool, as a change sees it, under the tool's lock.
    pub async fn member_role_in(&self, tx: &Tx, tool: ToolId, user: UserId) -> Result<Option<ToolRole>> {
        let found =
            row::Entity::find_by_id((tool.to_string(), user.to_string())).one(&**tx).await.or_fault()?;
        found.map(|row| read("member.role", &row.role)).transpose()
    }

    /// What a user is to each of these tools.
    pub async fn member_roles(&self, tools: &[ToolId], user: UserId) -> Result<Vec<(ToolId, ToolRole)>> {
        let rows = row::Entity::find()
            .filter(row::Column::UserId.eq(user.to_string()))
            .filter(row::Column::ToolId.is_in(tools.iter().map(ToString::to_string)))
            .all(self.db.reader())
            .await
            .or_fault()?;
        rows.into_iter()
            .map(|row| Ok((read("member.tool_id", &row.tool_id)?, read("member.role", &row.role)?)))
            .collect()
    }

    /// Gives a user a role, in place of the one they had.
    pub async fn member_put(
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
            since: Set(At::from(since)),
        };
        let known = OnConflict::columns([row::Column::ToolId, row::Column::UserId])
            .update_columns([row::Column::Role, row::Column::Since])
            .to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Takes a user's role away.
    pub async fn member_remove(&self, tx: &Tx, tool: ToolId, user: UserId) -> Result<()> {
        let key = (tool.to_string(), user.to_string());
        row::Entity::delete_by_id(key).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Takes everybody's role away.
    pub async fn member_remove_all(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        all.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// How many owners a tool has, as a change sees it.
    pub async fn owner_count(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Role.eq(ToolRole::Owner.name()))
            .count(&**tx)
            .await
            .or_fault()
    }

    /// How many tools a user owns, as a change sees it.
    pub async fn owned_count(&self, tx: &Tx, user: UserId) -> Result<u64> {
        row::Entity::find()
            .filter(row::Column::UserId.eq(user.to_string()))
            .filter(row::Column::Role.eq(ToolRole::Owner.name()))
            .count(&**tx)
            .await
            .or_fault()
    }

    /// Members of a tool by name.
    pub async fn member_list(
        &self,
        tool: ToolId,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Member>> {
        let mut query = row::Entity::find()
            .find_also_related(user::row::Entity)
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_asc(user::row::Column::Name);
        if let Some(cursor) = cursor {
            query = query.filter(user::row::Column::Name.gt(cursor.key::<UserName>()?.as_str()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let members = rows.into_iter().filter_map(|(member, user)| user.map(|user| (member, user)));
        let members = members.map(|(member, user)| {
            let (name, role) = (read("user.name", &user.name)?, read("member.role", &member.role)?);
            Ok(Member { user: name, role, since: member.since.into() })
        });
        Ok(Page::cut(members.collect::<Result<_>>()?, limit, |member: &Member| member.user.clone()))
    }

    /// Those who may change what a tool runs, can sign in and have an address for mail, by name.
    pub async fn recipients(
        &self,
        tool: ToolId,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Recipient>> {
        let mut query = row::Entity::find()
            .find_also_related(user::row::Entity)
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Role.ne(ToolRole::Viewer.name()))
            .filter(user::row::Column::Disabled.eq(false))
            .filter(user::row::Column::Email.is_not_null())
            .order_by_asc(user::row::Column::Name);
        if let Some(cursor) = cursor {
            query = query.filter(user::row::Column::Name.gt(cursor.key::<UserName>()?.as_str()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let people = rows.into_iter().filter_map(|(_, user)| user);
        let recipients = people.map(|user| {
            let address = read_some("user.email", user.email.as_deref())?;
            let address = address.ok_or_else(|| Error::internal("a recipient without an address"))?;
            Ok(Recipient { user: read("user.id", &user.id)?, name: read("user.name", &user.name)?, address })
        });
        Ok(Page::cut(recipients.collect::<Result<_>>()?, limit, |recipient: &Recipient| {
            recipient.name.clone()
        }))
    }
}

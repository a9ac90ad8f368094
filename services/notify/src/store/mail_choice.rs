//! The table of members' choices of the event types that are mailed to them.

use std::collections::BTreeMap;

use hearth_base::{Result, ToolId, UserId};
use hearth_kit::db::{OrDbError, Tx};
use hearth_wire::notify::EventType;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};
use serde::{Deserialize, Serialize};

use super::{
    NotifyStore,
    columns::{parse_column, parse_json, to_json},
};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail_choice")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
        pub content: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A member's choice of the event types about a tool that are mailed to the member. Types that are in neither list are
/// newer than the choice, or of another release: their default applies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MailChoice {
    pub chosen: Vec<EventType>,
    pub declined: Vec<EventType>,
}

impl MailChoice {
    /// Builds the choice of exactly these types among those of this release.
    pub fn from_chosen_types(mut chosen: Vec<EventType>) -> Self {
        chosen.sort_unstable();
        chosen.dedup();
        let mut declined = EventType::list_mail_types();
        declined.retain(|known| !chosen.contains(known));
        Self { chosen, declined }
    }

    /// Returns whether events of this type are mailed. A notice of an earlier release has no type: it is mailed.
    pub fn includes_event(&self, event_type: Option<&EventType>) -> bool {
        let Some(event_type) = event_type else { return true };
        if self.chosen.contains(event_type) {
            return true;
        }
        !self.declined.contains(event_type) && event_type.is_mailed_by_default()
    }
}

impl NotifyStore {
    /// Lists the choices of members about a tool.
    pub async fn list_mail_choices(&self, tool: ToolId) -> Result<BTreeMap<UserId, MailChoice>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        let parse = |row: row::Model| {
            let user = parse_column("mail_choice.user_id", &row.user_id)?;
            Ok((user, parse_json("mail_choice.content", row.content)?))
        };
        rows.into_iter().map(parse).collect()
    }

    /// Finds the choice of a member about a tool; the default choice if there is none.
    pub async fn find_mail_choice(&self, tool: ToolId, user: UserId) -> Result<MailChoice> {
        let key = (tool.to_string(), user.to_string());
        let found = row::Entity::find_by_id(key).one(self.db.reader()).await.or_db_error()?;
        found.map_or(Ok(MailChoice::default()), |row| parse_json("mail_choice.content", row.content))
    }

    /// Saves the choice of a member about a tool.
    pub async fn save_mail_choice(
        &self,
        tx: &Tx,
        tool: ToolId,
        user: UserId,
        choice: &MailChoice,
    ) -> Result<()> {
        let row = row::ActiveModel {
            tool_id: Set(tool.to_string()),
            user_id: Set(user.to_string()),
            content: Set(to_json(choice)?),
        };
        let on_conflict = OnConflict::columns([row::Column::ToolId, row::Column::UserId])
            .update_column(row::Column::Content)
            .to_owned();
        row::Entity::insert(row)
            .on_conflict(on_conflict)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_that_is_newer_than_a_choice_follows_its_default() {
        let choice = MailChoice {
            chosen: vec![EventType::from_event("build.succeeded")],
            declined: vec![EventType::from_event("build.failed")],
        };
        let includes = |name: &str| choice.includes_event(Some(&EventType::from_event(name)));
        assert!(includes("build.succeeded") && !includes("build.failed"));
        assert!(includes("deployment.failed") && !includes("deployment.succeeded"));
        assert!(includes("backup.failed") && choice.includes_event(None));
    }

    #[test]
    fn choice_of_no_type_declines_every_known_type() {
        let choice = MailChoice::from_chosen_types(Vec::new());
        assert_eq!(choice.declined, EventType::list_mail_types());
        assert!(EventType::list_mail_types().iter().all(|known| !choice.includes_event(Some(known))));
    }
}

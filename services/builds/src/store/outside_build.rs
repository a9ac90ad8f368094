//! Table of builds that outside builders have, besides the table of builds.

use hearth_base::{BuildId, Error, OutsideBuilderId, Result, TokenId};
use hearth_kit::{
    db::{OrDbError, Tx},
    vault::EncryptedValue,
};
use hearth_wire::builds::BuildStatus;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::{
    BuildStore,
    columns::{parse_column, parse_optional_column, to_optional_text},
};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outside_build")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub build_id: String,
        pub builder_id: String,
        #[sea_orm(column_type = "Text")]
        pub plan: Option<String>,
        pub tries: i32,
        pub accepted: bool,
        pub token_id: Option<String>,
        pub key_id: Option<String>,
        #[sea_orm(column_type = "Text")]
        pub sealed_credential: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Builds that one query lists.
pub const OUTSIDE_BUILD_BATCH_SIZE: u64 = 200;

/// State of a build with an outside builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideBuild {
    pub build: BuildId,
    pub builder: OutsideBuilderId,
    /// Containerfile of the plan, from the request.
    pub plan: Option<String>,
    /// Announcements of this attempt that failed.
    pub tries: u32,
    /// True once the builder accepted the announcement of this attempt, or reported.
    pub accepted: bool,
    /// Credential of this attempt.
    pub token: Option<TokenId>,
    /// The credential's secret, until the announcement was accepted: a repeated announcement has the same.
    pub credential: Option<EncryptedValue>,
}

impl OutsideBuild {
    /// Prepares the first announcement of an attempt.
    pub fn begin_attempt(&mut self) {
        (self.tries, self.accepted, self.token, self.credential) = (0, false, None, None);
    }

    /// Records that the builder has the build: its credential is not sent again.
    pub fn mark_accepted(&mut self) {
        (self.accepted, self.credential) = (true, None);
    }
}

impl TryFrom<row::Model> for OutsideBuild {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { build_id, builder_id, plan, tries, accepted, token_id, key_id, sealed_credential } =
            row;
        Ok(Self {
            build: parse_column("outside_build.build_id", &build_id)?,
            builder: parse_column("outside_build.builder_id", &builder_id)?,
            plan,
            tries: u32::try_from(tries).unwrap_or(0),
            accepted,
            token: parse_optional_column("outside_build.token_id", token_id.as_deref())?,
            credential: key_id.zip(sealed_credential).map(|(key_id, token)| EncryptedValue { key_id, token }),
        })
    }
}

/// Chooses the status that is stored. Release 0.1.0 gives each build that waits or runs to a builder of this Hearth, so
/// the open builds of outside builders are stored with a status that it does not give out, and counts as ended.
pub(super) fn choose_stored_status(status: BuildStatus, is_outside: bool) -> BuildStatus {
    match status {
        BuildStatus::BuildPending | BuildStatus::BuildRunning if is_outside => BuildStatus::BuildUnknown,
        status => status,
    }
}

/// Reads a stored status: the opposite of [`choose_stored_status`].
pub(super) fn read_status(stored: BuildStatus, has_started: bool, is_outside: bool) -> BuildStatus {
    match stored {
        BuildStatus::BuildUnknown if is_outside && has_started => BuildStatus::BuildRunning,
        BuildStatus::BuildUnknown if is_outside => BuildStatus::BuildPending,
        stored => stored,
    }
}

impl BuildStore {
    /// Inserts or updates the state of a build with an outside builder.
    pub async fn save_outside_build(&self, tx: &Tx, outside: &OutsideBuild) -> Result<()> {
        let OutsideBuild { build, builder, plan, tries, accepted, token, credential } = outside;
        let row = row::ActiveModel {
            build_id: Set(build.to_string()),
            builder_id: Set(builder.to_string()),
            plan: Set(plan.clone()),
            tries: Set(i32::try_from(*tries).unwrap_or(i32::MAX)),
            accepted: Set(*accepted),
            token_id: Set(to_optional_text(token.as_ref())),
            key_id: Set(credential.as_ref().map(|sealed| sealed.key_id.clone())),
            sealed_credential: Set(credential.as_ref().map(|sealed| sealed.token.clone())),
        };
        let replace = OnConflict::column(row::Column::BuildId)
            .update_columns([
                row::Column::Tries,
                row::Column::Accepted,
                row::Column::TokenId,
                row::Column::KeyId,
                row::Column::SealedCredential,
            ])
            .to_owned();
        let insert = row::Entity::insert(row).on_conflict(replace);
        insert.exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds the state of a build with an outside builder.
    pub async fn find_outside_build(&self, id: BuildId) -> Result<Option<OutsideBuild>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(OutsideBuild::try_from).transpose()
    }

    /// Finds the state of a build with an outside builder, and locks its row. The build is locked before.
    pub async fn lock_outside_build(&self, tx: &Tx, id: BuildId) -> Result<Option<OutsideBuild>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(OutsideBuild::try_from).transpose()
    }

    /// Lists the builds that an outside builder has, by their ids from the one after `after` on: at most
    /// [`OUTSIDE_BUILD_BATCH_SIZE`].
    pub async fn list_builds_of_outside_builder(
        &self,
        builder: OutsideBuilderId,
        after: Option<BuildId>,
    ) -> Result<Vec<BuildId>> {
        let mut query = select_build_ids().filter(row::Column::BuilderId.eq(builder.to_string()));
        if let Some(after) = after {
            query = query.filter(row::Column::BuildId.gt(after.to_string()));
        }
        let ids: Vec<String> = query.into_tuple().all(self.db.reader()).await.or_db_error()?;
        ids.iter().map(|id| parse_column("outside_build.build_id", id)).collect()
    }

    /// Lists the ids of the keys that sealed credentials.
    pub async fn list_credential_key_ids(&self) -> Result<Vec<String>> {
        let query = row::Entity::find()
            .select_only()
            .column(row::Column::KeyId)
            .filter(row::Column::KeyId.is_not_null())
            .distinct();
        query.into_tuple().all(self.db.reader()).await.or_db_error()
    }

    /// Lists builds whose credentials were sealed by another key than `current`: at most
    /// [`OUTSIDE_BUILD_BATCH_SIZE`].
    pub async fn list_builds_sealed_with_other_keys(&self, current: &str) -> Result<Vec<BuildId>> {
        let query = select_build_ids().filter(row::Column::KeyId.ne(current));
        let ids: Vec<String> = query.into_tuple().all(self.db.reader()).await.or_db_error()?;
        ids.iter().map(|id| parse_column("outside_build.build_id", id)).collect()
    }

    /// Deletes the state of builds with outside builders.
    pub async fn delete_outside_builds(&self, tx: &Tx, builds: &[BuildId]) -> Result<()> {
        let ids = builds.iter().map(ToString::to_string);
        let delete = row::Entity::delete_many().filter(row::Column::BuildId.is_in(ids));
        delete.exec(&**tx).await.or_db_error().map(|_| ())
    }
}

fn select_build_ids() -> sea_orm::Select<row::Entity> {
    row::Entity::find()
        .select_only()
        .column(row::Column::BuildId)
        .order_by_asc(row::Column::BuildId)
        .limit(OUTSIDE_BUILD_BATCH_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_builds_of_outside_builders_are_stored_as_unknown_and_read_back() {
        let (pending, running) = (BuildStatus::BuildPending, BuildStatus::BuildRunning);
        for (status, has_started) in [(pending, false), (running, true)] {
            let stored = choose_stored_status(status, true);
            assert_eq!(stored, BuildStatus::BuildUnknown);
            assert_eq!(read_status(stored, has_started, true), status);
            assert_eq!(choose_stored_status(status, false), status);
        }
        let ended = BuildStatus::BuildSuccess;
        assert_eq!(read_status(choose_stored_status(ended, true), true, true), ended);
    }
}

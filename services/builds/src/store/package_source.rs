//! Tables of package sources, and of the tools to which they are granted.

use hearth_base::{Error, PackageSourceName, Result, ToolId, ToolRequestId};
use hearth_kit::db::{
    DbTimestamp, MigrationName, MigrationTrait, OrDbError, SchemaManager, Tx,
    schema::{big_integer, boolean, build_index, string, string_null, text},
};
use hearth_wire::builds::PackageSourceAccess;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Index, LockType, OnConflict, Query, Table},
};

use super::{
    BuildStore,
    columns::{parse_column, parse_enum, parse_optional_column, to_enum_text, to_optional_text},
};

mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "package_source")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub file: String,
        pub key_text: String,
        pub access: String,
        pub overrides_debian: bool,
        pub created: DbTimestamp,
        pub updated: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod grant_row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "package_source_grant")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub source: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        /// False when it was taken from the tool: the row keeps the last request.
        pub is_active: bool,
        /// The last accepted request of the tool for this source that was applied.
        pub request_id: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A package source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPackageSource {
    pub name: PackageSourceName,
    /// File in the deb822 form, without a key.
    pub file: String,
    /// OpenPGP key in ASCII armor.
    pub key: String,
    pub access: PackageSourceAccess,
    pub overrides_debian: bool,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// Grant of a package source to a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceGrant {
    pub source: PackageSourceName,
    pub tool: ToolId,
    /// False when it was taken from the tool.
    pub is_active: bool,
    /// The last accepted request of the tool for this source that was applied.
    pub request: Option<ToolRequestId>,
}

impl TryFrom<row::Model> for StoredPackageSource {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { name, file, key_text, access, overrides_debian, created, updated } = row;
        Ok(Self {
            name: parse_column("package_source.name", &name)?,
            file,
            key: key_text,
            access: parse_enum("package_source.access", access)?,
            overrides_debian,
            created: created.into(),
            updated: updated.into(),
        })
    }
}

impl BuildStore {
    /// Inserts a package source, or replaces all of it but the time of its creation.
    pub async fn save_package_source(&self, tx: &Tx, source: &StoredPackageSource) -> Result<()> {
        let StoredPackageSource { name, file, key, access, overrides_debian, created, updated } = source;
        let row = row::ActiveModel {
            name: Set(name.to_string()),
            file: Set(file.clone()),
            key_text: Set(key.clone()),
            access: Set(to_enum_text(access)?),
            overrides_debian: Set(*overrides_debian),
            created: Set(DbTimestamp::from(*created)),
            updated: Set(DbTimestamp::from(*updated)),
        };
        let update = OnConflict::column(row::Column::Name)
            .update_columns([
                row::Column::File,
                row::Column::KeyText,
                row::Column::Access,
                row::Column::OverridesDebian,
                row::Column::Updated,
            ])
            .to_owned();
        row::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Finds a package source.
    pub async fn find_package_source(&self, name: &PackageSourceName) -> Result<Option<StoredPackageSource>> {
        let query = row::Entity::find_by_id(name.as_str());
        query.one(self.db.reader()).await.or_db_error()?.map(StoredPackageSource::try_from).transpose()
    }

    /// Finds a package source and locks its row.
    pub async fn lock_package_source(
        &self,
        tx: &Tx,
        name: &PackageSourceName,
    ) -> Result<Option<StoredPackageSource>> {
        let query = row::Entity::find_by_id(name.as_str()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(StoredPackageSource::try_from).transpose()
    }

    /// Lists all package sources by name.
    pub async fn list_package_sources(&self) -> Result<Vec<StoredPackageSource>> {
        let query = row::Entity::find().order_by_asc(row::Column::Name);
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(StoredPackageSource::try_from).collect()
    }

    /// Lists the package sources that the builds of a tool get, by name.
    pub async fn list_tool_package_sources(&self, tool: ToolId) -> Result<Vec<StoredPackageSource>> {
        let granted = Query::select()
            .column(grant_row::Column::Source)
            .from(grant_row::Entity)
            .and_where(grant_row::Column::ToolId.eq(tool.to_string()))
            .and_where(grant_row::Column::IsActive.eq(true))
            .to_owned();
        let usable = Condition::any()
            .add(row::Column::Access.eq(to_enum_text(&PackageSourceAccess::All)?))
            .add(row::Column::Name.in_subquery(granted));
        let query = row::Entity::find().filter(usable).order_by_asc(row::Column::Name);
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(StoredPackageSource::try_from).collect()
    }

    /// Counts the package sources.
    pub async fn count_package_sources(&self, tx: &Tx) -> Result<u64> {
        row::Entity::find().count(&**tx).await.or_db_error()
    }

    /// Counts the tools to which a package source is granted.
    pub async fn count_source_grants(&self, name: &PackageSourceName) -> Result<u64> {
        let query = grant_row::Entity::find()
            .filter(grant_row::Column::Source.eq(name.as_str()))
            .filter(grant_row::Column::IsActive.eq(true));
        query.count(self.db.reader()).await.or_db_error()
    }

    /// Deletes a package source and its grants: a later source of the same name begins without any.
    pub async fn delete_package_source(&self, tx: &Tx, name: &PackageSourceName) -> Result<()> {
        let grants = grant_row::Entity::delete_many().filter(grant_row::Column::Source.eq(name.as_str()));
        grants.exec(&**tx).await.or_db_error()?;
        row::Entity::delete_by_id(name.as_str()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds a grant, under the lock of its source.
    pub async fn find_source_grant(
        &self,
        tx: &Tx,
        source: &PackageSourceName,
        tool: ToolId,
    ) -> Result<Option<SourceGrant>> {
        let key = (source.to_string(), tool.to_string());
        let found = grant_row::Entity::find_by_id(key).one(&**tx).await.or_db_error()?;
        let Some(grant_row::Model { source, tool_id, is_active, request_id }) = found else {
            return Ok(None);
        };
        Ok(Some(SourceGrant {
            source: parse_column("package_source_grant.source", &source)?,
            tool: parse_column("package_source_grant.tool_id", &tool_id)?,
            is_active,
            request: parse_optional_column("package_source_grant.request_id", request_id.as_deref())?,
        }))
    }

    /// Inserts or replaces a grant, under the lock of its source.
    pub async fn save_source_grant(&self, tx: &Tx, grant: &SourceGrant) -> Result<()> {
        let SourceGrant { source, tool, is_active, request } = grant;
        let row = grant_row::ActiveModel {
            source: Set(source.to_string()),
            tool_id: Set(tool.to_string()),
            is_active: Set(*is_active),
            request_id: Set(to_optional_text(request.as_ref())),
        };
        let update = OnConflict::columns([grant_row::Column::Source, grant_row::Column::ToolId])
            .update_columns([grant_row::Column::IsActive, grant_row::Column::RequestId])
            .to_owned();
        grant_row::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes the grants of a deleted tool.
    pub async fn delete_tool_grants(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let grants = grant_row::Entity::delete_many().filter(grant_row::Column::ToolId.eq(tool.to_string()));
        grants.exec(&**tx).await.or_db_error().map(|_| ())
    }
}

/// Migration that creates the tables. It is never changed after a release.
pub struct CreatePackageSources;

impl MigrationName for CreatePackageSources {
    fn name(&self) -> &str {
        "0005_package_sources"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreatePackageSources {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let source = Table::create()
            .table("package_source")
            .col(string("name").primary_key())
            .col(text("file"))
            .col(text("key_text"))
            .col(string("access"))
            .col(boolean("overrides_debian"))
            .col(big_integer("created"))
            .col(big_integer("updated"))
            .to_owned();
        let grant = Table::create()
            .table("package_source_grant")
            .col(string("source"))
            .col(string("tool_id"))
            .col(boolean("is_active"))
            .col(string_null("request_id"))
            .primary_key(Index::create().col("source").col("tool_id"))
            .to_owned();
        for table in [source, grant] {
            manager.create_table(table).await?;
        }
        let index = build_index("package_source_grant_tool_id", "package_source_grant", &["tool_id"]);
        manager.create_index(index).await
    }
}

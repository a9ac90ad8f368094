//! The rows, a module for each table.

/// A repository: `owner` is a tool's id or `hearth`. Locked by whatever changes what is in it.
pub mod repository {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "repository")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub owner: String,
        pub tool_name: String,
        pub name: String,
        pub updated: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A manifest in a repository; `since` is when it was last pushed, untagged or given up.
pub mod manifest {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "manifest")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub repository_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub media_type: String,
        pub content: Vec<u8>,
        pub since: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What a manifest needs: blobs, or in an index other manifests.
pub mod reference {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reference")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub repository_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub manifest: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A name for a manifest.
pub mod tag {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tag")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub repository_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub digest: String,
        pub updated: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A blob that a repository has; `since` is when it was last brought or asked after.
pub mod link {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "link")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub repository_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub since: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Where a blob's content is. Locked by whatever links it, and by what deletes it.
pub mod content {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "content")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub blob_id: String,
        pub size: i64,
        pub since: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Somebody relies on a manifest.
pub mod pin {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "pin")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub holder: String,
        pub tool_id: String,
        pub digest: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A blob on its way in.
pub mod upload {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "upload")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub repository_id: String,
        pub size: i64,
        pub touched: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A part of an upload that has arrived.
pub mod part {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "part")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub blob_id: String,
        pub upload_id: String,
        pub number: i32,
        pub size: i64,
        pub digest: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Content that nothing leads to any more.
pub mod rubbish {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rubbish")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub blob_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

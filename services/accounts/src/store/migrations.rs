//! Migrations of the tables. A released migration never changes, so its columns are written out here instead
//! of taken from the entities, which change.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, big_integer_null, boolean, integer, json, json_null, string, string_null},
};
use hearth_kit::db::{events::CreateEvents, queue::CreateQueue};
use sea_orm::{
    DbErr,
    sea_query::{Index, Table, TableCreateStatement},
};

use super::{deploy_token::CreateDeployTokens, tool_request_migration::CreateToolRequests};

/// All migrations, oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateEvents),
        Box::new(CreateQueue),
        Box::new(CreateAccounts),
        Box::new(AddConsentAndRecovery),
        Box::new(AddRecoveryOrigin),
        Box::new(AddLaterFinalizers),
        Box::new(AddBuildGrants),
        Box::new(CreateToolRequests),
        Box::new(CreateDeployTokens),
    ]
}

/// Grants of the credentials of builds.
struct AddBuildGrants;

impl MigrationName for AddBuildGrants {
    fn name(&self) -> &str {
        "0005_build_grants"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddBuildGrants {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("run_token", json_null("build")).await
    }
}

/// Finalizers of services that release 0.1.0 does not know: it would not read the table `finalizer` any more.
struct AddLaterFinalizers;

impl MigrationName for AddLaterFinalizers {
    fn name(&self) -> &str {
        "0004_later_finalizers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddLaterFinalizers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(create_finalizer_table("later_finalizer")).await
    }
}

/// Origins of recovery codes, and former mail addresses that wait for the notice of a change.
struct AddRecoveryOrigin;

impl MigrationName for AddRecoveryOrigin {
    fn name(&self) -> &str {
        "0003_recovery_origin"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddRecoveryOrigin {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("recovery_code", string_null("origin")).await?;
        manager.add_column("user", string_null("former_email")).await
    }
}

/// Attempt counters, devices, recovery and mail codes, offers of memberships, and what refused changes,
/// suspended tokens and tombstones need. The table `sign_in_attempt` of release 0.1.0 is no longer used.
struct AddConsentAndRecovery;

impl MigrationName for AddConsentAndRecovery {
    fn name(&self) -> &str {
        "0002_consent_and_recovery"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddConsentAndRecovery {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            create_attempt_counter_table(),
            create_device_table(),
            create_recovery_code_table(),
            create_email_code_table(),
            create_member_offer_table(),
        ] {
            manager.create_table(table).await?;
        }
        manager.add_column("user", string_null("confirmed_email")).await?;
        manager.add_column("tool", big_integer_null("name_released_at")).await?;
        manager.add_column("token", big_integer_null("suspended_at")).await?;
        manager.add_column("audit", string_null("refused")).await?;
        manager.add_column("audit", string_null("client")).await?;
        for (table, column) in [
            ("attempt_counter", "last_attempt_at"),
            ("device", "user_id"),
            ("device", "expires"),
            ("recovery_code", "user_id"),
            ("recovery_code", "expires"),
            ("email_code", "expires"),
            ("member_offer", "user_id"),
            ("member_offer", "expires"),
            ("tool", "name"),
            ("audit", "at"),
        ] {
            let name = format!("{table}_{column}");
            manager.create_index(Index::create().name(name).table(table).col(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn create_attempt_counter_table() -> TableCreateStatement {
    Table::create()
        .table("attempt_counter")
        .col(string("counter").primary_key())
        .col(integer("attempts"))
        .col(big_integer("last_attempt_at"))
        .to_owned()
}

fn create_device_table() -> TableCreateStatement {
    Table::create()
        .table("device")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(string("user_id"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .to_owned()
}

fn create_recovery_code_table() -> TableCreateStatement {
    Table::create()
        .table("recovery_code")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(string("user_id"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .to_owned()
}

fn create_email_code_table() -> TableCreateStatement {
    Table::create()
        .table("email_code")
        .col(string("user_id").primary_key())
        .col(string("address"))
        .col(string("hash"))
        .col(big_integer("expires"))
        .to_owned()
}

fn create_member_offer_table() -> TableCreateStatement {
    Table::create()
        .table("member_offer")
        .col(string("tool_id"))
        .col(string("user_id"))
        .col(string("role"))
        .col(string_null("offered_by"))
        .col(big_integer("offered"))
        .col(big_integer("expires"))
        .primary_key(Index::create().col("tool_id").col("user_id"))
        .to_owned()
}

struct CreateAccounts;

impl MigrationName for CreateAccounts {
    fn name(&self) -> &str {
        "0001_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateAccounts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            create_user_table(),
            create_attempt_table(),
            create_session_table(),
            create_token_table(),
            create_invitation_table(),
            create_tool_table(),
            create_member_table(),
            create_quota_table(),
            create_finalizer_table("finalizer"),
            create_audit_table(),
            create_mandate_table(),
            create_run_token_table(),
        ] {
            manager.create_table(table).await?;
        }
        for (table, column) in [
            ("session", "user_id"),
            ("session", "expires"),
            ("token", "user_id"),
            ("token", "tool_id"),
            ("invitation", "expires"),
            ("member", "user_id"),
            ("audit", "tool_id"),
            ("mandate", "user_id"),
            ("mandate", "parent"),
            ("mandate", "expires"),
            ("run_token", "tool_id"),
            ("run_token", "expires"),
        ] {
            let name = format!("{table}_{column}");
            manager.create_index(Index::create().name(name).table(table).col(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn create_user_table() -> TableCreateStatement {
    Table::create()
        .table("user")
        .col(string("id").primary_key())
        .col(string("name").unique_key())
        .col(string_null("email"))
        .col(string("password_hash"))
        .col(boolean("operator"))
        .col(boolean("disabled"))
        .col(big_integer("created"))
        .to_owned()
}

fn create_attempt_table() -> TableCreateStatement {
    Table::create()
        .table("sign_in_attempt")
        .col(string("name").primary_key())
        .col(integer("count"))
        .col(big_integer("last_attempt"))
        .to_owned()
}

fn create_session_table() -> TableCreateStatement {
    Table::create()
        .table("session")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(string("user_id"))
        .col(big_integer("last_used"))
        .col(big_integer("expires"))
        .to_owned()
}

fn create_token_table() -> TableCreateStatement {
    Table::create()
        .table("token")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(string("user_id"))
        .col(string_null("tool_id"))
        .col(string("label"))
        .col(json("scopes"))
        .col(big_integer("created"))
        .col(big_integer_null("last_used"))
        .col(big_integer_null("expires"))
        .to_owned()
}

fn create_invitation_table() -> TableCreateStatement {
    Table::create()
        .table("invitation")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(boolean("operator"))
        .col(boolean("is_setup"))
        .col(string_null("maker"))
        .col(string("note"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .to_owned()
}

fn create_tool_table() -> TableCreateStatement {
    Table::create()
        .table("tool")
        .col(string("id").primary_key())
        .col(string("name"))
        .col(string_null("reserved_name").unique_key())
        .col(string("description"))
        .col(boolean("deleting"))
        .col(big_integer("created"))
        .to_owned()
}

fn create_member_table() -> TableCreateStatement {
    Table::create()
        .table("member")
        .col(string("tool_id"))
        .col(string("user_id"))
        .col(string("role"))
        .col(big_integer("since"))
        .primary_key(Index::create().col("tool_id").col("user_id"))
        .to_owned()
}

fn create_quota_table() -> TableCreateStatement {
    Table::create().table("quota").col(string("tool_id").primary_key()).col(json("changes")).to_owned()
}

fn create_finalizer_table(name: &'static str) -> TableCreateStatement {
    Table::create()
        .table(name)
        .col(string("tool_id"))
        .col(string("service"))
        .primary_key(Index::create().col("tool_id").col("service"))
        .to_owned()
}

fn create_audit_table() -> TableCreateStatement {
    Table::create()
        .table("audit")
        .col(string("id").primary_key())
        .col(big_integer("at"))
        .col(string("who"))
        .col(string("action"))
        .col(string_null("tool_id"))
        .col(string_null("tool_name"))
        .col(string("subject"))
        .col(string("request_id"))
        .to_owned()
}

fn create_mandate_table() -> TableCreateStatement {
    Table::create()
        .table("mandate")
        .col(string("id").primary_key())
        .col(string("holder"))
        .col(string("tool_id"))
        .col(string_null("user_id"))
        .col(string_null("token_id"))
        .col(string_null("session_id"))
        .col(string_null("parent"))
        .col(json("scopes"))
        .col(string("cause"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .col(big_integer_null("ended"))
        .to_owned()
}

fn create_run_token_table() -> TableCreateStatement {
    Table::create()
        .table("run_token")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(string("tool_id"))
        .col(string("service"))
        .col(json("scopes"))
        .col(string("cause"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .to_owned()
}

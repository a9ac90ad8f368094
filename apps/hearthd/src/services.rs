//! The table of services. A new service is one line.

use hearth_kit::{Service, config::Section};

/// All services, in start order.
pub const ALL_SERVICES: &[Service] = &[
    hearth_accounts::ACCOUNTS_SERVICE,
    hearth_images::IMAGES_SERVICE,
    hearth_logs::LOGS_SERVICE,
    hearth_envvars::ENVVARS_SERVICE,
    hearth_jobs::JOBS_SERVICE,
    hearth_storage::STORAGE_SERVICE,
    hearth_builds::BUILDS_SERVICE,
    hearth_builder::BUILDER_SERVICE,
    hearth_components::COMPONENTS_SERVICE,
    hearth_notify::NOTIFY_SERVICE,
    hearth_edge::EDGE_SERVICE,
    hearth_gateway::GATEWAY_SERVICE,
];

/// The configuration sections of all services, including those that this process does not run.
pub fn setting_sections() -> Vec<Section> {
    ALL_SERVICES.iter().filter_map(|service| service.settings).collect()
}

#[cfg(test)]
mod tests {
    use hearth_base::{Result, Role};
    use hearth_kit::db::{forget_migrations, migrate};
    use hearth_testkit::{DatabaseKind, ScratchDatabase};

    use super::*;
    use crate::commands::openapi::build_unconnected_kit;

    /// Runs the migrations of every service, each in a separate database.
    async fn migrate_every_service(store: DatabaseKind) -> Result<()> {
        for service in ALL_SERVICES.iter().filter(|service| service.has_database) {
            let migrations = (service.mount)(&build_unconnected_kit(service.role)?)?.migrations;
            let db = ScratchDatabase::new(store).await?.db();
            migrate(&db, migrations).await?;
            forget_migrations(&db).await?;
            let repeated = migrate(&db, migrations).await;
            assert!(repeated.is_ok(), "{}: {repeated:?}", service.role);
        }
        Ok(())
    }

    #[tokio::test]
    async fn migrations_of_every_service_may_be_repeated_on_postgres() -> Result<()> {
        migrate_every_service(DatabaseKind::Postgres).await
    }

    #[tokio::test]
    async fn migrations_of_every_service_run_on_mariadb_and_may_be_repeated() -> Result<()> {
        migrate_every_service(DatabaseKind::MariaDb).await
    }

    #[test]
    fn every_role_is_a_service_in_the_order_of_roles() {
        let roles: Vec<Role> = ALL_SERVICES.iter().map(|service| service.role).collect();
        assert_eq!(roles, Role::ALL);
    }

    #[test]
    fn a_section_belongs_to_one_service() {
        let mut names: Vec<&str> = setting_sections().iter().map(Section::name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

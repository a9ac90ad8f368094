//! `hearthd openapi`: prints the OpenAPI document, without a database or network access.

use std::{collections::BTreeMap, sync::Arc};

use hearth_base::{Clock, Entropy, Error, KeyRing, ProcessInstanceId, Result, Role, RoleKey, SystemClock};
use hearth_client::{LocalSlot, Transport};
use hearth_kit::{
    Kit, ServiceClients, config::HearthConfig, db::Db, spec, state::StateFolder, tasks::BackgroundTasks,
    telemetry::ServiceMetrics,
};
use serde_json::Value;

use crate::{cli::OpenapiArgs, console, services::ALL_SERVICES};

/// Prints the document.
pub fn run(args: &OpenapiArgs) -> Result<()> {
    let role = args.service.as_deref().map(str::parse::<Role>).transpose()?;
    let documents = ALL_SERVICES
        .iter()
        .filter(|service| role.is_none_or(|role| role == service.role))
        .map(|service| {
            let mounted = (service.mount)(&build_unconnected_kit(service.role)?)?;
            serde_json::to_value(&mounted.spec).map_err(Error::internal)
        })
        .collect::<Result<Vec<Value>>>()?;
    let document = spec::merge_documents(documents)?;
    console::print_result(serde_json::to_string_pretty(&document).map_err(Error::internal)?);
    Ok(())
}

/// Builds a kit without connections, sufficient to read a service's routes.
pub fn build_unconnected_kit(role: Role) -> Result<Kit> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let key = RoleKey::generate_for_role(role)?;
    let transports: BTreeMap<_, _> =
        Role::ALL.iter().map(|role| (*role, Transport::Local(LocalSlot::default()))).collect();
    Ok(Kit {
        role,
        config: Arc::new(HearthConfig::default()),
        state: StateFolder::without_folder(),
        life: ProcessInstanceId::new(clock.now(), &Entropy::System),
        clients: ServiceClients::new(Arc::new(transports), key.clone(), clock.clone()),
        clock,
        entropy: Arc::default(),
        key,
        key_ring: Arc::new(KeyRing::default()),
        tasks: BackgroundTasks::new(),
        metrics: ServiceMetrics::new(role),
        db: Some(Db::without_connection()),
    })
}

//! `hearthd openapi`: the API's document, made without a database and without listening.

use std::{collections::BTreeMap, sync::Arc};

use hearth_base::{Clock, Entropy, Error, KeyRing, LifeId, Result, Role, RoleKey, SystemClock};
use hearth_client::{Local, Transport};
use hearth_kit::{
    Clients, Kit, config::Config, db::Db, spec, state::StateFolder, tasks::Tasks, telemetry::Metrics,
};
use serde_json::Value;

use crate::{cli::Openapi, out, services::SERVICES};

/// Prints the document.
pub fn run(openapi: &Openapi) -> Result<()> {
    let wanted = openapi.service.as_deref().map(str::parse::<Role>).transpose()?;
    let documents = SERVICES
        .iter()
        .filter(|service| wanted.is_none_or(|wanted| wanted == service.role))
        .map(|service| {
            let mounted = (service.mount)(&unconnected(service.role)?)?;
            serde_json::to_value(&mounted.spec).map_err(Error::internal)
        })
        .collect::<Result<Vec<Value>>>()?;
    let document = spec::merge(documents)?;
    out::result(serde_json::to_string_pretty(&document).map_err(Error::internal)?);
    Ok(())
}

/// A kit that is good for looking at a service's routes.
pub fn unconnected(role: Role) -> Result<Kit> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let key = RoleKey::generate(role)?;
    let transports: BTreeMap<_, _> =
        Role::ALL.iter().map(|role| (*role, Transport::Local(Local::default()))).collect();
    Ok(Kit {
        role,
        config: Arc::new(Config::default()),
        state: StateFolder::nowhere(),
        life: LifeId::new(clock.now(), &Entropy::System),
        clients: Clients::new(Arc::new(transports), key.clone(), clock.clone()),
        clock,
        entropy: Arc::default(),
        key,
        ring: Arc::new(KeyRing::default()),
        tasks: Tasks::new(),
        metrics: Metrics::new(role),
        db: Some(Db::unconnected()),
    })
}

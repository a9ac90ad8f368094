//! Plans of deployments of several components.

use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::components::{DeploymentPlanQuery, PlannedAction, PlannedComponent};
use serde_json::json;

use crate::{
    fixture::{ComponentsFixture, start_components},
    several::{FIVE_COMPONENTS, build_config_deployment, deploy_config, list_jobs, start_with_exit_status},
};

/// Plans the deployment of a configuration as its maintainer.
async fn plan_config(fixture: &ComponentsFixture, config: &str) -> Result<Vec<PlannedComponent>> {
    let create = build_config_deployment(config);
    let calls = fixture.maintainer.components();
    let plan = calls.plan_deployment(&fixture.tool, &create, &DeploymentPlanQuery::default()).await?;
    Ok(plan.data.components)
}

async fn plan_lists_each_change_and_changes_nothing(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    let all = plan_config(&fixture, FIVE_COMPONENTS).await?;
    let actions: Vec<_> = all.iter().map(|planned| (planned.name.as_str(), planned.action)).collect();
    let created = ["files", "tick", "web", "worker"].map(|name| (name, PlannedAction::Create));
    assert!(created.iter().all(|created| actions.contains(created)), "{actions:?}");
    assert!(actions.contains(&("migrate", PlannedAction::Run)), "{actions:?}");
    assert!(list_jobs(&fixture).is_empty() && fixture.services.lock_state().builds.all.is_empty());
    assert!(fixture.services.lock_state().accounts.mandates.is_empty(), "a plan needs no mandate");

    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    let kept = plan_config(&fixture, FIVE_COMPONENTS).await?;
    let changed = kept.iter().filter(|planned| planned.action != PlannedAction::Keep);
    assert_eq!(changed.map(|planned| planned.name.as_str()).collect::<Vec<_>>(), ["migrate"], "{kept:?}");
    let without = FIVE_COMPONENTS.replace("  files: {image: web-only, command: ./files, port: 8080}\n", "");
    let without = without.replace("'@daily'", "'@hourly'");
    let planned = plan_config(&fixture, &without).await?;
    let find = |name: &str| planned.iter().find(|planned| planned.name.as_str() == name).unwrap();
    assert_eq!((find("files").action, find("tick").action), (PlannedAction::Remove, PlannedAction::Update));
    let [change] = &find("tick").changes[..] else { unreachable!("{planned:?}") };
    let values = (change.from.as_ref(), change.to.as_ref());
    assert_eq!((&*change.field, values), ("schedule", (Some(&json!("@daily")), Some(&json!("@hourly")))));
    assert!(find("web").needs_build && find("web").image.starts_with("a build of https://"), "{planned:?}");
    fixture.wait_until_finalized(5).await
}

async fn plan_of_a_viewer_is_refused(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let create = build_config_deployment("source_url: http://127.0.0.1:1/hearth.yaml");
    let calls = fixture.viewer.components();
    let refused = calls.plan_deployment(&fixture.tool, &create, &Default::default()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "forbidden"));
    Ok(())
}

on_every_store!(plan_lists_each_change_and_changes_nothing, plan_of_a_viewer_is_refused);

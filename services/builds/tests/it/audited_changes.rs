//! Changes of operators and maintainers in the audit log, which `accounts` keeps.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use hearth_base::{BuilderName, Clock, Entropy, Result, Role, ToolId, ToolName};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::{
    accounts::internal::AuditedChange,
    builds::{PackageSourceAccess, outside::OutsideBuilderCreate},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    fixture::{RequestLog, record_requests, start_fixture, start_fixture_with},
    package_sources::build_put,
};

/// Address of an outside builder, with a key that belongs into no log.
const BUILDER_URL: &str = "http://10.9.8.7/builds?key=hidden-key";

/// Reads the entries that `accounts` received.
fn read_entries(log: &RequestLog) -> Vec<AuditedChange> {
    let log = log.lock().unwrap();
    let entries = log.iter().filter_map(|line| line.strip_prefix("POST /accounts/v1/internal/audit "));
    entries.map(|entry| serde_json::from_str(entry).unwrap()).collect()
}

async fn wait_for_entries(log: &RequestLog, count: usize) -> Result<Vec<AuditedChange>> {
    wait_until("the entries of the audit log", async || {
        Ok(Some(read_entries(log)).filter(|entries| entries.len() >= count))
    })
    .await
}

async fn each_change_of_an_operator_is_audited_once_without_secrets(db: Db) -> Result<()> {
    let fixture = start_fixture_with(db, "10.9.8.7").await?;
    let log = RequestLog::default();
    fixture.stand.set_fake_service(Role::Accounts, record_requests(log.clone(), |_| json!({ "data": {} })));
    let operator = fixture.stand.operator()?;
    let builds = operator.builds();
    let pond = "pond".parse()?;
    let mut overriding = build_put(PackageSourceAccess::All);
    overriding.overrides_debian = true;
    builds.put_package_source(&pond, &build_put(PackageSourceAccess::Granted)).await?;
    builds.put_package_source(&pond, &overriding).await?;
    let ada: ToolName = "ada".parse()?;
    let of_ada = ToolId::new(fixture.stand.clock.now(), &Entropy::System);
    let of_ada = fixture.stand.tool_operator(of_ada, &ada)?;
    of_ada.builds().grant_package_source(&ada, &pond).await?;
    of_ada.builds().revoke_package_source(&ada, &pond).await?;
    builds.remove_package_source(&pond).await?;
    let create =
        |name: BuilderName| OutsideBuilderCreate { name, url: BUILDER_URL.to_owned(), falls_back: false };
    let (forge, ci): (BuilderName, BuilderName) = ("forge".parse()?, "ci".parse()?);
    let made = builds.add_outside_builder(&create(forge.clone())).await?;
    builds.remove_outside_builder(&forge).await?;
    fixture.maintainer.builds().add_tool_builder(&fixture.tool, &create(ci.clone())).await?;
    fixture.maintainer.builds().remove_tool_builder(&fixture.tool, &ci).await?;
    fixture.claim_lease_with(&fixture.create_builder("one")).await?;
    builds.suspend_builder("one").await?;
    builds.return_builder("one").await?;
    // What is refused or does not exist changes nothing.
    assert!(builds.remove_package_source(&pond).await.is_err());
    assert!(builds.remove_outside_builder(&forge).await.is_err());
    assert!(builds.suspend_builder("nosuch").await.is_err());

    let entries = wait_for_entries(&log, 11).await?;
    let described: BTreeSet<String> = entries
        .iter()
        .map(|entry| {
            let tool = entry.tool.as_ref().map_or("-", |tool| tool.name.as_str());
            format!("{} | {} | {} | {tool}", entry.who, entry.action, entry.subject)
        })
        .collect();
    let expected = [
        "user operator | builder.return | one | -",
        "user operator | builder.suspend | one | -",
        "user operator | outside-builder.add | forge | -",
        "user operator | outside-builder.remove | forge | -",
        "user operator | package-source.add | pond for granted tools | -",
        "user operator | package-source.change | pond for all tools, overrides Debian | -",
        "user operator | package-source.grant | pond | ada",
        "user operator | package-source.remove | pond | -",
        "user operator | package-source.revoke | pond | ada",
        "user somebody | outside-builder.add | ci | hello",
        "user somebody | outside-builder.remove | ci | hello",
    ];
    assert_eq!(described.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert_eq!(entries.len(), expected.len());
    let sent = log.lock().unwrap().join("\n");
    for secret in ["hidden-key", made.secret.expose_secret(), "mQABBA", "pond.example"] {
        assert!(!sent.contains(secret), "{secret} in {sent}");
    }
    Ok(())
}

/// Entries that `accounts` has stored.
type AuditLog = Arc<Mutex<Vec<AuditedChange>>>;

async fn store_and_lose_first_reply(
    State(log): State<AuditLog>,
    Json(entry): Json<AuditedChange>,
) -> (StatusCode, Json<Value>) {
    let mut log = log.lock().unwrap();
    log.push(entry);
    match log.len() {
        1 => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": ["the reply was lost"], "code": "lost"})))
        }
        _ => (StatusCode::OK, Json(json!({ "data": {} }))),
    }
}

async fn audit_entry_is_delivered_after_a_kill_and_a_lost_reply(db: Db) -> Result<()> {
    let mut fixture = start_fixture(db).await?;
    let log = AuditLog::default();
    let accounts = Router::new().route("/accounts/v1/internal/audit", post(store_and_lose_first_reply));
    let accounts = hearth_kit::build_local_service(accounts.with_state(log.clone()));
    fixture.stand.set_fake_service(Role::Accounts, accounts);
    // The process is killed after the change and before the delivery.
    fixture.stand.kill_workers().await;
    let put = build_put(PackageSourceAccess::Granted);
    fixture.stand.operator()?.builds().put_package_source(&"pond".parse()?, &put).await?;
    assert!(log.lock().unwrap().is_empty());
    fixture.stand.mount(hearth_builds::mount).await?;
    fixture.stand.start_workers();
    let wait_for_entries = async |count: usize| {
        wait_until("the entries of the audit log", async || {
            fixture.stand.advance_clock(SignedDuration::from_secs(2));
            Ok(Some(log.lock().unwrap().clone()).filter(|entries| entries.len() >= count))
        })
        .await
    };
    let entries = wait_for_entries(2).await?;
    assert_eq!(entries[0], entries[1], "the same id: `accounts` stores it once");
    fixture.stand.advance_clock(SignedDuration::from_mins(20));
    fixture.stand.operator()?.builds().remove_package_source(&"pond".parse()?).await?;
    let entries = wait_for_entries(3).await?;
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["package-source.add", "package-source.add", "package-source.remove"]);
    Ok(())
}

on_every_store!(
    each_change_of_an_operator_is_audited_once_without_secrets,
    audit_entry_is_delivered_after_a_kill_and_a_lost_reply,
);

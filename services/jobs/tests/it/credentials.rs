//! Credentials of runs: a token for each workload, in a file that the runtime refreshes.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_runtime_api::{InstanceId, Termination, Workload};
use hearth_testkit::{on_every_store, wait_until};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{JobsHarness, build_continuous_job, build_one_off_job};

/// The workload of a container, and the kubeconfig in its file.
fn read_kubeconfig(harness: &JobsHarness, instance: InstanceId) -> Result<(Workload, Value)> {
    let workload = Workload::clone(&harness.runtime.fake.find_workload(instance)?);
    let path = workload.process.env["KUBECONFIG"].expose_secret();
    let file = workload.files.iter().find(|file| file.path == path).unwrap();
    assert_eq!(file.mode, 0o400);
    let config = serde_json::from_str(file.content.expose_secret()).unwrap();
    Ok((workload, config))
}

/// The secrets of all tokens that are valid.
fn list_secrets(harness: &JobsHarness) -> Vec<String> {
    harness.fakes.lock().run_tokens.values().cloned().collect()
}

async fn run_has_a_token_of_its_own_until_it_ends(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    let instance = harness.wait_for_one_running(None).await?;
    let (_, config) = read_kubeconfig(&harness, instance)?;
    assert_eq!(config["contexts"][0]["context"]["namespace"], "tool-hello");
    assert_eq!(config["clusters"][0]["cluster"]["server"], "http://hearth.internal");
    assert_eq!(json!(list_secrets(&harness)), json!([config["users"][0]["user"]["token"]]));
    harness.runtime.fake.end_instance(instance, Termination::Exited { code: 0 })?;
    wait_until("the token is revoked", async || Ok(list_secrets(&harness).is_empty().then_some(()))).await
}

async fn restarted_set_gets_another_token_and_the_first_is_revoked(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_continuous_job("a")).await?;
    let first = harness.wait_for_one_running(None).await?;
    let before = list_secrets(&harness);
    harness.maintainer.jobs().restart(&harness.tool, &"a".parse()?).await?;
    let second = harness.wait_for_one_running(Some(first)).await?;
    let (_, config) = read_kubeconfig(&harness, second)?;
    wait_until("one token is left", async || {
        let left = list_secrets(&harness);
        Ok((left != before && json!(left) == json!([config["users"][0]["user"]["token"]])).then_some(()))
    })
    .await
}

async fn run_starts_without_accounts_and_its_token_follows(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.fakes.lock().accounts_unavailable = true;
    harness.create(&build_continuous_job("a")).await?;
    let instance = harness.wait_for_one_running(None).await?;
    assert_eq!(read_kubeconfig(&harness, instance)?.1["users"][0]["user"]["token"], "");
    harness.fakes.lock().accounts_unavailable = false;
    harness.stand.advance_clock(SignedDuration::from_hours(2));
    wait_until("a token is issued", async || Ok((list_secrets(&harness).len() == 1).then_some(()))).await?;
    assert_eq!(harness.wait_for_one_running(None).await?, instance);
    Ok(())
}

on_every_store!(
    run_has_a_token_of_its_own_until_it_ends,
    restarted_set_gets_another_token_and_the_first_is_revoked,
    run_starts_without_accounts_and_its_token_follows,
);

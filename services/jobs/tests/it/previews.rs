//! Jobs of previews: isolated from their tool, and deleted at the end of the preview.

use hearth_base::{Clock, PreviewNumber, Result, SealContext, Secret};
use hearth_kit::db::Db;
use hearth_runtime_api::{Owner, Runtime, Workload};
use hearth_testkit::on_every_store;
use hearth_wire::{
    envvars::internal::EnvvarSealed,
    jobs::{
        JobCreate, JobPreview, MountMode,
        internal::{Route, RouteState, RoutesQuery},
    },
};
use jiff::SignedDuration;

use crate::{
    harness::{JobsHarness, build_continuous_job, build_one_off_job, job_name},
    routes::build_page_job,
};

fn end_in(harness: &JobsHarness, hours: i64) -> Option<JobPreview> {
    Some(JobPreview { expires: harness.stand.clock.now() + SignedDuration::from_hours(hours) })
}

/// Builds a continuous job of preview 7 that ends in an hour.
fn build_preview_job(harness: &JobsHarness) -> JobCreate {
    JobCreate { preview: end_in(harness, 1), ..build_continuous_job("web--pr-7") }
}

async fn list_environment_routes(harness: &JobsHarness) -> Result<Vec<Route>> {
    Ok(harness.edge.jobs().list_environment_routes(&RoutesQuery::default()).await?.routes)
}

async fn start_and_read_workload(harness: &JobsHarness, job: &JobCreate) -> Result<Workload> {
    let shown = harness.create(job).await?;
    assert_eq!(shown.preview, job.preview);
    let instance = harness.wait_for_one_running(None).await?;
    harness.runtime.fake.find_workload(instance)
}

async fn job_of_a_preview_runs_with_nothing_of_its_tool(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let key = harness.runtime.fake.sealing_key().await?;
    let seal = |name: &str| -> Result<EnvvarSealed> {
        let name = name.parse()?;
        let place = SealContext { tool: harness.tool_id, name: &name, job: None };
        let sealed = key.seal_value(place, &Secret::new("s3cret"))?;
        Ok(EnvvarSealed { name, sealed })
    };
    harness.fakes.lock().sealed = vec![seal("API_KEY")?, seal("OTHER_KEY")?];
    let job = JobCreate { envvars: Some(vec!["API_KEY".parse()?]), ..build_preview_job(&harness) };
    let workload = start_and_read_workload(&harness, &job).await?;
    let number = PreviewNumber::new(7)?;
    assert_eq!(workload.owner, Owner::Preview { tool: harness.tool_id, number });
    assert!(workload.network.without_services && workload.network.grants.is_empty(), "{workload:?}");
    assert!(workload.mounts.is_empty() && workload.files.is_empty(), "{workload:?}");
    // The fake runtime has opened the sealed variables.
    assert_eq!(workload.process.env["API_KEY"].expose_secret(), "s3cret");
    for name in ["OTHER_KEY", "KUBECONFIG", "TOOL_TOOLFORGE_API_URL", "TOOL_DATA_DIR", "GREETING"] {
        assert!(!workload.process.env.contains_key(name), "{name}");
    }
    assert!(harness.fakes.lock().run_tokens.is_empty(), "no credential was issued");
    Ok(())
}

async fn job_of_a_preview_that_lists_no_variables_gets_none(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let workload = start_and_read_workload(&harness, &build_preview_job(&harness)).await?;
    assert!(workload.process.sealed.is_empty() && !workload.process.env.contains_key("GREETING"));
    assert!(!workload.process.argv.is_empty());
    // No list and an empty one mean the same, so that the second request changes nothing.
    let same = JobCreate { envvars: Some(Vec::new()), ..build_preview_job(&harness) };
    let same = JobCreate { preview: harness.show_job("web--pr-7").await?.preview, ..same };
    assert!(!harness.maintainer.jobs().replace_job(&harness.tool, &same).await?.job_changed);
    Ok(())
}

async fn job_keeps_its_preview_and_that_of_the_tool_gets_none(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let jobs = harness.maintainer.jobs();
    let job = build_preview_job(&harness);
    for wrong in [
        JobCreate { preview: None, ..job.clone() },
        JobCreate { preview: job.preview, ..build_continuous_job("web") },
        JobCreate { preview: end_in(&harness, 31 * 24), ..job.clone() },
        JobCreate { preview: end_in(&harness, -1), ..job.clone() },
        JobCreate { mount: Some(MountMode::All), ..job.clone() },
        JobCreate { filelog: Some(true), ..job.clone() },
        JobCreate {
            schedule: Some("@daily".to_owned()),
            preview: job.preview,
            ..build_one_off_job("a--pr-7")
        },
    ] {
        let refused = harness.create(&wrong).await.unwrap_err();
        assert_eq!(refused.code(), "preview", "{refused}");
        assert!(refused.help_text().is_some(), "{refused}");
    }
    harness.create(&job).await?;
    let without = JobCreate { preview: None, cmd: "./other".to_owned(), ..job.clone() };
    assert_eq!(jobs.update(&harness.tool, &without).await.unwrap_err().code(), "preview");
    assert_eq!(jobs.replace_job(&harness.tool, &without).await.unwrap_err().code(), "preview");
    assert_eq!(harness.show_job("web--pr-7").await?.preview, job.preview);
    Ok(())
}

async fn job_is_deleted_at_the_end_of_its_preview(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&JobCreate { preview: end_in(&harness, 1), ..build_page_job("web--pr-7", 8000) }).await?;
    harness.create(&build_continuous_job("bot")).await?;
    harness.wait_until("both jobs run", async || Ok(harness.list_running().await.len() == 2)).await?;
    let page = list_environment_routes(&harness).await?;
    assert_eq!((page[0].build_label().as_str(), page[0].state), ("hello--pr-7", RouteState::Starting));
    // A request with a later end prolongs it, and its container stays.
    let before = harness.list_running().await;
    let later = JobCreate { preview: end_in(&harness, 3), ..build_page_job("web--pr-7", 8000) };
    assert!(harness.maintainer.jobs().replace_job(&harness.tool, &later).await?.job_changed);
    harness.stand.advance_clock(SignedDuration::from_hours(2));
    assert_eq!(harness.show_job("web--pr-7").await?.preview, later.preview);
    assert_eq!(harness.list_running().await, before);
    harness.stand.advance_clock(SignedDuration::from_hours(2));
    harness
        .wait_until("the job of the preview is deleted", async || {
            let jobs = harness.maintainer.jobs().list(&harness.tool, &Default::default()).await?;
            Ok(jobs.iter().map(|job| &job.name).collect::<Vec<_>>() == [&job_name("bot")])
        })
        .await?;
    assert!(list_environment_routes(&harness).await?.is_empty());
    harness.wait_until("its container is gone", async || Ok(harness.list_running().await.len() == 1)).await
}

on_every_store!(
    job_of_a_preview_runs_with_nothing_of_its_tool,
    job_of_a_preview_that_lists_no_variables_gets_none,
    job_keeps_its_preview_and_that_of_the_tool_gets_none,
    job_is_deleted_at_the_end_of_its_preview,
);

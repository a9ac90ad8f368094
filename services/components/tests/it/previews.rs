//! Previews of merge requests: their deployments, what they get of the tool, and their end.

use hearth_base::{ErrorKind, Result, Secret};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::{
    builds::BuildStatus,
    components::{
        Deployment, DeploymentCreate, DeploymentState, ForgeDeliveryOutcome, ForgeKind, PreviewSource,
        RepositoryLink, RepositoryLinkPatch,
    },
    jobs::MountMode,
};
use jiff::SignedDuration;
use serde_json::json;

use crate::{
    fake_services::{BuildMode, JobBehavior},
    fixture::{ComponentsFixture, build_git_deployment, start_components},
    forge_deliveries::{
        ALL_FORGES, PUSHED_COMMIT, REPOSITORY_URL, SentDelivery, link_with_previews, list_built_refs,
        list_deliveries, send, sign_body, wait_for_deliveries,
    },
    several::{find_job, list_jobs},
};

/// A configuration with a component of each kind, and variables that previews do and do not get.
const TOOL_CONFIG: &str = "config_version: hearth/v1
components:
  migrate: {run: before, command: ./migrate}
  tick: {schedule: '@hourly', command: ./tick, reuse_from: migrate}
  web: {publish: true, envvars: [SHARED, DATABASE_PASSWORD], variables: {INTERNAL: x}, mount: all}
  worker: {command: ./work, reuse_from: web, filelog: true}
previews:
  variables: {MODE: preview}
  envvars: [SHARED]
  expire_after: 12h
";

/// Sends a delivery that is accepted, and waits for the end of its deployment.
async fn deploy_preview(
    fixture: &ComponentsFixture,
    delivery: &SentDelivery,
    link: (&RepositoryLink, &Secret),
) -> Result<Deployment> {
    let (status, answer) = send(fixture, delivery, link).await?;
    assert_eq!((status, &answer["data"]["outcome"]), (202, &json!("waiting")), "{answer}");
    let log = wait_for_deliveries(fixture, link.0.id).await?;
    assert_eq!((log[0].outcome, &*log[0].commit), (ForgeDeliveryOutcome::Deployed, PUSHED_COMMIT), "{log:?}");
    fixture.wait_for_end_advancing_time(log[0].deployment.unwrap()).await
}

async fn merge_request_of_each_forge_has_an_isolated_preview_until_it_is_closed(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    for (number, forge) in (7..).zip(ALL_FORGES) {
        let (link, secret) = link_with_previews(&fixture, forge, PreviewSource::Repository).await?;
        let opened = SentDelivery::merge_request(forge, number);
        let deployed = deploy_preview(&fixture, &opened, (&link, &secret)).await?;
        assert_eq!(deployed.status, DeploymentState::Successful, "{}", deployed.long_status);
        let name = format!("pr-{number}");
        assert_eq!(
            (deployed.environment.as_deref(), &*deployed.by, &*deployed.description),
            (Some(&*name), "user somebody", &*format!("merge request {number}"))
        );
        assert!(
            deployed.url.as_ref().is_some_and(|url| url.contains(&format!("//hello--{name}."))),
            "{deployed:?}"
        );
        assert_eq!((deployed.revision, deployed.repository_link), (None, Some(link.id)));
        let reference = match forge {
            ForgeKind::Gitlab => format!("refs/merge-requests/{number}/head"),
            _ => format!("refs/pull/{number}/head"),
        };
        assert_eq!(list_built_refs(&fixture)[0], (REPOSITORY_URL.to_owned(), reference.clone()));
        let built = fixture.services.lock_state().builds.all[0].parameters.clone();
        assert_eq!(
            (built.preview.map(|number| number.as_u32()), built.process.as_deref()),
            (Some(number), Some("web"))
        );
        let job = find_job(&fixture, &format!("web--{name}")).unwrap();
        assert_eq!((job.publish, &*job.cmd, job.mount), (Some(true), "web", Some(MountMode::None)));
        assert_eq!((job.envvars, job.variables), (Some(Vec::new()), None));
        let week = SignedDuration::from_hours(24 * 7);
        let left = job.preview.unwrap().expires.duration_since(fixture.stand.kit.clock.now());
        assert!(left <= week && left > week - SignedDuration::from_hours(1), "{left}");

        let (status, answer) = send(&fixture, &opened.into_closed(), (&link, &secret)).await?;
        assert_eq!((status, &answer["data"]["reason"]), (202, &json!("the preview is about to be deleted")));
        let log = wait_for_deliveries(&fixture, link.id).await?;
        assert_eq!(
            (log[0].outcome, &*log[0].reference),
            (ForgeDeliveryOutcome::Removed, &*reference),
            "{log:?}"
        );
        assert_eq!(list_jobs(&fixture), ["web"]);
    }
    // A preview leaves nothing behind: one revision of the tool keeps its image.
    fixture.wait_until_finalized(1).await?;
    let revisions = fixture.list_revisions().await?;
    assert_eq!(revisions.iter().map(|revision| revision.number).collect::<Vec<_>>(), [1]);
    Ok(())
}

async fn preview_gets_only_what_the_stored_configuration_lists_for_previews(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.maintainer.components().save_config(&fixture.tool, TOOL_CONFIG, None).await?;
    let (link, secret) = link_with_previews(&fixture, ForgeKind::Github, PreviewSource::Forks).await?;
    let opened = SentDelivery::merge_request(ForgeKind::Github, 7).into_fork();
    let deployed = deploy_preview(&fixture, &opened, (&link, &secret)).await?;
    assert_eq!(deployed.status, DeploymentState::Successful, "{}", deployed.long_status);
    assert_eq!(list_jobs(&fixture), ["web--pr-7", "worker--pr-7"]);
    assert!(fixture.services.lock_state().jobs.one_off_starts.is_empty());
    let until = fixture.stand.kit.clock.now() + SignedDuration::from_hours(12);
    for name in ["web--pr-7", "worker--pr-7"] {
        let job = find_job(&fixture, name).unwrap();
        let variables = serde_json::to_value(&job.variables).unwrap();
        assert_eq!(variables, json!({"MODE": "preview"}), "{name}");
        let names: Vec<_> = job.envvars.iter().flatten().map(|name| name.as_str()).collect();
        assert_eq!((names, job.mount, job.filelog), (vec!["SHARED"], Some(MountMode::None), Some(false)));
        assert!(job.preview.is_some_and(|preview| preview.expires <= until), "{job:?}");
    }
    Ok(())
}

async fn preview_follows_the_newest_commit_and_keeps_one_image(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_with_previews(&fixture, ForgeKind::Gitea, PreviewSource::Repository).await?;
    let mut delivery = SentDelivery::merge_request(ForgeKind::Gitea, 7);
    deploy_preview(&fixture, &delivery, (&link, &secret)).await?;
    let first = find_job(&fixture, "web--pr-7").unwrap();
    delivery.set_value("/action", json!("synchronized"));
    delivery.event = "pull_request_sync";
    let again = deploy_preview(&fixture, &delivery.with_id("two"), (&link, &secret)).await?;
    assert_eq!(again.status, DeploymentState::Successful, "{}", again.long_status);
    let second = find_job(&fixture, "web--pr-7").unwrap();
    assert_ne!(first.imagename, second.imagename);
    assert!(second.preview.unwrap().expires > first.preview.unwrap().expires);
    fixture.wait_until_finalized(1).await?;
    let state = fixture.services.lock_state();
    assert!(
        state.images.pins.contains_key(&format!("components:{}", again.deploy_id)),
        "{:?}",
        state.images.pins
    );
    Ok(())
}

async fn merge_request_without_a_preview_is_ignored_with_its_reason(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for forge in ALL_FORGES {
        let (link, secret) = link_with_previews(&fixture, forge, PreviewSource::Repository).await?;
        let (action, target) = match forge {
            ForgeKind::Gitlab => ("/object_attributes/action", "/object_attributes/target_branch"),
            _ => ("/action", "/pull_request/base/ref"),
        };
        let opened = SentDelivery::merge_request(forge, 7);
        let (mut labeled, mut other) = (opened.with_id("label"), opened.with_id("other"));
        labeled.set_value(action, json!("labeled"));
        other.set_value(target, json!("develop"));
        for (delivery, reason) in [
            (opened.with_id("fork").into_fork(), "is of a fork"),
            (labeled, "the action \"labeled\" of a merge request brings no new commit"),
            (other, "is for the branch develop, which is none of main, release/*"),
            (opened.with_id("closed").into_closed(), "the merge request has no preview"),
        ] {
            let (status, answer) = send(&fixture, &delivery, (&link, &secret)).await?;
            assert_eq!((status, &answer["data"]["outcome"]), (200, &json!("ignored")), "{answer}");
            let shown = answer["data"]["reason"].as_str().unwrap();
            assert!(shown.contains(reason), "{}: {shown}", delivery.id);
        }
        let patch = RepositoryLinkPatch { previews: Some(PreviewSource::None), ..Default::default() };
        fixture.maintainer.components().update_repository_link(&fixture.tool, link.id, &patch).await?;
        let (_, answer) = send(&fixture, &opened, (&link, &secret)).await?;
        assert_eq!(
            answer["data"]["reason"],
            json!("merge requests deploy nothing; this link has no previews")
        );
    }
    assert!(list_built_refs(&fixture).is_empty() && list_jobs(&fixture).is_empty());
    Ok(())
}

async fn unsigned_and_repeated_merge_requests_start_nothing(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for (number, forge) in (7..).zip(ALL_FORGES) {
        let (link, secret) = link_with_previews(&fixture, forge, PreviewSource::Forks).await?;
        let opened = SentDelivery::merge_request(forge, number);
        let body = opened.payload.to_string();
        for signature in [None, Some(sign_body(forge, &Secret::new("hfs_other"), &body)?)] {
            let (status, answer) =
                opened.send_body(&fixture.stranger, &link, body.clone(), signature).await?;
            assert_eq!((status, &answer["code"]), (401, &json!("forge-signature")), "{answer}");
        }
        let mut foreign = opened.with_id("foreign");
        let repository = if forge == ForgeKind::Gitlab { "/project" } else { "/repository" };
        foreign.set_value(repository, json!({"html_url": "https://code.example/eve/hello"}));
        if forge == ForgeKind::Gitlab {
            foreign.set_value(repository, json!({"web_url": "https://code.example/eve/hello"}));
        }
        assert_eq!(send(&fixture, &foreign, (&link, &secret)).await?.0, 422);
        assert!(!list_jobs(&fixture).iter().any(|job| job.ends_with(&format!("pr-{number}"))));

        deploy_preview(&fixture, &opened, (&link, &secret)).await?;
        let (log, builds) = (list_deliveries(&fixture, link.id).await?, list_built_refs(&fixture).len());
        let (status, again) = send(&fixture, &opened, (&link, &secret)).await?;
        assert_eq!((status, &again["data"]["is_repeated"]), (200, &json!(true)), "{again}");
        assert_eq!(list_deliveries(&fixture, link.id).await?, log);
        assert_eq!(list_built_refs(&fixture).len(), builds);
    }
    Ok(())
}

async fn closed_merge_request_cancels_its_running_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_with_previews(&fixture, ForgeKind::Github, PreviewSource::Repository).await?;
    let opened = SentDelivery::merge_request(ForgeKind::Github, 7);
    deploy_preview(&fixture, &opened, (&link, &secret)).await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    send(&fixture, &opened.with_id("two"), (&link, &secret)).await?;
    let log = wait_for_deliveries(&fixture, link.id).await?;
    let running = log[0].deployment.unwrap();
    fixture.wait_for_calls("GET builds * logs", 1).await?;
    send(&fixture, &opened.into_closed(), (&link, &secret)).await?;
    let log = wait_for_deliveries(&fixture, link.id).await?;
    assert_eq!(log[0].outcome, ForgeDeliveryOutcome::Removed, "{log:?}");
    assert_eq!(fixture.show_deployment(running).await?.status, DeploymentState::Cancelled);
    let built = fixture.services.lock_state().builds.all[0].status;
    assert_eq!(built, BuildStatus::BuildCancelled);
    assert!(list_jobs(&fixture).is_empty(), "the rollback does not bring them back");
    fixture.wait_until_finalized(0).await
}

async fn failed_preview_says_why_and_changes_nothing_of_the_tool(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    let (link, secret) = link_with_previews(&fixture, ForgeKind::Gitlab, PreviewSource::Repository).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::Crashing);
    let opened = SentDelivery::merge_request(ForgeKind::Gitlab, 7);
    let failed = deploy_preview(&fixture, &opened, (&link, &secret)).await?;
    assert_eq!((failed.status, failed.still_running), (DeploymentState::Failed, None), "{failed:?}");
    assert_eq!(list_jobs(&fixture), ["web"]);
    let listed = fixture.viewer.components().list_environments(&fixture.tool).await?.environments;
    assert_eq!(
        (listed[0].name.as_str(), &*listed[0].status, listed[0].jobs.len()),
        ("pr-7", "Not deployed", 0)
    );
    fixture.wait_until_finalized(1).await
}

async fn expired_preview_gives_its_images_back(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_with_previews(&fixture, ForgeKind::Github, PreviewSource::Repository).await?;
    deploy_preview(&fixture, &SentDelivery::merge_request(ForgeKind::Github, 7), (&link, &secret)).await?;
    fixture.wait_until_finalized(1).await?;
    fixture.stand.advance_clock(SignedDuration::from_hours(24 * 7));
    wait_until("the images of the preview are unpinned", async || {
        fixture.stand.advance_clock(SignedDuration::from_mins(10));
        Ok(fixture.services.lock_state().images.pins.is_empty().then_some(()))
    })
    .await?;
    // The merge request may have a preview again.
    let opened = SentDelivery::merge_request(ForgeKind::Github, 7).with_id("later");
    let again = deploy_preview(&fixture, &opened, (&link, &secret)).await?;
    assert_eq!(again.status, DeploymentState::Successful, "{}", again.long_status);
    Ok(())
}

async fn maintainer_lists_and_deletes_previews_but_does_not_deploy_them(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_with_previews(&fixture, ForgeKind::Github, PreviewSource::Repository).await?;
    let deployed =
        deploy_preview(&fixture, &SentDelivery::merge_request(ForgeKind::Github, 7), (&link, &secret))
            .await?;
    fixture.wait_until_finalized(1).await?;
    let calls = fixture.maintainer.components();
    let by_hand = DeploymentCreate { environment: Some("pr-7".to_owned()), ..build_git_deployment() };
    let refused = fixture.deploy(&by_hand).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "environment-name"));
    let job = find_job(&fixture, "web--pr-7").unwrap();
    let listed = calls.list_environments(&fixture.tool).await?.environments;
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].url, listed[0].revision), (&deployed.url, None));
    assert_eq!(listed[0].expires, job.preview.map(|preview| preview.expires));
    let deleted = calls.delete_environment(&fixture.tool, &"pr-7".parse()?).await?;
    assert_eq!(deleted.jobs.len(), 1);
    assert_eq!(calls.list_environments(&fixture.tool).await?.environments, []);
    assert!(list_jobs(&fixture).is_empty());
    fixture.wait_until_finalized(0).await
}

async fn preview_of_a_former_owner_ends_by_its_time(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_with_previews(&fixture, ForgeKind::Gitea, PreviewSource::Repository).await?;
    let opened = SentDelivery::merge_request(ForgeKind::Gitea, 7);
    deploy_preview(&fixture, &opened, (&link, &secret)).await?;
    fixture.services.change_state(|state| state.accounts.end_standing_mandates());
    send(&fixture, &opened.into_closed(), (&link, &secret)).await?;
    let log = wait_for_deliveries(&fixture, link.id).await?;
    assert_eq!(log[0].outcome, ForgeDeliveryOutcome::Failed);
    assert!(log[0].reason.contains("its owner somebody may no longer change the tool"), "{log:?}");
    assert_eq!(list_jobs(&fixture), ["web--pr-7"]);
    assert!(find_job(&fixture, "web--pr-7").unwrap().preview.is_some());
    Ok(())
}

async fn preview_fails_at_a_service_that_does_not_isolate_it(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_with_previews(&fixture, ForgeKind::Github, PreviewSource::Forks).await?;
    for (number, ignoring) in [(7, "builds"), (8, "jobs")] {
        fixture.services.change_state(|state| {
            state.builds.ignores_previews = ignoring == "builds";
            state.jobs.ignores_previews = ignoring == "jobs";
        });
        let opened = SentDelivery::merge_request(ForgeKind::Github, number);
        let failed = deploy_preview(&fixture, &opened, (&link, &secret)).await?;
        assert_eq!(failed.status, DeploymentState::Failed, "{failed:?}");
        let reason = format!("the service {ignoring} is of an earlier release and does not isolate previews");
        assert!(failed.long_status.contains(&reason), "{}", failed.long_status);
        assert!(list_jobs(&fixture).is_empty(), "no job of the tool runs the code");
    }
    Ok(())
}

on_every_store!(
    merge_request_of_each_forge_has_an_isolated_preview_until_it_is_closed,
    preview_gets_only_what_the_stored_configuration_lists_for_previews,
    preview_follows_the_newest_commit_and_keeps_one_image,
    merge_request_without_a_preview_is_ignored_with_its_reason,
    unsigned_and_repeated_merge_requests_start_nothing,
    closed_merge_request_cancels_its_running_deployment,
    failed_preview_says_why_and_changes_nothing_of_the_tool,
    expired_preview_gives_its_images_back,
    maintainer_lists_and_deletes_previews_but_does_not_deploy_them,
    preview_of_a_former_owner_ends_by_its_time,
    preview_fails_at_a_service_that_does_not_isolate_it,
);

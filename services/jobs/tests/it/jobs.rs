//! Creating, showing, changing and deleting jobs, as in the API document.

use hearth_base::{ErrorKind, JobName, Result, Role};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::jobs::{
    JobCreate, JobsQuery, StatusShort,
    internal::{FormerJob, JobRestore},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{JobsHarness, build_continuous_job, build_one_off_job, job_name};

async fn job_is_created_shown_and_deleted(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let job = json!({"name": "web", "imagename": "tf-python311", "cmd": "./serve", "continuous": true,
        "port": "8000", "cpu": 0.5, "memory": "1G"});
    let (status, made) = harness.send(Method::POST, "/jobs", Some(job.clone())).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["messages"]["error"], json!([]));
    let (status, shown) = harness.send(Method::GET, "/jobs/web", None).await;
    assert_eq!(status, StatusCode::OK);
    let shown = &shown["job"];
    for (field, value) in [
        ("name", json!("web")),
        ("job_type", json!("continuous")),
        ("imagename", json!("tf-python311")),
        ("image", json!("python3.11")),
        ("image_state", json!("stable")),
        ("cmd", json!("./serve")),
        ("continuous", json!(true)),
        ("port", json!(8000)),
        ("port_protocol", json!("tcp")),
        ("replicas", json!(1)),
        ("cpu", json!("500m")),
        ("filelog", json!(true)),
        ("emails", json!("none")),
        ("mount", json!("all")),
        ("retry", json!(0)),
    ] {
        assert_eq!(shown[field], value, "{field} of {shown}");
    }
    for field in ["status_short", "status_long"] {
        assert!(shown[field].is_string(), "{field} of {shown}");
    }
    let (status, _) = harness.send(Method::DELETE, "/jobs/web", None).await;
    assert_eq!(status, StatusCode::OK);
    let (status, missing) = harness.send(Method::GET, "/jobs/web", None).await;
    assert_eq!((status, &missing["code"]), (StatusCode::NOT_FOUND, &json!("no-such-job")));
    assert_eq!(missing["error"], json!(["there is no job web"]));
    // After its end, its image is not pinned any more, and the runtime has no workload of it.
    harness.wait_until_idle().await?;
    harness.wait_until("its image is unpinned", async || Ok(harness.fakes.lock().pins.is_empty())).await
}

async fn only_a_continuous_job_shows_the_field_continuous(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    // Older clients write every job in this form.
    let job = json!({"name": "a", "imagename": "python3.11", "cmd": "./run", "continuous": false, "schedule": null,
        "port": null, "replicas": null, "health_check": null, "memory": null, "cpu": null, "retry": 0});
    let (status, made) = harness.send(Method::POST, "/jobs", Some(job)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    for path in ["/jobs/a", "/jobs/a?include_unset=false"] {
        let (_, shown) = harness.send(Method::GET, path, None).await;
        assert_eq!(shown["job"]["job_type"], "one-off");
        assert!(shown["job"].get("continuous").is_none(), "{shown}");
    }
    Ok(())
}

async fn unset_fields_are_left_out_on_request(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&JobCreate { filelog: None, ..build_continuous_job("a") }).await?;
    for word in ["false", "False"] {
        let (_, listed) = harness.send(Method::GET, &format!("/jobs?include_unset={word}"), None).await;
        let job = listed["jobs"][0].as_object().unwrap();
        let mut fields: Vec<_> = job.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            [
                "cmd",
                "continuous",
                "image",
                "image_state",
                "imagename",
                "job_type",
                "name",
                "status",
                "status_long",
                "status_short"
            ]
        );
    }
    Ok(())
}

async fn set_port_keeps_its_protocol_without_unset_fields(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&JobCreate { port: Some(8000), ..build_continuous_job("a") }).await?;
    let (_, shown) = harness.send(Method::GET, "/jobs/a?include_unset=false", None).await;
    assert_eq!((&shown["job"]["port"], &shown["job"]["port_protocol"]), (&json!(8000), &json!("tcp")));
    Ok(())
}

async fn upsert_says_whether_it_created_updated_or_changed_nothing(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    for (cmd, word) in [("./a", "created"), ("./a", "already up to date"), ("./b", "updated")] {
        let job = json!({"name": "a", "imagename": "python3.11", "cmd": cmd, "continuous": true});
        let (_, changed) = harness.send(Method::PATCH, "/jobs", Some(job)).await;
        assert_eq!(changed["messages"]["info"], json!([format!("job a {word}")]));
    }
    Ok(())
}

async fn provided_image_without_the_home_is_refused(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let job = json!({"name": "a", "imagename": "python3.11", "cmd": "x", "mount": "none"});
    let (status, refused) = harness.send(Method::POST, "/jobs", Some(job)).await;
    let message = json!(["Mount type none is only supported for build service images"]);
    assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &message));
    Ok(())
}

async fn name_is_taken_until_its_job_has_completed(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    let taken = harness.create(&build_one_off_job("a")).await.unwrap_err();
    assert_eq!((taken.kind(), taken.code()), (ErrorKind::Conflict, "job-exists"));
    let first = harness.end_one_container(None, 0).await?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    harness.create(&build_one_off_job("a")).await?;
    harness.wait_for_one_running(Some(first)).await?;
    assert_eq!(harness.list_runs("a").await?.len(), 1);
    Ok(())
}

async fn unknown_fields_are_refused_by_name(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let job = json!({"name": "a", "imagename": "python3.11", "cmd": "x", "colour": "red", "port": 70000});
    let (status, refused) = harness.send(Method::POST, "/jobs", Some(job)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = refused["error"].to_string();
    assert!(message.contains("there is no field colour") && message.contains("field port"), "{message}");
    for (job, code) in [
        (json!({"name": "A_b", "imagename": "python3.11", "cmd": "x"}), "invalid-fields"),
        (json!({"name": "a", "imagename": "nothing", "cmd": "x"}), "no-such-image"),
        (json!({"name": "a", "imagename": "python3.11", "cmd": "x", "schedule": "soon"}), "schedule"),
        (json!({"name": "a", "imagename": "python3.11"}), "no-command"),
    ] {
        let (status, refused) = harness.send(Method::POST, "/jobs", Some(job.clone())).await;
        assert!(status.is_client_error(), "{status} {refused}");
        assert_eq!(refused["code"], code, "{job}");
    }
    Ok(())
}

async fn update_compares_only_fields_that_are_set(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let patch = async |job: &JobCreate| {
        harness.maintainer.jobs().update(&harness.tool, job).await.map(|done| done.job_changed)
    };
    let job = JobCreate { replicas: Some(1), ..build_continuous_job("a") };
    assert!(patch(&job).await?);
    assert!(!patch(&job).await?);
    // An explicit default is no change.
    assert!(
        !patch(&JobCreate { retry: Some(0), memory: Some("0.5Gi".parse()?), ..build_continuous_job("a") })
            .await?
    );
    let before = harness.wait_for_one_running(None).await?;
    assert!(patch(&JobCreate { cmd: "./other".to_owned(), ..build_continuous_job("a") }).await?);
    let after = harness.wait_for_one_running(Some(before)).await?;
    assert_eq!(after.workload, before.workload);
    harness.wait_for_job("a", |job| job.status.up_to_date && job.status.generation == 2).await?;
    Ok(())
}

async fn deployment_restores_a_job_to_its_former_state(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let components = harness.stand.service_client(Role::Components)?;
    let restore = async |name: &JobName, state: FormerJob| {
        let restore = JobRestore { tool: harness.tool.clone(), state };
        components.jobs().restore_job(harness.tool_id, name, &restore).await
    };
    let former = build_continuous_job("web");
    harness.create(&JobCreate { cmd: "./changed".to_owned(), ..former.clone() }).await?;
    let web = job_name("web");
    for _ in 0..2 {
        restore(&web, FormerJob::Definition(Box::new(former.clone()))).await?;
        let query = JobsQuery::default();
        assert_eq!(harness.maintainer.jobs().show(&harness.tool, &web, &query).await?.cmd, former.cmd);
    }
    for _ in 0..2 {
        restore(&web, FormerJob::Absent).await?;
        assert!(harness.maintainer.jobs().list(&harness.tool, &JobsQuery::default()).await?.is_empty());
    }
    let other = restore(&job_name("other"), FormerJob::Definition(Box::new(former.clone()))).await;
    assert_eq!(other.unwrap_err().code(), "job-name");
    // Only `components` may do so.
    let restore = JobRestore { tool: harness.tool.clone(), state: FormerJob::Absent };
    for refused in [&harness.edge, &harness.maintainer] {
        let refused = refused.jobs().restore_job(harness.tool_id, &web, &restore).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
    }
    Ok(())
}

async fn exact_update_resets_fields_that_are_not_set(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let replace = async |job: &JobCreate| {
        harness.maintainer.jobs().replace_job(&harness.tool, job).await.map(|done| done.job_changed)
    };
    let job = build_continuous_job("a");
    assert!(replace(&JobCreate { memory: Some("1Gi".parse()?), ..job.clone() }).await?);
    assert!(replace(&job).await?, "the memory limit is the default again");
    let query = JobsQuery { include_unset: Some(false) };
    let shown = harness.maintainer.jobs().show(&harness.tool, &job.name, &query).await?;
    assert_eq!(shown.memory, None);
    assert!(!replace(&JobCreate { replicas: Some(1), ..job }).await?, "an explicit default is no change");
    Ok(())
}

async fn quota_limits_the_jobs_of_a_tool(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    for name in ["a", "b"] {
        harness.create(&build_continuous_job(name)).await?;
    }
    let refused = harness.create(&build_continuous_job("c")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Exhausted, "quota"));
    let quota = harness.maintainer.jobs().show_quota(&harness.tool).await?;
    for category in &quota.categories {
        let used = category.items.iter().filter(|item| item.used.is_some()).count();
        assert!(used == 0 || used == category.items.len(), "{category:?}");
    }
    let definitions = quota.categories.iter().find(|category| category.name == "Job definitions").unwrap();
    let continuous = definitions.items.iter().find(|item| item.name == "Continuous jobs").unwrap();
    assert_eq!((continuous.used.as_deref(), continuous.limit.as_str()), (Some("2"), "2"));
    Ok(())
}

async fn viewer_can_read_but_not_change(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    assert_eq!(harness.viewer.jobs().list(&harness.tool, &Default::default()).await?.len(), 1);
    for refused in [
        harness.viewer.jobs().create(&harness.tool, &build_one_off_job("b")).await.err(),
        harness.viewer.jobs().delete(&harness.tool, &job_name("a")).await.err(),
        harness.viewer.jobs().restart(&harness.tool, &job_name("a")).await.err(),
    ] {
        assert_eq!(refused.map(|error| error.kind()), Some(ErrorKind::Forbidden));
    }
    assert_eq!(harness.viewer.jobs().list_images(&harness.tool).await?.images[0].shortname, "python3.11");
    Ok(())
}

async fn flush_deletes_all_jobs(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    harness.create(&build_continuous_job("b")).await?;
    let (status, _): (_, Value) = harness.send(Method::DELETE, "/jobs", None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(harness.maintainer.jobs().list(&harness.tool, &Default::default()).await?.is_empty());
    harness.wait_until_idle().await
}

on_every_store!(
    job_is_created_shown_and_deleted,
    only_a_continuous_job_shows_the_field_continuous,
    unset_fields_are_left_out_on_request,
    set_port_keeps_its_protocol_without_unset_fields,
    upsert_says_whether_it_created_updated_or_changed_nothing,
    provided_image_without_the_home_is_refused,
    name_is_taken_until_its_job_has_completed,
    unknown_fields_are_refused_by_name,
    update_compares_only_fields_that_are_set,
    exact_update_resets_fields_that_are_not_set,
    deployment_restores_a_job_to_its_former_state,
    quota_limits_the_jobs_of_a_tool,
    viewer_can_read_but_not_change,
    flush_deletes_all_jobs,
);

//! Making, showing, changing and deleting jobs, as the published document says.

use hearth_base::{Kind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::jobs::{JobCreate, StatusShort};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Stage, job_name, kept, once};

async fn a_job_is_made_shown_and_deleted(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let job = json!({"name": "web", "imagename": "tf-python311", "cmd": "./serve", "continuous": true,
        "port": "8000", "cpu": 0.5, "memory": "1G"});
    let (status, made) = stage.send(Method::POST, "/jobs", Some(job.clone())).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["messages"]["error"], json!([]));
    let (status, shown) = stage.send(Method::GET, "/jobs/web", None).await;
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
        ("filelog", json!(false)),
        ("emails", json!("none")),
        ("mount", json!("all")),
        ("retry", json!(0)),
    ] {
        assert_eq!(shown[field], value, "{field} of {shown}");
    }
    for field in ["status_short", "status_long"] {
        assert!(shown[field].is_string(), "{field} of {shown}");
    }
    let (status, _) = stage.send(Method::DELETE, "/jobs/web", None).await;
    assert_eq!(status, StatusCode::OK);
    let (status, missing) = stage.send(Method::GET, "/jobs/web", None).await;
    assert_eq!((status, &missing["code"]), (StatusCode::NOT_FOUND, &json!("no-such-job")));
    assert_eq!(missing["error"], json!(["there is no job web"]));
    // Once it has ended, nobody relies on its image any more, and the runtime has forgotten it.
    stage.nothing_left().await?;
    stage.eventually("its image is let go of", async || Ok(stage.ears.lock().pins.is_empty())).await
}

async fn only_what_is_kept_running_says_that_it_is_continuous(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    // As older clients write every job.
    let job = json!({"name": "a", "imagename": "python3.11", "cmd": "./run", "continuous": false, "schedule": null,
        "port": null, "replicas": null, "health_check": null, "memory": null, "cpu": null, "retry": 0});
    let (status, made) = stage.send(Method::POST, "/jobs", Some(job)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    for path in ["/jobs/a", "/jobs/a?include_unset=false"] {
        let (_, shown) = stage.send(Method::GET, path, None).await;
        assert_eq!(shown["job"]["job_type"], "one-off");
        assert!(shown["job"].get("continuous").is_none(), "{shown}");
    }
    Ok(())
}

async fn what_was_not_set_is_not_shown_when_that_is_asked(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&kept("a")).await?;
    for word in ["false", "False"] {
        let (_, listed) = stage.send(Method::GET, &format!("/jobs?include_unset={word}"), None).await;
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

async fn a_name_is_taken_until_its_job_has_completed(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    let taken = stage.create(&once("a")).await.unwrap_err();
    assert_eq!((taken.kind(), taken.code()), (Kind::Conflict, "job-exists"));
    let first = stage.end_one(None, 0).await?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    stage.create(&once("a")).await?;
    stage.one_running(Some(first)).await?;
    assert_eq!(stage.runs("a").await?.len(), 1);
    Ok(())
}

async fn unknown_fields_are_refused_by_name(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let job = json!({"name": "a", "imagename": "python3.11", "cmd": "x", "colour": "red", "port": 70000});
    let (status, refused) = stage.send(Method::POST, "/jobs", Some(job)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let told = refused["error"].to_string();
    assert!(told.contains("there is no field colour") && told.contains("field port"), "{told}");
    for (job, code) in [
        (json!({"name": "A_b", "imagename": "python3.11", "cmd": "x"}), "invalid-fields"),
        (json!({"name": "a", "imagename": "nothing", "cmd": "x"}), "no-such-image"),
        (json!({"name": "a", "imagename": "python3.11", "cmd": "x", "schedule": "soon"}), "schedule"),
        (json!({"name": "a", "imagename": "python3.11"}), "no-command"),
    ] {
        let (status, refused) = stage.send(Method::POST, "/jobs", Some(job.clone())).await;
        assert!(status.is_client_error(), "{status} {refused}");
        assert_eq!(refused["code"], code, "{job}");
    }
    Ok(())
}

async fn a_change_compares_only_what_is_set(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let patch = async |job: &JobCreate| {
        stage.maintainer.jobs().update(&stage.tool, job).await.map(|done| done.job_changed)
    };
    let job = JobCreate { replicas: Some(1), ..kept("a") };
    assert!(patch(&job).await?);
    assert!(!patch(&job).await?);
    // The default, said aloud, is no change.
    assert!(!patch(&JobCreate { retry: Some(0), memory: Some("0.5Gi".parse()?), ..kept("a") }).await?);
    let before = stage.one_running(None).await?;
    assert!(patch(&JobCreate { cmd: "./other".to_owned(), ..kept("a") }).await?);
    let after = stage.one_running(Some(before)).await?;
    assert_eq!(after.workload, before.workload);
    stage.until("a", |job| job.status.up_to_date && job.status.generation == 2).await?;
    Ok(())
}

async fn a_tool_runs_no_more_than_it_may(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    for name in ["a", "b"] {
        stage.create(&kept(name)).await?;
    }
    let refused = stage.create(&kept("c")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Exhausted, "quota"));
    let quota = stage.maintainer.jobs().quotas(&stage.tool).await?;
    for category in &quota.categories {
        let used = category.items.iter().filter(|item| item.used.is_some()).count();
        assert!(used == 0 || used == category.items.len(), "{category:?}");
    }
    let definitions = quota.categories.iter().find(|category| category.name == "Job definitions").unwrap();
    let continuous = definitions.items.iter().find(|item| item.name == "Continuous jobs").unwrap();
    assert_eq!((continuous.used.as_deref(), continuous.limit.as_str()), (Some("2"), "2"));
    Ok(())
}

async fn a_viewer_looks_and_changes_nothing(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    assert_eq!(stage.viewer.jobs().list(&stage.tool, &Default::default()).await?.len(), 1);
    for refused in [
        stage.viewer.jobs().create(&stage.tool, &once("b")).await.err(),
        stage.viewer.jobs().delete(&stage.tool, &job_name("a")).await.err(),
        stage.viewer.jobs().restart(&stage.tool, &job_name("a")).await.err(),
    ] {
        assert_eq!(refused.map(|error| error.kind()), Some(Kind::Forbidden));
    }
    assert_eq!(stage.viewer.jobs().images(&stage.tool).await?.images[0].shortname, "python3.11");
    Ok(())
}

async fn flushing_deletes_all(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    stage.create(&kept("b")).await?;
    let (status, _): (_, Value) = stage.send(Method::DELETE, "/jobs", None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(stage.maintainer.jobs().list(&stage.tool, &Default::default()).await?.is_empty());
    stage.nothing_left().await
}

on_every_store!(
    a_job_is_made_shown_and_deleted,
    only_what_is_kept_running_says_that_it_is_continuous,
    what_was_not_set_is_not_shown_when_that_is_asked,
    a_name_is_taken_until_its_job_has_completed,
    unknown_fields_are_refused_by_name,
    a_change_compares_only_what_is_set,
    a_tool_runs_no_more_than_it_may,
    a_viewer_looks_and_changes_nothing,
    flushing_deletes_all,
);

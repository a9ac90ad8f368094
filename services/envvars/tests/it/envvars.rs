//! Life cycle of variables, and rejected requests.

use hearth_base::{ErrorKind, Result, Role};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::{EnvvarsChange, EnvvarsQuery, EnvvarsQuota, EnvvarsScope};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::stage::{EnvvarsStage, build_envvar, build_envvar_create, job_scope, start_stage};

impl EnvvarsStage {
    /// Sends any document as the maintainer.
    pub async fn send(&self, method: Method, path: &str, content: Option<Value>) -> (StatusCode, Value) {
        let call = self.maintainer.build_call(method, &format!("/envvars/v1/tool/hello{path}"));
        let call = match &content {
            Some(content) => call.json(content),
            None => call,
        };
        let response = call.send_raw().await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}

async fn variable_is_created_updated_shown_and_deleted(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    let create = |value: &str| Some(json!({"name": "API_KEY", "value": value}));
    let (status, made) = stage.send(Method::POST, "/envvars", create("one")).await;
    let nothing = json!({"info": [], "warning": [], "error": []});
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(made, json!({"envvar": {"name": "API_KEY", "value": "one"}, "messages": nothing}));
    let (status, _) = stage.send(Method::POST, "/envvars", create("two")).await;
    assert_eq!(status, StatusCode::OK);
    let (_, envvar) = stage.send(Method::GET, "/envvars/API_KEY", None).await;
    assert_eq!(envvar["envvar"]["value"], "two");
    let (status, deleted) = stage.send(Method::DELETE, "/envvars/API_KEY", None).await;
    assert_eq!((status, &deleted["envvar"]), (StatusCode::OK, &json!({"name": "API_KEY", "value": "two"})));
    let (status, missing) = stage.send(Method::GET, "/envvars/API_KEY", None).await;
    assert_eq!((status, &missing["code"]), (StatusCode::NOT_FOUND, &json!("no-such-envvar")));
    assert_eq!(missing["error"], json!(["there is no variable API_KEY"]));
    Ok(())
}

async fn list_is_ordered_and_a_viewer_sees_names_only(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    let all = [build_envvar("A_LOT", "1"), build_envvar("Zebra", ""), build_envvar("apple", "3")];
    for envvar in all.iter().rev() {
        stage.set(envvar.name.as_str(), envvar.value.expose_secret()).await?;
    }
    let EnvvarsStage { maintainer, viewer, tool, .. } = &stage;
    assert_eq!(stage.list_envvars(maintainer).await?.content.envvars, all);
    let seen = stage.list_envvars(viewer).await?;
    assert!(seen.content.envvars.iter().all(|envvar| envvar.value.expose_secret().is_empty()));
    assert_eq!((seen.content.envvars.len(), seen.messages.warning.len()), (3, 1));
    let refused = viewer.envvars().show(tool, &all[0].name, &EnvvarsScope::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    Ok(())
}

async fn quota_counts_names_and_not_changes(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    stage.set("ONE_1", "x").await?;
    stage.set("TWO_2", "x").await?;
    stage.set_for_job("web", "ONE_1", "x").await?;
    let EnvvarsStage { maintainer, tool, .. } = &stage;
    assert_eq!(maintainer.envvars().show_quota(tool).await?, EnvvarsQuota { quota: 3, used: 3 });
    stage.set("TWO_2", "y").await?;
    let refused = stage.set("FOUR", "x").await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "envvars-quota"));
    assert_eq!(stage.set_for_job("web", "FOUR", "x").await.unwrap_err().code(), "envvars-quota");
    maintainer.envvars().delete(tool, &"ONE_1".parse()?, &EnvvarsScope::default()).await?;
    stage.set("FOUR", "x").await?;
    Ok(())
}

async fn concurrent_changes_never_exceed_the_quota(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    let names: Vec<_> = (0..8).map(|number| format!("NAME_{number}")).collect();
    let made = futures::future::join_all(names.iter().map(|name| stage.set(name, "x"))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 3);
    assert_eq!(stage.maintainer.envvars().show_quota(&stage.tool).await?.used, 3);
    Ok(())
}

async fn unusual_name_has_a_warning_and_reserved_name_is_refused(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    let made = stage.set("lower", "x").await?;
    assert!(made.messages.warning[0].contains("lower works here"), "{:?}", made.messages);
    assert!(stage.set("API_KEY", "x").await?.messages.warning.is_empty());
    for name in ["PORT", "HOME", "TOOL_DATA_DIR"] {
        let refused = stage.set(name, "x").await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "envvar-reserved"));
    }
    Ok(())
}

async fn hostile_name_or_value_is_refused_with_a_message(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    for name in ["A\nB=1", "A=B", "", "1A", "A\0", "$(id)", "ÄÖÜ", "../A", &"A".repeat(200)] {
        let body = json!({"name": name, "value": "x"});
        let (status, refused) = stage.send(Method::POST, "/envvars", Some(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name:?}");
        let sentence = refused["error"][0].as_str().unwrap();
        assert!(sentence.starts_with("field name:") && !sentence.contains('\n'), "{sentence}");
    }
    let long = "x".repeat(70_000);
    for (value, status) in [("a\0b", StatusCode::BAD_REQUEST), (&*long, StatusCode::PAYLOAD_TOO_LARGE)] {
        let body = json!({"name": "API_KEY", "value": value});
        let (message, refused) = stage.send(Method::POST, "/envvars", Some(body)).await;
        assert_eq!(message, status);
        assert!(refused["error"][0].as_str().unwrap().contains("the value of API_KEY"), "{refused}");
        assert!(!refused.to_string().contains(value));
    }
    for body in [json!({}), json!({"name": "API_KEY"}), json!({"name": "API_KEY", "value": 3}), json!([])] {
        let (status, _) = stage.send(Method::POST, "/envvars", Some(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let number = json!({"name": "API_KEY", "value": 987_654_321});
    let (_, refused) = stage.send(Method::POST, "/envvars", Some(number)).await;
    let message = refused["error"][0].as_str().unwrap();
    assert!(message.starts_with("field value: expected a string") && !message.contains("987"), "{refused}");
    let extra = json!({"name": "API_KEY", "value": "x", "colour": "red"});
    let (status, refused) = stage.send(Method::POST, "/envvars", Some(extra)).await;
    assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!(["there is no field colour"])));
    let (status, _) = stage.send(Method::GET, "/envvars/A%0AB", None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(stage.send(Method::GET, "/envvars", None).await.1["envvars"], json!([]));
    Ok(())
}

async fn run_variables_are_returned_to_jobs_only(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    stage.set("API_KEY", "line one\nline two").await?;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(stage.list_run_envvars("web").await?, [pair("API_KEY", "line one\nline two")]);
    let (job, EnvvarsStage { stand, maintainer, id, .. }) = ("web".parse()?, &stage);
    assert_eq!(
        maintainer.envvars().list_for_run(*id, &job, None).await.unwrap_err().kind(),
        ErrorKind::Forbidden
    );
    for role in [Role::Gateway, Role::Builder] {
        let other = stand.service_client(role)?;
        assert_eq!(
            other.envvars().list_for_run(*id, &job, None).await.unwrap_err().kind(),
            ErrorKind::Forbidden
        );
    }
    Ok(())
}

async fn variable_of_a_job_takes_precedence_in_its_runs_only(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    stage.set("API_KEY", "tools").await?;
    stage.set_for_job("web", "API_KEY", "webs").await?;
    stage.set_for_job("web", "ONLY_WEB", "x").await?;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(stage.list_run_envvars("web").await?, [pair("API_KEY", "webs"), pair("ONLY_WEB", "x")]);
    assert_eq!(stage.list_run_envvars("other").await?, [pair("API_KEY", "tools")]);
    // A request without a job, as of Toolforge's clients, lists only the tool's variables.
    let EnvvarsStage { maintainer, tool, .. } = &stage;
    assert_eq!(stage.list_envvars(maintainer).await?.content.envvars, [build_envvar("API_KEY", "tools")]);
    let name = "API_KEY".parse()?;
    let envvar = maintainer.envvars().show(tool, &name, &job_scope("web")).await?.content.envvar;
    assert_eq!((envvar.value.expose_secret(), envvar.job), ("webs", Some("web".parse()?)));
    let all = EnvvarsQuery { all: true, ..EnvvarsQuery::default() };
    let all = maintainer.envvars().list(tool, &all).await?.content.envvars;
    let values: Vec<_> = all.iter().map(|one| one.value.expose_secret()).collect();
    assert_eq!(values, ["tools", "webs", "x"]);
    let of_web = EnvvarsQuery { job: Some("web".parse()?), all: false };
    assert_eq!(maintainer.envvars().list(tool, &of_web).await?.content.envvars.len(), 2);
    // Each variable is deleted in its own scope.
    let deleted = maintainer.envvars().delete(tool, &name, &job_scope("web")).await?.content.envvar;
    assert_eq!(deleted.value.expose_secret(), "webs");
    let missing = maintainer.envvars().delete(tool, &name, &job_scope("web")).await.unwrap_err();
    assert_eq!(missing.public_message(), "there is no variable API_KEY for the job web");
    assert_eq!(stage.list_run_envvars("web").await?, [pair("API_KEY", "tools"), pair("ONLY_WEB", "x")]);
    Ok(())
}

async fn several_variables_are_changed_all_or_none(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    let EnvvarsStage { maintainer, tool, .. } = &stage;
    stage.set("SAME", "1").await?;
    stage.set("OTHER", "2").await?;
    stage.set_for_job("web", "OF_WEB", "3").await?;
    let whole = EnvvarsScope::default();
    let change = EnvvarsChange {
        envvars: vec![build_envvar_create("SAME", "1").into(), build_envvar_create("FRESH", "4").into()],
        prune: true,
        dry_run: true,
        ..EnvvarsChange::default()
    };
    let names = |names: &[hearth_base::EnvvarName]| -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    };
    let before = stage.list_envvars(maintainer).await?.content.envvars;
    for dry_run in [true, false] {
        let change = EnvvarsChange { dry_run, ..change.clone() };
        let changes = maintainer.envvars().change_many(tool, &change, &whole).await?.content.changes;
        assert_eq!(
            (names(&changes.created), names(&changes.unchanged)),
            (vec!["FRESH".into()], vec!["SAME".into()])
        );
        assert_eq!((names(&changes.deleted), changes.changed.len()), (vec!["OTHER".into()], 0));
        assert_eq!(stage.list_envvars(maintainer).await?.content.envvars == before, dry_run);
    }
    // A job's variables are not affected.
    assert_eq!(stage.list_run_envvars("web").await?.len(), 3);
    // The error reports all invalid names, and nothing changes.
    let (_, refused) = stage
        .send(
            Method::PATCH,
            "/envvars",
            Some(json!({"envvars": [
            {"name": "GOOD", "value": "x"}, {"name": "PORT", "value": "x"}, {"name": "HOME", "value": "x"},
            {"name": "GOOD", "value": "y"}, {"name": "BAD-ONE", "value": "x"}, {"name": "NUL", "value": "a\0b"}]})),
        )
        .await;
    assert_eq!(refused["error"].as_array().unwrap().len(), 5, "{refused}");
    let many = (0..9).map(|number| build_envvar_create(&format!("MANY_{number}"), "x").into()).collect();
    let many = EnvvarsChange { envvars: many, ..EnvvarsChange::default() };
    let refused = maintainer.envvars().change_many(tool, &many, &whole).await.unwrap_err();
    assert_eq!(refused.code(), "envvars-quota");
    assert_eq!(
        stage.list_envvars(maintainer).await?.content.envvars,
        [build_envvar("FRESH", "4"), build_envvar("SAME", "1")]
    );
    Ok(())
}

on_every_store!(
    variable_is_created_updated_shown_and_deleted,
    list_is_ordered_and_a_viewer_sees_names_only,
    quota_counts_names_and_not_changes,
    concurrent_changes_never_exceed_the_quota,
    unusual_name_has_a_warning_and_reserved_name_is_refused,
    hostile_name_or_value_is_refused_with_a_message,
    run_variables_are_returned_to_jobs_only,
    variable_of_a_job_takes_precedence_in_its_runs_only,
    several_variables_are_changed_all_or_none,
);

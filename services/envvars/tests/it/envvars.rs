//! The whole life of a variable, and what is refused.

use hearth_base::{Kind, Result, Role};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::{EnvvarsChange, EnvvarsQuery, EnvvarsQuota, EnvvarsScope};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::stage::{Stage, envvar, of, stage, wish};

impl Stage {
    /// A call by the maintainer with any document.
    pub async fn send(&self, method: Method, path: &str, content: Option<Value>) -> (StatusCode, Value) {
        let call = self.maintainer.call(method, &format!("/envvars/v1/tool/hello{path}"));
        let call = match &content {
            Some(content) => call.json(content),
            None => call,
        };
        let response = call.raw().await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}

async fn a_variable_is_made_changed_shown_and_deleted(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let create = |value: &str| Some(json!({"name": "API_KEY", "value": value}));
    let (status, made) = stage.send(Method::POST, "/envvars", create("one")).await;
    let nothing = json!({"info": [], "warning": [], "error": []});
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(made, json!({"envvar": {"name": "API_KEY", "value": "one"}, "messages": nothing}));
    let (status, _) = stage.send(Method::POST, "/envvars", create("two")).await;
    assert_eq!(status, StatusCode::OK);
    let (_, shown) = stage.send(Method::GET, "/envvars/API_KEY", None).await;
    assert_eq!(shown["envvar"]["value"], "two");
    let (status, gone) = stage.send(Method::DELETE, "/envvars/API_KEY", None).await;
    assert_eq!((status, &gone["envvar"]), (StatusCode::OK, &json!({"name": "API_KEY", "value": "two"})));
    let (status, missing) = stage.send(Method::GET, "/envvars/API_KEY", None).await;
    assert_eq!((status, &missing["code"]), (StatusCode::NOT_FOUND, &json!("no-such-envvar")));
    assert_eq!(missing["error"], json!(["there is no envvar API_KEY"]));
    Ok(())
}

async fn a_list_is_ordered_and_a_viewer_sees_names_only(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let all = [envvar("A_LOT", "1"), envvar("Zebra", ""), envvar("apple", "3")];
    for envvar in all.iter().rev() {
        stage.set(envvar.name.as_str(), envvar.value.reveal()).await?;
    }
    let Stage { maintainer, viewer, tool, .. } = &stage;
    assert_eq!(stage.listed(maintainer).await?.content.envvars, all);
    let seen = stage.listed(viewer).await?;
    assert!(seen.content.envvars.iter().all(|envvar| envvar.value.reveal().is_empty()));
    assert_eq!((seen.content.envvars.len(), seen.messages.warning.len()), (3, 1));
    let refused = viewer.envvars().show(tool, &all[0].name, &EnvvarsScope::default()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    Ok(())
}

async fn the_quota_counts_names_and_not_changes(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.set("ONE_1", "x").await?;
    stage.set("TWO_2", "x").await?;
    stage.set_of("web", "ONE_1", "x").await?;
    let Stage { maintainer, tool, .. } = &stage;
    assert_eq!(maintainer.envvars().quota(tool).await?, EnvvarsQuota { quota: 3, used: 3 });
    stage.set("TWO_2", "y").await?;
    let refused = stage.set("FOUR", "x").await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, "envvars-quota"));
    assert_eq!(stage.set_of("web", "FOUR", "x").await.unwrap_err().code(), "envvars-quota");
    maintainer.envvars().delete(tool, &"ONE_1".parse()?, &EnvvarsScope::default()).await?;
    stage.set("FOUR", "x").await?;
    Ok(())
}

async fn many_at_once_never_exceed_the_quota(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let names: Vec<_> = (0..8).map(|number| format!("NAME_{number}")).collect();
    let made = futures::future::join_all(names.iter().map(|name| stage.set(name, "x"))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 3);
    assert_eq!(stage.maintainer.envvars().quota(&stage.tool).await?.used, 3);
    Ok(())
}

async fn unusual_names_come_with_a_warning_and_hearths_own_are_refused(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let made = stage.set("lower", "x").await?;
    assert!(made.messages.warning[0].contains("lower works here"), "{:?}", made.messages);
    assert!(stage.set("API_KEY", "x").await?.messages.warning.is_empty());
    for name in ["PORT", "HOME", "TOOL_DATA_DIR"] {
        let refused = stage.set(name, "x").await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (Kind::Invalid, "envvar-reserved"));
    }
    Ok(())
}

async fn hostile_names_and_values_are_refused_with_a_sentence(db: Db) -> Result<()> {
    let stage = stage(db).await?;
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
        let (told, refused) = stage.send(Method::POST, "/envvars", Some(body)).await;
        assert_eq!(told, status);
        assert!(refused["error"][0].as_str().unwrap().contains("the value of API_KEY"), "{refused}");
        assert!(!refused.to_string().contains(value));
    }
    for body in [json!({}), json!({"name": "API_KEY"}), json!({"name": "API_KEY", "value": 3}), json!([])] {
        let (status, _) = stage.send(Method::POST, "/envvars", Some(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let number = json!({"name": "API_KEY", "value": 987_654_321});
    let (_, refused) = stage.send(Method::POST, "/envvars", Some(number)).await;
    let told = refused["error"][0].as_str().unwrap();
    assert!(told.starts_with("field value: it is not a text") && !told.contains("987"), "{refused}");
    let extra = json!({"name": "API_KEY", "value": "x", "colour": "red"});
    let (status, refused) = stage.send(Method::POST, "/envvars", Some(extra)).await;
    assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!(["there is no field colour"])));
    let (status, _) = stage.send(Method::GET, "/envvars/A%0AB", None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(stage.send(Method::GET, "/envvars", None).await.1["envvars"], json!([]));
    Ok(())
}

async fn services_that_start_runs_get_all_values_and_others_none(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.set("API_KEY", "line one\nline two").await?;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(stage.given("web").await?, [pair("API_KEY", "line one\nline two")]);
    let (job, Stage { stand, maintainer, id, .. }) = ("web".parse()?, &stage);
    assert_eq!(maintainer.envvars().of_run(*id, &job).await.unwrap_err().kind(), Kind::Forbidden);
    for role in [Role::Gateway, Role::Builder] {
        let other = stand.service(role)?;
        assert_eq!(other.envvars().of_run(*id, &job).await.unwrap_err().kind(), Kind::Forbidden);
    }
    Ok(())
}

async fn a_jobs_own_variable_wins_in_its_runs_and_is_nowhere_else(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.set("API_KEY", "tools").await?;
    stage.set_of("web", "API_KEY", "webs").await?;
    stage.set_of("web", "ONLY_WEB", "x").await?;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(stage.given("web").await?, [pair("API_KEY", "webs"), pair("ONLY_WEB", "x")]);
    assert_eq!(stage.given("other").await?, [pair("API_KEY", "tools")]);
    // Who names no job, as Toolforge's clients do, sees the tool's only.
    let Stage { maintainer, tool, .. } = &stage;
    assert_eq!(stage.listed(maintainer).await?.content.envvars, [envvar("API_KEY", "tools")]);
    let name = "API_KEY".parse()?;
    let shown = maintainer.envvars().show(tool, &name, &of("web")).await?.content.envvar;
    assert_eq!((shown.value.reveal(), shown.job), ("webs", Some("web".parse()?)));
    let all = EnvvarsQuery { all: true, ..EnvvarsQuery::default() };
    let all = maintainer.envvars().list(tool, &all).await?.content.envvars;
    let values: Vec<_> = all.iter().map(|one| one.value.reveal()).collect();
    assert_eq!(values, ["tools", "webs", "x"]);
    let of_web = EnvvarsQuery { job: Some("web".parse()?), all: false };
    assert_eq!(maintainer.envvars().list(tool, &of_web).await?.content.envvars.len(), 2);
    // Each is deleted where it is.
    let gone = maintainer.envvars().delete(tool, &name, &of("web")).await?.content.envvar;
    assert_eq!(gone.value.reveal(), "webs");
    let missing = maintainer.envvars().delete(tool, &name, &of("web")).await.unwrap_err();
    assert_eq!(missing.public(), "there is no envvar API_KEY for the job web");
    assert_eq!(stage.given("web").await?, [pair("API_KEY", "tools"), pair("ONLY_WEB", "x")]);
    Ok(())
}

async fn several_are_changed_together_or_not_at_all(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let Stage { maintainer, tool, .. } = &stage;
    stage.set("SAME", "1").await?;
    stage.set("OTHER", "2").await?;
    stage.set_of("web", "OF_WEB", "3").await?;
    let whole = EnvvarsScope::default();
    let change = EnvvarsChange {
        envvars: vec![wish("SAME", "1").into(), wish("FRESH", "4").into()],
        prune: true,
        dry_run: true,
        ..EnvvarsChange::default()
    };
    let names = |names: &[hearth_base::EnvvarName]| -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    };
    let before = stage.listed(maintainer).await?.content.envvars;
    for dry_run in [true, false] {
        let change = EnvvarsChange { dry_run, ..change.clone() };
        let changes = maintainer.envvars().change(tool, &change, &whole).await?.content.changes;
        assert_eq!(
            (names(&changes.created), names(&changes.unchanged)),
            (vec!["FRESH".into()], vec!["SAME".into()])
        );
        assert_eq!((names(&changes.deleted), changes.changed.len()), (vec!["OTHER".into()], 0));
        assert_eq!(stage.listed(maintainer).await?.content.envvars == before, dry_run);
    }
    // What is a job's was not meant.
    assert_eq!(stage.given("web").await?.len(), 3);
    // Every name that cannot be is told, and nothing is done.
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
    let many = (0..9).map(|number| wish(&format!("MANY_{number}"), "x").into()).collect();
    let many = EnvvarsChange { envvars: many, ..EnvvarsChange::default() };
    let refused = maintainer.envvars().change(tool, &many, &whole).await.unwrap_err();
    assert_eq!(refused.code(), "envvars-quota");
    assert_eq!(stage.listed(maintainer).await?.content.envvars, [envvar("FRESH", "4"), envvar("SAME", "1")]);
    Ok(())
}

on_every_store!(
    a_variable_is_made_changed_shown_and_deleted,
    a_list_is_ordered_and_a_viewer_sees_names_only,
    the_quota_counts_names_and_not_changes,
    many_at_once_never_exceed_the_quota,
    unusual_names_come_with_a_warning_and_hearths_own_are_refused,
    hostile_names_and_values_are_refused_with_a_sentence,
    services_that_start_runs_get_all_values_and_others_none,
    a_jobs_own_variable_wins_in_its_runs_and_is_nowhere_else,
    several_are_changed_together_or_not_at_all,
);

//! The whole life of a variable, and what is refused.

use hearth_base::{Kind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::EnvvarsQuota;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::stage::{Stage, envvar, stage};

impl Stage {
    /// A call by the maintainer with any document.
    async fn send(&self, method: Method, path: &str, content: Option<Value>) -> (StatusCode, Value) {
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
    let Stage { maintainer, viewer, tool, .. } = &stage(db).await?;
    let all = [envvar("A_LOT", "1"), envvar("Zebra", ""), envvar("apple", "3")];
    for envvar in all.iter().rev() {
        maintainer.envvars().create(tool, envvar).await?;
    }
    assert_eq!(maintainer.envvars().list(tool).await?.content.envvars, all);
    let seen = viewer.envvars().list(tool).await?;
    assert!(seen.content.envvars.iter().all(|envvar| envvar.value.reveal().is_empty()));
    assert_eq!((seen.content.envvars.len(), seen.messages.warning.len()), (3, 1));
    let refused = viewer.envvars().show(tool, &all[0].name).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    Ok(())
}

async fn the_quota_counts_names_and_not_changes(db: Db) -> Result<()> {
    let Stage { maintainer, tool, .. } = &stage(db).await?;
    for name in ["ONE_1", "TWO_2", "THREE"] {
        maintainer.envvars().create(tool, &envvar(name, "x")).await?;
    }
    assert_eq!(maintainer.envvars().quota(tool).await?, EnvvarsQuota { quota: 3, used: 3 });
    maintainer.envvars().create(tool, &envvar("TWO_2", "y")).await?;
    let refused = maintainer.envvars().create(tool, &envvar("FOUR", "x")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, "envvars-quota"));
    maintainer.envvars().delete(tool, &"ONE_1".parse()?).await?;
    maintainer.envvars().create(tool, &envvar("FOUR", "x")).await?;
    Ok(())
}

async fn many_at_once_never_exceed_the_quota(db: Db) -> Result<()> {
    let Stage { maintainer, tool, .. } = &stage(db).await?;
    let names: Vec<_> = (0..8).map(|number| envvar(&format!("NAME_{number}"), "x")).collect();
    let calls = maintainer.envvars();
    let made = futures::future::join_all(names.iter().map(|envvar| calls.create(tool, envvar))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 3);
    assert_eq!(calls.quota(tool).await?.used, 3);
    Ok(())
}

async fn unusual_names_come_with_a_warning_and_hearths_own_are_refused(db: Db) -> Result<()> {
    let Stage { maintainer, tool, .. } = &stage(db).await?;
    let made = maintainer.envvars().create(tool, &envvar("lower", "x")).await?;
    assert!(made.messages.warning[0].contains("lower works here"), "{:?}", made.messages);
    assert!(maintainer.envvars().create(tool, &envvar("API_KEY", "x")).await?.messages.warning.is_empty());
    for name in ["PORT", "HOME", "TOOL_DATA_DIR"] {
        let refused = maintainer.envvars().create(tool, &envvar(name, "x")).await.unwrap_err();
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
    let extra = json!({"name": "API_KEY", "value": "x", "colour": "red"});
    let (status, refused) = stage.send(Method::POST, "/envvars", Some(extra)).await;
    assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!(["there is no field colour"])));
    let (status, _) = stage.send(Method::GET, "/envvars/A%0AB", None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(stage.send(Method::GET, "/envvars", None).await.1["envvars"], json!([]));
    Ok(())
}

async fn services_that_start_runs_get_all_values_and_others_none(db: Db) -> Result<()> {
    let Stage { stand, maintainer, jobs, id, tool, .. } = &stage(db).await?;
    let one = envvar("API_KEY", "line one\nline two");
    maintainer.envvars().create(tool, &one).await?;
    assert_eq!(jobs.envvars().of_tool(*id).await?, [one]);
    assert_eq!(maintainer.envvars().of_tool(*id).await.unwrap_err().kind(), Kind::Forbidden);
    let gateway = stand.service(hearth_base::Role::Gateway)?;
    assert_eq!(gateway.envvars().of_tool(*id).await.unwrap_err().kind(), Kind::Forbidden);
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
);

//! The configuration of a tool: stored, shown, deleted, generated.

use axum::http::{Method, header};
use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::{ReceiverReply, WebhookReceiver, on_every_store};
use hearth_wire::{
    components::{ConfigDocument, DeploymentCreate, DeploymentState},
    jobs::JobCreate,
};
use serde_json::{Value, json};

use crate::fixture::{ComponentsFixture, build_git_deployment, start_components, start_components_with};

const CONFIG_PATH: &str = "hello/config";

const HEARTH_FILE: &str = "config_version: hearth/v1
# The page of the tool.
components:
  web: {publish: true}   # at port 8000
";

async fn configuration_is_stored_as_it_was_written(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (calls, tool) = (fixture.maintainer.components(), &fixture.tool);
    let missing = calls.show_config(tool).await.unwrap_err();
    assert_eq!((missing.kind(), missing.code()), (ErrorKind::NotFound, "no-such-config"));
    assert_eq!(missing.public_message(), "the tool hello has no configuration");
    assert!(missing.help_text().unwrap().contains("config generate"), "{:?}", missing.help_text());
    assert_eq!(calls.show_config_text(tool).await.unwrap_err().code(), "no-such-config");
    assert_eq!(calls.delete_config(tool).await.unwrap_err().code(), "no-such-config");

    let saved = calls.save_config(tool, HEARTH_FILE, None).await?;
    assert_eq!(saved.messages.info, ["Configuration for hello updated successfully."]);
    let expected = json!({"config_version": "hearth/v1", "components": {"web": {"publish": true}}});
    assert_eq!(json!(saved.data), expected);
    let shown = fixture.viewer.components().show_config(tool).await?;
    assert_eq!(json!(shown.data), expected);
    assert_eq!(fixture.viewer.components().show_config_text(tool).await?.text, HEARTH_FILE);
    // Another tool has none.
    let other = fixture.other.components().show_config(&"other".parse()?).await.unwrap_err();
    assert_eq!(other.code(), "no-such-config");

    let deleted = calls.delete_config(tool).await?;
    assert_eq!(deleted.messages.info, ["Configuration for hello deleted successfully."]);
    assert_eq!(json!(deleted.data), expected);
    assert_eq!(calls.show_config(tool).await.unwrap_err().code(), "no-such-config");
    Ok(())
}

async fn configuration_in_json_is_stored_as_yaml(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let document = json!({"components": {"web": {
        "build": {"repository": "https://code.example/hello", "ref": "main", "use_latest_versions": true},
        "run": {"command": "web", "port": "8000", "publish": "/"}}},
        "Warning": "from a generated configuration"});
    let (status, saved) =
        ComponentsFixture::send(&fixture.maintainer, Method::POST, CONFIG_PATH, Some(document)).await;
    assert_eq!(status, 200, "{saved}");
    let web = &saved["data"]["components"]["web"];
    assert_eq!((&web["component_type"], &web["run"]["port"]), (&json!("continuous"), &json!(8000)));
    assert_eq!(saved["data"]["config_version"], "v1beta1");
    assert_eq!(
        saved["messages"]["warning"],
        json!(["component web: use_latest_versions has no effect; base images are always the newest"])
    );
    let path = format!("{CONFIG_PATH}?rebuild_storage=true");
    let (status, shown) = ComponentsFixture::send(&fixture.viewer, Method::GET, &path, None).await;
    assert_eq!((status, &shown["data"]), (200, &saved["data"]));
    let text = fixture.viewer.components().show_config_text(&fixture.tool).await?.text;
    assert!(text.contains("components:\n  web:\n"), "{text}");
    // The text is read as the same configuration.
    let again = fixture.maintainer.components().save_config(&fixture.tool, &text, None).await?;
    assert_eq!(json!(again.data), saved["data"]);
    Ok(())
}

async fn invalid_configuration_is_refused_with_every_problem(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (calls, tool) = (fixture.maintainer.components(), &fixture.tool);
    calls.save_config(tool, HEARTH_FILE, None).await?;
    let invalid = "config_version: hearth/v1\ncomponents:\n  web: {prot: 80}\n  tick: {schedule: 5}\n";
    let error = calls.save_config(tool, invalid, None).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unprocessable, "config-invalid"));
    let sentences: Vec<_> = error.public_messages().collect();
    assert_eq!(
        sentences,
        [
            "line 3, column 9: component web: there is no key prot; did you mean port?",
            "line 4, column 20: component tick: schedule is 5; expected text; write it in quotes",
        ]
    );
    assert_eq!(calls.save_config(tool, "components: [", None).await.unwrap_err().code(), "invalid-yaml");
    let large = "#".repeat(300 << 10);
    assert_eq!(calls.save_config(tool, &large, None).await.unwrap_err().kind(), ErrorKind::TooLarge);
    let too_large = "#".repeat(600 << 10);
    assert_eq!(calls.save_config(tool, &too_large, None).await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(calls.save_config(tool, "", None).await.unwrap_err().code(), "body-missing");
    for (document, status, code) in [
        (json!({"components": {"web": {"port": 1}}}), 422, "config-invalid"),
        (json!([]), 422, "config-invalid"),
        (json!("text"), 422, "config-invalid"),
        (Value::Null, 422, "config-invalid"),
    ] {
        let sent =
            ComponentsFixture::send(&fixture.maintainer, Method::POST, CONFIG_PATH, Some(document)).await;
        assert_eq!((sent.0, &sent.1["code"]), (status, &json!(code)), "{}", sent.1);
        assert!(!sent.1["messages"]["error"].to_string().contains("line "), "{}", sent.1);
    }
    let call = fixture.maintainer.build_call(Method::POST, "/components/v1/tool/hello/config");
    let error = call.content_bytes("application/json", "{").fetch_bytes().await.unwrap_err();
    assert_eq!(error.code(), "invalid-json");
    let call = fixture.maintainer.build_call(Method::POST, "/components/v1/tool/hello/config");
    let error = call.content_bytes("application/yaml", vec![0xff, 0xfe]).fetch_bytes().await.unwrap_err();
    assert_eq!(error.code(), "invalid-yaml");
    // The stored one is unchanged.
    assert_eq!(calls.show_config_text(tool).await?.text, HEARTH_FILE);
    Ok(())
}

async fn condition_on_the_version_protects_the_change_of_another_author(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (calls, tool) = (fixture.maintainer.components(), &fixture.tool);
    let is_stale = |result: Result<_>| result.err().map(|error: hearth_base::Error| error.kind());
    assert_eq!(is_stale(calls.save_config(tool, HEARTH_FILE, Some("*")).await), Some(ErrorKind::Stale));
    calls.save_config(tool, HEARTH_FILE, None).await?;
    let first = calls.show_config_text(tool).await?;
    assert_eq!(first.version, "\"1\"");
    calls.save_config(tool, HEARTH_FILE, Some(&first.version)).await?;
    let refused = calls.save_config(tool, "components: {}", Some(&first.version)).await;
    assert_eq!(is_stale(refused), Some(ErrorKind::Unprocessable));
    assert_eq!(
        is_stale(calls.save_config(tool, HEARTH_FILE, Some(&first.version)).await),
        Some(ErrorKind::Stale)
    );
    assert_eq!(is_stale(calls.save_config(tool, HEARTH_FILE, Some("\"x\"")).await), Some(ErrorKind::Stale));
    let delete = fixture.maintainer.build_call(Method::DELETE, "/components/v1/tool/hello/config");
    let refused = delete.header(header::IF_MATCH, &first.version).fetch_bytes().await;
    assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::Stale));
    assert_eq!(calls.show_config_text(tool).await?.version, "\"2\"");
    Ok(())
}

async fn rights_of_the_configuration_are_checked_first(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for (client, method, path) in [
        (&fixture.viewer, Method::POST, CONFIG_PATH),
        (&fixture.viewer, Method::DELETE, CONFIG_PATH),
        (&fixture.stranger, Method::GET, CONFIG_PATH),
        (&fixture.stranger, Method::POST, CONFIG_PATH),
        (&fixture.stranger, Method::DELETE, CONFIG_PATH),
        (&fixture.stranger, Method::GET, "hello/config/generate"),
    ] {
        let (status, refused) = ComponentsFixture::send(client, method.clone(), path, Some(json!([]))).await;
        assert_eq!((status, &refused["code"]), (403, &json!("forbidden")), "{method} {path}");
    }
    let schema = fixture.stranger.components().show_config_schema().await?;
    assert_eq!(schema["$defs"]["components.HearthComponent"]["additionalProperties"], false);
    Ok(())
}

async fn configuration_is_deleted_with_its_tool(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.maintainer.components().save_config(&fixture.tool, HEARTH_FILE, None).await?;
    let other = "other".parse()?;
    fixture.other.components().save_config(&other, HEARTH_FILE, None).await?;
    fixture.services.change_state(|state| state.accounts.delete_tool(fixture.id));
    fixture.wait_for_fake_state("the duty is done", |state| state.accounts.cleanup_duties.is_empty()).await?;
    let missing = fixture.viewer.components().show_config(&fixture.tool).await.unwrap_err();
    assert_eq!(missing.code(), "no-such-config");
    let refused = fixture.maintainer.components().save_config(&fixture.tool, HEARTH_FILE, None).await;
    assert_eq!(refused.unwrap_err().code(), "tool-deleted");
    assert_eq!(fixture.other.components().show_config_text(&other).await?.text, HEARTH_FILE);
    Ok(())
}

async fn sample_is_generated_for_a_tool_without_jobs(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let generated = fixture.viewer.components().generate_config(&fixture.tool).await?;
    assert_eq!(
        generated.messages.warning,
        [
            "No components were able to be generated from your tool, a sample set of them is returned instead",
            "Note that this config is an autogenerated example, please double check and validate before using it",
        ]
    );
    let ConfigDocument::Toolforge(config) = &generated.data else { unreachable!("{:?}", generated.data) };
    assert_eq!(config.components.len(), 2);
    let document = Some(json!(generated.data));
    let (status, saved) =
        ComponentsFixture::send(&fixture.maintainer, Method::POST, CONFIG_PATH, document).await;
    assert_eq!((status, &saved["data"]), (200, &json!(generated.data)), "{saved}");
    // The mandate for reading has ended.
    assert_eq!(fixture.services.lock_state().accounts.count_open_mandates(), 0);
    Ok(())
}

async fn configuration_is_generated_from_jobs_and_their_builds(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    let generated = fixture.maintainer.components().generate_config(&fixture.tool).await?;
    let expected = json!({"config_version": "v1beta1", "components": {"web": {
        "component_type": "continuous",
        "build": {"repository": "https://code.example/hello", "ref": "HEAD"},
        "run": {"command": "web", "port": 8000, "publish": "/"}}}});
    assert_eq!(json!(generated.data), expected);
    assert_eq!(generated.messages.warning.len(), 1, "{:?}", generated.messages.warning);

    let tick = JobCreate {
        schedule: Some("@daily".to_owned()),
        timezone: Some("Europe/Berlin".to_owned()),
        ..JobCreate::new("tick".parse()?, "python3.11", "python3 tick.py")
    };
    let staging = JobCreate { continuous: Some(true), ..JobCreate::new("web--staging".parse()?, "x", "x") };
    let once = JobCreate::new("once".parse()?, "python3.11", "python3 once.py");
    fixture.services.change_state(|state| {
        for job in [&tick, &staging, &once] {
            state.jobs.insert_ready(job);
        }
    });
    let stored = "config_version: hearth/v1\ncomponents: {web: }\nenvironments: {staging: }\n";
    fixture.maintainer.components().save_config(&fixture.tool, stored, None).await?;
    let generated = fixture.maintainer.components().generate_config(&fixture.tool).await?;
    let components = json!(generated.data)["components"].clone();
    assert_eq!(json!(generated.data)["config_version"], "hearth/v1");
    assert_eq!(
        components["tick"],
        json!({"image": "python3.11", "command": "python3 tick.py", "schedule": "@daily", "timezone": "Europe/Berlin"})
    );
    assert_eq!(components.as_object().map(|all| all.len()), Some(2), "{components}");
    assert_eq!(
        generated.messages.warning[..2],
        [
            "job once runs once and is left out",
            "component tick: no build of its image is known; it is written as an existing image",
        ]
    );
    let document = Some(json!(generated.data));
    let (status, saved) =
        ComponentsFixture::send(&fixture.maintainer, Method::POST, CONFIG_PATH, document).await;
    assert_eq!((status, &saved["data"]), (200, &json!(generated.data)), "{saved}");
    Ok(())
}

async fn configuration_at_an_address_is_fetched_for_each_deployment(db: Db) -> Result<()> {
    let server = WebhookReceiver::start().await?;
    let place = server.address().parse()?;
    let fixture = start_components_with(db, |config| config.outbound.allow = vec![place]).await?;
    let answer = |status, body: String| {
        server.set_reply(ReceiverReply { status, body, ..ReceiverReply::default() });
    };
    let stored = format!("source_url: http://{}/hearth.yaml\n", server.address());
    fixture.maintainer.components().save_config(&fixture.tool, &stored, None).await?;
    assert!(server.requests().is_empty(), "storing a configuration fetches nothing");

    for (status, body, code, named) in [
        ("404 Not Found", String::new(), "config-url", "answered with status 404"),
        ("200 OK", "components: [".to_owned(), "invalid-yaml", "line 1, column 13"),
        ("200 OK", "components: {web: {port: 1}}".to_owned(), "config-invalid", "component web"),
        ("200 OK", stored.clone(), "config-invalid", "has a source_url itself"),
        ("200 OK", "#".repeat(300 << 10), "outbound-too-large", "too large"),
    ] {
        answer(status, body);
        let error = fixture.deploy(&DeploymentCreate::default()).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.public_message().contains(named), "{error}");
    }
    answer(
        "200 OK",
        "config_version: hearth/v1\ncomponents:\n  web: {image: web-only, publish: true}\n".to_owned(),
    );
    let deployment = fixture.deploy_to_end(&DeploymentCreate::default()).await?;
    assert_eq!(deployment.status, DeploymentState::Successful, "{}", deployment.long_status);
    Ok(())
}

on_every_store!(
    configuration_is_stored_as_it_was_written,
    configuration_in_json_is_stored_as_yaml,
    invalid_configuration_is_refused_with_every_problem,
    condition_on_the_version_protects_the_change_of_another_author,
    rights_of_the_configuration_are_checked_first,
    configuration_is_deleted_with_its_tool,
    sample_is_generated_for_a_tool_without_jobs,
    configuration_is_generated_from_jobs_and_their_builds,
    configuration_at_an_address_is_fetched_for_each_deployment,
);

//! Valid configurations of both formats.

use hearth_base::Result;
use hearth_wire::components::ConfigDocument;
use serde_json::{Value, json};

use super::{
    super::{check_config, check_json_config, names_components},
    read_text,
};

fn show(text: &str) -> Result<Value> {
    Ok(json!(check_config(text)?.document))
}

#[test]
fn configuration_of_toolforge_is_shown_in_its_shape() -> Result<()> {
    let text = "components:\n  web:\n    build: {repository: 'https://h/x', ref: main}\n    \
                run: {command: web, port: '8000', publish: /, cpu: 0.5, memory: 512Mi}\n  \
                tick:\n    build: {reuse_from: web}\n    run: {command: ./tick, schedule: '@daily'}\nWarning: [anything]\n";
    let expected = json!({"config_version": "v1beta1", "components": {
        "web": {"component_type": "continuous", "build": {"repository": "https://h/x", "ref": "main"},
            "run": {"command": "web", "port": 8000, "publish": "/", "cpu": "500m", "memory": "512Mi"}},
        "tick": {"component_type": "scheduled", "build": {"reuse_from": "web"},
            "run": {"command": "./tick", "schedule": "@daily"}}}});
    assert_eq!(show(text)?, expected);
    // What is shown is read as the same.
    let (checked, stored) = check_json_config(expected.clone())?;
    assert_eq!(json!(checked.document), expected);
    assert_eq!(show(&stored)?, expected);
    assert_eq!(serde_json::from_value::<ConfigDocument>(expected).ok(), Some(checked.document));
    Ok(())
}

#[test]
fn configuration_of_hearth_is_shown_as_it_is() -> Result<()> {
    let expected = json!({"config_version": "hearth/v1", "tool": "dup-finder",
        "build": {"repository": "https://h/x", "ref": "main", "packages": ["hugo"], "front_end": false,
            "processes": {"web": "./serve"}},
        "components": {
            "web": {"port": 8000, "publish": true, "replicas": 2, "build": {"folder": "web", "recipe": "detected"},
                "health_check": {"type": "http", "path": "/healthz", "interval": 5},
                "checks": {"startup": {"type": "tcp"}, "start_within": 60}, "stop": {"signal": "INT", "grace": 30}},
            "tick": {"image": "python3.11", "command": "python3 x.py", "schedule": "0 3 * * *",
                "timezone": "Europe/Berlin", "concurrency": "replace", "starting_deadline": 60, "disk": "2Gi"},
            "migrate": {"run": "before", "reuse_from": "web", "command": "./migrate", "timeout": 600}},
        "environments": {"staging": {"branch": "develop", "components": {"web": {"replicas": 1}}}},
        "previews": {"variables": {"MODE": "preview"}, "envvars": ["SHARED"], "expire_after": 86400}});
    let (checked, stored) = check_json_config(expected.clone())?;
    assert_eq!(json!(checked.document), expected);
    assert_eq!(show(&stored)?, expected);
    assert_eq!(serde_json::from_value::<ConfigDocument>(expected).ok(), Some(checked.document));
    Ok(())
}

#[test]
fn text_survives_the_way_from_json_to_yaml() -> Result<()> {
    for command in [
        "yes",
        "1",
        "- x",
        "a: b",
        "#x",
        " x",
        "x ",
        "a\nb",
        "a\n\nb\n",
        "'",
        "\"",
        "\\",
        "~",
        "ä 日 😀",
        "*a",
        "%x",
    ] {
        let document = json!({"config_version": "hearth/v1", "components": {"web": {"command": command}}});
        let (checked, stored) = check_json_config(document.clone())?;
        assert_eq!(json!(checked.document), document, "{stored}");
    }
    Ok(())
}

#[test]
fn anchors_and_merged_keys_are_read() -> Result<()> {
    let text = "config_version: hearth/v1\ncomponents:\n  a: &a {command: x, memory: 1Gi}\n  b: {<<: *a, command: z}\n";
    assert_eq!(show(text)?["components"]["b"], json!({"command": "z", "memory": "1Gi"}));
    Ok(())
}

#[test]
fn options_without_effect_are_warned_of() -> Result<()> {
    let text = "components: {web: {build: {repository: 'https://h/x', ref: v1, use_latest_versions: true, \
                use_deprecated_versions: true}, run: {command: x}}}";
    assert_eq!(
        read_text(text)?.warnings,
        [
            "component web: use_latest_versions has no effect; base images are always the newest",
            "component web: use_deprecated_versions has no effect; there are no deprecated base images",
        ]
    );
    Ok(())
}

#[test]
fn configuration_elsewhere_has_no_components_here() -> Result<()> {
    let read = read_text("source_url: https://h/hearth.yaml\n")?;
    assert_eq!(read.source_url.as_deref(), Some("https://h/hearth.yaml"));
    assert!(read.spec.components.is_empty() && !read.spec.is_complete);
    let both = "source_url: https://h/x\ncomponents: {web: {build: {repository: 'https://h/x', ref: v1}, run: {command: x}}}";
    assert_eq!(
        read_text(both)?.warnings,
        ["components are ignored, because source_url names another configuration"]
    );
    Ok(())
}

#[test]
fn file_that_only_names_its_tool_has_no_components() -> Result<()> {
    for (text, expected) in [
        ("", false),
        ("tool: x\nbuild: {language: go}\n", false),
        ("config_version: hearth/v1\ncomponents: {}\n", false),
        ("components: {web: }\n", true),
        ("components: 5\n", true),
        ("source_url: https://h/x\n", true),
    ] {
        assert_eq!(names_components(text)?, expected, "{text:?}");
    }
    Ok(())
}

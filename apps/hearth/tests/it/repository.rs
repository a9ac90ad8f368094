//! `hearth repository …`.

use crate::{fake_server::PreparedAnswers, home::Home};

const LINK_ID: &str = "link_00000000000000000000000001";

const LINK_JSON: &str = r#"{"id": "link_00000000000000000000000001", "forge": "github",
    "repository": "https://github.com/ada/dup-finder", "branches": ["main", "release/*"], "paths": [],
    "owner": "ada", "suspended": SUSPENDED,
    "webhook_url": "https://hearth.example/components/v1/forge-webhooks/link_00000000000000000000000001",
    "has_status_token": true, "created": "2026-01-02T03:04:05Z"}"#;

fn data_json(content: &str) -> String {
    format!(r#"{{"data": {content}, "messages": {{}}}}"#)
}

fn build_home(suspended: bool) -> Home {
    let link = LINK_JSON.replace("SUSPENDED", &suspended.to_string());
    let secret = format!(r#"{{"link": {link}, "secret": "hfs_s3cret"}}"#);
    let deliveries = r#"{"items": [
        {"id": "forgedelivery_00000000000000000000000003", "forge_id": "", "event": "", "ref": "", "commit": "",
         "received": "2026-01-02T03:04:07Z", "outcome": "refused", "reason": "the delivery is not signed", "count": 7},
        {"id": "forgedelivery_00000000000000000000000002", "forge_id": "b", "event": "push",
         "ref": "refs/heads/main", "commit": "4c3b1f0a9d8e7c6b5a4f3e2d1c0b9a8f7e6d5c4b",
         "received": "2026-01-02T03:04:06Z", "outcome": "deployed", "reason": "", "count": 1,
         "deployment": "deployment_00000000000000000000000001"},
        {"id": "forgedelivery_00000000000000000000000001", "forge_id": "a", "event": "ping", "ref": "", "commit": "",
         "received": "2026-01-02T03:04:05Z", "outcome": "ignored",
         "reason": "the webhook works; pushes will deploy", "count": 1}]}"#;
    let links = data_json(&format!(r#"{{"links": [{link}]}}"#));
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /components/v1/tool/dup-finder/repository-links", (200, links)),
        ("POST /components/v1/tool/dup-finder/repository-links", (201, data_json(&secret))),
        (
            "GET /components/v1/tool/dup-finder/repository-links/link_00000000000000000000000001",
            (200, data_json(&link)),
        ),
        (
            "PATCH /components/v1/tool/dup-finder/repository-links/link_00000000000000000000000001",
            (200, data_json(&link)),
        ),
        (
            "POST /components/v1/tool/dup-finder/repository-links/link_00000000000000000000000001/secret",
            (200, data_json(&secret)),
        ),
        (
            "GET /components/v1/tool/dup-finder/repository-links/link_00000000000000000000000001/deliveries",
            (200, data_json(deliveries)),
        ),
        (
            "DELETE /components/v1/tool/dup-finder/repository-links/link_00000000000000000000000001",
            (200, data_json("{}")),
        ),
    ]))
}

/// Checks that a transcript has these parts, in this order.
fn assert_parts_in_order(transcript: &str, parts: &[&str]) {
    let mut rest = transcript;
    for part in parts {
        let at = rest.find(part);
        assert!(at.is_some(), "{part:?} is missing or out of order:\n{transcript}");
        rest = &rest[at.unwrap_or_default() + part.len()..];
    }
}

#[test]
fn repository_is_linked_and_the_webhook_is_explained() {
    let home = build_home(false);
    let words = [
        "repository",
        "link",
        "https://github.com/ada/dup-finder",
        "--branch",
        "main",
        "--status-token-stdin",
    ];
    let transcript = home.run_with_input(&words, "t0ken\n");
    assert_parts_in_order(
        &transcript,
        &[
            "out| repository\thttps://github.com/ada/dup-finder",
            "out| webhook\thttps://hearth.example/components/v1/forge-webhooks/link_",
            "out| secret\thfs_s3cret",
            "err| At GitHub: Settings, Webhooks, Add webhook.",
            "The secret is shown only once.",
            "err| next:  hearth repository deliveries link_00000000000000000000000001",
            "ends with 0",
        ],
    );
    let requests = home.read_requests().join("\n");
    for part in [r#""forge":"github""#, r#""branches":["main"]"#, r#""status_token":"t0ken""#] {
        assert!(requests.contains(part), "{part}\n{requests}");
    }
}

#[test]
fn forge_of_an_unknown_host_has_to_be_named() {
    let transcript =
        build_home(false).run_to_transcript(&["repository", "link", "https://git.example.org/ada/x"]);
    assert_parts_in_order(
        &transcript,
        &[
            "error: the software of this forge is not known; expected github, gitlab, gitea or forgejo [forge]",
            "next:  hearth repository link https://git.example.org/ada/x --forge gitea",
            "ends with 1",
        ],
    );
    let words = ["repository", "link", "https://git.example.org/ada/x", "--forge", "forgejo"];
    let home = build_home(false);
    home.run_to_transcript(&words);
    let requests = home.read_requests().join("\n");
    assert!(requests.contains(r#""forge":"gitea""#), "{requests}");
}

#[test]
fn links_are_listed_and_shown_with_their_deliveries() {
    let listed = build_home(true).run_to_transcript(&["repository", "list"]);
    let line = "out| link_00000000000000000000000001\tsuspended\tada\thttps://github.com/ada/dup-finder\tmain, release/*\tproduction\tnone";
    let take_over = "err| next:  hearth repository rotate link_00000000000000000000000001";
    assert_parts_in_order(&listed, &[line, take_over, "ends with 0"]);
    let shown = build_home(true).run_to_transcript(&["repository", "show", LINK_ID]);
    let parts =
        ["out| state\tsuspended", "out| owner\tada", "out| webhook\t", "may no longer change", take_over];
    assert_parts_in_order(&shown, &parts);
    let deliveries = build_home(false).run_to_transcript(&["repository", "deliveries", LINK_ID]);
    assert_parts_in_order(
        &deliveries,
        &[
            "refused",
            "the delivery is not signed; 7 times on this day",
            "deployed\tpush\tmain\t4c3b1f0a9d8e\tdeployment_00000000000000000000000001",
            "ignored\tping",
            "the webhook works; pushes will deploy",
            "ends with 0",
        ],
    );
}

#[test]
fn previews_are_switched_on_with_the_events_that_the_forge_has_to_send() {
    let home = build_home(false);
    let link = ["repository", "link", "https://github.com/ada/dup-finder", "--previews", "repository"];
    home.run_to_transcript(&link);
    home.run_to_transcript(&["repository", "change", LINK_ID, "--previews", "forks"]);
    let requests = home.read_requests().join("\n");
    for part in [r#""previews":"repository""#, r#"{"previews":"forks"}"#] {
        assert!(requests.contains(part), "{part}\n{requests}");
    }
    let with_previews =
        LINK_JSON.replace("SUSPENDED", "false").replace("\"paths\"", "\"previews\": \"forks\", \"paths\"");
    let secret = format!(r#"{{"link": {with_previews}, "secret": "hfs_s3cret"}}"#);
    let home = Home::linked_to_tool(PreparedAnswers::from([(
        "POST /components/v1/tool/dup-finder/repository-links",
        (201, data_json(&secret)),
    )]));
    let parts = [
        "out| previews\tforks",
        "err| At GitHub: Settings, Webhooks, Add webhook.",
        "Let me select individual events: Pushes and Pull requests. The secret is shown only once.",
        "ends with 0",
    ];
    assert_parts_in_order(&home.run_to_transcript(&link), &parts);
    let refused =
        build_home(false).run_to_transcript(&["repository", "change", LINK_ID, "--previews", "all"]);
    assert_parts_in_order(&refused, &["none", "repository", "forks", "ends with 1"]);
}

#[test]
fn link_is_changed_taken_over_and_deleted() {
    let change = ["repository", "change", LINK_ID, "--branch", "main", "--branch", "release/*"];
    let unchanged = build_home(false).run_to_transcript(&change);
    assert_parts_in_order(&unchanged, &["nothing to change: link_", "ends with 0"]);
    let nothing = build_home(false).run_to_transcript(&["repository", "change", LINK_ID]);
    assert_parts_in_order(&nothing, &["error: the command names no change", "[no-change]", "ends with 1"]);
    let home = build_home(false);
    let changed = home.run_to_transcript(&["repository", "change", LINK_ID, "--branch", "develop"]);
    assert_parts_in_order(&changed, &["out| link\tlink_", "ends with 0"]);
    assert!(
        home.read_requests().join("\n").contains(r#"{"branches":["develop"]}"#),
        "{:?}",
        home.read_requests()
    );
    let rotated = build_home(true).run_to_transcript(&["repository", "rotate", LINK_ID, "--yes"]);
    assert_parts_in_order(&rotated, &["out| secret\thfs_s3cret", "err| At GitHub", "ends with 0"]);
    let unlinked = build_home(false).run_to_transcript(&["repository", "unlink", LINK_ID, "--yes"]);
    assert_parts_in_order(&unlinked, &["are deleted; delete the webhook at the forge too", "ends with 0"]);
}

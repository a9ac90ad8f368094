//! Proposed next commands keep the given flags and values.

use crate::{fake_server::PreparedAnswers, home::Home};

const CREATED_JSON: &str =
    r#"{"envvar": {"name": "WIKI_TOKEN", "value": "abc=d"}, "messages": {"info": [], "warning": []}}"#;

fn build_home() -> Home {
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /envvars/v1/tool/dup-finder/envvars", (200, r#"{"envvars": [], "messages": {}}"#)),
        ("POST /envvars/v1/tool/dup-finder/envvars", (200, CREATED_JSON)),
    ]))
}

#[test]
fn assignment_is_a_name_and_a_value() {
    let home = build_home();
    let transcript = home.run_to_transcript(&["envvars", "create", "WIKI_TOKEN=abc=d"]);
    assert!(transcript.contains("variable WIKI_TOKEN is set"), "{transcript}");
    assert!(transcript.contains("may have seen the value of WIKI_TOKEN"), "{transcript}");
    let posted =
        home.read_requests().into_iter().find(|request| request.starts_with("POST ")).expect("a change");
    assert!(posted.contains(r#""name":"WIKI_TOKEN","value":"abc=d""#), "{posted}");
    let transcript = home.run_to_transcript(&["envvars", "create", "WIKI_TOKEN=abc", "other"]);
    assert!(transcript.contains("WIKI_TOKEN has two values"), "{transcript}");
}

#[test]
fn proposal_for_an_invalid_name_neither_changes_nor_repeats_the_value() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["envvars", "create", "WIKI-TOKEN=s3cret"]), @r#"
    err| error: "WIKI-TOKEN" cannot be a variable's name: 1 to 128 letters, digits and underscores, not beginning with a digit [envvar-name]
    err| next:  hearth envvars create WIKI_TOKEN=VALUE
    ends with 1
    "#);
}

#[test]
fn proposals_keep_server_and_tool() {
    let home = build_home();
    let transcript = home.run_to_transcript(&["envvars", "list", "--tool", "dup-finder"]);
    assert!(transcript.contains("next:  hearth --tool dup-finder envvars create NAME"), "{transcript}");
    let transcript = home.run_to_transcript(&["envvars", "list"]);
    assert!(transcript.contains("next:  hearth envvars create NAME"), "{transcript}");
    let json = home.run_to_transcript(&["status", "--server", "http://127.0.0.1:1", "--json"]);
    assert!(!json.contains("next:"), "{json}");
}

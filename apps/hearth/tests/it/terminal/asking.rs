//! Questions: asked at a terminal only, what is lost is named first, and secrets are not shown.

use crate::{
    door::{self, Answers},
    home::Home,
};

const API_KEY: &str = r#"{"envvar": {"name": "API_KEY", "value": "s3cret"}, "messages": {}}"#;
const TOOL: &str = r#"{"data": {"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "",
    "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"}}"#;
const GOING: &str = r#"{"data": {"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "",
    "state": "deleting", "role": "owner", "created": "2026-01-02T03:04:05Z", "waits_for": ["jobs"]}}"#;
const ALICE: &str =
    r#"{"data": {"items": [{"user": "alice", "role": "owner", "since": "2026-01-02T03:04:05Z"}]}}"#;

fn home() -> Home {
    Home::of_tool(Answers::from([
        ("GET /envvars/v1/tool/dup-finder/envvars", (200, r#"{"envvars": [], "messages": {}}"#)),
        ("GET /envvars/v1/tool/dup-finder/envvars/API_KEY", (200, API_KEY)),
        ("POST /envvars/v1/tool/dup-finder/envvars", (200, API_KEY)),
        ("DELETE /envvars/v1/tool/dup-finder/envvars/API_KEY", (200, API_KEY)),
        ("GET /tools/v1/tool/dup-finder", (200, TOOL)),
        ("GET /tools/v1/tool/dup-finder/members", (200, ALICE)),
        ("GET /tools/v1/tool/dup-finder/tokens", (200, r#"{"data": {"items": []}}"#)),
        ("DELETE /tools/v1/tool/dup-finder", (202, GOING)),
        ("GET /accounts/v1/me", (401, door::NOBODY)),
    ]))
}

fn changes(home: &Home) -> Vec<String> {
    home.asked().into_iter().filter(|asked| !asked.starts_with("GET ")).collect()
}

#[test]
fn what_is_lost_is_named_and_a_yes_is_wanted() {
    let home = home();
    let mut terminal = home.types_at(80, &["envvars", "delete", "API_KEY"], &[("NO_COLOR", "1")]);
    terminal.answers("[y/N] ", "y\r");
    insta::assert_snapshot!(terminal.ends(), @"
    This will delete the variable API_KEY and its value. Go on? [y/N] y
    ✓ the variable API_KEY and its value are deleted; runs that have it keep it
    ends with 0
    ");
    assert_eq!(changes(&home), ["DELETE /envvars/v1/tool/dup-finder/envvars/API_KEY"]);
}

#[test]
fn anything_but_a_yes_changes_nothing() {
    for keys in ["\r", "n\r", "what?\r", "\u{4}"] {
        let home = home();
        let mut terminal = home.types(&["envvars", "delete", "API_KEY"]);
        terminal.answers("[y/N] ", keys);
        assert!(terminal.ends().ends_with("ends with 1\n"), "{keys:?}");
        assert!(changes(&home).is_empty(), "{keys:?}");
    }
}

#[test]
fn at_a_terminal_too_nothing_is_asked_where_nobody_wants_to_be() {
    let home = home();
    let terminal = home.types_at(80, &["envvars", "delete", "API_KEY"], &[("CI", "true"), ("NO_COLOR", "1")]);
    insta::assert_snapshot!(terminal.ends(), @"
    error: nobody confirmed to delete the variable API_KEY and its value [not-confirmed]
           Nothing is asked, because CI is set.
    next:  hearth envvars delete API_KEY --yes
    ends with 1
    ");
    assert!(changes(&home).is_empty());
    let terminal = home.types(&["envvars", "delete", "API_KEY", "--yes"]);
    assert!(terminal.ends().ends_with("are deleted; runs that have it keep it\nends with 0\n"));
    assert_eq!(changes(&home).len(), 1);
}

#[test]
fn a_tool_is_deleted_by_typing_its_name() {
    let home = home();
    let mut terminal = home.types_at(80, &["tool", "delete", "dup-finder"], &[("NO_COLOR", "1")]);
    terminal.answers("to delete it: ", "dup-findr\r");
    insta::assert_snapshot!(terminal.ends(), @r#"
    warning: this deletes the tool dup-finder, and with it 1 member and no tokens of its own; it cannot be undone
    Type dup-finder to delete it: dup-findr
    error: "dup-findr" is not dup-finder; nothing was deleted [not-confirmed]
    next:  hearth tool delete dup-finder
    ends with 1
    "#);
    assert!(changes(&home).is_empty());
    let mut terminal = home.types_at(80, &["tool", "delete", "dup-finder"], &[("NO_COLOR", "1")]);
    terminal.answers("to delete it: ", "dup-finder\r");
    assert!(terminal.ends().ends_with("ends with 0\n"));
    assert_eq!(changes(&home), ["DELETE /tools/v1/tool/dup-finder"]);
}

#[test]
fn a_value_that_is_asked_for_is_not_shown() {
    let home = home();
    let mut terminal = home.types_at(80, &["envvars", "create", "API_KEY"], &[("NO_COLOR", "1")]);
    terminal.answers_unseen("Value of API_KEY: ", "s3cret\r");
    let seen = terminal.ends();
    insta::assert_snapshot!(seen, @"
    Value of API_KEY:
    ✓ variable API_KEY is set; runs that start from now on have it
    ends with 0
    ");
    assert!(!seen.contains("s3cret"));
    assert_eq!(
        changes(&home),
        [r#"POST /envvars/v1/tool/dup-finder/envvars {"name":"API_KEY","value":"s3cret"}"#]
    );
}

#[test]
fn name_and_password_are_asked_for_and_the_password_is_not_shown() {
    let session = r#"{"data": {"id": "session_00000000000000000000000001", "secret": "hearth_session_s",
        "expires": "2036-01-01T00:00:00Z", "user": {"id": "user_00000000000000000000000001", "name": "alice",
        "operator": false, "disabled": false, "created": "2026-01-01T00:00:00Z"}}}"#;
    let token = r#"{"data": {"secret": "hearth_token_t", "token": {"id": "token_00000000000000000000000001",
        "label": "here", "scopes": ["*:own"], "created": "2026-01-01T00:00:00Z"}}}"#;
    let home = Home::at(Answers::from([
        ("GET /accounts/v1/me", (401, door::NOBODY)),
        ("POST /accounts/v1/sessions", (200, session)),
        ("POST /accounts/v1/tokens", (201, token)),
        ("DELETE /accounts/v1/sessions/current", (200, r#"{"data": {}}"#)),
    ]));
    let mut terminal = home.types_at(80, &["login"], &[("USER", "alice")]);
    terminal.answers("[alice]: ", "\r");
    terminal.answers_unseen("Password of alice: ", "four words will do\r");
    let seen = terminal.ends();
    assert!(!seen.contains("four words") && seen.contains("signed in as alice at [SERVER]"), "{seen}");
}

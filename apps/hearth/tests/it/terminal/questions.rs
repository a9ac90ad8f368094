//! Questions: only at a terminal, with the loss named first, and secrets without echo.

use crate::{
    fake_server::{self, PreparedAnswers},
    home::Home,
};

const API_KEY_JSON: &str = r#"{"envvar": {"name": "API_KEY", "value": "s3cret"}, "messages": {}}"#;
const TOOL_JSON: &str = r#"{"data": {"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "",
    "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"}}"#;
const DELETING_TOOL_JSON: &str = r#"{"data": {"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "",
    "state": "deleting", "role": "owner", "created": "2026-01-02T03:04:05Z", "waits_for": ["jobs"]}}"#;
const ALICE_JSON: &str =
    r#"{"data": {"items": [{"user": "alice", "role": "owner", "since": "2026-01-02T03:04:05Z"}]}}"#;

fn build_home() -> Home {
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /envvars/v1/tool/dup-finder/envvars", (200, r#"{"envvars": [], "messages": {}}"#)),
        ("GET /envvars/v1/tool/dup-finder/envvars/API_KEY", (200, API_KEY_JSON)),
        ("POST /envvars/v1/tool/dup-finder/envvars", (200, API_KEY_JSON)),
        ("DELETE /envvars/v1/tool/dup-finder/envvars/API_KEY", (200, API_KEY_JSON)),
        ("GET /tools/v1/tool/dup-finder", (200, TOOL_JSON)),
        ("GET /tools/v1/tool/dup-finder/members", (200, ALICE_JSON)),
        ("GET /tools/v1/tool/dup-finder/tokens", (200, r#"{"data": {"items": []}}"#)),
        ("DELETE /tools/v1/tool/dup-finder", (202, DELETING_TOOL_JSON)),
        ("GET /accounts/v1/me", (401, fake_server::NOT_SIGNED_IN_JSON)),
    ]))
}

fn list_changes(home: &Home) -> Vec<String> {
    home.read_requests().into_iter().filter(|request| !request.starts_with("GET ")).collect()
}

#[test]
fn deletion_names_the_loss_and_requires_a_yes() {
    let home = build_home();
    let mut terminal = home.run_at_terminal_with(80, &["envvars", "delete", "API_KEY"], &[("NO_COLOR", "1")]);
    terminal.answer_question("[y/N] ", "y\r");
    insta::assert_snapshot!(terminal.read_to_end(), @"
    This will delete the variable API_KEY and its value. Continue? [y/N] y
    ✓ the variable API_KEY and its value are deleted; current runs keep the value
    ends with 0
    ");
    assert_eq!(list_changes(&home), ["DELETE /envvars/v1/tool/dup-finder/envvars/API_KEY"]);
}

#[test]
fn any_answer_but_yes_changes_nothing() {
    for keys in ["\r", "n\r", "what?\r", "\u{4}"] {
        let home = build_home();
        let mut terminal = home.run_at_terminal(&["envvars", "delete", "API_KEY"]);
        terminal.answer_question("[y/N] ", keys);
        assert!(terminal.read_to_end().ends_with("ends with 1\n"), "{keys:?}");
        assert!(list_changes(&home).is_empty(), "{keys:?}");
    }
}

#[test]
fn terminal_with_ci_or_yes_has_no_questions() {
    let home = build_home();
    let terminal = home.run_at_terminal_with(
        80,
        &["envvars", "delete", "API_KEY"],
        &[("CI", "true"), ("NO_COLOR", "1")],
    );
    insta::assert_snapshot!(terminal.read_to_end(), @"
    error: confirmation is missing: delete the variable API_KEY and its value [not-confirmed]
           hearth asks no questions when CI is set.
    next:  hearth envvars delete API_KEY --yes
    ends with 1
    ");
    assert!(list_changes(&home).is_empty());
    let terminal = home.run_at_terminal(&["envvars", "delete", "API_KEY", "--yes"]);
    assert!(terminal.read_to_end().ends_with("are deleted; current runs keep the value\nends with 0\n"));
    assert_eq!(list_changes(&home).len(), 1);
}

#[test]
fn tool_is_deleted_by_typing_its_name() {
    let home = build_home();
    let mut terminal = home.run_at_terminal_with(80, &["tool", "delete", "dup-finder"], &[("NO_COLOR", "1")]);
    terminal.answer_question("to delete it: ", "dup-findr\r");
    insta::assert_snapshot!(terminal.read_to_end(), @r#"
    warning: this deletes the tool dup-finder with 1 member and no tokens; it cannot be undone
    Type dup-finder to delete it: dup-findr
    error: "dup-findr" is not dup-finder; nothing was deleted [not-confirmed]
    next:  hearth tool delete dup-finder
    ends with 1
    "#);
    assert!(list_changes(&home).is_empty());
    let mut terminal = home.run_at_terminal_with(80, &["tool", "delete", "dup-finder"], &[("NO_COLOR", "1")]);
    terminal.answer_question("to delete it: ", "dup-finder\r");
    assert!(terminal.read_to_end().ends_with("ends with 0\n"));
    assert_eq!(list_changes(&home), ["DELETE /tools/v1/tool/dup-finder"]);
}

#[test]
fn typed_secret_value_is_not_echoed() {
    let home = build_home();
    let mut terminal = home.run_at_terminal_with(80, &["envvars", "create", "API_KEY"], &[("NO_COLOR", "1")]);
    terminal.answer_hidden_question("Value of API_KEY: ", "s3cret\r");
    let seen = terminal.read_to_end();
    insta::assert_snapshot!(seen, @"
    Value of API_KEY:
    ✓ variable API_KEY is set for new runs
    ends with 0
    ");
    assert!(!seen.contains("s3cret"));
    assert_eq!(
        list_changes(&home),
        [r#"POST /envvars/v1/tool/dup-finder/envvars {"name":"API_KEY","value":"s3cret"}"#]
    );
}

#[test]
fn login_asks_for_name_and_password_without_echo() {
    let session = r#"{"data": {"id": "session_00000000000000000000000001", "secret": "hearth_session_s",
        "expires": "2036-01-01T00:00:00Z", "user": {"id": "user_00000000000000000000000001", "name": "alice",
        "operator": false, "disabled": false, "created": "2026-01-01T00:00:00Z"}}}"#;
    let token = r#"{"data": {"secret": "hearth_token_t", "token": {"id": "token_00000000000000000000000001",
        "label": "here", "scopes": ["*:own"], "created": "2026-01-01T00:00:00Z"}}}"#;
    let home = Home::signed_in_at(PreparedAnswers::from([
        ("GET /accounts/v1/me", (401, fake_server::NOT_SIGNED_IN_JSON)),
        ("POST /accounts/v1/sessions", (200, session)),
        ("POST /accounts/v1/tokens", (201, token)),
        ("DELETE /accounts/v1/sessions/current", (200, r#"{"data": {}}"#)),
    ]));
    let mut terminal = home.run_at_terminal_with(80, &["login"], &[("USER", "alice")]);
    terminal.answer_question("[alice]: ", "\r");
    terminal.answer_hidden_question("Password of alice: ", "four words will do\r");
    let seen = terminal.read_to_end();
    assert!(!seen.contains("four words") && seen.contains("signed in as alice at [SERVER]"), "{seen}");
}

#[test]
fn codes_and_passwords_are_asked_for_without_echo() {
    let user = r#"{"data": {"id": "user_00000000000000000000000001", "name": "alice", "operator": false,
        "disabled": false, "created": "2026-01-01T00:00:00Z"}}"#;
    let home = Home::signed_in_at(PreparedAnswers::from([
        ("GET /accounts/v1/me/email", (200, r#"{"data": {"pending": "ada@example.org"}}"#)),
        ("POST /accounts/v1/me/email/confirmation", (200, r#"{"data": {"address": "ada@example.org"}}"#)),
        ("POST /accounts/v1/password-reset", (200, user)),
    ]));
    let mut terminal = home.run_at_terminal(&["notify", "email", "--code-stdin"]);
    terminal.answer_hidden_question("Enter the code: ", "ABCD-EFGH-JKLM\r");
    let seen = terminal.read_to_end();
    assert!(!seen.contains("ABCD") && seen.contains("mail to you goes to ada@example.org"), "{seen}");
    let mut terminal = home.run_at_terminal(&["password", "--code-stdin"]);
    terminal.answer_hidden_question("Enter the code: ", "hearth_recovery_x\r");
    terminal.answer_hidden_question("at least 10 characters: ", "four words will do\r");
    terminal.answer_hidden_question("Repeat the password: ", "four words will do\r");
    let seen = terminal.read_to_end();
    assert!(!seen.contains("recovery_x") && seen.contains("alice has a new password"), "{seen}");
    assert_eq!(list_changes(&home).len(), 2);
}

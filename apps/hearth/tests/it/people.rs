//! `hearth invite`, `users`, `token`, `audit`, `password`, and offered memberships.

use crate::{fake_server::PreparedAnswers, home::Home};

const TOKEN_JSON: &str = r#"{"id": "token_00000000000000000000000001", "label": "ci", "scopes": ["jobs:write"],
    "created": "2026-01-02T03:04:05Z", "owner": "bob", "suspended": true}"#;

fn data_json(content: &str) -> String {
    format!(r#"{{"data": {content}, "messages": {{}}}}"#)
}

fn items_json(item: &str) -> String {
    data_json(&format!(r#"{{"items": [{item}]}}"#))
}

fn build_home() -> Home {
    let invitation = r#"{"id": "token_00000000000000000000000002", "operator": false, "note": "Bob",
        "created": "2026-01-02T03:04:05Z", "expires": "2026-01-09T03:04:05Z"}"#;
    let user = r#"{"id": "user_00000000000000000000000001", "name": "bob", "operator": false, "disabled": false,
        "created": "2026-01-02T03:04:05Z"}"#;
    let entry = r#"{"id": "event_00000000000000000000000001", "at": "2026-01-02T03:04:05Z", "who": "user bob",
        "action": "change.refuse", "tool": "dup-finder", "subject": "DELETE /tools/v1/tool/dup-finder",
        "request_id": "req_1", "refused": "forbidden", "client": "192.0.2.7"}"#;
    let offer = r#"{"tool": "other", "role": "maintainer", "offered_by": "alice",
        "offered": "2026-01-02T03:04:05Z", "expires": "2026-01-16T03:04:05Z"}"#;
    let member = r#"{"user": "bob", "role": "viewer", "since": "2026-01-02T03:04:05Z", "pending": true}"#;
    let code = r#"{"code": "hearth_recovery_s3cret", "user": "bob", "expires": "2026-01-02T03:04:05Z"}"#;
    let tool = r#"{"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "",
        "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"}"#;
    let created = format!(r#"{{"secret": "hearth_token_s3cret", "token": {TOKEN_JSON}}}"#);
    let tokens = "/tools/v1/tool/dup-finder/tokens";
    let take_over = format!("POST {tokens}/token_00000000000000000000000001/owner").leak();
    Home::linked_to_tool(PreparedAnswers::from([
        (
            "POST /accounts/v1/invitations",
            (201, data_json(&format!(r#"{{"code": "hearth_code_s3cret", "invitation": {invitation}}}"#))),
        ),
        ("GET /accounts/v1/invitations", (200, items_json(invitation))),
        ("GET /accounts/v1/users", (200, items_json(user))),
        ("PATCH /accounts/v1/users/bob", (200, data_json(user))),
        ("POST /accounts/v1/users/bob/recovery-codes", (201, data_json(code))),
        ("GET /tools/v1/tool/dup-finder", (200, data_json(tool))),
        ("GET /tools/v1/tool/dup-finder/audit", (200, items_json(entry))),
        ("GET /tools/v1/tool/dup-finder/tokens", (200, items_json(TOKEN_JSON))),
        ("POST /tools/v1/tool/dup-finder/tokens", (201, data_json(&created))),
        (take_over, (200, data_json(&created))),
        ("GET /tools/v1/tool/dup-finder/members", (200, data_json(r#"{"items": []}"#))),
        ("GET /tools/v1/tool/dup-finder/member-offers", (200, items_json(member))),
        ("PUT /tools/v1/tool/dup-finder/members/bob", (200, data_json(member))),
        ("GET /accounts/v1/me/memberships", (200, items_json(offer))),
        ("PUT /accounts/v1/me/memberships/other", (200, data_json("{}"))),
        ("POST /accounts/v1/recovery-mails", (200, data_json("{}"))),
        ("POST /accounts/v1/password-reset", (200, data_json(user))),
        ("POST /accounts/v1/me/password", (200, data_json("{}"))),
    ]))
}

#[test]
fn invitation_shows_its_code_and_the_command_of_the_invited_person() {
    let transcript = build_home().run_to_transcript(&["invite", "Bob"]);
    for part in ["hearth_code_s3cret", "2026-01-09T03:04:05Z", "hearth login", "--code-stdin", "ends with 0"]
    {
        assert!(transcript.contains(part), "{part}\n{transcript}");
    }
    let listed = build_home().run_to_transcript(&["invite", "list"]);
    assert!(listed.contains("token_00000000000000000000000002\tBob\ta person"), "{listed}");
}

#[test]
fn users_are_listed_changed_and_recovered() {
    let listed = build_home().run_to_transcript(&["users", "list"]);
    assert!(listed.contains("bob\tuser\tenabled"), "{listed}");
    let unconfirmed = build_home().run_to_transcript(&["users", "disable", "bob"]);
    assert!(unconfirmed.contains("confirmation is missing"), "{unconfirmed}");
    let promoted = build_home().run_to_transcript(&["users", "promote", "bob"]);
    assert!(promoted.contains("bob is an operator"), "{promoted}");
    let recovered = build_home().run_to_transcript(&["users", "recover", "bob"]);
    assert!(
        recovered.contains("hearth_recovery_s3cret") && recovered.contains("hearth password --code-stdin")
    );
}

#[test]
fn token_secret_is_shown_once_and_a_suspended_token_names_the_next_command() {
    let created = build_home().run_to_transcript(&["token", "create", "ci", "--scope", "jobs:write"]);
    assert!(created.contains("hearth_token_s3cret") && created.contains("only once"), "{created}");
    let listed = build_home().run_to_transcript(&["token", "list"]);
    assert!(listed.contains("ci\tbob\tsuspended") && !listed.contains("s3cret"), "{listed}");
    assert!(listed.contains("hearth token claim token_00000000000000000000000001"), "{listed}");
    let taken = build_home().run_to_transcript(&["token", "claim", "token_00000000000000000000000001"]);
    assert!(taken.contains("hearth_token_s3cret"), "{taken}");
    let wrong = build_home().run_to_transcript(&["token", "create", "ci", "--scope", "everything"]);
    assert!(wrong.ends_with("ends with 1\n"), "{wrong}");
}

#[test]
fn audit_shows_refused_changes_with_the_client() {
    let transcript = build_home().run_to_transcript(&["audit"]);
    for part in ["user bob", "change.refuse", "DELETE /tools/v1/tool/dup-finder", "forbidden", "192.0.2.7"] {
        assert!(transcript.contains(part), "{part}\n{transcript}");
    }
}

#[test]
fn offered_role_is_shown_as_an_offer_and_accepted_by_the_person() {
    let set = build_home().run_to_transcript(&["tool", "members", "set", "bob", "viewer"]);
    assert!(set.contains("it applies once bob accepts"), "{set}");
    assert!(set.contains("hearth tool accept dup-finder"), "{set}");
    let listed = build_home().run_to_transcript(&["tool", "members"]);
    assert!(listed.contains("bob\tviewer (offered)"), "{listed}");
    let offers = build_home().run_to_transcript(&["tool", "offers"]);
    assert!(offers.contains("other\tmaintainer\talice") && offers.contains("hearth tool accept other"));
    let accepted = build_home().run_to_transcript(&["tool", "accept", "other"]);
    assert!(accepted.contains("you are a member of other"), "{accepted}");
}

#[test]
fn password_is_changed_mailed_or_reset_without_being_printed() {
    let home = build_home();
    let changed = home.run_with_input(&["password", "--password-stdin"], "old s3cret\nnew s3cret\n");
    assert!(changed.contains("your password is changed"), "{changed}");
    let requests = home.read_requests().join("\n");
    assert!(requests.contains(r#""current":"old s3cret""#) && requests.contains(r#""new":"new s3cret""#));
    let reset = build_home()
        .run_with_input(&["password", "--code-stdin", "--password-stdin"], "the-code\nnew s3cret\n");
    assert!(
        reset.contains("bob has a new password; all sessions and personal tokens have ended")
            && reset.contains("hearth login --name bob"),
        "{reset}"
    );
    let mailed = build_home().run_to_transcript(&["password", "--forgot", "bob"]);
    assert!(mailed.contains("a code is on its way") && mailed.contains("hearth password --code-stdin"));
    for transcript in [changed, reset, mailed] {
        assert!(!transcript.contains("s3cret") && !transcript.contains("the-code"), "{transcript}");
    }
}

//! `hearth notify …` and `hearth webhooks …`.

use crate::{fake_server::PreparedAnswers, home::Home};

const WEBHOOK_JSON: &str = r#"{"id": "webhook_00000000000000000000000001", "url": "https://example.org/hook",
    "events": ["job.run.failed"], "enabled": false, "reason": "no delivery was accepted for three days",
    "created": "2026-01-02T03:04:05Z"}"#;

fn data_json(content: &str) -> String {
    format!(r#"{{"data": {content}, "messages": {{}}}}"#)
}

fn build_home() -> Home {
    let secret = format!(r#"{{"webhook": {WEBHOOK_JSON}, "secret": "whsec_c2VjcmV0"}}"#);
    let delivery = r#"{"id": "delivery_00000000000000000000000001", "event": "webhook.test", "message": "event_1",
        "state": "waiting", "tries": 1, "created": "2026-01-02T03:04:05Z", "status": 500, "reply": "oh no"}"#;
    let mail = r#"{"sends": true, "off": false, "recipients": ["ada", "bob"], "waiting": 2,
        "next": "2026-01-02T03:04:05Z", "events": ["job.run.failed", "deployment.failed"],
        "available_events": ["job.run.failed", "build.failed", "deployment.succeeded", "deployment.failed"],
        "default_events": ["job.run.failed", "build.failed", "deployment.failed"]}"#;
    let mails = r#"{"items": [{"id": "mail_00000000000000000000000001", "user": "ada", "events": 1,
        "subject": "[hearth] dup-finder/tidy failed: exit status 1", "state": "failed", "tries": 1,
        "created": "2026-01-02T03:04:05Z", "reply": "550 nobody of that name"}]}"#;
    let me = r#"{"kind": "user", "name": "alice", "operator": false, "scopes": ["*:own"],
        "credential": {"by": "personal-token", "id": "token_00000000000000000000000001"}}"#;
    let session = r#"{"id": "session_00000000000000000000000001", "secret": "hearth_session_s3cret",
        "user": {"id": "user_00000000000000000000000001", "name": "alice", "operator": false, "disabled": false,
        "created": "2026-01-02T03:04:05Z"}, "expires": "2026-01-16T03:04:05Z"}"#;
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /accounts/v1/me/email", (200, data_json(r#"{"address": "alice@example.org"}"#))),
        ("PUT /accounts/v1/me/email", (200, data_json(r#"{"address": "a@example.org"}"#))),
        ("POST /accounts/v1/me/email/confirmation", (200, data_json(r#"{"address": "a@example.org"}"#))),
        ("GET /accounts/v1/me", (200, data_json(me))),
        ("POST /accounts/v1/sessions", (201, data_json(session))),
        ("DELETE /accounts/v1/sessions/current", (200, data_json("{}"))),
        ("GET /notify/v1/tool/dup-finder/mail", (200, data_json(mail))),
        ("PUT /notify/v1/tool/dup-finder/mail", (200, data_json(&mail.replace("false", "true")))),
        ("GET /notify/v1/tool/dup-finder/mails", (200, data_json(mails))),
        (
            "GET /notify/v1/tool/dup-finder/webhooks",
            (200, data_json(&format!(r#"{{"items": [{WEBHOOK_JSON}]}}"#))),
        ),
        ("POST /notify/v1/tool/dup-finder/webhooks", (201, data_json(&secret))),
        (
            "GET /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001",
            (200, data_json(WEBHOOK_JSON)),
        ),
        (
            "PATCH /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001",
            (200, data_json(&WEBHOOK_JSON.replace("false", "true"))),
        ),
        (
            "POST /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001/secret",
            (200, data_json(&secret)),
        ),
        (
            "POST /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001/test",
            (202, data_json(delivery)),
        ),
        (
            "GET /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001/deliveries",
            (200, data_json(&format!(r#"{{"items": [{delivery}]}}"#))),
        ),
        (
            "DELETE /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001",
            (200, data_json("{}")),
        ),
    ]))
}

const WEBHOOK_ID: &str = "webhook_00000000000000000000000001";

#[test]
fn events_with_mail_are_shown_and_chosen() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "events"]), @"
    out| job.run.failed	yes
    out| build.failed	no
    out| deployment.succeeded	no
    out| deployment.failed	yes
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "events", "deployment.failed", "job.run.failed"]), @"
    out| nothing to change: you get mail about job.run.failed, deployment.failed
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "events", "--default"]), @"
    out| ✓ you get mail about job.run.failed, build.failed, deployment.failed
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "events", "--none", "--dry-run"]), @"
    out| would change the choice: you get mail about no event
    ends with 0
    ");
    let refused = build_home().run_to_transcript(&["notify", "events", "deployment.cancelled"]);
    assert!(refused.contains("there is no mail about the event type \"deployment.cancelled\""), "{refused}");
    assert!(refused.contains("deployment.rolled_back"), "{refused}");
}

#[test]
fn choice_of_events_needs_a_hearth_of_this_release() {
    let mail = r#"{"sends": true, "off": false, "recipients": [], "waiting": 0}"#;
    let home = Home::linked_to_tool(PreparedAnswers::from([(
        "GET /notify/v1/tool/dup-finder/mail",
        (200, data_json(mail)),
    )]));
    let refused = home.run_to_transcript(&["notify", "events", "deployment.failed"]);
    assert!(refused.contains("release in which mail cannot be chosen by event"), "{refused}");
}

#[test]
fn mail_settings_are_shown_and_changed() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "status"]), @"
    out| mail	sent
    out| to	ada, bob
    out| to you	on
    out| about	job.run.failed, deployment.failed
    out| waiting	2
    out| next mail	2026-01-02T03:04:05Z
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "on"]), @"
    out| nothing to change: mail about dup-finder to you is on
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "off"]), @"
    out| ✓ mail about dup-finder to you is off
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "mails"]), @"
    out| 2026-01-02T03:04:05Z	ada	failed	[hearth] dup-finder/tidy failed: exit status 1	550 nobody of that name
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "email"]), @"
    out| alice@example.org
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "email", "alice@example.org"]), @"
    out| nothing to change: alice@example.org
    ends with 0
    ");
    let unasked = build_home().run_to_transcript(&["notify", "email", "a@example.org"]);
    assert!(unasked.contains("the password (--password-stdin) is missing [cannot-ask]"), "{unasked}");
    assert!(unasked.contains("next:  hearth notify email ADDRESS --password-stdin"), "{unasked}");
    let home = build_home();
    let words = ["notify", "email", "a@example.org", "--password-stdin"];
    insta::assert_snapshot!(home.run_with_input(&words, "my s3cret\n"), @"
    out| ✓ mail to you goes to a@example.org (was alice@example.org)
    ends with 0
    ");
    // A session that the password opened sends the change, and ends.
    let requests = home.read_requests().join("\n");
    for part in [
        r#"POST /accounts/v1/sessions {"name":"alice","password":"my s3cret"}"#,
        r#"PUT /accounts/v1/me/email {"address":"a@example.org","password":"my s3cret"}"#,
        "DELETE /accounts/v1/sessions/current",
    ] {
        assert!(requests.contains(part), "{part}\n{requests}");
    }
    let confirmed = build_home().run_with_input(&["notify", "email", "--code-stdin"], "ABCD-EFGH-JKLM\n");
    assert!(confirmed.contains("mail to you goes to a@example.org"), "{confirmed}");
    insta::assert_snapshot!(build_home().run_to_transcript(&["notify", "email", "a@b, c@d"]), @r#"
    err| error: "a@b, c@d" is not a mail address [email-address]
    err|        Write it as name@example.org, without a display name.
    err| next:  hearth notify email -h
    ends with 1
    "#);
}

#[test]
fn webhooks_are_listed_and_shown_with_deliveries() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "list"]), @"
    out| webhook_00000000000000000000000001	off	https://example.org/hook	job.run.failed
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "show", WEBHOOK_ID]), @"
    out| webhook	webhook_00000000000000000000000001
    out| address	https://example.org/hook
    out| events	job.run.failed
    out| state	off
    out| reason	no delivery was accepted for three days
    out| created	2026-01-02T03:04:05Z
    err| next:  hearth webhooks change webhook_00000000000000000000000001 --on
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "deliveries", WEBHOOK_ID]), @"
    out| 2026-01-02T03:04:05Z	webhook.test	waiting	1	500	oh no
    ends with 0
    ");
}

#[test]
fn webhooks_are_created_changed_and_deleted() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "create", "https://example.org/hook", "--event", "job.run.failed"]), @"
    out| webhook	webhook_00000000000000000000000001
    out| address	https://example.org/hook
    out| events	job.run.failed
    out| state	off
    out| reason	no delivery was accepted for three days
    out| created	2026-01-02T03:04:05Z
    out| secret	whsec_c2VjcmV0
    err| The secret is shown only once; the receiver checks signatures with it (standardwebhooks.com).
    err| next:  hearth webhooks test webhook_00000000000000000000000001
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "create", "https://example.org/hook", "--event", "job.exploded"]), @r#"
    err| error: unknown event type "job.exploded" [event-type]
    err|        The event types are request.created, request.accepted, request.refused, job.run.started, job.run.succeeded, job.run.failed, job.run.stopped, job.due.missed, build.succeeded, build.failed, build.cancelled, deployment.succeeded, deployment.failed, deployment.cancelled, deployment.rolled_back, webhook.test.
    err| next:  hearth webhooks create -h
    ends with 1
    "#);
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "change", WEBHOOK_ID, "--on"]), @"
    out| webhook	webhook_00000000000000000000000001
    out| address	https://example.org/hook
    out| events	job.run.failed
    out| state	on
    out| reason	no delivery was accepted for three days
    out| created	2026-01-02T03:04:05Z
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "change", WEBHOOK_ID, "--off"]), @"
    out| nothing to change: webhook_00000000000000000000000001 has these settings already
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "change", WEBHOOK_ID]), @"
    err| error: the command names no change; use --on, --off, --url, --event or --all-events [no-change]
    err| next:  hearth webhooks change webhook_00000000000000000000000001 --off
    ends with 1
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "test", WEBHOOK_ID]), @"
    out| ✓ a test event is queued for webhook_00000000000000000000000001
    err| next:  hearth webhooks deliveries webhook_00000000000000000000000001
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "rotate", WEBHOOK_ID, "--yes"]), @"
    out| webhook	webhook_00000000000000000000000001
    out| address	https://example.org/hook
    out| events	job.run.failed
    out| state	off
    out| reason	no delivery was accepted for three days
    out| created	2026-01-02T03:04:05Z
    out| secret	whsec_c2VjcmV0
    err| The secret is shown only once; the receiver checks signatures with it (standardwebhooks.com).
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "delete", WEBHOOK_ID]), @"
    err| error: confirmation is missing: delete the webhook webhook_00000000000000000000000001 to https://example.org/hook, its secret and its waiting deliveries [not-confirmed]
    err|        hearth asks no questions without a terminal.
    err| next:  hearth webhooks delete webhook_00000000000000000000000001 --yes
    ends with 1
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["webhooks", "delete", WEBHOOK_ID, "--yes"]), @"
    out| ✓ the webhook webhook_00000000000000000000000001 to https://example.org/hook, its secret and its waiting deliveries are deleted
    ends with 0
    ");
}

//! `hearth admin …`.

use crate::{fake_server::PreparedAnswers, home::Home};

const DEAD_ITEM_JSON: &str = r#"{"task": "mail", "key": "mail_1", "state": "dead", "payload": null,
    "enqueued_at": "2026-01-02T03:04:05Z", "failures": 10, "last_error": "the mail server is away",
    "died_at": "2026-01-02T04:04:05Z"}"#;

const WAITING_ITEM_JSON: &str = r#"{"task": "mail", "key": "mail_1", "state": "waiting", "payload": null,
    "enqueued_at": "2026-01-02T03:04:05Z", "due_at": "2026-01-02T05:04:05Z", "failures": 0}"#;

fn data_json(content: &str) -> String {
    format!(r#"{{"data": {content}, "messages": {{}}}}"#)
}

fn build_home() -> Home {
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /notify/v1/queue", (200, data_json(&format!(r#"{{"items": [{DEAD_ITEM_JSON}]}}"#)))),
        ("GET /notify/v1/queue/mail/mail_1", (200, data_json(DEAD_ITEM_JSON))),
        ("POST /notify/v1/queue/mail/mail_1/retry", (200, data_json(WAITING_ITEM_JSON))),
        ("DELETE /notify/v1/queue/mail/mail_1", (200, data_json(DEAD_ITEM_JSON))),
        (
            "GET /notify/v1/queue/mail/mail_2",
            (
                404,
                r#"{"error": ["there is no queue item mail/mail_2"], "code": "no-such-queue-item"}"#
                    .to_owned(),
            ),
        ),
        (
            "GET /gateway/v1/queue",
            (404, r#"{"error": ["there is no such endpoint"], "code": "no-such-endpoint"}"#.to_owned()),
        ),
    ]))
}

#[test]
fn dead_letters_are_listed_shown_retried_and_discarded() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["admin", "queue", "list", "--state", "dead"]), @"
    out| notify	mail	mail_1	dead	-	10	the mail server is away
    ends with 0
    ");
    let fields = "--json=service,task,key,state";
    insta::assert_snapshot!(build_home().run_to_transcript(&["admin", "queue", "list", "--service", "notify", fields]), @r#"
    out| [
    out|   {
    out|     "service": "notify",
    out|     "task": "mail",
    out|     "key": "mail_1",
    out|     "state": "dead"
    out|   }
    out| ]
    ends with 0
    "#);
    insta::assert_snapshot!(build_home().run_to_transcript(&["admin", "queue", "show", "notify", "mail", "mail_1"]), @"
    out| service	notify
    out| task	mail
    out| key	mail_1
    out| state	dead
    out| enqueued	2026-01-02T03:04:05Z
    out| failures	10
    out| dead since	2026-01-02T04:04:05Z
    out| last error	the mail server is away
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["admin", "queue", "retry", "notify", "mail", "mail_1"]), @"
    out| ✓ notify mail mail_1 is due now
    ends with 0
    ");
    let discard = ["admin", "queue", "discard", "notify", "mail", "mail_1"];
    insta::assert_snapshot!(build_home().run_to_transcript(&discard), @"
    err| error: confirmation is missing: discard the queue item notify mail mail_1; its work is lost [not-confirmed]
    err|        hearth asks no questions without a terminal.
    err| next:  hearth admin queue discard notify mail mail_1 --yes
    ends with 1
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&[&discard[..], &["--yes"]].concat()), @"
    out| ✓ notify mail mail_1 is discarded
    ends with 0
    ");
}

#[test]
fn mistyped_state_service_or_item_is_refused_with_the_valid_ones() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["admin", "queue", "list", "--state", "died"]), @r#"
    err| error: invalid value "died" for --state [invalid-value]
    err|        The values are waiting, scheduled, running, dead.
    err| next:  hearth admin queue list --state dead
    ends with 1
    "#);
    insta::assert_snapshot!(build_home().run_to_transcript(&["admin", "queue", "show", "notifi", "mail", "mail_1"]), @r#"
    err| error: invalid value "notifi" for SERVICE [invalid-value]
    err|        The values are accounts, images, logs, envvars, jobs, storage, builds, builder, components, notify, edge, gateway.
    err| next:  hearth admin queue show notify mail mail_1
    ends with 1
    "#);
    insta::assert_snapshot!(build_home().run_to_transcript(&["admin", "queue", "list", "--service", "gateway"]), @"
    err| error: gateway has no queue [no-queue]
    err| next:  hearth admin queue list
    ends with 1
    ");
    for change in ["retry", "discard"] {
        let transcript = build_home().run_to_transcript(&[
            "admin",
            "queue",
            change,
            "notify",
            "mail",
            "mail_2",
            "--dry-run",
        ]);
        assert!(
            transcript.contains("there is no queue item mail/mail_2")
                && transcript.ends_with("ends with 1\n"),
            "{transcript}"
        );
    }
}

const BUILDER_JSON: &str = r#"{"id": "4f2c", "labels": ["large"], "slots": 4, "running": 1, "state": "suspended",
    "last_seen": "2026-01-02T03:04:05Z", "failures": 3, "last_error": "The disk is full.",
    "suspension_reason": "it failed 3 builds in a row", "suspended_until": "2026-01-02T03:14:05Z"}"#;

#[test]
fn builders_are_listed_suspended_and_returned() {
    let one = format!(r#"{{"builder": {BUILDER_JSON}, "messages": {{}}}}"#);
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /builds/v1/builders", (200, format!(r#"{{"builders": [{BUILDER_JSON}], "messages": {{}}}}"#))),
        ("POST /builds/v1/builders/4f2c/suspend", (200, one.clone())),
        ("POST /builds/v1/builders/4f2c/return", (200, one)),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["admin", "builders", "list"]), @"
    out| 4f2c	suspended	1 of 4	large	2026-01-02T03:04:05Z	3	it failed 3 builds in a row
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["admin", "builders", "suspend", "4f2c"]), @"
    out| ✓ 4f2c gets no further builds
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["admin", "builders", "return", "4f2c"]), @"
    out| ✓ 4f2c gets builds again
    ends with 0
    ");
}

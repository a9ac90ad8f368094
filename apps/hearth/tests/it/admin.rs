//! `hearth admin …`.

use crate::{door::Answers, home::Home};

const DEAD: &str = r#"{"task": "mail", "key": "mail_1", "state": "dead", "payload": null,
    "enqueued_at": "2026-01-02T03:04:05Z", "failures": 10, "last_error": "the mail server is away",
    "died_at": "2026-01-02T04:04:05Z"}"#;

const WAITING: &str = r#"{"task": "mail", "key": "mail_1", "state": "waiting", "payload": null,
    "enqueued_at": "2026-01-02T03:04:05Z", "due_at": "2026-01-02T05:04:05Z", "failures": 0}"#;

fn data(content: &str) -> String {
    format!(r#"{{"data": {content}, "messages": {{}}}}"#)
}

fn home() -> Home {
    Home::of_tool(Answers::from([
        ("GET /notify/v1/queue", (200, data(&format!(r#"{{"items": [{DEAD}]}}"#)))),
        ("GET /notify/v1/queue/mail/mail_1", (200, data(DEAD))),
        ("POST /notify/v1/queue/mail/mail_1/retry", (200, data(WAITING))),
        ("DELETE /notify/v1/queue/mail/mail_1", (200, data(DEAD))),
    ]))
}

#[test]
fn dead_letters_are_listed_shown_retried_and_discarded() {
    insta::assert_snapshot!(home().says(&["admin", "queue", "list", "--state", "dead"]), @"
    out| notify	mail	mail_1	dead	-	10	the mail server is away
    ends with 0
    ");
    let fields = "--json=service,task,key,state";
    insta::assert_snapshot!(home().says(&["admin", "queue", "list", "--service", "notify", fields]), @r#"
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
    insta::assert_snapshot!(home().says(&["admin", "queue", "show", "notify", "mail", "mail_1"]), @"
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
    insta::assert_snapshot!(home().says(&["admin", "queue", "retry", "notify", "mail", "mail_1"]), @"
    out| ✓ notify mail mail_1 is due now
    ends with 0
    ");
    let discard = ["admin", "queue", "discard", "notify", "mail", "mail_1"];
    insta::assert_snapshot!(home().says(&discard), @"
    err| error: nobody confirmed to discard the queue item notify mail mail_1: what it was to do is not done [not-confirmed]
    err|        Nothing is asked, because there is no terminal.
    err| next:  hearth admin queue discard notify mail mail_1 --yes
    ends with 1
    ");
    insta::assert_snapshot!(home().says(&[&discard[..], &["--yes"]].concat()), @"
    out| ✓ notify mail mail_1 is discarded
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["admin", "queue", "list", "--state", "lost"]), @r#"
    err| error: "lost" is not a value for this [invalid-value]
    err| next:  hearth admin queue list -h
    ends with 1
    "#);
}

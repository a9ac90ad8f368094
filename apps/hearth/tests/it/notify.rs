//! `hearth notify …` and `hearth webhooks …`.

use crate::{door::Answers, home::Home};

const WEBHOOK: &str = r#"{"id": "webhook_00000000000000000000000001", "url": "https://example.org/told",
    "events": ["job.run.failed"], "enabled": false, "reason": "for three days it took nothing",
    "created": "2026-01-02T03:04:05Z"}"#;

fn data(content: &str) -> String {
    format!(r#"{{"data": {content}, "messages": {{}}}}"#)
}

fn home() -> Home {
    let secret = format!(r#"{{"webhook": {WEBHOOK}, "secret": "whsec_c2VjcmV0"}}"#);
    let delivery = r#"{"id": "delivery_00000000000000000000000001", "event": "webhook.test", "message": "event_1",
        "state": "waiting", "tries": 1, "created": "2026-01-02T03:04:05Z", "status": 500, "said": "oh no"}"#;
    let mail = r#"{"sends": true, "off": false, "recipients": ["ada", "bob"], "waiting": 2,
        "next": "2026-01-02T03:04:05Z"}"#;
    let mails = r#"{"items": [{"id": "mail_00000000000000000000000001", "user": "ada", "events": 1,
        "subject": "[hearth] dup-finder/tidy failed: exit status 1", "state": "failed", "tries": 1,
        "created": "2026-01-02T03:04:05Z", "said": "550 nobody of that name"}]}"#;
    Home::of_tool(Answers::from([
        ("GET /accounts/v1/me/email", (200, data(r#"{"address": "alice@example.org"}"#))),
        ("PUT /accounts/v1/me/email", (200, data(r#"{"address": "a@example.org"}"#))),
        ("GET /notify/v1/tool/dup-finder/mail", (200, data(mail))),
        ("PUT /notify/v1/tool/dup-finder/mail", (200, data(&mail.replace("false", "true")))),
        ("GET /notify/v1/tool/dup-finder/mails", (200, data(mails))),
        ("GET /notify/v1/tool/dup-finder/webhooks", (200, data(&format!(r#"{{"items": [{WEBHOOK}]}}"#)))),
        ("POST /notify/v1/tool/dup-finder/webhooks", (201, data(&secret))),
        ("GET /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001", (200, data(WEBHOOK))),
        (
            "PATCH /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001",
            (200, data(&WEBHOOK.replace("false", "true"))),
        ),
        (
            "POST /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001/secret",
            (200, data(&secret)),
        ),
        (
            "POST /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001/test",
            (202, data(delivery)),
        ),
        (
            "GET /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001/deliveries",
            (200, data(&format!(r#"{{"items": [{delivery}]}}"#))),
        ),
        ("DELETE /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001", (200, data("{}"))),
    ]))
}

const ID: &str = "webhook_00000000000000000000000001";

#[test]
fn mail_is_shown_switched_and_sent_elsewhere() {
    insta::assert_snapshot!(home().says(&["notify", "status"]), @"
    out| mail	sent
    out| to	ada, bob
    out| to you	on
    out| waiting	2
    out| next mail	2026-01-02T03:04:05Z
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["notify", "on"]), @"
    out| nothing to change: mail about dup-finder to you is on
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["notify", "off"]), @"
    out| ✓ mail about dup-finder to you is off
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["notify", "mails"]), @"
    out| 2026-01-02T03:04:05Z	ada	failed	[hearth] dup-finder/tidy failed: exit status 1	550 nobody of that name
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["notify", "email"]), @"
    out| alice@example.org
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["notify", "email", "alice@example.org"]), @"
    out| nothing to change: alice@example.org
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["notify", "email", "a@example.org"]), @"
    out| ✓ mail to you goes to a@example.org (was alice@example.org)
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["notify", "email", "a@b, c@d"]), @r#"
    err| error: "a@b, c@d" is not a mail address [email-address]
    err|        Write it as name@example.org, without a name beside it.
    err| next:  hearth notify email -h
    ends with 1
    "#);
}

#[test]
fn webhooks_are_listed_shown_and_asked_about() {
    insta::assert_snapshot!(home().says(&["webhooks", "list"]), @"
    out| webhook_00000000000000000000000001	off	https://example.org/told	job.run.failed
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["webhooks", "show", ID]), @"
    out| webhook	webhook_00000000000000000000000001
    out| address	https://example.org/told
    out| told of	job.run.failed
    out| state	off
    out| because	for three days it took nothing
    out| made	2026-01-02T03:04:05Z
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["webhooks", "deliveries", ID]), @"
    out| 2026-01-02T03:04:05Z	webhook.test	waiting	1	500	oh no
    ends with 0
    ");
}

#[test]
fn webhooks_are_made_changed_and_deleted() {
    insta::assert_snapshot!(home().says(&["webhooks", "create", "https://example.org/told", "--event", "job.run.failed"]), @"
    out| webhook	webhook_00000000000000000000000001
    out| address	https://example.org/told
    out| told of	job.run.failed
    out| state	off
    out| because	for three days it took nothing
    out| made	2026-01-02T03:04:05Z
    out| secret	whsec_c2VjcmV0
    err| The secret is shown this once; whoever is told checks signatures with it (standardwebhooks.com).
    err| next:  hearth webhooks test webhook_00000000000000000000000001
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["webhooks", "create", "https://example.org/told", "--event", "job.exploded"]), @r#"
    err| error: "job.exploded" is nothing that a webhook is told of [event-type]
    err|        It is told of job.run.started, job.run.succeeded, job.run.failed, job.run.stopped, job.due.missed, webhook.test.
    err| next:  hearth webhooks create -h
    ends with 1
    "#);
    insta::assert_snapshot!(home().says(&["webhooks", "change", ID, "--on"]), @"
    out| webhook	webhook_00000000000000000000000001
    out| address	https://example.org/told
    out| told of	job.run.failed
    out| state	on
    out| because	for three days it took nothing
    out| made	2026-01-02T03:04:05Z
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["webhooks", "change", ID, "--off"]), @"
    out| nothing to change: webhook_00000000000000000000000001 is so already
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["webhooks", "change", ID]), @"
    err| error: it was not said what is to be changed: --on, --off, --url, --event or --all-events [nothing-said]
    err| next:  hearth webhooks change webhook_00000000000000000000000001 --off
    ends with 1
    ");
    insta::assert_snapshot!(home().says(&["webhooks", "test", ID]), @"
    out| ✓ a test is on its way to webhook_00000000000000000000000001
    err| next:  hearth webhooks deliveries webhook_00000000000000000000000001
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["webhooks", "rotate", ID, "--yes"]), @"
    out| webhook	webhook_00000000000000000000000001
    out| address	https://example.org/told
    out| told of	job.run.failed
    out| state	off
    out| because	for three days it took nothing
    out| made	2026-01-02T03:04:05Z
    out| secret	whsec_c2VjcmV0
    err| The secret is shown this once; whoever is told checks signatures with it (standardwebhooks.com).
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["webhooks", "delete", ID]), @"
    err| error: nobody confirmed to delete the webhook webhook_00000000000000000000000001 to https://example.org/told, its secret, and what waits to be told there [not-confirmed]
    err|        Nothing is asked, because there is no terminal.
    err| next:  hearth webhooks delete webhook_00000000000000000000000001 --yes
    ends with 1
    ");
    insta::assert_snapshot!(home().says(&["webhooks", "delete", ID, "--yes"]), @"
    out| ✓ the webhook webhook_00000000000000000000000001 to https://example.org/told, its secret, and what waits to be told there are deleted
    ends with 0
    ");
}

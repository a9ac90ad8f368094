//! A job that fails, and who hears of it: by a real mail server, and by a webhook that is checked with the library of the
//! Standard Webhooks specification.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, MailServer, Receiver, Shape, Told, until};
use serde_json::Value;

use super::images::provide;
use crate::python;

const LIBRARY: &[&str] = &["standardwebhooks==1.0.1"];

#[tokio::test]
async fn up() -> Result<()> {
    a_failure_is_told_with_its_reason_and_last_lines(Shape::UP).await
}

#[tokio::test]
async fn split() -> Result<()> {
    a_failure_is_told_with_its_reason_and_last_lines(Shape::SPLIT_WITH_CONTAINERS).await
}

async fn a_failure_is_told_with_its_reason_and_last_lines(shape: Shape) -> Result<()> {
    let (server, receiver) = (MailServer::secured().await?, Receiver::start().await?);
    let config = format!(
        "[outbound]\nallow = [\"{}\"]\n[notify]\nfrom = \"Hearth <hearth@hearth.example>\"\n{}",
        receiver.place(),
        server.configuration()
    );
    let hearth = Hearth::start_with(shape, &config).await?;
    provide(&hearth, &["bookworm"])?;
    let keyboard = hearth.operator().await?.keyboard(&hearth).await?;
    keyboard.done(&["new", "nightly"]).await?;
    keyboard.done(&["notify", "email", "ada@example.org"]).await?;
    let made = ["webhooks", "create", &receiver.url(), "--event", "job.run.failed", "--json"];
    let made: Value = serde_json::from_str(&keyboard.done(&made).await?).map_err(Error::internal)?;
    let (secret, webhook) = (made["secret"].as_str().unwrap(), made["webhook"]["id"].as_str().unwrap());

    let run = ["jobs", "run", "tidy", "--image", "bookworm", "--emails", "onfailure", "--wait", "--command"];
    let ran = keyboard.types(&[&run[..], &["echo no such table: dups; exit 3"]].concat()).await?;
    assert!(ran.status == Some(1) && !ran.err.contains("sends no mail"), "{ran:?}");

    let mail = until("a mail", async || Ok(server.mails()?.pop())).await?;
    for line in [
        "X-To: ada@example.org",
        "X-Tls: yes",
        "Subject: [hearth] nightly/tidy failed: exit status 3",
        "why:     it ended with status 3",
        "| no such table: dups",
        "hearth jobs logs tidy --tool nightly",
    ] {
        assert!(mail.contains(line), "{line}\n{mail}");
    }
    let told = until("the webhook", async || Ok(receiver.told().pop())).await?;
    assert_eq!(verified(secret, &told)?, "job.run.failed");
    let body: Value = serde_json::from_str(&told.body).map_err(Error::internal)?;
    assert_eq!(body["data"]["run"]["last_lines"][0], "no such table: dups");
    assert_eq!(body["data"]["tool"], "nightly");
    until("what came of it", async || {
        let said = keyboard.done(&["webhooks", "deliveries", webhook]).await?;
        Ok(said.contains("delivered").then_some(()))
    })
    .await?;

    // What goes well is not told, and what fails after it becomes the next mail: nothing came in between.
    let again =
        ["jobs", "run", "fine", "--image", "bookworm", "--emails", "onfailure", "--wait", "--command"];
    keyboard.done(&[&again[..], &["true"]].concat()).await?;
    assert_eq!((server.mails()?.len(), receiver.told().len()), (1, 1));
    assert!(keyboard.done(&["notify", "mails"]).await?.contains("sent"));
    hearth.stop().await
}

/// What a receiver that knows the secret finds that it was told of.
fn verified(secret: &str, told: &Told) -> Result<String> {
    let python = python::environment("standard-webhooks", LIBRARY).join("python");
    let mut checking = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/whole/verify.py"))
        .arg(secret)
        .args(["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| told.header(name)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::internal)?;
    let mut input = checking.stdin.take().ok_or_else(|| Error::internal("no standard input"))?;
    input.write_all(told.body.as_bytes()).map_err(Error::internal)?;
    drop(input);
    let output = checking.wait_with_output().map_err(Error::internal)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(Error::internal(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

//! Notifications about a failed job: a mail at a real mail server, and a webhook that the library of the
//! Standard Webhooks specification verifies.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape, MailServer, ReceivedRequest, WebhookReceiver, wait_until};
use hearth_wire::components::{DeploySource, DeploymentCreate};
use serde_json::Value;

use super::images::provide_images;
use crate::python;

const WEBHOOK_LIBRARY: &[&str] = &["standardwebhooks==1.0.1"];

#[tokio::test]
async fn notify_under_hearthd_up() -> Result<()> {
    check_notifications(HearthShape::UP_WITH_CONTAINERS).await
}

#[tokio::test]
async fn notify_on_a_split_hearth() -> Result<()> {
    check_notifications(HearthShape::SPLIT_WITH_CONTAINERS).await
}

async fn check_notifications(shape: HearthShape) -> Result<()> {
    let (server, receiver) = (MailServer::start_with_tls().await?, WebhookReceiver::start().await?);
    let config = format!(
        "[outbound]\nallow = [\"{}\"]\n[notify]\nfrom = \"Hearth <hearth@hearth.example>\"\nwindow = 1\n{}",
        receiver.address(),
        server.build_configuration()
    );
    let hearth = Hearth::start_with(shape, &config).await?;
    provide_images(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    cli.run_successfully(&["new", "nightly"]).await?;
    operator.confirm_mail_address(&hearth, &server, "ada@example.org").await?;
    let made = ["webhooks", "create", &receiver.url(), "--event", "job.run.failed", "--json"];
    let made: Value = serde_json::from_str(&cli.run_successfully(&made).await?).map_err(Error::internal)?;
    let (secret, webhook) = (made["secret"].as_str().unwrap(), made["webhook"]["id"].as_str().unwrap());

    let run = ["jobs", "run", "tidy", "--image", "bookworm", "--emails", "onfailure", "--wait", "--command"];
    let ran = cli.run(&[&run[..], &["echo no such table: dups; exit 3"]].concat()).await?;
    assert!(ran.status == Some(3) && !ran.err.contains("sends no mail"), "{ran:?}");

    let mail = wait_until("a mail arrives", async || Ok(server.read_mails()?.into_iter().nth(1))).await?;
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
    let request = wait_until("the webhook arrives", async || Ok(receiver.requests().pop())).await?;
    assert_eq!(verify_webhook(secret, &request)?, "job.run.failed");
    let body: Value = serde_json::from_str(&request.body).map_err(Error::internal)?;
    assert_eq!(body["data"]["run"]["last_lines"][0], "no such table: dups");
    assert_eq!(body["data"]["tool"], "nightly");
    wait_until("the delivery is recorded", async || {
        let deliveries = cli.run_successfully(&["webhooks", "deliveries", webhook]).await?;
        Ok(deliveries.contains("delivered").then_some(()))
    })
    .await?;

    // A failed deployment.
    cli.run_successfully(&["webhooks", "change", webhook, "--event", "deployment.failed"]).await?;
    let missing = Some(DeploySource::Image("nosuch".to_owned()));
    let create = DeploymentCreate { source: missing, ..DeploymentCreate::default() };
    let calls = operator.client.components();
    let id = calls.create_deployment(&"nightly".parse()?, &create, &Default::default()).await?.deploy_id;
    let mail = wait_until("a mail arrives", async || Ok(server.read_mails()?.into_iter().nth(2))).await?;
    // Long lines continue after a soft line break (RFC 2045, section 6.7).
    let mail = mail.replace("=\r\n", "").replace("=\n", "");
    for line in [
        "Subject: [hearth] nightly/deployment failed: the tool has no image \"nosuch\"",
        "step:    check",
        &format!("/components/v1/tool/nightly/deployment/{id}"),
        "hearth notify events --tool nightly",
    ] {
        assert!(mail.contains(line), "{line}\n{mail}");
    }
    let request =
        wait_until("the webhook arrives", async || Ok(receiver.requests().into_iter().nth(1))).await?;
    assert_eq!(verify_webhook(secret, &request)?, "deployment.failed");
    let body: Value = serde_json::from_str(&request.body).map_err(Error::internal)?;
    assert_eq!(body["data"]["reason"], "the tool has no image \"nosuch\"");

    // A successful run causes no notification.
    let successful =
        ["jobs", "run", "fine", "--image", "bookworm", "--emails", "onfailure", "--wait", "--command"];
    cli.run_successfully(&[&successful[..], &["true"]].concat()).await?;
    assert_eq!((server.read_mails()?.len(), receiver.requests().len()), (3, 2));
    assert!(cli.run_successfully(&["notify", "mails"]).await?.contains("sent"));
    hearth.stop().await
}

/// Verifies the signature of a received webhook with the secret and returns its content.
fn verify_webhook(secret: &str, request: &ReceivedRequest) -> Result<String> {
    let python = python::install_environment("standard-webhooks", WEBHOOK_LIBRARY).join("python");
    let mut checking = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/end_to_end/verify.py"))
        .arg(secret)
        .args(["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| request.header_value(name)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::internal)?;
    let mut input = checking.stdin.take().ok_or_else(|| Error::internal("no standard input"))?;
    input.write_all(request.body.as_bytes()).map_err(Error::internal)?;
    drop(input);
    let output = checking.wait_with_output().map_err(Error::internal)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(Error::internal(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

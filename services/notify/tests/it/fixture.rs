//! A fixture: the service, fake neighbour services, a mail server, a tool, and clients.

use std::sync::Arc;

use hearth_base::{Access, Entropy, Error, EventId, Result, Role, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{
    config::{HearthConfig, parse},
    db::Db,
};
use hearth_notify::{NotifySettings, Smtp};
use hearth_testkit::{MailServer, ServiceStand, wait_until};
use hearth_wire::{
    events::{Event, Notice, NoticeFact},
    jobs::{
        JobType,
        events::{RunEvent, RunEventData},
    },
    notify::{Delivery, DeliveryState, Mail, MailState, Webhook},
    reply::Paging,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fake_services::{FakeNotifyPeers, build_recipient};

/// The service, fake neighbour services, a mail server, a tool, and clients.
pub struct NotifyFixture {
    pub stand: ServiceStand,
    pub services: Arc<FakeNotifyPeers>,
    pub server: MailServer,
    pub id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
}

/// Starts the service with an unencrypted mail server and the maintainers ada and bob.
pub async fn start_notify(db: Db) -> Result<NotifyFixture> {
    let server = MailServer::start().await?;
    start_notify_with(db, server, |_| {}).await
}

/// Builds the settings of a mail server.
pub fn build_smtp_settings(server: &MailServer) -> Result<Smtp> {
    let sections = hearth_notify::NOTIFY_SERVICE.settings;
    let config = parse(&server.build_configuration(), "test", std::iter::empty(), sections.as_slice())?;
    config.read_section::<NotifySettings>().smtp.clone().ok_or_else(|| Error::internal("no [notify.smtp]"))
}

/// Starts the service with a changed configuration.
pub async fn start_notify_with(
    db: Db,
    server: MailServer,
    change: impl FnOnce(&mut HearthConfig),
) -> Result<NotifyFixture> {
    let mut config = HearthConfig::default();
    config.set_section(NotifySettings {
        smtp: Some(build_smtp_settings(&server)?),
        from: Some("Hearth <hearth@hearth.example>".to_owned()),
        webhooks_per_tool: 3,
        ..NotifySettings::default()
    });
    change(&mut config);
    let mut stand =
        ServiceStand::start_service(Role::Notify, db, hearth_notify::mount, config, Default::default())
            .await?;
    let services = FakeNotifyPeers::start(&stand);
    services.recipients.lock().unwrap().extend([build_recipient("ada"), build_recipient("bob")]);
    stand.start_workers();
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
    Ok(NotifyFixture {
        maintainer: stand.member(id, &tool, Access::Write)?,
        viewer: stand.member(id, &tool, Access::Read)?,
        stand,
        services,
        server,
        id,
        tool,
    })
}

impl NotifyFixture {
    pub fn now(&self) -> Timestamp {
        use hearth_base::Clock;
        self.stand.clock.now()
    }

    /// Builds the event of an ended run of a one-off job.
    pub fn build_run_event(&self, job: &str, code: i32) -> RunEvent {
        let run = json!({
            "id": "run_1", "job": job, "cause": "create", "attempt": 1, "state": "ended",
            "created": "2026-05-04T12:00:00Z", "started": "2026-05-04T12:00:01Z",
            "ended": "2026-05-04T12:00:05Z", "end": "exited", "exit_code": code,
            "reason": format!("it ended with status {code}"), "cpu_micros": 0, "peak_memory": 0,
            "ready": false, "last_lines": ["no such table: dups", "Grüße"],
        });
        let data = RunEventData {
            tool: self.tool.clone(),
            tool_id: self.id,
            job: job.parse().unwrap(),
            job_type: JobType::OneOff,
            again: false,
            run: serde_json::from_value(run).unwrap(),
        };
        if code == 0 { RunEvent::Succeeded(data) } else { RunEvent::Failed(data) }
    }

    /// Appends an event. With a notice, the maintainers get mail about it.
    pub fn append_event(&self, time: Timestamp, event: &RunEvent, notice: Option<&Notice>) {
        self.services.stream.append_event(time, event, notice).unwrap();
    }

    /// Appends the event of a failed run of `job`, with a notice.
    pub fn append_failure(&self, job: &str) {
        self.append_event(self.now(), &self.build_run_event(job, 1), Some(&build_failure_notice(job)));
    }

    /// Appends an event of an unknown type with any notice.
    pub fn append_unknown(&self, event_type: &str, notice: Value) {
        self.services.stream.append_raw(Event {
            position: 0,
            id: EventId::new(self.now(), &Entropy::System),
            service: Role::Jobs,
            event_type: event_type.to_owned(),
            tool: Some(self.id),
            time: self.now(),
            data: Value::Bool(true),
            notice: Some(notice),
        });
    }

    /// Advances the clock.
    pub fn advance_time(&self, time: SignedDuration) {
        self.stand.advance_clock(time);
    }

    /// Waits until the mail server has `count` mails, and returns them.
    pub async fn wait_for_mails(&self, count: usize) -> Result<Vec<String>> {
        let mails = wait_until(&format!("{count} mails"), async || {
            Ok(Some(self.server.read_mails()?).filter(|mails| mails.len() >= count))
        })
        .await?;
        assert_eq!(mails.len(), count, "{mails:#?}");
        Ok(mails)
    }

    /// Waits until all mails about the tool meet a condition, and returns them.
    pub async fn wait_for_mail_outcomes(&self, condition: impl Fn(&Mail) -> bool) -> Result<Vec<Mail>> {
        wait_until("the mails meet the condition", async || {
            let mails = self.viewer.notify().list_mails(&self.tool, &Paging::default()).await?.items;
            Ok(Some(mails).filter(|mails| !mails.is_empty() && mails.iter().all(&condition)))
        })
        .await
    }

    /// Waits until all mails about the tool are in a state, and returns them.
    pub async fn wait_for_mail_state(&self, state: MailState) -> Result<Vec<Mail>> {
        self.wait_for_mail_outcomes(|mail| mail.state == state).await
    }

    /// Waits until the newest delivery of a webhook meets a condition, and returns all deliveries.
    pub async fn wait_for_newest_delivery(
        &self,
        webhook: &Webhook,
        condition: impl Fn(&Delivery) -> bool,
    ) -> Result<Vec<Delivery>> {
        wait_until("the delivery meets the condition", async || {
            let calls = self.viewer.notify();
            let deliveries = calls.list_deliveries(&self.tool, webhook.id, &Paging::default()).await?.items;
            Ok(Some(deliveries).filter(|deliveries| deliveries.first().is_some_and(&condition)))
        })
        .await
    }

    /// Waits until the newest delivery of a webhook is in a state, and returns all deliveries.
    pub async fn wait_for_delivery_state(
        &self,
        webhook: &Webhook,
        state: DeliveryState,
    ) -> Result<Vec<Delivery>> {
        self.wait_for_newest_delivery(webhook, |delivery| delivery.state == state).await
    }

    /// Kills the workers of the service and starts it again.
    pub async fn restart_service(&mut self) -> Result<()> {
        assert!(self.stand.kill_workers().await, "the killed workers have ended");
        self.stand.mount(hearth_notify::mount).await?;
        self.maintainer = self.stand.member(self.id, &self.tool, Access::Write)?;
        self.viewer = self.stand.member(self.id, &self.tool, Access::Read)?;
        self.stand.start_workers();
        Ok(())
    }
}

/// Builds the notice of a failed run of `job`.
pub fn build_failure_notice(job: &str) -> Notice {
    Notice {
        subject: job.to_owned(),
        summary: "failed: exit status 1".to_owned(),
        facts: vec![NoticeFact::new("why", "it ended with status 1")],
        output: vec!["no such table: dups".to_owned()],
        next_command: Some(format!("hearth jobs logs {job}")),
        opt_out: None,
    }
}

/// Finds a header of a mail; empty if it is missing.
pub fn find_header<'a>(mail: &'a str, name: &str) -> &'a str {
    let head = mail.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

//! The service, its neighbours, a mail server, a tool, and those who call.

use std::sync::Arc;

use hearth_base::{Access, Entropy, Error, EventId, Result, Role, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{
    config::{Config, parse},
    db::Db,
};
use hearth_notify::{NotifySettings, Smtp};
use hearth_testkit::{MailServer, Stand, until};
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

use crate::neighbours::{Neighbours, person};

/// The service, its neighbours, a mail server, a tool, and those who call.
pub struct Stage {
    pub stand: Stand,
    pub neighbours: Arc<Neighbours>,
    pub server: MailServer,
    pub id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
}

/// A stage with an open mail server, and the maintainers ada and bob.
pub async fn stage(db: Db) -> Result<Stage> {
    let server = MailServer::start().await?;
    with(db, server, |_| {}).await
}

/// The settings by which mail is sent by a server.
pub fn smtp(server: &MailServer) -> Result<Smtp> {
    let sections = hearth_notify::NOTIFY_SERVICE.settings;
    let config = parse(&server.configuration(), "test", std::iter::empty(), sections.as_slice())?;
    config.section::<NotifySettings>().smtp.clone().ok_or_else(|| Error::internal("no [notify.smtp]"))
}

/// A stage whose configuration is changed before it begins.
pub async fn with(db: Db, server: MailServer, change: impl FnOnce(&mut Config)) -> Result<Stage> {
    let mut config = Config::default();
    config.set(NotifySettings {
        smtp: Some(smtp(&server)?),
        from: Some("Hearth <hearth@hearth.example>".to_owned()),
        webhooks_per_tool: 3,
        ..NotifySettings::default()
    });
    change(&mut config);
    let mut stand = Stand::of(Role::Notify, db, hearth_notify::mount, config, Default::default()).await?;
    let neighbours = Neighbours::play(&stand);
    neighbours.people.lock().unwrap().extend([person("ada"), person("bob")]);
    stand.start_workers();
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
    Ok(Stage {
        maintainer: stand.member(id, &tool, Access::Write)?,
        viewer: stand.member(id, &tool, Access::Read)?,
        stand,
        neighbours,
        server,
        id,
        tool,
    })
}

impl Stage {
    pub fn now(&self) -> Timestamp {
        use hearth_base::Clock;
        self.stand.clock.now()
    }

    /// A run of a one-off job that ended with a status.
    pub fn run(&self, job: &str, code: i32) -> RunEvent {
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

    /// An event happens at `time`; with a notice: its maintainers get mail.
    pub fn append(&self, time: Timestamp, event: &RunEvent, notice: Option<&Notice>) {
        self.neighbours.stream.append(time, event, notice).unwrap();
    }

    /// A run of `job` fails, and its maintainers want to know.
    pub fn fails(&self, job: &str) {
        self.append(self.now(), &self.run(job, 1), Some(&failure(job)));
    }

    /// An event that no release knows happens, with whatever notice.
    pub fn append_unknown(&self, event_type: &str, notice: Value) {
        self.neighbours.stream.append_raw(Event {
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

    /// Time passes.
    pub fn passes(&self, time: SignedDuration) {
        self.stand.passes(time);
    }

    /// Waits until the mail server has as many mails; all of them.
    pub async fn mails(&self, count: usize) -> Result<Vec<String>> {
        let mails = until(&format!("{count} mails"), async || {
            Ok(Some(self.server.mails()?).filter(|mails| mails.len() >= count))
        })
        .await?;
        assert_eq!(mails.len(), count, "{mails:#?}");
        Ok(mails)
    }

    /// What is said of mails about the tool, once all are as wanted.
    pub async fn said(&self, wanted: impl Fn(&Mail) -> bool) -> Result<Vec<Mail>> {
        until("the mails are as wanted", async || {
            let mails = self.viewer.notify().mails(&self.tool, &Paging::default()).await?.items;
            Ok(Some(mails).filter(|mails| !mails.is_empty() && mails.iter().all(&wanted)))
        })
        .await
    }

    /// The same once all mails are in a state.
    pub async fn settled(&self, state: MailState) -> Result<Vec<Mail>> {
        self.said(|mail| mail.state == state).await
    }

    /// What a webhook was told, once the newest is as wanted.
    pub async fn newest(
        &self,
        webhook: &Webhook,
        wanted: impl Fn(&Delivery) -> bool,
    ) -> Result<Vec<Delivery>> {
        until("the delivery is as wanted", async || {
            let calls = self.viewer.notify();
            let told = calls.deliveries(&self.tool, webhook.id, &Paging::default()).await?.items;
            Ok(Some(told).filter(|told| told.first().is_some_and(&wanted)))
        })
        .await
    }

    /// The same once the newest is in a state.
    pub async fn delivered(&self, webhook: &Webhook, state: DeliveryState) -> Result<Vec<Delivery>> {
        self.newest(webhook, |delivery| delivery.state == state).await
    }

    /// The process ends in the middle of what it is at, and another begins.
    pub async fn dies_and_comes_back(&mut self) -> Result<()> {
        assert!(self.stand.kill_workers().await, "workers end when they are killed");
        self.stand.mount(hearth_notify::mount).await?;
        self.maintainer = self.stand.member(self.id, &self.tool, Access::Write)?;
        self.viewer = self.stand.member(self.id, &self.tool, Access::Read)?;
        self.stand.start_workers();
        Ok(())
    }
}

/// The notice of a failed run of `job`.
pub fn failure(job: &str) -> Notice {
    Notice {
        subject: job.to_owned(),
        summary: "failed: exit status 1".to_owned(),
        facts: vec![NoticeFact::new("why", "it ended with status 1")],
        output: vec!["no such table: dups".to_owned()],
        next_command: Some(format!("hearth jobs logs {job}")),
        opt_out: None,
    }
}

/// A header of a mail; empty when it is not there.
pub fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let head = mail.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

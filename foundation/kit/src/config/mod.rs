//! Configuration: one TOML file, then `HEARTH_…` environment variables, then flags.
//!
//! Unknown keys are refused with the file and line. `HEARTH_SECTION__KEY` sets `section.key`.

mod builds;
mod images;
mod jobs;
mod load;
mod notify;
mod pages;

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use hearth_base::{Memory, Role, Secret};
use hearth_wire::{accounts::SESSION_COOKIE, tools::Quota};
use serde::Deserialize;

pub use builds::{Builder, Builds, Outbound};
pub use images::{ImageSource, Images, Provided};
pub use jobs::Jobs;
pub use load::{load, parse};
pub use notify::{Notify, Smtp, SmtpTls};
pub use pages::{Components, Edge};

/// Everything that an operator can set. What is absent has a default that suits one machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where everything is that must outlive a process.
    pub state: PathBuf,
    /// The door.
    pub door: Door,
    /// Where data is kept.
    pub database: Database,
    /// What is logged, and how.
    pub log: Log,
    /// Where services are that run in processes of their own.
    pub services: BTreeMap<Role, ServicePlace>,
    /// Settings of `accounts`.
    pub accounts: Accounts,
    /// Settings of `images`.
    pub images: Images,
    /// Settings of `jobs`.
    pub jobs: Jobs,
    /// Settings of `logs`.
    pub logs: Logs,
    /// Settings of the runtime on this machine.
    pub runtime: Runtime,
    /// Settings of `builds`.
    pub builds: Builds,
    /// Settings of the builder.
    pub builder: Builder,
    /// What may be reached for users.
    pub outbound: Outbound,
    /// Settings of `components`.
    pub components: Components,
    /// Settings of `edge`.
    pub edge: Edge,
    /// Settings of `notify`.
    pub notify: Notify,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state: PathBuf::from("/var/lib/hearth"),
            door: Door::default(),
            database: Database::Files,
            log: Log::default(),
            services: BTreeMap::new(),
            accounts: Accounts::default(),
            images: Images::default(),
            jobs: Jobs::default(),
            logs: Logs::default(),
            runtime: Runtime::default(),
            builds: Builds::default(),
            builder: Builder::default(),
            outbound: Outbound::default(),
            components: Components::default(),
            edge: Edge::default(),
            notify: Notify::default(),
        }
    }
}

/// The door: the one listener for the API and for tools' pages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Door {
    /// The address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// The domain under which tools have their pages, as `NAME.domain`.
    pub domain: String,
    /// The address by which people reach the door, when that is not where it listens: behind a proxy that
    /// speaks TLS, for instance.
    pub public_url: Option<String>,
    /// Other names by which the API is reached. A request for any name that is not known is refused.
    pub hosts: Vec<String>,
    /// Addresses of proxies that stand before the door: what they say of whom they pass on is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The most that the body of one API request may hold, in bytes.
    pub body_limit: usize,
    /// How long a request may take until its answer begins, in seconds.
    pub timeout: u64,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            domain: "localhost".to_owned(),
            public_url: None,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            body_limit: 1 << 20,
            timeout: 60,
        }
    }
}

impl Door {
    /// The name of the cookie that holds a browser's session. By TLS it is one that a browser takes from this
    /// very host only (RFC 6265bis, section 4.1.3.2).
    pub fn session_cookie(&self) -> &'static str {
        if self.secure() { "__Host-hearth_session" } else { SESSION_COOKIE }
    }

    /// The host, and the port where it is not the usual one, by which people reach the door.
    pub fn authority(&self) -> String {
        let told = self.public_url.as_deref().and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
        match told {
            Some(rest) => rest.split('/').next().unwrap_or(rest).to_owned(),
            None => {
                let port = self.listen.rsplit_once(':').map_or("", |(_, port)| port);
                format!("{}:{port}", self.domain)
            }
        }
    }

    /// Whether people reach the door by TLS, so that cookies may travel that way only.
    pub fn secure(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// Where services keep their data.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "DatabaseTable")]
pub enum Database {
    /// In an SQLite file each, in the state folder.
    #[default]
    Files,
    /// In a schema each of this PostgreSQL database.
    Postgres(Secret),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatabaseTable {
    url: Option<Secret>,
}

impl From<DatabaseTable> for Database {
    fn from(table: DatabaseTable) -> Self {
        table.url.map_or(Self::Files, Self::Postgres)
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a list of `module=level`.
    pub level: String,
    /// One JSON object a line, or text.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info,sea_orm_migration=warn".to_owned(), format: LogFormat::Json }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

/// Where a service is that runs in a process of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePlace {
    /// The address and port it listens on. Never reachable from outside.
    pub listen: String,
    /// The address by which the others reach it.
    pub url: String,
}

/// Settings of the runtime on this machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Runtime {
    /// Tells several Hearths on one host apart: 1 to 8 lower-case letters and digits.
    pub instance: String,
    /// The user of the host, by name or number, that services run as.
    pub user: String,
    /// The first id of the host that containers use: a multiple of 65536, with room for all tools behind it.
    pub first_id: u32,
}

impl Default for Runtime {
    fn default() -> Self {
        Self { instance: "main".to_owned(), user: "hearth".to_owned(), first_id: 0x1000_0000 }
    }
}

/// Settings of `accounts`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// Names that no tool may have, beside those that Hearth itself needs.
    pub reserved_names: Vec<String>,
    /// How many tools one user may own.
    pub tools_per_user: u32,
    /// How long a session lasts without use, in days.
    pub session_days: u32,
    /// What a new tool may use.
    pub quota: Quota,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { reserved_names: Vec::new(), tools_per_user: 50, session_days: 14, quota: Quota::default() }
    }
}

/// Settings of `logs`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// How long lines are kept, in days.
    pub days: u16,
    /// How much is kept of one tool, as it lies in the database; beyond it the oldest lines of the tool's largest log
    /// go.
    pub tool_size: Memory,
    /// How much one container may write within an hour; what is beyond it is only counted.
    pub hour_size: Memory,
}

impl Default for Logs {
    fn default() -> Self {
        Self { days: 30, tool_size: Memory::mib(256), hour_size: Memory::mib(64) }
    }
}

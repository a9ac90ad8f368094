//! The sections that every process reads, whatever its roles are.

use std::{net::IpAddr, path::PathBuf};

use hearth_base::Secret;
use hearth_wire::accounts::SESSION_COOKIE;
use serde::{Deserialize, Serialize};

use super::{SectionDocument, Settings};
use crate::outbound::{Exception, Mirrors};

crate::settings! {
    /// The door: the one listener for the API and for tools' pages.
    pub struct Door in "door" {
        /// Address and port of the door; port 0 takes a free one; flag `--listen`.
        listen: String = "127.0.0.1:8080".to_owned(),
        /// Domain of tools' pages, which are at `NAME.domain`.
        domain: String = "localhost".to_owned(),
        /// Address by which people reach the door, when a proxy stands before it; with `https://` cookies travel by
        /// TLS only.
        public_url: Option<String> = None,
        /// Further host names by which the API is reached. A request for an unknown host name is refused.
        hosts: Vec<String> = Vec::new(),
        /// Addresses of proxies before the door, whose `X-Forwarded-…` headers are believed.
        trusted_proxies: Vec<IpAddr> = Vec::new(),
        /// Largest body of one API request, in bytes; endpoints that take content have limits of their own.
        body_limit: usize = 1 << 20,
        /// Seconds until an answer has to begin.
        timeout: u64 = 60,
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

crate::settings! {
    /// The log.
    pub struct Log in "log" {
        /// `error`, `warn`, `info`, `debug`, `trace`, or a list as `hearth_gateway=debug,info`.
        level: String = "info".to_owned(),
        /// `json` (one object per line) or `text`.
        format: LogFormat = LogFormat::Json,
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

crate::settings! {
    /// The runtime on this machine.
    pub struct Runtime in "runtime" {
        /// Name that tells several Hearths on one host apart: 1 to 8 lower-case letters and digits.
        instance: String = "main".to_owned(),
        /// User of the host, by name or number, that services run as; never root.
        user: String = "hearth".to_owned(),
        /// First id of the host that containers use: a multiple of 65536, with room for all tools behind it.
        first_id: u32 = 0x1000_0000,
    }
}

impl Runtime {
    /// The socket where the runtime of this machine answers.
    pub fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/run/hearth-{}/socket", self.instance))
    }
}

crate::settings! {
    /// The places that may be reached for users, by builds and by webhooks.
    ///
    /// ```toml
    /// [outbound.mirrors]
    /// "https://code.example/" = "https://mirror.example/code/"
    /// "https://code.example/team/" = "http://git.internal:3000/team/"
    ///
    /// [outbound]
    /// allow = ["git.internal:3000"]            # private places are named here as well
    /// ```
    ///
    /// A build of `https://code.example/team/tool` is then fetched from `http://git.internal:3000/team/tool`, and goes on
    /// being shown with the address that was named; only errors of a mirror that does not answer name the mirror. Of
    /// several that fit the longest holds. A place in `allow` is reached by every tool and every build, with any path.
    pub struct Outbound in "outbound" {
        /// Address and port of the proxy through which containers reach out.
        listen: String = "127.0.0.1:3128".to_owned(),
        /// Private places that may be reached for users all the same: `HOST`, `HOST:PORT`, `ADDRESS`, `ADDRESS:PORT`.
        allow: Vec<Exception> = Vec::new(),
        /// Mirrors, by the public address that people name: `"https://HOST/PATH" = "https://MIRROR/PATH"`.
        mirrors: Mirrors = Mirrors::default(),
    }
}

/// The documents of the core sections, in the order of the page.
pub(super) fn documents() -> Vec<SectionDocument> {
    vec![
        SectionDocument::new("", &["Settings outside of any section."]).described(
            "state",
            &["Folder with everything that must outlive a process; flag `--state`."],
            "`/var/lib/hearth`",
        ),
        Door::document(),
        SectionDocument::new("database", &["Where services keep their data."]).described(
            "url",
            &[
                "A PostgreSQL database, as `postgres://user:password@host/name`; without it each service has an SQLite \
                 file in the state folder.",
            ],
            "none",
        ),
        Log::document(),
        SectionDocument::new("services", SERVICES)
            .described("ROLE.listen", &["Address where a role in a process of its own listens; never reachable from outside."], "none")
            .described("ROLE.url", &["Address by which the others reach it."], "none"),
        Runtime::document(),
        Outbound::document(),
    ]
}

const SERVICES: &[&str] = &[
    "Roles that run in processes of their own.",
    "",
    "```toml",
    "state = \"/var/lib/hearth\"",
    "",
    "[database]",
    "url = \"postgres://hearth:secret@db.example/hearth\"",
    "",
    "[services.accounts]",
    "listen = \"10.0.0.2:7001\"",
    "url = \"http://10.0.0.2:7001\"",
    "```",
    "",
    "`hearthd serve --roles accounts --config hearth.toml` and `hearthd serve --roles gateway --config hearth.toml`. The",
    "roles know each other by the keys in the state folder's `keys/`: every process needs its own role's `.key` and all",
    "`.pub` files. Values of envvars are encrypted with `keys/envvars.values`, which only the role `envvars` needs, and",
    "webhooks' secrets with `keys/notify.values`; keep both with your backups and apart from them ([how to change",
    "them](../services/envvars/README.md)). Secrets open with `secrets.keys` in the state folder of the runtime alone ([how to",
    "change that](../runtime/local/README.md)).",
];

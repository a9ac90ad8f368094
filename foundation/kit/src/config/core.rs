//! Core sections of the configuration, which every process reads.

use std::{net::IpAddr, path::PathBuf};

use hearth_base::{Memory, Secret};
use hearth_wire::accounts::SESSION_COOKIE;
use serde::{Deserialize, Serialize};

use super::{SectionDocument, SectionSettings};
use crate::outbound::{Mirrors, OutboundClient, OutboundException, RefusedNetwork};

crate::settings! {
    /// The door: the listener for the API and for tools' pages.
    pub struct DoorSettings in "door" {
        /// Address and port of the door; port 0 takes a free one; flag `--listen`.
        listen: String = "127.0.0.1:8080".to_owned(),
        /// Domain of tools' pages, which are at `NAME.domain`.
        domain: String = "localhost".to_owned(),
        /// Public URL of the door, when it is behind a proxy. With `https://` cookies are sent over TLS only.
        public_url: Option<String> = None,
        /// Additional host names of the API. A request for an unknown host name is refused.
        hosts: Vec<String> = Vec::new(),
        /// IP addresses of trusted proxies before the door, whose `X-Forwarded-…` headers are used.
        trusted_proxies: Vec<IpAddr> = Vec::new(),
        /// Maximum body size of an API request, in bytes; endpoints for uploads have limits of their own.
        body_limit: usize = 1 << 20,
        /// Seconds until a response must begin.
        timeout: u64 = 60,
        /// Maximum number of open connections. The limit of open files of the process may allow fewer.
        connections: usize = 8192,
        /// Maximum number of open connections of one IPv4 address or IPv6 network of 64 bits; not of trusted proxies.
        /// Beyond it, the one that was idle longest is closed.
        connections_per_address: usize = 256,
        /// Seconds to receive the head of a request, which includes the idle time of a kept-alive connection.
        head_timeout: u64 = 60,
        /// Seconds to wait for a client that sends a body or reads a response, at one time and, beyond 500 bytes per
        /// second, in all.
        stall_timeout: u64 = 60,
    }
}

impl DoorSettings {
    /// Name of the session cookie. Over TLS it has the prefix `__Host-`, so that a browser accepts it from this host
    /// only (RFC 6265bis, section 4.1.3.2).
    pub fn session_cookie(&self) -> &'static str {
        if self.uses_tls() { "__Host-hearth_session" } else { SESSION_COOKIE }
    }

    /// Public host of the door, with its port unless that is the default of the scheme.
    pub fn public_authority(&self) -> String {
        let public = self.public_url.as_deref().and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
        match public {
            Some(rest) => rest.split('/').next().unwrap_or(rest).to_owned(),
            None => {
                let port = self.listen.rsplit_once(':').map_or("", |(_, port)| port);
                format!("{}:{port}", self.domain)
            }
        }
    }

    /// Public address of the door without a path, as in `https://hearth.example`.
    pub fn public_origin(&self) -> String {
        format!("{}://{}", if self.uses_tls() { "https" } else { "http" }, self.public_authority())
    }

    /// True when the public URL is `https://`, so that cookies are restricted to TLS.
    pub fn uses_tls(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// Database of the services.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "DatabaseTable")]
pub enum DatabaseSettings {
    /// An SQLite file for each service, in the state folder.
    #[default]
    Files,
    /// A PostgreSQL database by URL, with a schema for each service.
    Postgres(Secret),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatabaseTable {
    url: Option<Secret>,
}

impl From<DatabaseTable> for DatabaseSettings {
    fn from(table: DatabaseTable) -> Self {
        table.url.map_or(Self::Files, Self::Postgres)
    }
}

crate::settings! {
    /// The log.
    pub struct LogSettings in "log" {
        /// `error`, `warn`, `info`, `debug`, `trace`, or a list such as `hearth_gateway=debug,info`.
        level: String = "info".to_owned(),
        /// `json` (one object per line) or `text`.
        format: LogFormat = LogFormat::Json,
    }
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Plain text.
    Text,
}

/// Addresses of a service that runs in its own process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAddress {
    /// Address and port to listen on. Must not be reachable from outside.
    pub listen: String,
    /// URL by which the other services reach it.
    pub url: String,
}

crate::settings! {
    /// The disk of the state folder.
    pub struct DiskSettings in "disk" {
        /// Free space, in bytes, below which new content is refused: pushed images, uploaded folders, layers. All that is
        /// there is served on, and the databases keep this space. Below half of it, the container whose disks grow most
        /// is killed.
        min_free: u64 = 1 << 30,
    }
}

crate::settings! {
    /// The runtime on this machine.
    pub struct RuntimeSettings in "runtime" {
        /// Name of this Hearth, unique on its host: 1 to 8 lower-case letters and digits.
        instance: String = "main".to_owned(),
        /// User of the host, by name or id, that services run as; not root.
        user: String = "hearth".to_owned(),
        /// First user id of the host that containers use: a multiple of 65536, followed by enough free ids for all
        /// tools.
        first_id: u32 = 0x1000_0000,
        /// Maximum size of a tool's home, such as `2Gi`. More than before applies from the next start of a container of a
        /// tool without running ones; a home is never shrunk.
        home_size: Memory = Memory::from_mib(2048),
        /// Maximum number of files, folders and links in a tool's home, for homes that are made later.
        home_files: u32 = 100_000,
        /// Maximum size of a tool's build cache. A cache that is almost full is emptied before the next build.
        cache_size: Memory = Memory::from_mib(10 << 10),
        /// Maximum number of files, folders and links in a tool's build cache, for caches that are made later.
        cache_files: u32 = 1_000_000,
        /// Maximum size of an image's unpacked layers, in bytes; never more than 256 MiB and 50 times the size of its
        /// layers in the registry.
        image_bytes: u64 = 16 << 30,
        /// Maximum number of files, folders and links in an image's layers.
        image_entries: u64 = 1_000_000,
        /// Unpacked bytes of the images of one tool at which further layers are refused until unused images are removed, an
        /// hour after their last use.
        tool_layer_bytes: u64 = 64 << 30,
    }
}

impl RuntimeSettings {
    /// Path of the runtime's Unix socket on this machine.
    pub fn socket_path(&self) -> PathBuf {
        PathBuf::from(format!("/run/hearth-{}/socket", self.instance))
    }
}

crate::settings! {
    /// Outbound connections on behalf of users: builds, webhooks and tools.
    ///
    /// ```toml
    /// [outbound.mirrors]
    /// "https://code.example/" = "https://mirror.example/code/"
    /// "https://code.example/team/" = "http://git.internal:3000/team/"
    ///
    /// [outbound]
    /// allow = ["git.internal:3000"]            # private hosts must be allowed as well
    /// ```
    ///
    /// A build of `https://code.example/team/tool` then fetches `http://git.internal:3000/team/tool` and still shows
    /// the public address; only the error of a mirror that does not respond names the mirror. The longest matching
    /// prefix applies. Every tool and every build can reach a host in `allow`, with any path.
    pub struct OutboundSettings in "outbound" {
        /// Address and port of the proxy for containers' outbound connections.
        listen: String = "127.0.0.1:3128".to_owned(),
        /// Private hosts that users' builds and tools may reach: `HOST`, `HOST:PORT`, `ADDRESS`, `ADDRESS:PORT`.
        allow: Vec<OutboundException> = Vec::new(),
        /// Public networks that users' builds and tools may not reach: `ADDRESS` or `ADDRESS/PREFIX`, such as the public
        /// address of a NAT before this host. Addresses of this host's interfaces are always refused.
        refuse: Vec<RefusedNetwork> = Vec::new(),
        /// Tools may connect to the mail ports 25, 465 and 587 of the internet.
        smtp: bool = false,
        /// Mirrors, by public address: `"https://HOST/PATH" = "https://MIRROR/PATH"`.
        mirrors: Mirrors = Mirrors::default(),
    }
}

impl OutboundSettings {
    /// Creates a client with these settings.
    pub fn create_client(&self) -> OutboundClient {
        OutboundClient::new(&self.allow, &self.mirrors).with_refused_networks(&self.refuse)
    }
}

/// Builds the documentation of the core sections, in the order of the page.
pub(super) fn build_core_documents() -> Vec<SectionDocument> {
    vec![
        SectionDocument::new("", &["Settings outside of any section."]).with_described_key(
            "state",
            &["Folder for all persistent data; flag `--state`."],
            "`/var/lib/hearth`",
        ),
        DoorSettings::build_document(),
        SectionDocument::new("database", &["Database of the services."]).with_described_key(
            "url",
            &[
                "PostgreSQL database: `postgres://user:password@host/name`; without it each service has an SQLite file in \
                 the state folder.",
            ],
            "none",
        ),
        LogSettings::build_document(),
        SectionDocument::new("services", SERVICES_COMMENT)
            .with_described_key("ROLE.listen", &["Address and port of a role in its own process; must not be reachable from outside."], "none")
            .with_described_key("ROLE.url", &["URL by which the other roles reach it."], "none"),
        DiskSettings::build_document(),
        RuntimeSettings::build_document(),
        OutboundSettings::build_document(),
    ]
}

const SERVICES_COMMENT: &[&str] = &[
    "Roles that run in their own processes.",
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
    "Start them with `hearthd serve --roles accounts --config hearth.toml` and `hearthd serve --roles gateway --config",
    "hearth.toml`. Roles authenticate each other with the keys in the state folder's `keys/`: every process needs the `.key`",
    "file of its own role and all `.pub` files. Envvars are encrypted with `keys/envvars.values`, which only the role `envvars`",
    "needs, secrets of webhooks with `keys/notify.values`, and secrets of linked repositories with `keys/components.values`;",
    "`keys/builds.provenance` signs the provenance of images, and every process of the role `builds` needs the same one. Back up all",
    "of them, separately from other backups ([how to rotate them](../services/envvars/README.md)). Secrets are decrypted only by the runtime, with `secrets.keys` in its state folder",
    "([how to rotate it](../runtime/local/README.md)).",
];

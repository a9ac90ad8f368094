//! Settings of mail and webhooks.

use std::path::PathBuf;

use hearth_kit::fair_pool::PoolLimits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

hearth_kit::settings! {
    /// Mail and webhooks.
    ///
    /// ```toml
    /// [notify]
    /// from = "Hearth <hearth@example.org>"
    ///
    /// [notify.smtp]
    /// host = "mail.example.org"
    /// port = 587                               # when absent, the usual one: 587, 465 or 25
    /// tls = "starttls"                         # or tls (from the beginning), or none (a server on this machine)
    /// user = "hearth"                          # when absent, no sign-in
    /// password_file = "/etc/hearth/smtp-password"
    /// ca_file = "/etc/hearth/mail-ca.pem"      # trusted in addition to this machine's certificates
    /// ```
    ///
    /// The user that services run as reads both files. A password is sent only on an encrypted connection.
    /// Webhooks need no setting; `outbound.allow` names private addresses that they may reach.
    pub struct NotifySettings in "notify" {
        /// Mail server; without one, no mail is sent.
        smtp: Option<Smtp> = None => Smtp,
        /// Sender of mail, as `Hearth <hearth@example.org>`; when absent, `hearth@` and the door's domain.
        from: Option<String> = None,
        /// Seconds for which a tool's events are gathered into one mail; the first after a quiet time is sent
        /// at once.
        window: u32 = 60,
        /// Mails about one tool to one recipient within an hour; events beyond it wait and become one mail.
        mails_per_hour: u32 = 10,
        /// Webhooks that one tool may have.
        webhooks_per_tool: u32 = 10,
        /// Deliveries to webhooks that are sent at the same time.
        webhook_lanes: u32 = 32,
        /// Deliveries of one tool that are sent at the same time; lower than `webhook_lanes`, so that a tool with slow
        /// receivers does not delay others.
        webhook_lanes_per_tool: u32 = 4,
    }
}

impl NotifySettings {
    /// The number of deliveries that are sent at the same time.
    pub fn count_lanes(&self) -> usize {
        self.webhook_lanes.max(1) as usize
    }

    /// The lanes and each tool's share of them.
    pub fn lane_limits(&self) -> PoolLimits {
        let permits_per_key = self.webhook_lanes_per_tool.max(1) as usize;
        PoolLimits { permits: self.count_lanes(), permits_per_key, waiting_per_key: 0, waiting: 0 }
    }
}

/// A mail server (RFC 5321).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Host name; the server's certificate must match it.
    pub host: String,
    /// Port; when absent, the usual one for `tls`: 587, 465 or 25.
    #[serde(default)]
    pub port: Option<u16>,
    /// `starttls` (RFC 3207), `tls` (from the beginning; RFC 8314, section 3.3), or `none` (not encrypted,
    /// for a server on this machine).
    #[serde(default)]
    #[schema(value_type = String, default = "starttls", required = false)]
    pub tls: SmtpTls,
    /// User name of the sign-in; when absent, there is none.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the password, on its first line.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that are trusted in addition to those of this machine.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub ca_file: Option<PathBuf>,
}

/// The encryption of the connection to a mail server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// Encrypted by STARTTLS before any mail or credential is sent (RFC 3207); required.
    #[default]
    Starttls,
    /// Encrypted from the beginning (RFC 8314, section 3.3).
    Tls,
    /// Not encrypted: for a server on this machine.
    None,
}

impl Smtp {
    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SmtpTls::Starttls => 587,
            SmtpTls::Tls => 465,
            SmtpTls::None => 25,
        })
    }
}

//! Settings of mail and webhooks.

use std::path::PathBuf;

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
    /// user = "hearth"                          # absent: nobody signs in
    /// password_file = "/etc/hearth/smtp-password"
    /// ca_file = "/etc/hearth/mail-ca.pem"      # checked by beside this machine's own certificates
    /// ```
    ///
    /// The user that services run as reads both files. A password never travels on an open line. Webhooks need no
    /// setting; `outbound.allow` names private places that they may reach.
    pub struct NotifySettings in "notify" {
        /// Server that takes mail; without one, no mail is sent.
        smtp: Option<Smtp> = None => Smtp,
        /// Sender of mail, as `Hearth <hearth@example.org>`; when absent, `hearth@` and the door's domain.
        from: Option<String> = None,
        /// Seconds for which a tool's events are gathered until they become one mail; the first after a quiet time is
        /// sent at once.
        window: u32 = 60,
        /// Mails about one tool to one recipient within an hour; events beyond it wait and become one mail.
        mails_per_hour: u32 = 10,
        /// Webhooks that one tool may have.
        webhooks_per_tool: u32 = 10,
    }
}

/// A server that takes mail (RFC 5321).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Its name, for which its certificate is checked.
    pub host: String,
    /// Its port; when absent, the usual one for `tls`: 587, 465 or 25.
    #[serde(default)]
    pub port: Option<u16>,
    /// `starttls` (RFC 3207), `tls` (from the beginning; RFC 8314, section 3.3), or `none` (an open line, for a server on
    /// this machine).
    #[serde(default)]
    #[schema(value_type = String, default = "starttls", required = false)]
    pub tls: SmtpTls,
    /// User who signs in there; absent: nobody does.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the password, on its first line.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) by which the server is checked beside those of this machine.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub ca_file: Option<PathBuf>,
}

/// The encryption of the connection to a mail server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// It is, before anything is said that matters (RFC 3207), or nothing is sent.
    #[default]
    Starttls,
    /// It is from the beginning (RFC 8314, section 3.3).
    Tls,
    /// It is open: for a server on this machine.
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

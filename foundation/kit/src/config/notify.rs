//! Settings of `notify`.

use std::path::PathBuf;

use serde::Deserialize;

/// Settings of `notify`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// The server that takes mail; without one, no mail is sent.
    pub smtp: Option<Smtp>,
    /// Whom mail is from, as `Hearth <hearth@example.org>`; `hearth@` and the door's domain when absent.
    pub from: Option<String>,
    /// How long events of a tool are gathered until they become one mail, in seconds. The first after a quiet time
    /// is sent at once.
    pub window: u32,
    /// The most mails about one tool to one recipient within an hour. What is beyond waits, and becomes one mail.
    pub mails_per_hour: u32,
    /// How many webhooks one tool may have.
    pub webhooks_per_tool: u32,
}

impl Default for Notify {
    fn default() -> Self {
        Self { smtp: None, from: None, window: 60, mails_per_hour: 10, webhooks_per_tool: 10 }
    }
}

/// A server that takes mail (RFC 5321).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Its name, for which its certificate is checked.
    pub host: String,
    /// Its port; when absent that which is usual for `tls`: 587, 465 or 25.
    #[serde(default)]
    pub port: Option<u16>,
    /// Whether the line is closed to others.
    #[serde(default)]
    pub tls: SmtpTls,
    /// Who signs in there; absent: nobody does.
    #[serde(default)]
    pub user: Option<String>,
    /// The file with the password, on its first line.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) by which the server is checked beside those of this machine.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// Whether the line to a mail server is closed to others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
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

//! Client of a mail server: SMTP (RFC 5321), by the crate `lettre`.

use std::{fs, path::Path, time::Duration};

use hearth_base::{EmailAddress, Error, MailId, Result, ToolName, to_single_line};
use jiff::Timestamp;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
        response::Severity,
    },
};

use crate::{NotifySettings, Smtp, SmtpTls};

/// The time limit of each step of the SMTP dialogue.
const SMTP_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum length of a stored server reply, in characters.
const MAX_REPLY_CHARACTERS: usize = 300;

/// A mail server and the sender of mails.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// A mail to be sent.
#[derive(Debug)]
pub struct OutgoingMail<'a> {
    pub id: MailId,
    /// The tool that the mail is about, if any.
    pub tool: Option<&'a ToolName>,
    pub to: &'a EmailAddress,
    pub subject: &'a str,
    pub body: &'a str,
    pub written: Timestamp,
}

/// The refusal of a mail, with the server's reply.
#[derive(Debug, Clone)]
pub enum MailRefusal {
    /// A retry may succeed.
    Temporary(String),
    /// A retry cannot succeed.
    Permanent(String),
}

impl Mailer {
    /// Builds a client of the configured mail server.
    pub fn new(smtp: &Smtp, settings: &NotifySettings, domain: &str) -> Result<Self> {
        let from = settings.from.clone().unwrap_or_else(|| format!("Hearth <hearth@{domain}>"));
        let from: Mailbox = from.parse().map_err(|cause: lettre::address::AddressError| {
            let public = format!("notify.from: {:?} is not a mail address", to_single_line(&from, 80));
            Error::invalid("config", public).help("write it as Hearth <hearth@example.org>").with_cause(cause)
        })?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(smtp.port())
            .tls(build_tls(smtp)?)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(SMTP_TIMEOUT));
        if let Some(credentials) = read_credentials(smtp)? {
            builder = builder.credentials(credentials);
        }
        Ok(Self { transport: builder.build(), from })
    }

    /// Sends a mail to the server.
    pub async fn send(&self, mail: &OutgoingMail<'_>) -> Result<(), MailRefusal> {
        let message = self.build_message(mail).map_err(|error| MailRefusal::Permanent(error.to_string()))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let description = to_single_line(
                    &describe_error(&error).replace(mail.to.as_str(), "(the address)"),
                    MAX_REPLY_CHARACTERS,
                );
                Err(if is_permanent(&error) {
                    MailRefusal::Permanent(description)
                } else {
                    MailRefusal::Temporary(description)
                })
            }
        }
    }

    /// Builds the message (RFC 5322). Its id is the same at each attempt.
    fn build_message(&self, mail: &OutgoingMail<'_>) -> Result<Message> {
        let OutgoingMail { id, tool, to, subject, body, written } = mail;
        let domain = self.from.email.domain();
        let to = to.as_str().parse::<Address>().map_err(Error::internal)?;
        let list = tool.map_or_else(|| "accounts".to_owned(), |tool| format!("{tool}.notify"));
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .date((*written).into())
            .message_id(Some(format!("<{id}@{domain}>")))
            .subject(to_single_line(subject, 200))
            // Suppresses automatic replies (RFC 3834), and lets readers filter (RFC 2919).
            .raw_header(build_header("Auto-Submitted", "auto-generated"))
            .raw_header(build_header("List-Id", &format!("<{list}.{domain}>")))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body((*body).to_owned())
            .map_err(Error::internal)
    }
}

fn build_header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn build_tls(smtp: &Smtp) -> Result<Tls> {
    if smtp.tls == SmtpTls::None {
        return Ok(Tls::None);
    }
    let invalid = |cause| Error::invalid("config", "notify.smtp: TLS cannot be set up").with_cause(cause);
    let mut parameters = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let pem = read_file(path, "notify.smtp.ca_file")?;
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(invalid)?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters.build_rustls().map_err(invalid)?;
    Ok(match smtp.tls {
        SmtpTls::Tls => Tls::Wrapper(parameters),
        SmtpTls::Starttls | SmtpTls::None => Tls::Required(parameters),
    })
}

fn read_credentials(smtp: &Smtp) -> Result<Option<Credentials>> {
    match (&smtp.user, &smtp.password_file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) if smtp.tls == SmtpTls::None => {
            Err(Error::invalid("config", "notify.smtp: a password needs an encrypted connection")
                .help("set tls = \"starttls\" or \"tls\", or leave out user and password_file"))
        }
        (Some(user), Some(path)) => {
            let text = read_file(path, "notify.smtp.password_file")?;
            let password = text.lines().next().unwrap_or_default().to_owned();
            Ok(Some(Credentials::new(user.clone(), password)))
        }
        _ => Err(Error::invalid("config", "notify.smtp: user and password_file need each other")
            .help("set both, or neither")),
    }
}

fn read_file(path: &Path, setting: &str) -> Result<String> {
    fs::read_to_string(path).map_err(|cause| {
        Error::invalid("config", format!("{setting}: {} cannot be read: {cause}", path.display()))
    })
}

/// True if a retry cannot succeed. A refused sign-in is not an error of the mail: an operator can correct it.
fn is_permanent(error: &lettre::transport::smtp::Error) -> bool {
    let is_authentication_code = |code: u16| matches!(code, 530 | 534 | 535 | 538);
    let code = error.status().filter(|code| code.severity == Severity::PermanentNegativeCompletion);
    code.is_some_and(|code| !is_authentication_code(u16::from(code)))
}

/// Describes an error with all its causes.
fn describe_error(error: &lettre::transport::smtp::Error) -> String {
    let mut description = error.to_string();
    let mut inner = std::error::Error::source(error);
    while let Some(cause) = inner {
        let cause_description = cause.to_string();
        if !description.contains(&cause_description) {
            description = format!("{description}: {cause_description}");
        }
        inner = cause.source();
    }
    description
}

#[cfg(test)]
mod tests {
    use hearth_base::Entropy;

    use super::*;

    fn build_mailer() -> Mailer {
        let smtp = Smtp {
            host: "mail.example".to_owned(),
            port: None,
            tls: SmtpTls::None,
            user: None,
            password_file: None,
            ca_file: None,
        };
        Mailer::new(&smtp, &NotifySettings::default(), "hearth.example").unwrap()
    }

    fn format_mail(subject: &str, body: &str) -> String {
        let (tool, to) = ("dup-finder".parse().unwrap(), "ada@example.org".parse().unwrap());
        let id = MailId::new(Timestamp::UNIX_EPOCH, &Entropy::Counting(7.into()));
        let written = Timestamp::UNIX_EPOCH;
        let mail = OutgoingMail { id, tool: Some(&tool), to: &to, subject, body, written };
        String::from_utf8(build_mailer().build_message(&mail).unwrap().formatted()).unwrap()
    }

    #[test]
    fn output_of_a_program_becomes_no_header() {
        let hostile = "a\r\nBcc: eve@example.org\r\n\r\nDear\u{2028}x";
        for (subject, body) in [(hostile, "b"), ("s", hostile), ("s", "\r\n.\r\nMAIL FROM:<e@e>\r\n")] {
            let mail = format_mail(subject, body);
            let (head, _) = mail.split_once("\r\n\r\n").unwrap();
            let names: Vec<&str> = head
                .split("\r\n")
                .filter(|line| !line.starts_with(' '))
                .filter_map(|line| line.split_once(':').map(|(name, _)| name))
                .collect();
            let mut sorted = names.clone();
            sorted.sort_unstable();
            assert_eq!(
                sorted,
                [
                    "Auto-Submitted",
                    "Content-Transfer-Encoding",
                    "Content-Type",
                    "Date",
                    "From",
                    "List-Id",
                    "MIME-Version",
                    "Message-ID",
                    "Subject",
                    "To"
                ],
                "{mail}"
            );
        }
    }

    #[test]
    fn mail_has_automatic_headers_and_a_stable_id() {
        let mail = format_mail("[hearth] dup-finder/tidy failed: exit status 1", "Grüße\n");
        for line in [
            "From: Hearth <hearth@hearth.example>",
            "To: ada@example.org",
            "Subject: [hearth] dup-finder/tidy failed: exit status 1",
            "Auto-Submitted: auto-generated",
            "List-Id: <dup-finder.notify.hearth.example>",
            "Content-Type: text/plain; charset=utf-8",
            "Message-ID: <mail_00000000000000000000000007@hearth.example>",
        ] {
            assert!(mail.contains(&format!("{line}\r\n")), "{line}\n{mail}");
        }
        assert_eq!(mail, format_mail("[hearth] dup-finder/tidy failed: exit status 1", "Grüße\n"));
    }

    #[test]
    fn invalid_settings_are_refused_by_name() {
        let smtp = |user: Option<&str>, file: Option<&str>, tls| Smtp {
            host: "mail.example".to_owned(),
            port: None,
            tls,
            user: user.map(str::to_owned),
            password_file: file.map(Into::into),
            ca_file: None,
        };
        let refused = |smtp: &Smtp, from: Option<&str>| {
            let settings = NotifySettings { from: from.map(str::to_owned), ..NotifySettings::default() };
            Mailer::new(smtp, &settings, "localhost").err().map(|error| error.to_string()).unwrap_or_default()
        };
        let open = SmtpTls::None;
        assert!(refused(&smtp(Some("a"), Some("/nowhere"), open), None).contains("encrypted connection"));
        assert!(refused(&smtp(Some("a"), None, open), None).contains("need each other"));
        assert!(refused(&smtp(Some("a"), Some("/nowhere"), SmtpTls::Tls), None).contains("password_file"));
        assert!(refused(&smtp(None, None, open), Some("nobody")).contains("notify.from"));
        assert_eq!(refused(&smtp(None, None, open), None), "");
        assert_eq!(smtp(None, None, SmtpTls::Starttls).port(), 587);
    }
}

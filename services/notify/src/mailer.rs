//! The one way to a mail server: SMTP (RFC 5321), by the crate `lettre`.

use std::{fs, path::Path, time::Duration};

use hearth_base::{EmailAddress, Error, MailId, Result, ToolName, one_line};
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

/// How long the server may take for each step.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most characters of what a server says that are kept.
const SAID: usize = 300;

/// A mail server, and whom mail is from.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// A mail that is to be sent.
#[derive(Debug)]
pub struct Letter<'a> {
    pub id: MailId,
    pub tool: &'a ToolName,
    pub to: &'a EmailAddress,
    pub subject: &'a str,
    pub body: &'a str,
    pub written: Timestamp,
}

/// Why a mail was not taken.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// It may be taken later.
    Later(String),
    /// It never will.
    Never(String),
}

impl Mailer {
    /// A way to the server that an operator has set.
    pub fn new(smtp: &Smtp, settings: &NotifySettings, domain: &str) -> Result<Self> {
        let from = settings.from.clone().unwrap_or_else(|| format!("Hearth <hearth@{domain}>"));
        let from: Mailbox = from.parse().map_err(|cause: lettre::address::AddressError| {
            let public = format!("notify.from: {:?} is not a sender of mail", one_line(&from, 80));
            Error::invalid("config", public).help("write it as Hearth <hearth@example.org>").because(cause)
        })?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(smtp.port())
            .tls(tls(smtp)?)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(PATIENCE));
        if let Some(credentials) = credentials(smtp)? {
            builder = builder.credentials(credentials);
        }
        Ok(Self { transport: builder.build(), from })
    }

    /// Hands a mail over to the server.
    pub async fn send(&self, letter: &Letter<'_>) -> Result<(), Refusal> {
        let message = self.message(letter).map_err(|error| Refusal::Never(error.to_string()))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let said = one_line(&said(&error).replace(letter.to.as_str(), "(the address)"), SAID);
                Err(if is_final(&error) { Refusal::Never(said) } else { Refusal::Later(said) })
            }
        }
    }

    /// The mail as it travels (RFC 5322). Its id is the same at each try.
    fn message(&self, letter: &Letter<'_>) -> Result<Message> {
        let Letter { id, tool, to, subject, body, written } = letter;
        let domain = self.from.email.domain();
        let to = to.as_str().parse::<Address>().map_err(Error::internal)?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .date((*written).into())
            .message_id(Some(format!("<{id}@{domain}>")))
            .subject(one_line(subject, 200))
            // Nobody's absence note answers it (RFC 3834), and readers sort by it (RFC 2919).
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("List-Id", &format!("<{tool}.notify.{domain}>")))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body((*body).to_owned())
            .map_err(Error::internal)
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn tls(smtp: &Smtp) -> Result<Tls> {
    if smtp.tls == SmtpTls::None {
        return Ok(Tls::None);
    }
    let wrong = |cause| Error::invalid("config", "notify.smtp: TLS cannot be set up").because(cause);
    let mut parameters = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let pem = read(path, "notify.smtp.ca_file")?;
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(wrong)?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters.build_rustls().map_err(wrong)?;
    Ok(match smtp.tls {
        SmtpTls::Tls => Tls::Wrapper(parameters),
        SmtpTls::Starttls | SmtpTls::None => Tls::Required(parameters),
    })
}

fn credentials(smtp: &Smtp) -> Result<Option<Credentials>> {
    match (&smtp.user, &smtp.password_file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) if smtp.tls == SmtpTls::None => {
            Err(Error::invalid("config", "notify.smtp: a password would travel on an open line")
                .help("set tls = \"starttls\" or \"tls\", or leave out user and password_file"))
        }
        (Some(user), Some(path)) => {
            let text = read(path, "notify.smtp.password_file")?;
            let password = text.lines().next().unwrap_or_default().to_owned();
            Ok(Some(Credentials::new(user.clone(), password)))
        }
        _ => Err(Error::invalid("config", "notify.smtp: user and password_file go together")
            .help("set both, or neither")),
    }
}

fn read(path: &Path, setting: &str) -> Result<String> {
    fs::read_to_string(path).map_err(|cause| {
        Error::invalid("config", format!("{setting}: {} cannot be read: {cause}", path.display()))
    })
}

/// Whether another try is in vain. What a server says of how one signs in is not about this mail: an operator mends it.
fn is_final(error: &lettre::transport::smtp::Error) -> bool {
    let about_signing_in = |code: u16| matches!(code, 530 | 534 | 535 | 538);
    let code = error.status().filter(|code| code.severity == Severity::PermanentNegativeCompletion);
    code.is_some_and(|code| !about_signing_in(u16::from(code)))
}

/// An error with its causes, for it says little alone.
fn said(error: &lettre::transport::smtp::Error) -> String {
    let mut said = error.to_string();
    let mut inner = std::error::Error::source(error);
    while let Some(cause) = inner {
        let cause_said = cause.to_string();
        if !said.contains(&cause_said) {
            said = format!("{said}: {cause_said}");
        }
        inner = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use hearth_base::Entropy;

    use super::*;

    fn mailer() -> Mailer {
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

    fn formatted(subject: &str, body: &str) -> String {
        let (tool, to) = ("dup-finder".parse().unwrap(), "ada@example.org".parse().unwrap());
        let id = MailId::new(Timestamp::UNIX_EPOCH, &Entropy::Counting(7.into()));
        let written = Timestamp::UNIX_EPOCH;
        let letter = Letter { id, tool: &tool, to: &to, subject, body, written };
        String::from_utf8(mailer().message(&letter).unwrap().formatted()).unwrap()
    }

    #[test]
    fn nothing_that_a_program_wrote_becomes_a_header() {
        let hostile = "a\r\nBcc: eve@example.org\r\n\r\nDear\u{2028}x";
        for (subject, body) in [(hostile, "b"), ("s", hostile), ("s", "\r\n.\r\nMAIL FROM:<e@e>\r\n")] {
            let mail = formatted(subject, body);
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
    fn a_mail_says_that_a_program_sent_it_and_keeps_its_id() {
        let mail = formatted("[hearth] dup-finder/tidy failed: exit status 1", "Grüße\n");
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
        assert_eq!(mail, formatted("[hearth] dup-finder/tidy failed: exit status 1", "Grüße\n"));
    }

    #[test]
    fn settings_that_cannot_work_are_refused_by_name() {
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
        assert!(refused(&smtp(Some("a"), Some("/nowhere"), open), None).contains("open line"));
        assert!(refused(&smtp(Some("a"), None, open), None).contains("go together"));
        assert!(refused(&smtp(Some("a"), Some("/nowhere"), SmtpTls::Tls), None).contains("password_file"));
        assert!(refused(&smtp(None, None, open), Some("nobody")).contains("notify.from"));
        assert_eq!(refused(&smtp(None, None, open), None), "");
        assert_eq!(smtp(None, None, SmtpTls::Starttls).port(), 587);
    }
}

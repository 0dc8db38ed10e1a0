//! Notices as e-mail, handed to a mail server.

use super::{Letter, Outcome, words};
use crate::error::chain;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use maud::html;
use std::time::{Duration, SystemTime};

/// Notices of one message at most.
pub(super) const NOTICES_MAX: usize = 100;
const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// How the connection to a mail server is kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// It begins in plain text and must be encrypted before anything is said; port 587.
    StartTls,
    /// It is encrypted from the beginning; port 465.
    Tls,
    /// It is not, which is for a mail server on this very machine; port 25.
    None,
}

/// A mail server and who hears from it.
#[derive(Clone)]
pub struct EmailSettings {
    /// The mail server's name.
    pub host: String,
    /// Its port; the usual one of `security` when absent.
    pub port: Option<u16>,
    /// How the connection is kept secret.
    pub security: Security,
    /// Who we are to the mail server, and the password.
    pub credentials: Option<(String, String)>,
    /// Certificates of authorities that the server's may come from beside those that this machine trusts, PEM.
    pub authorities: Option<Vec<u8>>,
    /// Whom it is from: `Stocktide <stock@example.com>`.
    pub from: String,
    /// Whom it is for; one at least.
    pub to: Vec<String>,
}

/// A way to a mail server.
pub(super) struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
}

impl Email {
    /// Reads the settings.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn new(settings: EmailSettings, timeout: Duration) -> Result<Self, String> {
        let mailbox = |field: &str, text: &str| {
            let wrong =
                |_| format!("{field} '{text}' is no address; write 'name@example.com' or 'Name <name@example.com>'");
            text.parse::<Mailbox>().map_err(wrong)
        };
        let from = mailbox("from", &settings.from)?;
        let to = settings.to.iter().map(|text| mailbox("to", text)).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err("to is empty; name who is to hear of it".to_owned());
        }
        let host = settings.host.trim();
        if host.is_empty() {
            return Err("host is empty; name the mail server".to_owned());
        }
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = || tls_parameters(host, settings.authorities.as_deref());
        let (tls, usual_port) = match settings.security {
            Security::StartTls => (Tls::Required(tls()?), 587),
            Security::Tls => (Tls::Wrapper(tls()?), 465),
            Security::None if is_this_machine(host) => (Tls::None, 25),
            Security::None => {
                return Err(format!(
                    "security = \"none\" goes with a mail server on this machine only, which '{host}' is not; use \"starttls\" or \"tls\""
                ));
            }
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(settings.port.unwrap_or(usual_port))
            .tls(tls)
            .timeout(Some(timeout));
        if let Some((name, password)) = settings.credentials {
            builder = builder.credentials(Credentials::new(name, password));
        }
        Ok(Self { transport: builder.build(), from, to, timeout })
    }

    /// The recipients' addresses.
    pub(super) fn shown(&self) -> String {
        self.to.iter().map(|mailbox| mailbox.email.to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Hands a letter to the mail server.
    pub(super) async fn send(&self, letter: &Letter<'_>) -> Outcome {
        let not_taken = |why: String| Outcome::NotTaken { why, not_before: None };
        let message = match self.message(letter) {
            Ok(message) => message,
            Err(error) => return not_taken(chain(&error)),
        };
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(response)) => {
                let said = response.message().collect::<Vec<_>>().join(" ");
                Outcome::Taken(words::line(&format!("{} {said}", response.code()), 200))
            }
            Ok(Err(error)) => not_taken(words::line(&chain(&error), 400)),
            Err(_) => not_taken(format!("no answer in {:?}", self.timeout)),
        }
    }

    /// The letter as a message: the same words in plain text and in HTML.
    fn message(&self, letter: &Letter<'_>) -> Result<Message, lettre::error::Error> {
        let domain = self.from.email.domain();
        let title = words::title(letter);
        let micros = u64::try_from(letter.now.0).unwrap_or(0);
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(format!("[Stocktide] {title}"))
            .date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
            .message_id(Some(format!("<{}@{domain}>", letter.id)))
            // RFC 3834: nobody is to be told that somebody is on holiday.
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
        for mailbox in &self.to {
            builder = builder.to(mailbox.clone());
        }
        if let [only] = letter.notices
            && !letter.is_test
        {
            // What happens to one alert is shown together.
            builder = builder.references(format!("<alert-{}@{domain}>", only.alert));
        }
        builder.multipart(MultiPart::alternative_plain_html(plain(letter, &title), markup(letter, &title)))
    }
}

fn tls_parameters(host: &str, authorities: Option<&[u8]>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = authorities {
        // What holds none is read without an error.
        let is_any = pem.windows(PEM_BEGIN.len()).any(|part| part == PEM_BEGIN);
        let certificate = Certificate::from_pem(pem).ok().filter(|_| is_any);
        builder = builder.add_root_certificate(certificate.ok_or("ca_file holds no certificate in PEM")?);
    }
    builder.build_rustls().map_err(|error| format!("preparing TLS: {}", chain(&error)))
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn plain(letter: &Letter<'_>, title: &str) -> String {
    let mut text = format!("{title}\n");
    for notice in letter.notices {
        let words = words::Words::of(letter, notice);
        text.push('\n');
        let owner = if words.owner.is_empty() { String::new() } else { format!("For {}", words.owner) };
        let lines = [words.headline, words.subject, words.why, words::time(words.at), owner, words.address];
        for line in lines.iter().filter(|line| !line.is_empty()) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn markup(letter: &Letter<'_>, title: &str) -> String {
    let page = html! {
        (maud::DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title) } }
            body {
                @if letter.notices.len() > 1 { h1 { (title) } }
                @for notice in letter.notices {
                    @let words = words::Words::of(letter, notice);
                    h2 { (words.headline) }
                    p { strong { (words.subject) } }
                    p { (words.why) }
                    p {
                        (words::time(words.at))
                        @if !words.owner.is_empty() { ", for " (words.owner) }
                        @if !words.address.is_empty() { " · " a href=(words.address) { "Open" } }
                    }
                }
            }
        }
    };
    page.into_string()
}

//! E-mail, handed to a mail server on loopback.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// What a mail server was handed: the commands and the message.
type Mail = (Vec<String>, String);
type Mails = Arc<Mutex<Vec<Mail>>>;

/// A mail server that takes what comes.
#[derive(Clone, Default)]
struct MailServer {
    /// Commands that begin with the first text are answered by the second.
    refuses: Option<(&'static str, &'static str)>,
    /// Whether it encrypts: from the beginning, or when it is asked.
    tls: Option<(TlsAcceptor, Security)>,
    mails: Mails,
}

impl MailServer {
    async fn start(self) -> (SocketAddr, Mails) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mails = Arc::clone(&self.mails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = self.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        (address, mails)
    }

    async fn serve(&self, stream: TcpStream) {
        // A client that does not trust us ends the handshake.
        match &self.tls {
            Some((acceptor, Security::Tls)) => {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                self.talk(stream, true).await;
            }
            Some((acceptor, _)) => {
                let Some(stream) = self.talk(stream, true).await else { return };
                let Ok(stream) = acceptor.accept(stream).await else { return };
                self.talk(stream, false).await;
            }
            None => {
                self.talk(stream, true).await;
            }
        }
    }

    /// Talks until the client goes, or wants to encrypt, which gives the stream back.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, greets: bool) -> Option<S> {
        let mut stream = BufReader::new(stream);
        if greets {
            stream.write_all(b"220 mail.example ESMTP\r\n").await.ok()?;
        }
        let (mut commands, mut line) = (Vec::new(), String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let command = line.trim_end().to_owned();
            commands.push(command.clone());
            let answer = match command.split(' ').next().unwrap_or_default() {
                _ if self.refuses.is_some_and(|(begin, _)| command.starts_with(begin)) => self.refuses.unwrap().1,
                "EHLO" if self.tls.is_some() && greets => "250-mail.example\r\n250-AUTH PLAIN\r\n250 STARTTLS",
                "EHLO" => "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME",
                "AUTH" => "235 welcome",
                "STARTTLS" => "220 go on",
                "QUIT" => "221 bye",
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await.ok()?;
                    let mail = message(&mut stream).await?;
                    self.mails.lock().unwrap().push((std::mem::take(&mut commands), mail));
                    "250 queued as 4F2"
                }
                _ => "250 fine",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
            if command == "STARTTLS" {
                return Some(stream.into_inner());
            }
        }
    }
}

/// The lines of a message, up to the full stop that ends it.
async fn message<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let (mut mail, mut line) = (String::new(), String::new());
    while line != ".\r\n" {
        mail.push_str(&std::mem::take(&mut line));
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
    }
    Some(mail)
}

/// An authority's certificate, and what encrypts with one that it gave to `localhost`.
fn authority() -> (Vec<u8>, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(params.signed_by(&key, &issuer).unwrap().der().to_vec());
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    (pem.into_bytes(), TlsAcceptor::from(Arc::new(config)))
}

fn email_settings(address: SocketAddr) -> EmailSettings {
    EmailSettings {
        host: address.ip().to_string(),
        port: Some(address.port()),
        security: Security::None,
        credentials: None,
        authorities: None,
        from: "Stocktide <stock@example.com>".to_owned(),
        to: vec!["Ann <ann@example.com>".to_owned(), "bob@example.com".to_owned()],
    }
}

#[tokio::test]
async fn mail_goes_encrypted_with_name_and_password_and_to_nobody_else() {
    let (pem, acceptor) = authority();
    let (other, _) = authority();
    for security in [Security::Tls, Security::StartTls] {
        let server = MailServer { tls: Some((acceptor.clone(), security)), ..MailServer::default() };
        let (address, mails) = server.start().await;
        let send = async |authorities: &[u8]| {
            let settings = EmailSettings {
                host: "localhost".to_owned(),
                security,
                credentials: Some(("stock".to_owned(), "hush".to_owned())),
                authorities: Some(authorities.to_vec()),
                ..email_settings(address)
            };
            let channel = Channel::email(route("mail"), settings, LONG).unwrap();
            channel.send(&letter(&[notice(1)], "")).await
        };
        let refused = send(&other).await;
        assert!(matches!(&refused, Outcome::NotTaken { why, .. } if why.contains("certificate")), "{refused:?}");
        assert!(mails.lock().unwrap().is_empty());
        assert_eq!(send(&pem).await, Outcome::Taken("250 queued as 4F2".to_owned()), "{security:?}");
        let (commands, _) = mails.lock().unwrap().remove(0);
        // printf '\0stock\0hush' | base64
        assert!(commands.contains(&"AUTH PLAIN AHN0b2NrAGh1c2g=".to_owned()), "{commands:?}");
        assert!(!commands.contains(&"STARTTLS".to_owned()), "all of it was said after the handshake: {commands:?}");
    }
}

#[tokio::test]
async fn a_mail_server_that_does_not_encrypt_is_told_nothing() {
    let (address, mails) = MailServer::default().start().await;
    let settings = EmailSettings {
        security: Security::StartTls,
        credentials: Some(("stock".to_owned(), "hush".to_owned())),
        ..email_settings(address)
    };
    let channel = Channel::email(route("mail"), settings, LONG).unwrap();
    assert!(matches!(channel.send(&letter(&[notice(1)], "")).await, Outcome::NotTaken { .. }));
    assert!(mails.lock().unwrap().is_empty());
}

#[tokio::test]
async fn mail_has_the_headers_and_both_forms_of_the_text() {
    let (address, mails) = MailServer::default().start().await;
    let directory = tempfile::tempdir().unwrap();
    let digest = Route { digest_micros: Some(60 * SECOND), ..route("mail") };
    let channel = Channel::email(digest, email_settings(address), LONG).unwrap();
    assert_eq!(channel.destination(), "ann@example.com, bob@example.com");
    let telling = telling(directory.path(), channel);
    let critical = Notice { severity: Severity::Critical, ..notice(1) };
    telling.outbox().record(&[critical, notice(2), notice(3)], Position(3), NOW).unwrap();
    assert_eq!(telling.step_of("mail", NOW).await.unwrap(), taken("250 queued as 4F2"));
    let later = NOW.plus(60 * SECOND);
    assert_eq!(telling.step_of("mail", later).await.unwrap(), taken("250 queued as 4F2"));

    let mut mails = mails.lock().unwrap().clone();
    // Long lines are broken on the way, which readers of mail undo.
    mails.iter_mut().for_each(|(_, mail)| *mail = mail.replace("=\r\n", ""));
    let [(commands, alone), (_, digest)] = &*mails else { panic!("two messages") };
    for command in ["MAIL FROM:<stock@example.com>", "RCPT TO:<ann@example.com>", "RCPT TO:<bob@example.com>"] {
        assert!(commands.iter().any(|given| given.starts_with(command)), "{command} in {commands:?}");
    }
    for header in [
        "Message-ID: <alert-1-opened@example.com>\r\n",
        "References: <alert-1@example.com>\r\n",
        "Subject: [Stocktide] Critical: low stock: SKU-1 at warehouse_A/cold-1\r\n",
        "Date: Mon, 16 Feb 2026 10:00:00 +0000\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "From: Stocktide <stock@example.com>\r\n",
        "To: Ann <ann@example.com>, bob@example.com\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
        "4 are left & 10 should be: <order> some\r\n",
        "https://stock.example/alerts/1\r\n",
        "4 are left &amp; 10 should be: &lt;order&gt; some",
    ] {
        assert!(alone.contains(header), "{header} in\n{alone}");
    }
    assert!(digest.contains("Subject: [Stocktide] 2 notices\r\n"), "{digest}");
    assert!(digest.contains("Message-ID: <digest-") && !digest.contains("References:"), "{digest}");
    assert!(digest.contains("SKU-2 at") && digest.contains("SKU-3 at"), "{digest}");
}

#[tokio::test]
async fn mail_that_is_refused_is_tried_again_with_the_servers_words() {
    for (refused, refusal) in
        [("RCPT TO:<bob", "550 no such user here"), ("MAIL", "451 try later"), ("EHLO", "421 closing")]
    {
        let (address, mails) = MailServer { refuses: Some((refused, refusal)), ..MailServer::default() }.start().await;
        let directory = tempfile::tempdir().unwrap();
        let channel = Channel::email(route("mail"), email_settings(address), LONG).unwrap();
        let telling = telling(directory.path(), channel);
        telling.outbox().record(&[notice(1)], Position(1), NOW).unwrap();
        telling.step_of("mail", NOW).await.unwrap();
        let (at, why) = again(&telling);
        let (code, words) = refusal.split_once(' ').unwrap();
        assert!(at > NOW && why.contains(code) && why.contains(words), "{why}");
        assert!(mails.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn nothing_from_outside_ends_a_header_of_mail() {
    let (address, mails) = MailServer::default().start().await;
    let channel = Channel::email(route("mail"), email_settings(address), LONG).unwrap();
    let nasty = Notice { subject: "SKU\r\nBcc: eve@example.com\r\n\r\n<b>ö".to_owned(), ..notice(1) };
    assert!(matches!(channel.send(&letter(&[nasty], "")).await, Outcome::Taken(_)));
    let (_, mail) = mails.lock().unwrap().remove(0);
    let (head, _) = mail.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("\r\nBcc"), "{head}");
}

#[test]
fn settings_of_mail_that_do_not_hold_are_told() {
    let check = |change: &dyn Fn(&mut EmailSettings), expect: &str| {
        let mut settings = email_settings("127.0.0.1:25".parse().unwrap());
        change(&mut settings);
        let error = Channel::email(route("mail"), settings, LONG).unwrap_err();
        assert!(error.contains(expect), "{error}");
    };
    check(&|settings| settings.from = "nobody".to_owned(), "from 'nobody' is no address");
    check(&|settings| settings.to = vec!["a b".to_owned()], "to 'a b' is no address");
    check(&|settings| settings.to.clear(), "to is empty");
    check(&|settings| settings.host = " ".to_owned(), "host is empty");
    check(&|settings| settings.host = "mail.example".to_owned(), "this machine only");
    let pem = |settings: &mut EmailSettings| {
        (settings.security, settings.authorities) = (Security::Tls, Some(b"no certificate".to_vec()));
    };
    check(&pem, "ca_file holds no certificate");
}

//! Messages to subscribers, over HTTP and HTTPS.
//!
//! A subscriber names an address and we connect to it: so that nobody reaches through us into our own network, a name is
//! resolved, every address of it is looked at, and the very address that was looked at is connected to. Redirects are
//! not followed.

use crate::outbound::{self, OutboundError};
use axum::http::header::CONTENT_TYPE;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use sha2::Sha256;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long a subscriber may take to take a message.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an address.
const URL_BYTES_MAX: usize = 2_000;
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where messages go.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    url: Url,
    host: String,
    port: u16,
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undelivered {
    #[error("{0}")]
    Refused(String),
    #[error("the subscriber answered {0}")]
    Status(u16),
    #[error("no answer in {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("connecting to {host}")]
    Connect {
        host: String,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Send(#[from] OutboundError),
}

impl Destination {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(dest: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("dest: {} {what}", wire::problem::shown(dest));
        if dest.len() > URL_BYTES_MAX {
            return Err(format!("dest: it has more than {URL_BYTES_MAX} bytes"));
        }
        let url: Url = dest.parse().map_err(|_| wrong("is no address; write https://host/path"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("holds a name and password; messages are signed with signatureToken"));
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let (false, Some(port)) = (host.is_empty(), url.port_or_known_default()) else {
            return Err(wrong("has no host"));
        };
        Ok(Self { url, host, port })
    }

    /// Looks whether it may be sent to now.
    ///
    /// # Errors
    /// Why not. That a name can't be resolved yet is no reason.
    pub(super) async fn check(&self, local_allowed: bool) -> Result<(), String> {
        match self.addresses(local_allowed).await {
            Err(Undelivered::Refused(why)) => Err(format!("dest: {why}")),
            _ => Ok(()),
        }
    }

    async fn addresses(&self, local_allowed: bool) -> Result<Vec<SocketAddr>, Undelivered> {
        let failed = |source| Undelivered::Connect { host: self.host.clone(), source };
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await.map_err(failed)?;
        let found: Vec<SocketAddr> = found.collect();
        if let Some(local) = found.iter().find(|address| !local_allowed && is_local(address.ip())) {
            let detail = format!(
                "{} is {}, an address of our own network; only '--epcis-local-destinations true' lets messages go there",
                self.host,
                local.ip()
            );
            return Err(Undelivered::Refused(detail));
        }
        Ok(found)
    }

    /// Sends a message, which is taken when the answer is a success.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub(super) async fn send(&self, body: String, token: &str, local_allowed: bool) -> Result<(), Undelivered> {
        let delivering = self.deliver(body, token, local_allowed);
        tokio::time::timeout(TIMEOUT, delivering).await.unwrap_or(Err(Undelivered::Timeout))
    }

    async fn deliver(&self, body: String, token: &str, local_allowed: bool) -> Result<(), Undelivered> {
        let addresses = self.addresses(local_allowed).await?;
        let client = outbound::client_to(&self.host, &addresses)?;
        let mut request = client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("gs1-epcis-version", super::VERSION);
        if !token.is_empty() {
            request = request.header("gs1-signature", signature(token, body.as_bytes()));
        }
        let answer = request.body(body).send().await.map_err(OutboundError::Request)?;
        let status = answer.status();
        // What it says is of no use, but a subscriber may want to be heard out.
        let _ = outbound::body(answer, ANSWER_BYTES_MAX).await;
        if status.is_success() { Ok(()) } else { Err(Undelivered::Status(status.as_u16())) }
    }
}

/// The signature of a message: `hmac-sha256=` and the hexadecimal digits of its HMAC under the subscriber's token.
///
/// # Source
/// RFC 2104; the standard leaves the method open.
fn signature(token: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("a key may have any length");
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("hmac-sha256=".to_owned(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether an address is of this machine or its own network, or of none at all.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_local_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped().or_else(|| translated(address)) {
            Some(inner) => is_local_v4(inner),
            None => {
                address.is_loopback()
                    || address.is_unspecified()
                    || address.is_multicast()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
            }
        },
    }
}

fn is_local_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 198 && (18..20).contains(&second))
        || (first == 192 && second == 0 && third == 0)
}

/// The IPv4 address in one of `64:ff9b::/96` or `2002::/16`.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_our_own_network_are_known() {
        let local = "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 \
            255.255.255.255 ::1 :: fc00::1 fe80::1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1::";
        for address in local.split_whitespace() {
            assert!(is_local(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "100.128.0.1"] {
            assert!(!is_local(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn destinations_are_http_addresses_without_passwords() {
        for dest in ["ftp://example.com/", "example.com", "https://", "http://ann:secret@example.com/", ""] {
            assert!(Destination::parse(dest).is_err(), "{dest}");
        }
        let parsed = Destination::parse("https://[2606:4700::1111]/x?y=1").unwrap();
        assert_eq!((&*parsed.host, parsed.port), ("2606:4700::1111", 443));
        assert_eq!(Destination::parse("http://example.com").unwrap().port, 80);
    }

    #[test]
    fn a_signature_is_the_hmac_of_the_body() {
        // RFC 4231, test case 2.
        let expect = "hmac-sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", b"what do ya want for nothing?"), expect);
    }
}

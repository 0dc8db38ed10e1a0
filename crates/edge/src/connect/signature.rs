//! Signatures of webhooks: an HMAC-SHA256 over the body as it came, compared in constant time.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ledger::Timestamp;
use sha2::Sha256;
use std::fmt;

/// How far the time in a signature may be from ours, in microseconds.
///
/// # Source
/// Standard Webhooks 1.0, "Verifying webhook authenticity": the reference libraries allow five minutes.
const TOLERANCE_MICROS: i64 = 300 * 1_000_000;

/// How a system signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Base64 in `X-Shopify-Hmac-Sha256`.
    ///
    /// # Source
    /// Shopify, "Verify webhook deliveries".
    Shopify,
    /// Base64 in `X-WC-Webhook-Signature`.
    ///
    /// # Source
    /// WooCommerce, "REST API: Webhooks", delivery headers.
    WooCommerce,
    /// `webhook-signature` over the delivery's id, time and body.
    ///
    /// # Source
    /// Standard Webhooks 1.0.
    StandardWebhooks,
    /// `sha256=` and hexadecimal digits in `X-Hub-Signature-256`.
    ///
    /// # Source
    /// GitHub, "Validating webhook deliveries".
    Github,
}

impl Scheme {
    /// The header that holds the signature.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Shopify => "x-shopify-hmac-sha256",
            Self::WooCommerce => "x-wc-webhook-signature",
            Self::StandardWebhooks => "webhook-signature",
            Self::Github => "x-hub-signature-256",
        }
    }
}

/// What sender and receiver know. Never shown.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How the sender of a hook is known.
#[derive(Clone, Debug)]
pub struct Signature {
    scheme: Scheme,
    secret: Secret,
}

/// Why a request's signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// There is none.
    Absent,
    /// It is of another body or another secret.
    Wrong,
    /// It is of another time.
    Stale,
}

impl Signature {
    /// Signatures under a secret as the other system shows it.
    ///
    /// # Errors
    /// Why this is no secret of that scheme, in words.
    pub fn new(scheme: Scheme, secret: &str) -> Result<Self, &'static str> {
        let secret = secret.trim();
        if secret.is_empty() {
            return Err("the secret is empty; copy it from the system that sends");
        }
        let bytes = match scheme {
            Scheme::StandardWebhooks => {
                let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
                STANDARD.decode(encoded).map_err(|_| "the secret must be base64, as in 'whsec_MfKQ9r8GKYqrTwjU…'")?
            }
            _ => secret.as_bytes().to_vec(),
        };
        Ok(Self { scheme, secret: Secret(bytes.into()) })
    }

    /// How it signs.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether a request claims to be signed.
    pub(crate) fn is_claimed(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(self.scheme.header())
    }

    /// Checks the signature of a request with these headers and this body, as it came.
    ///
    /// # Errors
    /// [`Mismatch`], in the order of its variants.
    pub(crate) fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Mismatch> {
        let given = text(headers, self.scheme.header()).ok_or(Mismatch::Absent)?;
        match self.scheme {
            Scheme::Shopify | Scheme::WooCommerce => self.compare(&[body], STANDARD.decode(given.trim()).ok()),
            Scheme::Github => self.compare(&[body], given.strip_prefix("sha256=").and_then(hex)),
            Scheme::StandardWebhooks => self.verify_standard(headers, given, body, now),
        }
    }

    /// The signature of a message of our own as a [`Scheme::StandardWebhooks`] receiver checks it.
    ///
    /// # Source
    /// Standard Webhooks 1.0, "Signature scheme": `v1,` and base64 of the HMAC-SHA256 over id, time and body with a full stop
    /// between.
    pub(crate) fn sign(&self, id: &str, at_seconds: i64, body: &[u8]) -> String {
        let at = at_seconds.to_string();
        let mac = self.mac(&[id.as_bytes(), b".", at.as_bytes(), b".", body]);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    fn mac(&self, signed: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret.0).expect("HMAC takes keys of any length");
        signed.iter().for_each(|part| mac.update(part));
        mac
    }

    fn compare(&self, signed: &[&[u8]], given: Option<Vec<u8>>) -> Result<(), Mismatch> {
        let mac = self.mac(signed);
        let given = given.ok_or(Mismatch::Wrong)?;
        // The comparison takes as long whatever differs.
        mac.verify_slice(&given).map_err(|_| Mismatch::Wrong)
    }

    fn verify_standard(&self, headers: &HeaderMap, given: &str, body: &[u8], now: Timestamp) -> Result<(), Mismatch> {
        let (Some(id), Some(at)) = (text(headers, "webhook-id"), text(headers, "webhook-timestamp")) else {
            return Err(Mismatch::Absent);
        };
        // Several signatures stand side by side while a secret is being replaced.
        let mut versions = given.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        let signed: [&[u8]; 5] = [id.as_bytes(), b".", at.as_bytes(), b".", body];
        if !versions.any(|one| self.compare(&signed, STANDARD.decode(one).ok()).is_ok()) {
            return Err(Mismatch::Wrong);
        }
        let at_micros = at.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000_000));
        let away = at_micros.map(|at| now.0.saturating_sub(at).saturating_abs());
        if away.is_some_and(|away| away <= TOLERANCE_MICROS) { Ok(()) } else { Err(Mismatch::Stale) }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    const BODY: &[u8] = b"{\"id\": 820982911946154508}";
    const NOW: Timestamp = Timestamp(1_771_236_000_000_000);

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn check(scheme: Scheme, secret: &str, pairs: &[(&'static str, &'static str)], expect: Result<(), Mismatch>) {
        let signature = Signature::new(scheme, secret).unwrap();
        assert_eq!(signature.verify(&headers(pairs), BODY, NOW), expect, "{scheme:?} {pairs:?}");
    }

    // printf '%s' '{"id": 820982911946154508}' | openssl dgst -sha256 -hmac 'hush' -binary | base64
    const BASE64: &str = "uGGfOb+XoECYuM+RY9Y3WocU+ijbVAGZNvXJ58KRFBA=";

    #[test]
    fn a_base64_signature_holds_for_its_body_and_secret_only() {
        for (scheme, header) in
            [(Scheme::Shopify, "x-shopify-hmac-sha256"), (Scheme::WooCommerce, "x-wc-webhook-signature")]
        {
            check(scheme, "hush", &[(header, BASE64)], Ok(()));
            check(scheme, "hush", &[], Err(Mismatch::Absent));
            check(scheme, "Hush", &[(header, BASE64)], Err(Mismatch::Wrong));
            check(scheme, "hush", &[(header, "")], Err(Mismatch::Wrong));
            check(scheme, "hush", &[(header, "not base64")], Err(Mismatch::Wrong));
            check(scheme, "hush", &[(header, &BASE64[..40])], Err(Mismatch::Wrong));
        }
        let signature = Signature::new(Scheme::Shopify, "hush").unwrap();
        let headers = headers(&[("x-shopify-hmac-sha256", BASE64)]);
        assert_eq!(signature.verify(&headers, b"{\"id\": 820982911946154509}", NOW), Err(Mismatch::Wrong));
    }

    #[test]
    fn a_hexadecimal_signature_holds() {
        // printf '%s' '{"id": 820982911946154508}' | openssl dgst -sha256 -hmac 'hush' -hex
        let header = "x-hub-signature-256";
        check(
            Scheme::Github,
            "hush",
            &[(header, "sha256=b8619f39bf97a04098b8cf9163d6375a8714fa28db54019936f5c9e7c2911410")],
            Ok(()),
        );
        check(
            Scheme::Github,
            "hush",
            &[(header, "b8619f39bf97a04098b8cf9163d6375a8714fa28db54019936f5c9e7c2911410")],
            Err(Mismatch::Wrong),
        );
        check(Scheme::Github, "hush", &[(header, "sha256=abc")], Err(Mismatch::Wrong));
        check(Scheme::Github, "hush", &[(header, "sha256=zz")], Err(Mismatch::Wrong));
        // GitHub's own example: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        let signature = Signature::new(Scheme::Github, "It's a Secret to Everybody").unwrap();
        let known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(signature.verify(&headers(&[(header, known)]), b"Hello, World!", NOW), Ok(()));
    }

    #[test]
    fn a_standard_webhook_is_signed_with_its_id_and_a_time_near_ours() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        // KEY=$(printf MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | base64 -d | xxd -p -c99)
        // printf '%s' 'msg_1.1771236060.{"id": 820982911946154508}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY -binary | base64
        let right = "v1,yX1Ip8wuyNLnVKJGxiLNtWqP0P5t+UuLuOUc5lwguQQ=";
        let pairs = |id: &'static str, at: &'static str, signature: &'static str| {
            [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)]
        };
        let standard = |pairs: &[(&'static str, &'static str)], expect| {
            check(Scheme::StandardWebhooks, secret, pairs, expect);
        };
        standard(&pairs("msg_1", "1771236060", right), Ok(()));
        standard(
            &pairs("msg_1", "1771236060", "v1,AAAA v2,AAAA v1,yX1Ip8wuyNLnVKJGxiLNtWqP0P5t+UuLuOUc5lwguQQ="),
            Ok(()),
        );
        standard(&pairs("msg_2", "1771236060", right), Err(Mismatch::Wrong));
        standard(&pairs("msg_1", "1771236061", right), Err(Mismatch::Wrong));
        standard(
            &pairs("msg_1", "1771236060", "v1a,yX1Ip8wuyNLnVKJGxiLNtWqP0P5t+UuLuOUc5lwguQQ="),
            Err(Mismatch::Wrong),
        );
        standard(&[("webhook-signature", right)], Err(Mismatch::Absent));
        // The same at 1771235699, five minutes and a second before.
        standard(
            &pairs("msg_1", "1771235699", "v1,lRx0EsK5mAhsehStPq5v282SsMlyRsgCp/WtcZwF2w0="),
            Err(Mismatch::Stale),
        );
    }

    #[test]
    fn our_own_messages_are_signed_as_the_published_example() {
        // https://github.com/standard-webhooks/standard-webhooks: the vector in the tests of its reference libraries.
        let signature = Signature::new(Scheme::StandardWebhooks, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = signature.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_a_secret_is_never_shown() {
        assert!(Signature::new(Scheme::Shopify, " \n").is_err());
        assert!(Signature::new(Scheme::StandardWebhooks, "whsec_not base64").is_err());
        let signature = Signature::new(Scheme::Shopify, "hush\n").unwrap();
        assert!(!format!("{signature:?}").contains("hush"));
    }
}

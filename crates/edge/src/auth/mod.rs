//! Who is talking: nobody in particular on a machine of one's own, or the bearer of the token.
//!
//! A person signs in with the token once; a cookie derived from it then stands for them. Secrets are compared in
//! constant time and kept as hashes.

mod rate;

pub(crate) use rate::RateLimits;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method};
use std::fmt::Write;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The name of the cookie that stands for a person who signed in.
const COOKIE_NAME: &str = "stocktide_session";

/// Who may talk to us.
#[derive(Clone)]
pub enum Auth {
    /// Whoever can reach the address, which must be a loopback one.
    None,
    /// The bearer of a token.
    Token(TokenHash),
}

/// A token as it is kept: enough to recognise it, not to use it.
#[derive(Clone)]
pub struct TokenHash {
    principal: Principal,
    hash: [u8; 32],
}

impl Auth {
    /// Whoever bears `token` is the principal `name`. The token must be random: it is hashed once, without salt.
    pub fn token(name: &str, token: &str) -> Self {
        Self::Token(TokenHash {
            principal: Principal { name: name.into() },
            hash: *blake3::hash(token.as_bytes()).as_bytes(),
        })
    }

    /// The cookie for a person who signs in with `token`, as a `Set-Cookie` value; `None` when the token is wrong.
    pub fn sign_in(&self, token: &str) -> Option<HeaderValue> {
        let Self::Token(kept) = self else { return None };
        let is_right: bool = blake3::hash(token.as_bytes()).as_bytes().ct_eq(&kept.hash).into();
        let cookie = || format!("{COOKIE_NAME}={}; HttpOnly; SameSite=Strict; Path=/", kept.session());
        is_right.then(cookie).and_then(|cookie| HeaderValue::from_str(&cookie).ok())
    }

    /// Who sends a request with these headers.
    ///
    /// # Errors
    /// [`Refusal`], in the order of its variants.
    pub(crate) fn principal(&self, method: &Method, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let kept = match self {
            Self::None => {
                if !is_loopback_name(host(headers)) {
                    return Err(Refusal::HostNotAllowed);
                }
                same_origin(method, headers, false)?;
                return Ok(Principal { name: "anonymous".into() });
            }
            Self::Token(kept) => kept,
        };
        if let Some(value) = headers.get(AUTHORIZATION) {
            let token = value.to_str().ok().and_then(bearer).ok_or(Refusal::WrongCredentials)?;
            let is_right: bool = blake3::hash(token.as_bytes()).as_bytes().ct_eq(&kept.hash).into();
            return if is_right { Ok(kept.principal.clone()) } else { Err(Refusal::WrongCredentials) };
        }
        let cookie = cookies(headers).find_map(|(name, value)| (name == COOKIE_NAME).then_some(value));
        let session = cookie.ok_or(Refusal::NoCredentials)?;
        if !bool::from(session.as_bytes().ct_eq(kept.session().as_bytes())) {
            return Err(Refusal::NoCredentials);
        }
        same_origin(method, headers, true)?;
        Ok(kept.principal.clone())
    }
}

impl TokenHash {
    /// What the cookie holds: derived from the token, so that it outlives a restart and ends with the token.
    fn session(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in blake3::keyed_hash(&self.hash, b"stocktide session 1").as_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// An authenticated sender. Handlers take it as `Extension<Principal>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name that stands in the ledger as the actor.
    pub name: Arc<str>,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request names a host that is not this machine: some page tries to reach it under a name of its own.
    HostNotAllowed,
    /// Neither token nor cookie, or a cookie that no longer holds.
    NoCredentials,
    /// A token, and the wrong one.
    WrongCredentials,
    /// A page of another origin asks for a change.
    CrossOrigin,
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// Whether a `Host` names this machine itself, whatever the port.
fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    is_local || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Refuses a change that a page of another origin asks for. `strict` refuses also what does not say where it comes
/// from; browsers always do, programs never.
fn same_origin(method: &Method, headers: &HeaderMap, strict: bool) -> Result<(), Refusal> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let is_same = match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, authority)| authority == host(headers)),
        (None, None) => !strict,
    };
    if is_same { Ok(()) } else { Err(Refusal::CrossOrigin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:8080", "a.localhost:1", "127.8.8.8"] {
            assert!(is_loopback_name(host), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", "[::2]"] {
            assert!(!is_loopback_name(host), "{host}");
        }
    }

    #[test]
    fn a_bearer_of_the_token_is_its_principal() {
        let auth = Auth::token("ann", "secret");
        let check = |pairs: &[(&'static str, &str)], expect: Result<&str, Refusal>| {
            let got = auth.principal(&Method::POST, &headers(pairs));
            assert_eq!(got.as_ref().map(|principal| &*principal.name).map_err(|refusal| *refusal), expect, "{pairs:?}");
        };
        check(&[], Err(Refusal::NoCredentials));
        check(&[("authorization", "Bearer secret")], Ok("ann"));
        check(&[("authorization", "bearer secret")], Ok("ann"));
        check(&[("authorization", "Bearer secre")], Err(Refusal::WrongCredentials));
        check(&[("authorization", "Basic secret")], Err(Refusal::WrongCredentials));
        assert!(auth.sign_in("wrong").is_none());
        let cookie = auth.sign_in("secret").unwrap();
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
        check(&[("cookie", cookie)], Err(Refusal::CrossOrigin));
        check(&[("cookie", cookie), ("sec-fetch-site", "same-origin")], Ok("ann"));
        check(&[("cookie", cookie), ("sec-fetch-site", "cross-site")], Err(Refusal::CrossOrigin));
        check(&[("cookie", cookie), ("host", "a:1"), ("origin", "http://a:1")], Ok("ann"));
        check(&[("cookie", cookie), ("host", "a:1"), ("origin", "http://b:1")], Err(Refusal::CrossOrigin));
        check(&[("cookie", "stocktide_session=0000")], Err(Refusal::NoCredentials));
    }

    #[test]
    fn without_authentication_other_hosts_and_origins_are_refused() {
        let check = |pairs: &[(&'static str, &str)], expect: Result<(), Refusal>| {
            assert_eq!(Auth::None.principal(&Method::POST, &headers(pairs)).map(|_| ()), expect, "{pairs:?}");
        };
        check(&[("host", "127.0.0.1:1")], Ok(()));
        check(&[("host", "evil.example")], Err(Refusal::HostNotAllowed));
        check(&[("host", "localhost:1"), ("origin", "http://evil.example")], Err(Refusal::CrossOrigin));
        check(&[("host", "localhost:1"), ("origin", "http://localhost:1")], Ok(()));
    }
}

//! Requests that we make ourselves, over HTTP and HTTPS.
//!
//! One kind of client for all: TLS by rustls with ring, no redirects to places that nobody named, a bound on how long an answer
//! may take and how long it may be.

use std::net::SocketAddr;
use std::time::Duration;

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take, its body included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboundError {
    /// No client could be made: the machine's trusted certificates can't be read, mostly.
    #[error("making a client for requests")]
    Client(#[source] reqwest::Error),
    /// The request failed, or its answer broke off.
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
    /// The answer is longer than is taken.
    #[error("the answer has more than {bytes_max} bytes")]
    TooLarge {
        /// How many are taken.
        bytes_max: usize,
    },
}

/// Makes the client.
///
/// # Errors
/// [`OutboundError::Client`].
pub(crate) fn client() -> Result<reqwest::Client, OutboundError> {
    builder().build().map_err(OutboundError::Client)
}

/// Makes a client that connects to `host` at these addresses and no others, whatever its name means by then.
///
/// # Errors
/// [`OutboundError::Client`].
pub(crate) fn client_to(host: &str, addresses: &[SocketAddr]) -> Result<reqwest::Client, OutboundError> {
    builder().resolve_to_addrs(host, addresses).build().map_err(OutboundError::Client)
}

fn builder() -> reqwest::ClientBuilder {
    // Whoever was first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("stocktide/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
}

/// The body of an answer, whole.
///
/// # Errors
/// [`OutboundError::TooLarge`], [`OutboundError::Request`].
pub(crate) async fn body(mut answer: reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, OutboundError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(OutboundError::Request)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(OutboundError::TooLarge { bytes_max });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

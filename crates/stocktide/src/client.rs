//! A client of a running server: one connection, plain HTTP/1.1, patient when asked to wait.

use crate::config::ConfigFile;
use crate::failure::{Usage, usage};
use crate::token;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// Which server.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServerAddressArgs {
    /// Talks to the server at this address instead of opening the data directory.
    #[arg(long, env = "STOCKTIDE_URL", value_name = "http://ADDRESS:PORT")]
    pub(crate) url: Option<String>,
    /// The file that holds the server's token [default: admin.token in the data directory, if there is one].
    #[arg(long, env = "STOCKTIDE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl ServerAddressArgs {
    /// The client for the server named; `None` when the data directory is meant.
    ///
    /// # Errors
    /// An address that can't be used, or a token that can't be read.
    pub(crate) fn client(&self, data: &crate::directory::DataArgs, config: &ConfigFile) -> Result<Option<Client>> {
        let Some(url) = &self.url else { return Ok(None) };
        let found = match &self.token_file {
            Some(file) => {
                let token = token::read(file)?;
                Some(token.ok_or_else(|| Usage(format!("there is no file {}", file.display())))?)
            }
            None => token::read(&data.directory(config).join("admin.token"))?,
        };
        Client::new(url, found).map(Some)
    }
}

/// A running server, and how its answers are shown.
#[derive(Clone, Debug, Args)]
pub(crate) struct AskArgs {
    /// The server's address [default: http://127.0.0.1:8600].
    #[arg(long, env = "STOCKTIDE_URL", value_name = "http://ADDRESS:PORT")]
    url: Option<String>,
    /// The file that holds the server's token [default: admin.token in the data directory, if there is one].
    #[arg(long, env = "STOCKTIDE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    data: crate::directory::DataArgs,
    /// Prints what the server answers, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl AskArgs {
    /// The client for the server named.
    ///
    /// # Errors
    /// An address that can't be used, or a token that can't be read.
    pub(crate) fn client(&self, config: &ConfigFile) -> Result<Client> {
        let url = Some(self.url.clone().unwrap_or_else(|| format!("http://{}", crate::serve::LISTEN)));
        let named = ServerAddressArgs { url, token_file: self.token_file.clone() };
        let client = named.client(&self.data, config)?;
        Ok(client.expect("an address was named"))
    }
}

/// A text as one segment of a path, or as a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A path with those of the parameters that are there.
pub(crate) fn address(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={}", encoded(value))));
    let query: Vec<String> = given.collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// How long to wait when a server says neither.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);
/// How often a server may ask to wait before we give up.
const RETRIES_MAX: u32 = 600;

/// A way to a server. Calls wait for the answer.
pub(crate) struct Client {
    authority: String,
    token: Option<String>,
    runtime: Runtime,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON, if the answer says that all went well.
    ///
    /// # Errors
    /// Any other status, with what the server says of it.
    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&self.body);
        if self.status.is_success() {
            return parsed.context("reading the server's answer");
        }
        let detail = parsed.ok().and_then(|problem| {
            let code = problem.get("code")?.as_str()?.to_owned();
            Some(format!("{code}: {}", problem.get("detail")?.as_str()?))
        });
        bail!("the server answered {}: {}", self.status, detail.unwrap_or_else(|| "without a reason".to_owned()));
    }
}

impl Client {
    fn new(url: &str, token: Option<String>) -> Result<Self> {
        let Some(authority) = url.strip_prefix("http://") else {
            return usage(format!("--url {url}: an address begins with http://; TLS is not spoken here yet"));
        };
        let authority = authority.trim_end_matches('/').to_owned();
        if authority.is_empty() || authority.contains(['/', '@', '?']) {
            return usage(format!("--url {url}: give the address and port alone, such as http://127.0.0.1:8600"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { authority, token, runtime: runtime.context("starting the client")?, connection: None })
    }

    /// Asks for a path.
    ///
    /// # Errors
    /// The server can't be reached.
    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.call(&Method::GET, path, "application/json", Bytes::new())
    }

    /// Sends a body. Only what may be sent twice: a connection that breaks is opened again.
    ///
    /// # Errors
    /// The server can't be reached, or asks to wait for ever.
    pub(crate) fn post(&mut self, path: &str, content_type: &'static str, body: Bytes) -> Result<Answer> {
        self.call(&Method::POST, path, content_type, body)
    }

    /// Puts a body in its place.
    ///
    /// # Errors
    /// As [`Client::post`].
    pub(crate) fn put(&mut self, path: &str, body: Bytes) -> Result<Answer> {
        self.call(&Method::PUT, path, "application/json", body)
    }

    /// Takes away what stands at a path.
    ///
    /// # Errors
    /// As [`Client::post`].
    pub(crate) fn delete(&mut self, path: &str) -> Result<Answer> {
        self.call(&Method::DELETE, path, "application/json", Bytes::new())
    }

    fn call(&mut self, method: &Method, path: &str, content_type: &'static str, body: Bytes) -> Result<Answer> {
        let Self { authority, token, runtime, connection } = self;
        let asked = async {
            let mut broken = 0;
            let mut waited = 0;
            loop {
                let sent = once(connection, authority, |request| {
                    let request = request.method(method).uri(path).header(CONTENT_TYPE, content_type);
                    let request = match token {
                        Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
                        None => request,
                    };
                    request.body(Full::new(body.clone())).context("putting the request together")
                });
                match sent.await {
                    // A connection that idled too long is closed by the server at any moment.
                    Err(_) if broken < 2 && connection.is_some() => {
                        *connection = None;
                        broken += 1;
                    }
                    Err(error) => return Err(error),
                    Ok((answer, wait)) => match wait {
                        Some(wait) if waited < RETRIES_MAX => {
                            waited += 1;
                            tokio::time::sleep(wait).await;
                        }
                        _ => return Ok(answer),
                    },
                }
            }
        };
        runtime.block_on(asked).with_context(|| format!("talking to http://{authority}{path}"))
    }
}

/// Sends a request once; answers also how long to wait before sending it again, when the server asks for that.
async fn once(
    connection: &mut Option<SendRequest<Full<Bytes>>>,
    authority: &str,
    fill: impl FnOnce(hyper::http::request::Builder) -> Result<Request<Full<Bytes>>>,
) -> Result<(Answer, Option<Duration>)> {
    let sender = match connection {
        Some(sender) => sender,
        None => connection.insert(connect(authority).await?),
    };
    sender.ready().await?;
    let response = sender.send_request(fill(Request::builder().header(HOST, authority))?).await?;
    let status = response.status();
    let asks_to_wait = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let wait = match (asks_to_wait, seconds) {
        (true, seconds) if status == StatusCode::TOO_MANY_REQUESTS || seconds.is_some() => {
            Some(seconds.map_or(RETRY_AFTER_DEFAULT, Duration::from_secs))
        }
        _ => None,
    };
    let body = response.into_body().collect().await?.to_bytes();
    Ok((Answer { status, body }, wait))
}

/// A new connection, driven in the background.
pub(crate) async fn connect(authority: &str) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(authority).await.context("connecting")?;
    stream.set_nodelay(true).context("connecting")?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.context("connecting")?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
    Ok(sender)
}

//! What can fail while serving.

/// Why serving could not begin or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Without authentication only this machine may talk to us.
    #[error("listening on {address} without authentication; listen on a loopback address or set a token")]
    OpenToTheNetwork {
        /// The address asked for.
        address: std::net::SocketAddr,
    },
    /// The listener has no address.
    #[error("asking the listener for its address")]
    Listener {
        /// What failed.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// The stable code, whose page is `docs/errors/<code>.md`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OpenToTheNetwork { .. } => "ST0301",
            Self::Listener { .. } => "ST0302",
        }
    }
}

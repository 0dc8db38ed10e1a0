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

/// An error with its causes, each that says more than what was said already.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let further = error.to_string();
        if !words.contains(&further) {
            words = format!("{words}: {further}");
        }
        cause = error.source();
    }
    words
}

//! Other systems: their documents come in as they are and become events under a mapping.
//!
//! A [`Hook`] is an address that a system posts to. Who may post there is shown by the signature over the body and not by
//! a token, since such systems can't be told to send one. This module knows signatures and what becomes of a document;
//! `http::hooks` answers, and what a document means is in [`wire::mapping`].
//!
//! Its one invariant: a document that was answered with success is in the ledger, or is held with the reason; sent
//! again, it changes nothing.

pub(crate) mod document;
mod poll;
mod signature;
pub(crate) mod signed;

pub use poll::{Poll, poll};
pub use signature::{Scheme, Secret, Signature};

use crate::auth::Principal;
use std::fmt;
use std::sync::Arc;
use wire::mapping::Mapping;

/// An address that another system posts to: `/v1/hooks/NAME`.
#[derive(Clone)]
pub struct Hook {
    /// Its name in the path, and the source of its events unless the mapping says otherwise.
    pub name: Arc<str>,
    /// What its documents mean.
    pub mapping: Arc<Mapping>,
    /// How its sender is known; without one, a request needs a token as any other.
    pub signature: Option<Signature>,
}

impl Hook {
    /// Who a signed request is from: the actor of its events.
    pub(crate) fn principal(&self) -> Principal {
        Principal { name: format!("hook:{}", self.name).into() }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = self.signature.as_ref().map(Signature::scheme);
        f.debug_struct("Hook").field("name", &self.name).field("signature", &signature).finish_non_exhaustive()
    }
}

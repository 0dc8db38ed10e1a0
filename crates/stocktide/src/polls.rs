//! `[[polls]]` of the configuration: systems that are asked for their documents.
//!
//! ```toml
//! [[polls]]
//! name = "orders"
//! url = "https://shop.example/admin/api/2026-01/orders.json?status=any&updated_at_min={since}"
//! every = "1min"
//! overlap = "10min"
//! mapping = "examples/shopify.toml"          # relative to this file
//! secret_header = "X-Shopify-Access-Token"
//! secret_file = "shopify.token"              # or secret_env = "SHOPIFY_TOKEN"
//! ```

use crate::failure::Usage;
use crate::hooks::{mapping, secret};
use crate::units::Period;
use anyhow::Result;
use edge::connect::{Hook, Poll};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often a system is asked when nothing is said.
const EVERY: Duration = Duration::from_secs(60);
/// The shortest time between two looks.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// One system as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PollFile {
    name: String,
    url: String,
    every: Option<Period>,
    overlap: Option<Period>,
    mapping: PathBuf,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    secret_header: Option<String>,
    secret_prefix: Option<String>,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
}

/// Reads the mappings and secrets. Relative paths are from `base`, where the configuration file is.
///
/// # Errors
/// Everything that is wrong, a line each.
pub(crate) fn load(files: &[PollFile], base: &Path) -> Result<Vec<Poll>> {
    let (mut polls, mut faults) = (Vec::new(), Vec::new());
    for file in files {
        match file.poll(base) {
            Ok(poll) => polls.push(poll),
            Err(error) => faults.push(format!("polls.{}: {error:#}", file.name)),
        }
    }
    if faults.is_empty() { Ok(polls) } else { Err(Usage(faults.join("\n")).into()) }
}

impl PollFile {
    fn poll(&self, base: &Path) -> Result<Poll> {
        anyhow::ensure!(!self.name.trim().is_empty(), "the name is empty; give it one");
        let every = self.every.map_or(EVERY, |period| period.0);
        anyhow::ensure!(every >= EVERY_MIN, "every is below 1s; give a longer time");
        let mapping = Arc::new(mapping(&base.join(&self.mapping))?);
        let hook = Hook { name: self.name.as_str().into(), mapping, signature: None };
        let mut poll = Poll::new(hook, &self.url, every).map_err(anyhow::Error::msg)?;
        poll.overlap = self.overlap.map_or(Duration::ZERO, |period| period.0);
        for (name, value) in &self.headers {
            poll.header(name, value).map_err(anyhow::Error::msg)?;
        }
        match &self.secret_header {
            Some(name) => {
                let secret = secret(self.secret_file.as_deref(), self.secret_env.as_deref(), base)?;
                let value = format!("{}{}", self.secret_prefix.as_deref().unwrap_or_default(), secret.trim());
                poll.header(name, &value).map_err(anyhow::Error::msg)?;
            }
            None => anyhow::ensure!(
                self.secret_file.is_none() && self.secret_env.is_none(),
                "a secret is given without secret_header; say in which header it goes"
            ),
        }
        Ok(poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Vec<Poll>> {
        #[derive(Deserialize)]
        struct File {
            polls: Vec<PollFile>,
        }
        let base = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        load(&toml::from_str::<File>(text)?.polls, Path::new(base))
    }

    #[test]
    fn systems_are_read_or_refused_with_the_reason() {
        let poll = "[[polls]]\nname = 'shop'\nmapping = 'examples/shopify.toml'\n";
        let good = format!("{poll}url = 'https://shop.example/o?since={{since}}'\noverlap = '10min'\n");
        assert_eq!(load_text(&good).unwrap()[0].overlap, Duration::from_secs(600));
        let check = |text: &str, expect: &str| {
            let error = format!("{:#}", load_text(&format!("{poll}{text}")).unwrap_err());
            assert!(error.contains(expect), "{text}: {error}");
        };
        check("url = 'ftp://x'\n", "no http or https address");
        check("url = 'https://x'\nevery = '10ms'\n", "below 1s");
        check("url = 'https://x'\nsecret_env = 'X'\n", "without secret_header");
        check("url = 'https://x'\nheaders = {'a b' = 'c'}\n", "no name of a header");
        check("url = 'https://x'\nsecret_header = 'X-Token'\n", "either secret_file or secret_env");
    }
}

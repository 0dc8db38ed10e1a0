//! `[[channels]]` of the configuration: who is told of alerts, and how.
//!
//! ```toml
//! [[channels]]
//! name = "ops"
//! kind = "slack"                          # or "webhook", "teams", "email"
//! url_file = "slack.url"                  # or url = "…", or url_env = "SLACK_URL"
//! severity_min = "warning"
//! locations = ["warehouse_A"]
//! quiet_hours = "22:00-06:00"
//! time_zone = "Europe/Berlin"
//! digest_minutes = 15
//! ```

use crate::failure::Usage;
use crate::hooks::secret;
use crate::units::Period;
use anyhow::{Context, Result, bail, ensure};
use edge::connect::{Scheme, Signature};
use edge::notify::{Channel, EmailSettings, Security, TIMEOUT};
use follow::notices::{Filter, QuietHours, Route};
use ledger::Severity;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest that notices are gathered for, in minutes.
const DIGEST_MINUTES_MAX: u32 = 1_440;
/// The longest that a receiver may take.
const TIMEOUT_MAX: Duration = Duration::from_secs(300);

/// One channel as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelFile {
    name: String,
    kind: Kind,
    severity_min: Option<SeverityName>,
    #[serde(default)]
    conditions: Vec<String>,
    #[serde(default)]
    locations: Vec<String>,
    owner: Option<String>,
    quiet_hours: Option<String>,
    time_zone: Option<String>,
    digest_minutes: Option<u32>,
    timeout: Option<Period>,
    /// Of webhooks and chats.
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_env: Option<String>,
    /// Of webhooks what they are signed under, one a line; of e-mail the password.
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
    /// Of e-mail.
    host: Option<String>,
    port: Option<u16>,
    security: Option<SecurityName>,
    username: Option<String>,
    ca_file: Option<PathBuf>,
    from: Option<String>,
    #[serde(default)]
    to: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Webhook,
    Slack,
    Teams,
    Email,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SeverityName {
    Info,
    Warning,
    Critical,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SecurityName {
    Starttls,
    Tls,
    None,
}

/// Reads channels with their secrets. Relative paths are from `base`, where the configuration file is.
///
/// # Errors
/// Everything that is wrong with the channels, a line each.
pub(crate) fn load(files: &[ChannelFile], base: &Path) -> Result<Vec<Channel>> {
    let (mut channels, mut faults, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for file in files {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if file.name.is_empty() || file.name.len() > 100 || !file.name.bytes().all(plain) {
            faults.push(format!("channels: the name '{}' must be letters, digits, '-' or '_'", file.name));
        } else if !names.insert(&file.name) {
            faults.push(format!("channels: two are called '{}'; each needs a name of its own", file.name));
        }
        match file.channel(base) {
            Ok(channel) => channels.push(channel),
            Err(error) => faults.push(format!("channels.{}: {error:#}", file.name)),
        }
    }
    if faults.is_empty() { Ok(channels) } else { Err(Usage(faults.join("\n")).into()) }
}

impl ChannelFile {
    fn channel(&self, base: &Path) -> Result<Channel> {
        self.check_keys()?;
        let timeout = self.timeout.map_or(TIMEOUT, |timeout| timeout.0);
        ensure!(!timeout.is_zero() && timeout <= TIMEOUT_MAX, "timeout must be above zero and at most 5min");
        let route = self.route()?;
        let channel = match self.kind {
            Kind::Webhook => Channel::webhook(route, &self.url(base)?, self.signatures(base)?, timeout),
            Kind::Slack => Channel::slack(route, &self.url(base)?, timeout),
            Kind::Teams => Channel::teams(route, &self.url(base)?, timeout),
            Kind::Email => Channel::email(route, self.email(base)?, timeout),
        };
        channel.map_err(anyhow::Error::msg)
    }

    /// Keys that the kind has no use for are mistakes.
    fn check_keys(&self) -> Result<()> {
        let is_email = self.kind == Kind::Email;
        let of_web = [self.url.is_some(), self.url_file.is_some(), self.url_env.is_some()].contains(&true);
        ensure!(!is_email || !of_web, "url goes with webhook, slack and teams; e-mail has host, from and to");
        let of_email = [
            self.host.is_some(),
            self.port.is_some(),
            self.security.is_some(),
            self.username.is_some(),
            self.ca_file.is_some(),
            self.from.is_some(),
            !self.to.is_empty(),
        ];
        ensure!(
            is_email || !of_email.contains(&true),
            "host, port, security, username, ca_file, from and to go with kind = \"email\"; leave them out"
        );
        let has_secret = self.secret_file.is_some() || self.secret_env.is_some();
        let has_use = self.kind == Kind::Webhook || (is_email && self.username.is_some());
        ensure!(
            !has_secret || has_use,
            "a secret goes with a webhook, or with an e-mail channel's username; leave it out"
        );
        ensure!(
            self.time_zone.is_none() || self.quiet_hours.is_some(),
            "time_zone goes with quiet_hours; add them or leave it out"
        );
        Ok(())
    }

    fn route(&self) -> Result<Route> {
        let quiet = match (&self.quiet_hours, &self.time_zone) {
            (None, _) => None,
            (Some(hours), Some(zone)) => Some(QuietHours::parse(hours, zone).map_err(anyhow::Error::msg)?),
            (Some(_), None) => bail!("quiet_hours need a time_zone, such as 'Europe/Berlin' or '+01:00'; add it"),
        };
        if let Some(minutes) = self.digest_minutes {
            ensure!(
                (1..=DIGEST_MINUTES_MAX).contains(&minutes),
                "digest_minutes is {minutes}; it must be between 1 and {DIGEST_MINUTES_MAX}"
            );
        }
        let severity_min = match self.severity_min {
            None | Some(SeverityName::Info) => Severity::Info,
            Some(SeverityName::Warning) => Severity::Warning,
            Some(SeverityName::Critical) => Severity::Critical,
        };
        let locations = self.locations.iter().map(|location| location.trim().trim_end_matches('/').to_owned());
        let filter = Filter {
            severity_min,
            conditions: self.conditions.clone(),
            locations: locations.collect(),
            owner: self.owner.clone(),
        };
        let digest_micros = self.digest_minutes.map(|minutes| i64::from(minutes) * 60_000_000);
        let name = self.name.as_str().into();
        Ok(Route { name, filter, quiet, digest_micros, gathers_quiet: false, group_max: 1 })
    }

    fn url(&self, base: &Path) -> Result<String> {
        match (&self.url, &self.url_file, &self.url_env) {
            (Some(url), None, None) => Ok(url.clone()),
            (None, Some(file), None) => {
                let file = base.join(file);
                std::fs::read_to_string(&file).with_context(|| format!("reading the address in {}", file.display()))
            }
            (None, None, Some(name)) => {
                std::env::var(name).with_context(|| format!("the address should be in the variable {name}; set it"))
            }
            _ => bail!("name the address: one of url, url_file and url_env"),
        }
    }

    fn signatures(&self, base: &Path) -> Result<Vec<Signature>> {
        let secrets = secret(self.secret_file.as_deref(), self.secret_env.as_deref(), base)?;
        let secrets = secrets.split_whitespace().map(|secret| Signature::new(Scheme::StandardWebhooks, secret));
        secrets.collect::<Result<_, _>>().map_err(anyhow::Error::msg)
    }

    fn email(&self, base: &Path) -> Result<EmailSettings> {
        let credentials = match &self.username {
            Some(username) => {
                let password = secret(self.secret_file.as_deref(), self.secret_env.as_deref(), base)?;
                Some((username.clone(), password.trim_end_matches(['\r', '\n']).to_owned()))
            }
            None => None,
        };
        let read = |file: &PathBuf| {
            let file = base.join(file);
            std::fs::read(&file).with_context(|| format!("reading {}", file.display()))
        };
        Ok(EmailSettings {
            host: self.host.clone().context("host is missing; name the mail server")?,
            port: self.port,
            security: match self.security {
                None | Some(SecurityName::Starttls) => Security::StartTls,
                Some(SecurityName::Tls) => Security::Tls,
                Some(SecurityName::None) => Security::None,
            },
            credentials,
            authorities: self.ca_file.as_ref().map(read).transpose()?,
            from: self.from.clone().context("from is missing; say whom messages are from")?,
            to: self.to.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;

    fn load_text(text: &str, base: &Path) -> Result<Vec<Channel>> {
        let file: ConfigFile = toml::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))?;
        load(&file.channels, base)
    }

    #[test]
    fn channels_of_every_kind_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        write("secrets", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n");
        write("slack", "https://hooks.slack.com/services/T0/B0/hush\n");
        let text = "
            [[channels]]
            name = 'erp'
            kind = 'webhook'
            url = 'https://erp.example/hooks/stock'
            secret_file = 'secrets'
            [[channels]]
            name = 'floor'
            kind = 'slack'
            url_file = 'slack'
            severity_min = 'warning'
            conditions = ['low_stock']
            locations = ['warehouse_A/']
            owner = 'ann'
            quiet_hours = '22:00-06:00'
            time_zone = 'Europe/Berlin'
            digest_minutes = 15
            timeout = '5s'
            [[channels]]
            name = 'chat'
            kind = 'teams'
            url = 'https://prod.example/workflows/1/triggers/manual/paths/invoke?sig=hush'
            [[channels]]
            name = 'mail'
            kind = 'email'
            host = '127.0.0.1'
            security = 'none'
            from = 'Stocktide <stock@example.com>'
            to = ['ann@example.com']";
        let channels = load_text(text, directory.path()).unwrap();
        let shown: Vec<_> = channels.iter().map(|channel| (channel.kind(), channel.destination())).collect();
        let expect = [
            ("webhook", "https://erp.example"),
            ("slack", "https://hooks.slack.com"),
            ("teams", "https://prod.example"),
            ("email", "ann@example.com"),
        ];
        assert_eq!(shown, expect.map(|(kind, destination)| (kind, destination.to_owned())));
        let route = &channels[1].route;
        assert_eq!((route.filter.severity_min, route.digest_micros), (Severity::Warning, Some(900_000_000)));
        assert_eq!((&*route.filter.locations[0], &*route.filter.conditions[0]), ("warehouse_A", "low_stock"));
        assert_eq!(route.quiet.as_ref().unwrap().to_string(), "22:00-06:00 Europe/Berlin");
    }

    #[test]
    fn what_is_wrong_is_told_at_once_and_by_name() {
        let check = |text: &str, expect: &str| {
            let text = format!("[[channels]]\nname = 'a'\n{text}");
            let error = format!("{:#}", load_text(&text, Path::new("")).unwrap_err());
            assert!(error.contains(expect), "{text}: {error}");
        };
        let slack = |rest: &str| format!("kind = 'slack'\nurl = 'https://x/hush'\n{rest}");
        check("kind = 'pager'", "unknown variant `pager`");
        check("kind = 'slack'", "name the address");
        check("kind = 'slack'\nurl = 'x'\nurl_env = 'X'", "name the address");
        check("kind = 'slack'\nurl = 'ftp://x/hush'", "channels.a: url is no http or https address");
        check(&slack("wanted = 1"), "unknown field `wanted`");
        check(&slack("host = 'x'"), "go with kind = \"email\"");
        check(&slack("secret_env = 'X'"), "a secret goes with a webhook");
        check(&slack("severity_min = 'dire'"), "unknown variant `dire`");
        check(&slack("quiet_hours = '22:00-06:00'"), "need a time_zone");
        check(&slack("time_zone = 'UTC'"), "goes with quiet_hours");
        check(&slack("quiet_hours = 'night'\ntime_zone = 'UTC'"), "quiet_hours 'night'");
        check(&slack("digest_minutes = 0"), "between 1 and 1440");
        check(&slack("timeout = '10min'"), "at most 5min");
        check("kind = 'webhook'\nurl = 'https://x'", "either secret_file or secret_env");
        check("kind = 'email'\nurl = 'https://x'", "e-mail has host, from and to");
        check("kind = 'email'\nfrom = 'a@b.example'", "host is missing");
        check(
            "kind = 'email'\nhost = 'mail.example'\nsecurity = 'none'\nfrom = 'a@b.example'\nto = ['a@b.example']",
            "on this machine only",
        );
        let two = "[[channels]]\nname = 'a b'\nkind = 'slack'\n[[channels]]\nname = 'a b'\nkind = 'slack'\n";
        let error = load_text(two, Path::new("")).unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().lines().count() == 4, "{error}");
    }
}

//! What the owner of a client decides, and the check of it.

use std::time::Duration;
use wire::Problem;
use wire::problem::shown;
use wire::sparkplug::{self, HostSettings, NAMESPACE};
use wire::topic::{Kind, Routes, Template};

/// Bytes of a packet that is read at all.
pub(super) const PACKET_BYTES_MAX: u32 = 16 << 20;

/// The version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.
    #[default]
    V5,
}

/// Name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What `mqtts://` needs besides the URL; all PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that the broker's certificate may come from; without it, those that the machine trusts.
    pub authorities: Option<Vec<u8>>,
    /// Our certificate with its chain, and its private key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has = (self.authorities.is_some(), self.client.is_some());
        f.debug_struct("Tls").field("authorities", &has.0).field("client", &has.1).finish()
    }
}

/// Which messages to take, and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The topics: see [`Template`].
    pub template: String,
    /// What is sent there.
    pub kind: Kind,
    /// The clients that share these messages, each getting some; `None` to get all.
    pub share_group: Option<String>,
    /// How surely: 0 at most once, 1 at least once.
    pub qos: u8,
}

/// How to reach a broker, and what to take from it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `mqtt://host:1883` or `mqtts://host:8883`; the port may be left out.
    pub url: String,
    /// The version of the protocol.
    pub version: Version,
    /// Our name for the broker, which keeps what it has for us under it. No two clients may have the same.
    pub client_id: String,
    /// Name and password, if the broker asks for them.
    pub credentials: Option<Credentials>,
    /// What `mqtts://` needs besides.
    pub tls: Tls,
    /// What to take; of several whose templates read a topic, the first counts.
    pub subscriptions: Vec<Subscription>,
    /// The Sparkplug host application that this client is; needs a client of its own.
    pub sparkplug: Option<HostSettings>,
    /// Seconds of silence after which the connection is tested.
    pub keep_alive_seconds: u16,
    /// How long the broker keeps what it has for us while we are away, in seconds. With 3.1.1 the broker decides.
    pub session_expiry_seconds: u32,
    /// Messages that may wait for their acknowledgement at once.
    pub in_flight_max: u16,
    /// Bytes of the messages that may wait at once; one is taken whatever its size.
    pub in_flight_bytes_max: usize,
    /// Bytes of a message; a longer one is held with its beginning.
    pub message_bytes_max: usize,
    /// The shortest pause before the next attempt to connect; each is twice as long as the one before.
    pub reconnect_min: Duration,
    /// The longest.
    pub reconnect_max: Duration,
}

impl Settings {
    /// MQTT 5; 30 seconds of silence; a week away; 256 messages or 64 MiB at once, each of a mebibyte; pauses from half
    /// a second to half a minute.
    pub fn new(url: &str, client_id: &str) -> Self {
        Self {
            url: url.to_owned(),
            version: Version::default(),
            client_id: client_id.to_owned(),
            credentials: None,
            tls: Tls::default(),
            subscriptions: Vec::new(),
            sparkplug: None,
            keep_alive_seconds: 30,
            session_expiry_seconds: 7 * 86_400,
            in_flight_max: 256,
            in_flight_bytes_max: 64 << 20,
            message_bytes_max: 1 << 20,
            reconnect_min: Duration::from_millis(500),
            reconnect_max: Duration::from_secs(30),
        }
    }

    /// Checks the settings as a whole.
    ///
    /// # Errors
    /// Everything that is wrong, each with its field and the remedy.
    pub fn check(self) -> Result<Plan, Vec<Problem>> {
        let mut problems = Vec::new();
        let address = address(&self.url).unwrap_or_else(|problem| {
            problems.push(problem);
            Address::default()
        });
        self.check_session(&mut problems);
        self.check_tls(&address, &mut problems);
        let (routes, filters) = self.routes(&mut problems);
        self.check_sparkplug(&mut problems);
        if problems.is_empty() { Ok(Plan { settings: self, address, routes, filters }) } else { Err(problems) }
    }

    fn check_session(&self, problems: &mut Vec<Problem>) {
        let mut wrong =
            |field: &'static str, detail: String| problems.push(Problem::new("invalid_setting", field, detail));
        if self.client_id.is_empty() || self.client_id.len() > 128 || self.client_id.contains(char::is_control) {
            let detail =
                format!("client_id {} is empty, over 128 bytes or has control characters", shown(&self.client_id));
            wrong("client_id", format!("{detail}; give a short name that no other client of the broker has"));
        }
        if self.keep_alive_seconds < 5 {
            wrong("keep_alive_seconds", format!("keep_alive_seconds {}: give 5 to 65535", self.keep_alive_seconds));
        }
        if self.in_flight_max == 0 {
            wrong("in_flight_max", "in_flight_max 0 takes nothing at all; give 1 to 65535".to_owned());
        }
        if self.message_bytes_max > PACKET_BYTES_MAX as usize / 2 {
            wrong(
                "message_bytes_max",
                format!("message_bytes_max {}: give at most {}", self.message_bytes_max, PACKET_BYTES_MAX / 2),
            );
        }
        if self.reconnect_min.is_zero() || self.reconnect_min > self.reconnect_max {
            wrong("reconnect_min", "reconnect_min is zero or above reconnect_max; give a pause between".to_owned());
        }
        if self.subscriptions.is_empty() && self.sparkplug.is_none() {
            wrong("subscriptions", "there are no subscriptions, so nothing would arrive; give at least one".to_owned());
        }
    }

    fn check_tls(&self, address: &Address, problems: &mut Vec<Problem>) {
        let mut wrong = |detail: &str| problems.push(Problem::new("invalid_setting", "tls", detail));
        if !address.is_tls && self.tls != Tls::default() {
            wrong("certificates are given for a URL that does not begin with 'mqtts://'; use that, or leave them out");
        }
        let is_pem = |pem: &[u8], what: &str| String::from_utf8_lossy(pem).contains(&format!("{what}-----"));
        if self.tls.authorities.as_ref().is_some_and(|pem| !is_pem(pem, "BEGIN CERTIFICATE")) {
            wrong("the authorities hold no certificate in PEM form ('-----BEGIN CERTIFICATE-----')");
        }
        if let Some((certificate, key)) = &self.tls.client {
            if !is_pem(certificate, "BEGIN CERTIFICATE") {
                wrong("the client certificate is not in PEM form ('-----BEGIN CERTIFICATE-----')");
            }
            if !is_pem(key, "PRIVATE KEY") {
                wrong("the client's key is not in PEM form ('-----BEGIN PRIVATE KEY-----')");
            }
        }
        if self.tls.client.is_some() && self.tls.authorities.is_none() {
            wrong("a client certificate needs the authorities that the broker's certificate comes from beside it");
        }
    }

    fn routes(&self, problems: &mut Vec<Problem>) -> (Routes, Vec<(String, u8)>) {
        let (mut routes, mut filters) = (Routes::new(), Vec::new());
        for (index, subscription) in self.subscriptions.iter().enumerate() {
            let mut wrong = |field: &str, detail: String| {
                problems.push(Problem::new("invalid_setting", format!("subscriptions[{index}].{field}"), detail));
            };
            if subscription.qos > 1 {
                let detail = "give 0 or 1; 1 and the ids of the events count each once";
                wrong("qos", format!("qos {}: {detail}", subscription.qos));
            }
            let group = subscription.share_group.as_deref();
            if group.is_some_and(|group| !sparkplug::is_id(group)) {
                wrong(
                    "share_group",
                    format!("share_group {} is empty or has '/', '+' or '#' in it", shown(group.unwrap_or_default())),
                );
            }
            let template = match Template::parse(&subscription.template) {
                Ok(template) => template,
                Err(problem) => {
                    wrong("template", problem.detail);
                    continue;
                }
            };
            if subscription.kind != Kind::Sparkplug {
                let filter = template.subscription();
                let filter = group.map_or_else(|| filter.clone(), |group| format!("$share/{group}/{filter}"));
                filters.push((filter, subscription.qos.min(1)));
            }
            routes.push(template, subscription.kind.clone());
        }
        (routes, filters)
    }

    fn check_sparkplug(&self, problems: &mut Vec<Problem>) {
        let mut wrong =
            |field: &'static str, detail: String| problems.push(Problem::new("invalid_setting", field, detail));
        let of_sparkplug = |subscription: &&Subscription| subscription.kind == Kind::Sparkplug;
        let count = self.subscriptions.iter().filter(of_sparkplug).count();
        match &self.sparkplug {
            None if count > 0 => {
                wrong("sparkplug", "a subscription is of kind 'sparkplug'; give the host's id too".to_owned())
            }
            None => {}
            Some(host) => {
                if !sparkplug::is_id(&host.host_id) {
                    wrong(
                        "sparkplug.host_id",
                        format!("host_id {} is empty or has '/', '+' or '#' in it", shown(&host.host_id)),
                    );
                }
                if count < self.subscriptions.len() {
                    let detail = "a Sparkplug host starts each session anew, and other subscriptions want theirs kept";
                    wrong("sparkplug", format!("{detail}; give them a client of their own"));
                }
                if self.subscriptions.iter().any(|subscription| subscription.share_group.is_some()) {
                    let detail = "a Sparkplug host has to hear everything in its order; leave the share group out";
                    wrong("sparkplug", detail.to_owned());
                }
                let whole = format!("{NAMESPACE}/#");
                if self.subscriptions.iter().any(|subscription| subscription.template != whole) {
                    wrong("sparkplug", format!("the template of a Sparkplug host is '{whole}'"));
                }
            }
        }
    }
}

/// Where a broker is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
}

fn address(url: &str) -> Result<Address, Problem> {
    let wrong = |why: &str| {
        let detail = format!("url {} {why}; write 'mqtt://host:1883' or 'mqtts://host:8883'", shown(url));
        Problem::new("invalid_setting", "url", detail)
    };
    let (rest, is_tls) = match (url.strip_prefix("mqtt://"), url.strip_prefix("mqtts://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return Err(wrong("begins with neither 'mqtt://' nor 'mqtts://'")),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('@') {
        let detail = "the url has a name or password in it; give them as credentials, where they are not shown";
        return Err(Problem::new("invalid_setting", "url", detail));
    }
    let default_port = if is_tls { 8883 } else { 1883 };
    // An address of IPv6 stands in brackets, for it has colons of its own.
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').ok_or_else(|| wrong("has '[' without ']'"))?,
        None => rest.find(':').map_or((rest, ""), |at| rest.split_at(at)),
    };
    let port = match port {
        "" => default_port,
        _ => {
            let number = port.strip_prefix(':').and_then(|port| port.parse().ok()).filter(|port| *port > 0);
            number.ok_or_else(|| wrong("has a port that is none of 1 to 65535"))?
        }
    };
    if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
        return Err(wrong("names no host, or has a path"));
    }
    Ok(Address { host: host.to_owned(), port, is_tls })
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) settings: Settings,
    pub(super) address: Address,
    pub(super) routes: Routes,
    /// What to subscribe to, with its quality of service; without what a Sparkplug host needs.
    pub(super) filters: Vec<(String, u8)>,
}

impl Plan {
    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The topic filters, as the broker gets them.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        self.filters.iter().map(|(filter, _)| &**filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(template: &str, kind: Kind) -> Subscription {
        Subscription { template: template.to_owned(), kind, share_group: None, qos: 1 }
    }

    fn refused(change: impl FnOnce(&mut Settings)) -> Vec<(String, String)> {
        let mut settings = Settings::new("mqtt://broker", "stocktide");
        settings.subscriptions.push(subscription("dock/{device}", Kind::Events));
        change(&mut settings);
        let problems = settings.check().unwrap_err();
        problems.into_iter().map(|problem| (problem.field.into_owned(), problem.detail)).collect()
    }

    #[test]
    fn urls_are_read_or_refused_with_the_reason() {
        let check = |url: &str, host: &str, port: u16, is_tls: bool| {
            assert_eq!(address(url).unwrap(), Address { host: host.to_owned(), port, is_tls });
        };
        check("mqtt://broker", "broker", 1883, false);
        check("mqtts://broker.example/", "broker.example", 8883, true);
        check("mqtts://10.0.0.1:88", "10.0.0.1", 88, true);
        check("mqtt://[::1]:1884", "::1", 1884, false);
        let wrong = |url: &str, why: &str| assert!(address(url).unwrap_err().detail.contains(why), "{url}");
        wrong("http://broker", "neither 'mqtt://' nor 'mqtts://'");
        wrong("mqtt://ann:secret@broker", "as credentials");
        wrong("mqtt://broker:0", "port");
        wrong("mqtt://broker:x", "port");
        wrong("mqtt://", "no host");
        wrong("mqtt://broker/a", "path");
        wrong("mqtt://[::1", "without ']'");
    }

    #[test]
    fn share_groups_are_part_of_the_filter() {
        let mut settings = Settings::new("mqtt://broker", "stocktide");
        let shared = Subscription { share_group: Some("g".into()), ..subscription("dock/{device}/x", Kind::Events) };
        settings.subscriptions = vec![shared, subscription("yard/#", Kind::TagReads)];
        let plan = settings.check().unwrap();
        assert_eq!(plan.filters().collect::<Vec<_>>(), ["$share/g/dock/+/x", "yard/#"]);
    }

    #[test]
    fn every_problem_is_told_with_its_field() {
        let problems = refused(|settings| {
            settings.url = "tcp://x".into();
            settings.client_id = String::new();
            settings.keep_alive_seconds = 1;
            settings.tls.client = Some((b"x".to_vec(), b"y".to_vec()));
            settings.subscriptions[0].qos = 2;
            settings.subscriptions[0].template = "a/{devise}".into();
        });
        let fields: Vec<&str> = problems.iter().map(|(field, _)| &**field).collect();
        let tls = ["tls"; 4];
        let head = ["url", "client_id", "keep_alive_seconds"];
        assert_eq!(fields, [&head[..], &tls[..], &["subscriptions[0].qos", "subscriptions[0].template"]].concat());
        assert!(problems[8].1.contains("did you mean 'device'?"));
    }

    #[test]
    fn a_sparkplug_host_has_a_client_of_its_own() {
        let of = |change: fn(&mut Settings)| {
            refused(change).into_iter().map(|(_, detail)| detail).collect::<Vec<_>>().join("\n")
        };
        assert!(of(|settings| settings.sparkplug = Some(HostSettings::new("h"))).contains("a client of their own"));
        assert!(of(|settings| settings.subscriptions[0].kind = Kind::Sparkplug).contains("give the host's id"));
        assert!(of(|settings| settings.sparkplug = Some(HostSettings::new("a/b"))).contains("host_id 'a/b'"));
        let mut settings = Settings::new("mqtt://broker", "stocktide");
        settings.subscriptions.push(subscription("spBv1.0/#", Kind::Sparkplug));
        settings.sparkplug = Some(HostSettings::new("h"));
        assert_eq!(settings.check().unwrap().filters().count(), 0);
    }
}

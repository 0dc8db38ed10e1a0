//! Where messages come from: templates that read site, device and metric out of topics.
//!
//! It knows no broker. Its one invariant: every topic that a template reads is one that its
//! [`subscription`](Template::subscription) brings.
//!
//! Start with [`Routes::find`]; [`number`] reads what sensors and scales send.

pub mod number;
mod template;

pub use template::{Names, Template};

use number::Paths;

/// What the payloads on a topic are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Events as JSON, as for `POST /v1/events`.
    Events,
    /// Reads of tags.
    TagReads,
    /// One reading of a sensor: a plain number, or JSON with the number at a path.
    Sensor(Paths),
    /// What a scale shows: a plain number, or JSON with the number at a path.
    Weight(Paths),
    /// Where something is.
    Position,
    /// Sparkplug B.
    Sparkplug,
}

impl Kind {
    /// Its name in settings.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::TagReads => "tag_reads",
            Self::Sensor(_) => "sensor",
            Self::Weight(_) => "weight",
            Self::Position => "position",
            Self::Sparkplug => "sparkplug",
        }
    }
}

/// Templates with what is sent there, in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    routes: Vec<(Template, Kind)>,
}

impl Routes {
    /// No routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route, to be tried after those before it.
    pub fn push(&mut self, template: Template, kind: Kind) {
        self.routes.push((template, kind));
    }

    /// The first route that reads `topic`: its index, its kind and the names; `None` when none does.
    ///
    /// ```
    /// use wire::topic::{Kind, Routes, Template};
    /// let mut routes = Routes::new();
    /// routes.push(Template::parse("sites/{site}/devices/{device}/events").unwrap(), Kind::Events);
    /// let (index, kind, names) = routes.find("sites/north/devices/gate-2/events").unwrap();
    /// assert_eq!((index, kind), (0, &Kind::Events));
    /// assert_eq!((names.site, names.device, names.metric), (Some("north"), Some("gate-2"), None));
    /// ```
    pub fn find<'t>(&self, topic: &'t str) -> Option<(usize, &Kind, Names<'t>)> {
        let found = self.routes.iter().enumerate();
        let mut found = found.filter_map(|(index, (template, kind))| Some((index, kind, template.read(topic)?)));
        found.next()
    }
}

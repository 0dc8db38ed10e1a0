//! Where a Sparkplug message was sent to.

use super::Error;
use crate::problem::shown;

/// The namespace of Sparkplug B.
pub const NAMESPACE: &str = "spBv1.0";

/// What an edge node's message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// An edge node is there, with all its metrics.
    NodeBirth,
    /// An edge node is gone.
    NodeDeath,
    /// A device is there, with all its metrics.
    DeviceBirth,
    /// A device is gone.
    DeviceDeath,
    /// New values of an edge node.
    NodeData,
    /// New values of a device.
    DeviceData,
    /// A command to an edge node.
    NodeCommand,
    /// A command to a device.
    DeviceCommand,
}

impl MessageKind {
    const ALL: [(Self, &'static str); 8] = [
        (Self::NodeBirth, "NBIRTH"),
        (Self::NodeDeath, "NDEATH"),
        (Self::DeviceBirth, "DBIRTH"),
        (Self::DeviceDeath, "DDEATH"),
        (Self::NodeData, "NDATA"),
        (Self::DeviceData, "DDATA"),
        (Self::NodeCommand, "NCMD"),
        (Self::DeviceCommand, "DCMD"),
    ];

    /// Its name in topics.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// Whether it concerns a device, which its topic then names.
    pub const fn is_of_device(self) -> bool {
        matches!(self, Self::DeviceBirth | Self::DeviceDeath | Self::DeviceData | Self::DeviceCommand)
    }
}

/// The parts of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'t> {
    /// Of an edge node or one of its devices.
    Edge {
        /// What the message is.
        kind: MessageKind,
        /// The group of the edge node.
        group: &'t str,
        /// The edge node.
        node: &'t str,
        /// The device, if the kind concerns one.
        device: Option<&'t str>,
    },
    /// Whether a host application is there.
    State {
        /// The host application.
        host: &'t str,
    },
}

impl<'t> Topic<'t> {
    /// Reads a topic.
    ///
    /// # Errors
    /// [`Error::Topic`] for a namespace, a kind or a number of levels that Sparkplug B does not have, and for an empty
    /// level or one with `+` or `#`.
    ///
    /// # Source
    /// Sparkplug 3.0.0, section 4.1.
    ///
    /// ```
    /// use wire::sparkplug::{MessageKind, Topic};
    /// let topic = Topic::parse("spBv1.0/depot-1/DDATA/dock/scale-3").unwrap();
    /// let (group, node, device) = ("depot-1", "dock", Some("scale-3"));
    /// assert_eq!(topic, Topic::Edge { kind: MessageKind::DeviceData, group, node, device });
    /// ```
    pub fn parse(topic: &'t str) -> Result<Self, Error> {
        let wrong = |why| Error::Topic { topic: shown(topic), why };
        let mut levels = topic.split('/');
        if levels.next() != Some(NAMESPACE) {
            return Err(wrong("it does not begin with 'spBv1.0/'"));
        }
        if topic.split('/').any(|level| level.is_empty() || level.contains(['+', '#', '\0'])) {
            return Err(wrong("a level is empty or has '+', '#' or a zero byte in it"));
        }
        let (first, second) = (levels.next(), levels.next());
        if first == Some("STATE") {
            return match (second, levels.next()) {
                (Some(host), None) => Ok(Self::State { host }),
                _ => Err(wrong("a STATE topic is 'spBv1.0/STATE/' and the host")),
            };
        }
        let (Some(group), Some(name), Some(node)) = (first, second, levels.next()) else {
            return Err(wrong("it has fewer levels than 'spBv1.0/group/KIND/node'"));
        };
        let kind = MessageKind::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind);
        let kind = kind.ok_or_else(|| {
            wrong("its third level is none of NBIRTH, NDEATH, DBIRTH, DDEATH, NDATA, DDATA, NCMD, DCMD")
        })?;
        let device = levels.next();
        if levels.next().is_some() {
            return Err(wrong("it has more levels than 'spBv1.0/group/KIND/node/device'"));
        }
        match (kind.is_of_device(), device) {
            (true, None) => Err(wrong("messages of this kind concern a device, and it names none")),
            (false, Some(_)) => Err(wrong("messages of this kind concern an edge node, and it names a device")),
            _ => Ok(Self::Edge { kind, group, node, device }),
        }
    }
}

/// The topic on which a host application says whether it is there.
pub fn state_topic(host: &str) -> String {
    format!("{NAMESPACE}/STATE/{host}")
}

/// Whether `id` can be a group, an edge node, a device or a host in a topic.
pub fn is_id(id: &str) -> bool {
    !id.is_empty() && !id.contains(['+', '#', '/', '\0'])
}

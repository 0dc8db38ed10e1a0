//! One template: levels that are words, names in braces, or wildcards.

use crate::Problem;
use crate::problem::{nearest, shown};

/// Bytes that a topic has at most.
const TOPIC_BYTES_MAX: usize = 65_535;

const NAMES: [&str; 3] = ["site", "device", "metric"];

/// What a template found in a topic. Never empty texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names<'t> {
    /// The site.
    pub site: Option<&'t str>,
    /// The device.
    pub device: Option<&'t str>,
    /// The metric; several levels if the template ends with `{metric...}`.
    pub metric: Option<&'t str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Site,
    Device,
    Metric,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Word(Box<str>),
    /// `+`: any one level.
    Any,
    /// `#`: any further levels, and none.
    Rest,
    /// A name with a word before and behind it.
    Named {
        before: Box<str>,
        name: Name,
        behind: Box<str>,
    },
    /// `{metric...}`: at least one further level.
    NamedRest(Name),
}

/// A template such as `sites/{site}/devices/{device}/{metric}`.
///
/// A level is a word; a name in braces, `{site}`, `{device}` or `{metric}`, each at most once and with words before and
/// behind it if you like (`scale-{device}`); `+` for any one level; and at the end `#` for any further levels or a name
/// with dots, `{metric...}`, for one or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    levels: Vec<Level>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A problem with the code `invalid_template` that names the level, what is wrong with it and the remedy.
    ///
    /// ```
    /// use wire::topic::Template;
    /// let template = Template::parse("sites/{site}/scale-{device}/{metric...}").unwrap();
    /// assert_eq!(template.subscription(), "sites/+/+/#");
    /// assert_eq!(template.read("sites/north/scale-7/weight/net").unwrap().metric, Some("weight/net"));
    /// assert!(template.read("sites/north/gate-7/weight").is_none());
    /// ```
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::new("invalid_template", "template", detail);
        if text.is_empty() || text.len() > TOPIC_BYTES_MAX || text.contains('\0') {
            let detail = format!("template {} is empty, has a zero byte, or over {TOPIC_BYTES_MAX} bytes", shown(text));
            return Err(wrong(format!(
                "{detail}; write something like 'sites/{{site}}/devices/{{device}}/{{metric}}'"
            )));
        }
        if text.starts_with("$share/") {
            return Err(wrong(format!(
                "template {} begins with '$share/'; name the share group in its own setting",
                shown(text)
            )));
        }
        let count = text.split('/').count();
        let mut levels = Vec::with_capacity(count);
        let mut seen: Vec<Name> = Vec::new();
        for (index, level) in text.split('/').enumerate() {
            let place = || format!("level {} ({}) of template {}", index + 1, shown(level), shown(text));
            let read = level_of(level).map_err(|why| wrong(format!("{} {why}", place())))?;
            if matches!(read, Level::Rest | Level::NamedRest(_)) && index + 1 < count {
                return Err(wrong(format!("{} takes all further levels and so has to be the last", place())));
            }
            if let Level::Named { name, .. } | Level::NamedRest(name) = &read {
                if seen.contains(name) {
                    return Err(wrong(format!("{} has a name that an earlier level has; use each name once", place())));
                }
                seen.push(*name);
            }
            levels.push(read);
        }
        Ok(Self { text: text.into(), levels })
    }

    /// The template as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The topic filter that brings all topics which the template reads, and perhaps others.
    pub fn subscription(&self) -> String {
        let filter = |level: &Level| match level {
            Level::Word(word) => word.to_string(),
            Level::Any | Level::Named { .. } => "+".to_owned(),
            Level::Rest | Level::NamedRest(_) => "#".to_owned(),
        };
        let levels: Vec<String> = self.levels.iter().map(filter).collect();
        levels.join("/")
    }

    /// The names in `topic`; `None` when it is not of this template. As in MQTT, a topic that begins with `$` is only of
    /// templates that begin with a word.
    pub fn read<'t>(&self, topic: &'t str) -> Option<Names<'t>> {
        if topic.starts_with('$') && !matches!(self.levels.first(), Some(Level::Word(_))) {
            return None;
        }
        let mut names = Names::default();
        let mut rest = Some(topic);
        for level in &self.levels {
            match level {
                Level::Rest => return Some(names),
                Level::NamedRest(name) => {
                    set(&mut names, *name, rest.filter(|rest| !rest.is_empty())?);
                    return Some(names);
                }
                _ => {}
            }
            let (here, further) = match rest?.split_once('/') {
                Some((here, further)) => (here, Some(further)),
                None => (rest?, None),
            };
            rest = further;
            match level {
                Level::Word(word) if **word != *here => return None,
                Level::Named { before, name, behind } => {
                    let value = here.strip_prefix(&**before)?.strip_suffix(&**behind)?;
                    set(&mut names, *name, Some(value).filter(|value| !value.is_empty())?);
                }
                _ => {}
            }
        }
        rest.is_none().then_some(names)
    }
}

fn set<'t>(names: &mut Names<'t>, name: Name, value: &'t str) {
    match name {
        Name::Site => names.site = Some(value),
        Name::Device => names.device = Some(value),
        Name::Metric => names.metric = Some(value),
    }
}

/// What is wrong with it is said in words that follow the level's place.
fn level_of(level: &str) -> Result<Level, String> {
    match level {
        "+" => return Ok(Level::Any),
        "#" => return Ok(Level::Rest),
        _ if level.contains(['+', '#']) => {
            return Err("has '+' or '#' beside other letters; let a wildcard be the whole level".to_owned());
        }
        _ => {}
    }
    let Some((before, opened)) = level.split_once('{') else {
        if level.contains('}') {
            return Err("has '}' without '{' before it; write a name as {device}".to_owned());
        }
        return Ok(Level::Word(level.into()));
    };
    let Some((name, behind)) = opened.split_once('}') else {
        return Err("has '{' without '}' behind it; write a name as {device}".to_owned());
    };
    if before.contains('}') || name.contains('{') || behind.contains(['{', '}']) {
        return Err("has more than one name or brace; write one name a level".to_owned());
    }
    let (name, takes_rest) = name.strip_suffix("...").map_or((name, false), |name| (name, true));
    let known = match name {
        "site" => Name::Site,
        "device" => Name::Device,
        "metric" => Name::Metric,
        _ => {
            let meant = nearest(name, NAMES).map(|near| format!(": did you mean '{near}'?")).unwrap_or_default();
            return Err(format!("has the name {}, which is none of site, device, metric{meant}", shown(name)));
        }
    };
    match takes_rest {
        false => Ok(Level::Named { before: before.into(), name: known, behind: behind.into() }),
        true if before.is_empty() && behind.is_empty() => Ok(Level::NamedRest(known)),
        true => Err("has letters beside a name with dots; let it be the whole level".to_owned()),
    }
}

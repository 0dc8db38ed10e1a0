//! What to be warned of.
//!
//! Conditions over stock, devices, shipments and time, as pure folds: what is measured and what time it is are
//! arguments, and the same entries in the same order give the same warnings. Watching never knows who is told, the
//! clock, sockets, files, JSON or HTML.
//!
//! Its one invariant: what holds is remembered with the entries that made it hold, so that a replay wants just what was
//! wanted before, and each entry that did it takes it away: an alert is never opened twice, and never lost.
//!
//! Start with [`Watch`], then [`CONDITIONS`]; how rules cover things stands in `scope`.

pub mod cold;
mod condition;
pub mod coverage;
mod desk;
mod life;
pub mod own;
mod own_rules;
mod reading;
mod rule;
mod scope;
pub mod sensor;
pub mod shipment;
mod shipping;
mod source;
mod stock;
mod timers;
mod trial;
mod watch;

pub use condition::{About, CONDITIONS, Condition, ConditionInfo, Setting, SettingKind};
pub use desk::{Demand, Hold};
pub use own_rules::EvaluationErrors;
pub use rule::{Rule, RuleFault, SettingValue, builtin_rules, check_rule, read_setting};
pub use scope::{Covered, Rules};
pub use source::SourceFacts;
pub use stock::{Balance, Confidence, Evidence, counts};
pub use trial::{Firing, Trial, Tried};
pub use watch::{Fact, IMAGE_VERSION, SOURCE, Watch};

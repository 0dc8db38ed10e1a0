//! What it looks like outside.
//!
//! Every format that outlives the process or leaves it: the journal's records, the JSON and CSV that events arrive in,
//! what devices say, the lines that an export writes. It turns bytes into [`ledger::Request`]s and decisions into bytes, and knows no file,
//! no socket, no clock and no policy: whether an input is *allowed* or *true* is not asked here, only whether it can be
//! read.
//!
//! Its one invariant: no bytes whatever make it panic, and each input becomes exactly one request or is named in at
//! least one [`Problem`].
//!
//! Start with [`Batch`], where everything that is read ends up, then [`record`] (the journal) and [`event`] (JSON).

mod batch;
pub mod body;
pub mod csv_in;
pub mod device;
pub mod epc;
pub mod epcis;
pub mod event;
pub mod export;
pub mod gs1;
mod key;
pub mod llrp;
pub mod mapping;
mod object;
pub mod observation;
pub mod problem;
pub mod reads;
pub mod record;
pub mod rule;
pub mod sparkplug;
mod text;
pub mod time;
pub mod topic;

pub use batch::Batch;
pub use key::KeyHasher;
pub use problem::Problem;
pub use text::{LOCATION_PART_BYTES_MAX, LOCATION_PARTS_MAX, TEXT_BYTES_MAX};

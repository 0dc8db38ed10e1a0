//! The shipped reason codes. Users add their own and may change what these mean.

use crate::{AccountKind, ReasonCard};

/// The code that an event without a reason is taken to have, by the counterpart that it needs.
pub(crate) const DEFAULT_COUNT: &str = "cycle_count";

/// The shipped reasons; the order never changes, since journals refer to it, and new ones go to the end.
pub(crate) fn shipped() -> Vec<ReasonCard> {
    use AccountKind::{Customer, Opening, Production, Scrap, Supplier, Variance};
    [
        ("sale", "Sold", Customer, 0),
        ("return", "Returned by a customer", Customer, 0),
        ("purchase", "Bought", Supplier, 0),
        ("supplier_return", "Sent back to a supplier", Supplier, 0),
        ("production", "Made", Production, 0),
        ("consumption", "Used up in production", Production, 0),
        ("scrap", "Thrown away", Scrap, 0),
        ("damage", "Broken", Scrap, 0),
        ("expired", "Past its date", Scrap, 0),
        ("theft", "Stolen", Variance, 0),
        ("lost", "Lost", Variance, 0),
        ("found", "Found", Variance, 0),
        ("sample", "Given as a sample", Customer, 0),
        ("donation", "Given away", Customer, 0),
        ("correction", "Wrong in the books", Variance, 0),
        ("opening_balance", "There when the books were opened", Opening, 0),
        ("cycle_count", "Counted by a person", Variance, 40),
        ("weight_sensor", "Weighed", Variance, 30),
        ("rfid_sweep", "Swept by a reader", Variance, 20),
        ("import", "Read from another system", Variance, 10),
    ]
    .into_iter()
    .map(|(code, name, counterpart, trust)| ReasonCard { code: code.into(), name: name.into(), counterpart, trust })
    .collect()
}

//! Numbers that stand for names. Each counts up from zero in the order in which the journal first used the name.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The place of this id's record in the table of its kind.
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The id of the record at `index`.
            ///
            /// # Panics
            /// Past 2³² − 1 records; at 32 bytes each the table would no longer fit the machines we run on.
            pub fn at(index: usize) -> Self {
                Self(u32::try_from(index).expect("fewer than 2^32 names of a kind"))
            }
        }
    };
}

id!(
    /// A product.
    ProductId
);
id!(
    /// A location; a warehouse is a location of one part.
    LocationId
);
id!(
    /// A lot of one product; [`LotId::NONE`] is stock without a lot.
    LotId
);
id!(
    /// One serialised unit of one product.
    SerialId
);
id!(
    /// A handling unit: a pallet, case or tote with a licence plate.
    UnitId
);
id!(
    /// A source (device, system) or an actor (authenticated principal).
    PartyId
);
id!(
    /// An account of the ledger: what kind, of which product, where, which lot.
    AccountId
);
id!(
    /// A reason code.
    ReasonId
);

impl LotId {
    /// Stock without a lot. The first record of the lot table stands for it.
    pub const NONE: Self = Self(0);
}

/// The place of an entry in the journal: the first entry is 1; 0 is 'before all entries'.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Before all entries.
    pub const ZERO: Self = Self(0);

    /// The place after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

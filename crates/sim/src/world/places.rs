//! Warehouses, their bins and docks, and the devices and systems that report from them.

use super::assortment::{Assortment, with_check_digit};
use super::chance::Chance;
use super::mistakes::Mistakes;
use ledger::LocationCard;

/// A place in the table of locations.
pub(super) type Location = u32;
/// No location.
pub(super) const NOWHERE: Location = Location::MAX;

/// Name, hours east of Greenwich, and which third of the world.
const SITES: &[(&str, i64, usize)] = &[
    ("rotterdam", 1, 0),
    ("lyon", 1, 0),
    ("memphis", -6, 1),
    ("osaka", 9, 2),
    ("poznan", 1, 0),
    ("monterrey", -6, 1),
    ("pune", 5, 2),
    ("sheffield", 0, 0),
    ("calgary", -7, 1),
    ("perth", 8, 2),
];
const DOCKS: usize = 3;
const SCANNERS: usize = 6;
const PICK_PRODUCTS_PER_BIN: usize = 4;
const RESERVE_PRODUCTS_PER_SLOT: usize = 6;

/// Who makes a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    Person,
    Portal,
    System,
}

/// A device or system that reports.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: Box<str>,
    /// What its ids begin with.
    pub(super) prefix: Box<str>,
    pub(super) author: Author,
    /// Ids given so far.
    pub(super) issued: u64,
    /// The last id that was really sent; 0 before the first.
    pub(super) sent: u64,
    /// How far its clock is off.
    pub(super) skew: i64,
    /// Whether its clock sometimes jumps far ahead.
    pub(super) unsteady: bool,
    /// Until when its clock is far ahead.
    pub(super) ahead_until: i64,
    /// Until when it has no network.
    pub(super) offline_until: i64,
    /// When its latest message arrives: a device sends in order.
    pub(super) sends_after: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Warehouse {
    pub(super) location: Location,
    pub(super) offset_hours: i64,
    pub(super) region: &'static str,
    pub(super) docks: Vec<Location>,
    pub(super) returns: Location,
    /// The first of its [`SCANNERS`] scanners, [`DOCKS`] portals and its warehouse system among the sources.
    first_source: usize,
}

impl Warehouse {
    pub(super) fn scanner(&self, chance: &mut Chance) -> usize {
        self.first_source + chance.index(SCANNERS)
    }

    /// The portal of a dock; the first one's when it is no dock.
    pub(super) fn portal(&self, dock: Location) -> usize {
        self.first_source + SCANNERS + self.docks.iter().position(|known| *known == dock).unwrap_or(0)
    }

    pub(super) fn system(&self) -> usize {
        self.first_source + SCANNERS + DOCKS
    }
}

/// Where the web shop stands among the sources.
pub(super) const WEB: usize = 0;
/// Where the purchasing system stands among the sources.
pub(super) const ERP: usize = 1;

#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) paths: Vec<Box<str>>,
    pub(super) warehouses: Vec<Warehouse>,
    pub(super) sources: Vec<Source>,
    /// For each warehouse, for each product: where it is picked, and where the rest stands.
    pub(super) bins: Vec<(Location, Location)>,
    /// For each warehouse: its first location and one past its last, docks and bins.
    spans: Vec<(Location, Location)>,
}

impl Places {
    pub(super) fn new(
        warehouses: usize,
        regions: usize,
        assortment: &Assortment,
        mistakes: &Mistakes,
        chance: &mut Chance,
    ) -> Self {
        let system = |name: &str| source(name, name, Author::System);
        let mut places = Self {
            paths: Vec::new(),
            warehouses: Vec::new(),
            sources: vec![system("orders-web"), system("erp")],
            bins: Vec::new(),
            spans: Vec::new(),
        };
        for number in 0..warehouses {
            places.build(number, regions, assortment);
        }
        let skew_max = mistakes.clock_skew_seconds_max * super::calendar::SECOND;
        for source in places.sources.iter_mut().filter(|source| source.author == Author::Person) {
            source.skew = chance.between(-skew_max, skew_max);
        }
        places
    }

    fn build(&mut self, number: usize, regions: usize, assortment: &Assortment) {
        let (site, offset_hours, third) = SITES[number % SITES.len()];
        let name = if number < SITES.len() { site.to_owned() } else { format!("{site}-{}", number / SITES.len() + 1) };
        let region: &[&str] = match regions {
            0 | 1 => &["world"],
            2 => &["europe", "overseas"],
            _ => &["europe", "americas", "asia-pacific"],
        };
        let location = self.place(name.clone());
        let docks = (1..=DOCKS).map(|dock| self.place(format!("{name}/dock-{dock}"))).collect();
        let returns = self.place(format!("{name}/returns"));
        let first_source = self.sources.len();
        for scanner in 1..=SCANNERS {
            let prefix = format!("scanner-{scanner:02}");
            self.sources.push(source(&format!("scanner-{name}-{scanner:02}"), &prefix, Author::Person));
        }
        for dock in 1..=DOCKS {
            self.sources.push(source(&format!("portal-{name}-dock-{dock}"), &format!("portal-{dock}"), Author::Portal));
        }
        self.sources.push(source(&format!("wms-{name}"), "wms", Author::System));
        // The world's one unsteady clock is in the first warehouse's last scanner.
        self.sources[first_source + SCANNERS - 1].unsteady = number == 0;
        let region = region[third.min(region.len() - 1)];
        self.warehouses.push(Warehouse { location, offset_hours, region, docks, returns, first_source });
        self.shelve(&name, assortment);
        self.spans.push((location + 1, self.next()));
    }

    /// Gives every product its bins: a few products share one, within the zone of their range.
    fn shelve(&mut self, name: &str, assortment: &Assortment) {
        let mut zones: Vec<(&str, usize, Location, Location)> = Vec::new();
        for product in &assortment.products {
            let zone = product.range.zone;
            let at = zones.iter().position(|(known, ..)| *known == zone).unwrap_or_else(|| {
                zones.push((zone, 0, NOWHERE, NOWHERE));
                zones.len() - 1
            });
            let (_, count, mut pick, mut reserve) = zones[at];
            if count % PICK_PRODUCTS_PER_BIN == 0 {
                let bin = count / PICK_PRODUCTS_PER_BIN;
                pick = self.place(format!("{name}/{zone}/a-{:02}/bin-{:02}", bin / 24 + 1, bin % 24 + 1));
            }
            if count % RESERVE_PRODUCTS_PER_SLOT == 0 {
                let slot = count / RESERVE_PRODUCTS_PER_SLOT;
                reserve = self.place(format!("{name}/{zone}/r-{:02}/slot-{:02}", slot / 24 + 1, slot % 24 + 1));
            }
            zones[at] = (zone, count + 1, pick, reserve);
            self.bins.push((pick, reserve));
        }
    }

    fn place(&mut self, path: String) -> Location {
        let location = self.next();
        self.paths.push(path.into());
        location
    }

    fn next(&self) -> Location {
        Location::try_from(self.paths.len()).expect("fewer than 2^32 locations")
    }

    pub(super) fn path(&self, location: Location) -> &str {
        if location == NOWHERE { "" } else { &self.paths[location as usize] }
    }

    /// Another dock or bin of the same warehouse.
    pub(super) fn mistaken(&self, location: Location, chance: &mut Chance) -> Location {
        let span = self.spans.iter().find(|(first, end)| (*first..*end).contains(&location));
        let (first, end) = *span.unwrap_or(&self.spans[0]);
        let draw = first + u32::try_from(chance.below(u64::from(end - first))).expect("below a u32");
        if draw != location { draw } else { first + (location + 1 - first) % (end - first) }
    }

    pub(super) fn card(&self, location: Location) -> LocationCard {
        let path = self.path(location);
        let warehouse = self.warehouses.iter().position(|warehouse| warehouse.location == location);
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let mut name = first.to_owned();
        name[..1].make_ascii_uppercase();
        if !rest.is_empty() {
            name = rest.replace('/', " · ");
        }
        LocationCard {
            location: path.into(),
            name: name.into(),
            region: warehouse.map_or("", |at| self.warehouses[at].region).into(),
            gln: warehouse.map_or(String::new(), |at| with_check_digit(&format!("952{:09}", 900_000 + at))).into(),
            site: None,
        }
    }
}

fn source(name: &str, prefix: &str, author: Author) -> Source {
    Source {
        name: name.into(),
        prefix: prefix.into(),
        author,
        issued: 0,
        sent: 0,
        skew: 0,
        unsteady: false,
        ahead_until: i64::MIN,
        offline_until: i64::MIN,
        sends_after: i64::MIN,
    }
}

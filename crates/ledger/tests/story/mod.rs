//! Tells a scenario: keeps what was written, and writes below each step what the ledger answers.

mod steps;

use ledger::*;
use std::fmt::Write;
use steps::Asked;

/// 2026-02-16, the day of every story.
const TODAY: i64 = 20_500;
const MINUTE_MICROS: i64 = 60_000_000;

struct Teller {
    state: State,
    decisions: Vec<Decision>,
    said: String,
}

/// The scenario with its answers as they are now.
pub(crate) fn tell(written: &str) -> String {
    let mut teller = Teller { state: State::new(1), decisions: Vec::new(), said: String::new() };
    for line in written.lines().filter(|line| !line.starts_with(' ')) {
        teller.said.push_str(line);
        teller.said.push('\n');
        if line == "stock" {
            teller.say_stock();
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            teller.take(line);
        }
    }
    teller.said
}

impl Teller {
    fn say(&mut self, text: &str) {
        writeln!(self.said, "       {text}").expect("a string takes text");
    }

    fn take(&mut self, line: &str) {
        let (time, text) = line.split_once("  ").unwrap_or_else(|| panic!("time, two spaces, step: {line}"));
        let at = clock(time);
        let step = steps::read(text, &self.decisions);
        let content = hash(text.split(", id ").next().unwrap_or(text)) ^ hash(time);
        let name = if step.id.is_empty() { text } else { step.id };
        let id = u128::from(hash(&format!("{}/{name}", step.source))) << 64 | u128::from(hash(name));
        let body = match &step.asked {
            Asked::Event(event) => Body::Event(*event),
            Asked::Command(command) => Body::Command(command),
        };
        let request = Request {
            actor: step.source,
            source: step.source,
            id: step.id,
            key: Key { id, content },
            occurred_at: at,
            historical: false,
            resolves: None,
            body,
        };
        match self.state.decide(&request, at, &Limits::default()) {
            Verdict::Accepted(decision) => {
                self.state.apply(&decision);
                self.say(&format!("-> accepted as entry {}", self.state.position()));
                self.say_effects(&decision);
                self.decisions.push(decision);
            }
            Verdict::Duplicate { position, .. } => self.say(&format!("-> duplicate of entry {position}")),
            Verdict::Unusable(rejection) => self.say(&format!("-> held, {}: {rejection}", rejection.code())),
            Verdict::Rejected(rejection) => self.say(&format!("-> refused, {}: {rejection}", rejection.code())),
        }
    }

    fn say_effects(&mut self, decision: &Decision) {
        let catalog = self.state.catalog();
        let explained = decision
            .postings
            .iter()
            .find(|posting| posting.role == Role::Variance && catalog.account(posting.account).kind.is_on_hand());
        if let Some(posting) = explained
            && !matches!(decision.kind, DecisionKind::ItemCounted | DecisionKind::EntryReversed)
        {
            let minutes = (posting.effective_at.0 / MINUTE_MICROS) % (24 * 60);
            let (hour, minute) = (minutes / 60, minutes % 60);
            let moved = posting.delta.checked_neg().expect("a story's quantities are small");
            self.say(&format!("   explains {moved} of what the count at {hour:02}:{minute:02} found"));
        }
        for effect in &decision.effects {
            match effect {
                Effect::Counted(counted) => self.say(&format!("   the books said {}", counted.expected)),
                Effect::Reserved(reservation) => {
                    for line in &reservation.lines {
                        self.say(&format!("   {} of {}", line.quantity, self.name(line.account)));
                    }
                }
                Effect::ReservationEnded { reservation, outcome } => {
                    self.say(&format!("   {reservation} is {}", outcome.name()));
                }
                _ => {}
            }
        }
        for discrepancy in &decision.discrepancies {
            let text = self.describe(discrepancy);
            self.say(&format!("!! {}: {text}", discrepancy.code()));
        }
    }

    fn describe(&self, discrepancy: &Discrepancy) -> String {
        let catalog = self.state.catalog();
        match discrepancy {
            Discrepancy::NegativeOnHand { account, on_hand } => format!("{on_hand} of {}", self.name(*account)),
            Discrepancy::CountVariance { account, variance } => format!("{variance} of {}", self.name(*account)),
            Discrepancy::SerialElsewhere { serial, believed, seen } => {
                let seen = seen.map_or("outside".to_owned(), |seen| self.name(seen));
                format!("{} was believed in {}, and was in {seen}", catalog.serial(*serial).name, self.name(*believed))
            }
            Discrepancy::SerialUnknown { serial } => format!("{} was never here", catalog.serial(*serial).name),
            Discrepancy::LotMissing { account } => format!("{} is kept in lots", self.name(*account)),
            Discrepancy::ExpiryConflict { lot, other } => {
                format!("lot {} was also said to expire on day {}", catalog.lot(*lot).name, other.0)
            }
            Discrepancy::OverReceipt { account, excess } => format!("{excess} too many of {}", self.name(*account)),
            Discrepancy::UnitElsewhere { unit, believed, seen } => {
                let place = |id| &catalog.location(id).path;
                format!("{} was believed in {}, and was in {}", catalog.unit(*unit), place(*believed), place(*seen))
            }
            Discrepancy::UnitInAnother { unit, parent } => {
                format!("{} was believed in {}", catalog.unit(*unit), catalog.unit(*parent))
            }
            Discrepancy::ReservedShort { account, short } => format!("{short} are missing of {}", self.name(*account)),
        }
    }

    /// An account as people name it.
    fn name(&self, account: AccountId) -> String {
        let catalog = self.state.catalog();
        let key = catalog.account(account);
        let mut name = format!("{} in {}", catalog.product(key.product).name, catalog.location(key.location).path);
        if key.lot != LotId::NONE {
            write!(name, ", lot {}", catalog.lot(key.lot).name).expect("a string takes text");
        }
        if key.kind != AccountKind::Available {
            write!(name, ", {}", key.kind.name().replace('_', " ")).expect("a string takes text");
        }
        name
    }

    /// Every account of stock on hand, in transit and on order that holds any.
    fn say_stock(&mut self) {
        let shown =
            |kind: AccountKind| kind.is_on_hand() || matches!(kind, AccountKind::InTransit | AccountKind::OnOrder);
        let accounts = self.state.catalog().accounts().filter(|(_, key)| shown(key.kind)).map(|(id, _)| id);
        let mut lines = Vec::new();
        for id in accounts {
            let (balance, reserved) = (self.state.balance(id), self.state.reserved(id));
            if !balance.is_zero() || !reserved.is_zero() {
                let reserved = if reserved.is_zero() { String::new() } else { format!(", {reserved} reserved") };
                lines.push(format!("{}: {balance}{reserved}", self.name(id)));
            }
        }
        lines.sort();
        for line in if lines.is_empty() { vec!["nothing".to_owned()] } else { lines } {
            self.say(&line);
        }
        assert!(self.state.conserves());
    }
}

/// `10:05`, today.
fn clock(text: &str) -> Timestamp {
    let (hours, minutes) = text.split_once(':').unwrap_or_else(|| panic!("a clock time, not {text}"));
    let number = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("a clock time, not {text}"));
    Timestamp((TODAY * 24 * 60 + number(hours) * 60 + number(minutes)) * MINUTE_MICROS)
}

/// FNV-1a: stories have no enemies.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

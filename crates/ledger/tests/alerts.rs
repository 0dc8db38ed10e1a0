//! One alert for each condition and subject at a time, what people do to it, and that images hold it.

use ledger::{
    Alert, AlertChange, AlertStage, AlertStep, AlertSubject, Body, Command, Key, Limits, Position, Rejection, Request,
    RuleCard, State, Timestamp, Verdict,
};

const NOW: i64 = 1_000_000_000;

struct Books {
    state: State,
}

impl Books {
    fn new() -> Self {
        Self { state: State::new(1) }
    }

    fn ask(&mut self, id: u64, command: &Command) -> Result<(), Rejection> {
        let request = Request {
            actor: "anna",
            source: "desk",
            id: "",
            key: Key { id: u128::from(id) << 64 | 1, content: id },
            occurred_at: Timestamp(NOW),
            historical: false,
            resolves: None,
            body: Body::Command(command),
        };
        match self.state.decide(&request, Timestamp(NOW), &Limits::default()) {
            Verdict::Accepted(decision) => {
                self.state.apply(&decision);
                Ok(())
            }
            Verdict::Rejected(rejection) => Err(rejection),
            other => panic!("{other:?} is no answer to a new command"),
        }
    }
}

const fn rejected(rejection: Rejection) -> Result<(), Rejection> {
    Err(rejection)
}

fn low(product: &str) -> Command {
    let subject = AlertSubject { product: product.into(), location: "A".into(), ..AlertSubject::default() };
    Command::RaiseAlert(Box::new(Alert { condition: "low_stock".into(), subject, ..Alert::default() }))
}

fn change(alert: Position, step: AlertStep) -> Command {
    Command::ChangeAlert(Box::new(AlertChange { alert, step, note: "".into() }))
}

#[test]
fn an_alert_is_open_once_for_its_condition_and_subject_until_it_is_resolved() {
    let mut books = Books::new();
    books.ask(1, &low("TEA")).expect("none is open");
    let first = books.state.position();
    assert_eq!(books.ask(2, &low("TEA")), rejected(Rejection::AlertOpen { alert: first }));
    books.ask(3, &low("JAM")).expect("another subject");
    let resolved = || AlertStep::Resolved { outcome: "cleared".into() };
    books.ask(4, &change(first, resolved())).expect("it is open");
    assert_eq!(books.ask(5, &change(first, resolved())), rejected(Rejection::UnknownAlert));
    books.ask(6, &low("TEA")).expect("the next episode");
    assert_eq!(books.state.alerts().len(), 2);
}

#[test]
fn people_acknowledge_snooze_assign_and_note_and_an_image_keeps_it() {
    let mut books = Books::new();
    books.ask(1, &low("TEA")).expect("none is open");
    let alert = books.state.position();
    books.ask(2, &change(alert, AlertStep::Acknowledged)).expect("it is open");
    assert_eq!(books.ask(3, &change(alert, AlertStep::Acknowledged)), rejected(Rejection::NoChange { field: "state" }));
    let until = Timestamp(NOW + 1_000_000);
    assert_eq!(
        books.ask(4, &change(alert, AlertStep::Snoozed { until: Timestamp(NOW - 1) })),
        rejected(Rejection::SnoozeEnded)
    );
    books.ask(5, &change(alert, AlertStep::Snoozed { until })).expect("later than now");
    books.ask(6, &change(alert, AlertStep::Assigned { owner: "ben".into() })).expect("it is open");
    assert_eq!(books.ask(7, &change(alert, AlertStep::Noted)), rejected(Rejection::MissingField { field: "note" }));
    books.ask(8, &change(alert, AlertStep::Escalated { level: 1 })).expect("it is open");
    let open = books.state.alerts().get(alert).expect("it is open").clone();
    assert_eq!((open.stage, &*open.alert.owner, open.level), (AlertStage::Snoozed { until }, "ben", 1));
    let rule = RuleCard { rule: "r".into(), condition: "low_stock".into(), ..RuleCard::default() };
    books.ask(9, &Command::DeclareRule(Box::new(rule.clone()))).expect("a new rule");
    assert_eq!(
        books.ask(10, &Command::DeclareRule(Box::new(rule.clone()))),
        rejected(Rejection::NoChange { field: "rule" })
    );
    let mut image = Vec::new();
    books.state.save(&mut image);
    let loaded = State::load(&mut &image[..]).expect("an image reads back");
    assert_eq!(loaded.alerts(), books.state.alerts());
    assert_eq!(loaded.catalog().rule("r"), Some(&rule));
    books.ask(11, &Command::WithdrawRule { rule: "r".into() }).expect("it is declared");
    assert_eq!(books.ask(12, &Command::WithdrawRule { rule: "r".into() }), rejected(Rejection::UnknownRule));
}

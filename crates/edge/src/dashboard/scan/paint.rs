//! The handheld page as markup.

use crate::dashboard::scan::sheet::{Sheet, Task};
use crate::dashboard::text;
use ledger::Position;
use maud::{Markup, html};

/// What became of the form that led to the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Recorded(Position),
    /// It had been recorded before.
    Before(Position),
    Held(Position),
    Undone(Position),
    /// Nothing was changed, for these reasons.
    Refused(Vec<String>),
}

impl Said {
    /// Reads back what [`word`](Self::word) gave to an address.
    pub(crate) fn of(word: &str, position: &str) -> Self {
        let Ok(position) = position.parse().map(Position) else { return Self::Nothing };
        match word {
            "recorded" => Self::Recorded(position),
            "before" => Self::Before(position),
            "held" => Self::Held(position),
            "undone" => Self::Undone(position),
            _ => Self::Nothing,
        }
    }

    /// Its word in addresses, and its position.
    pub(crate) const fn word(&self) -> Option<(&'static str, Position)> {
        match self {
            Self::Recorded(position) => Some(("recorded", *position)),
            Self::Before(position) => Some(("before", *position)),
            Self::Held(position) => Some(("held", *position)),
            Self::Undone(position) => Some(("undone", *position)),
            Self::Nothing | Self::Refused(_) => None,
        }
    }

    fn render(&self) -> Markup {
        let undo = |position: Position| {
            html! {
                form method="post" action="/scan/undo" {
                    input type="hidden" name="position" value=(position);
                    button { "Undo" }
                }
            }
        };
        match self {
            Self::Nothing => html! {},
            Self::Recorded(position) => html! {
                div.notice.outcome role="status" { p { "Recorded at position " (text::count(position.0)) "." } (undo(*position)) }
            },
            Self::Before(position) => html! {
                div.notice.outcome role="status" {
                    p { "This was recorded before, at position " (text::count(position.0)) ". It counts once." }
                    (undo(*position))
                }
            },
            Self::Held(position) => html! {
                div.notice.bad.outcome role="status" {
                    p { "Held for review at position " (text::count(position.0)) ": it changed nothing yet. " a href="/held" { "Why" } }
                }
            },
            Self::Undone(position) => html! {
                div.notice.outcome role="status" { p { "Undone by the entry at position " (text::count(position.0)) "." } }
            },
            Self::Refused(problems) => html! {
                div.notice.bad.outcome role="alert" {
                    p { "Nothing was changed, because:" }
                    ul { @for problem in problems { li { (problem) } } }
                }
            },
        }
    }
}

/// The main part of the page. What only works with the script is hidden until that is there.
pub(crate) fn body(sheet: &Sheet, said: &Said) -> Markup {
    html! {
        div.handheld {
            h1.unseen { "Scan" }
            div.do {
                (strip())
                (said.render())
                form #scan method="post" action="/scan" autocomplete="off" {
                    input type="hidden" name="id" value=(sheet.id);
                    (tasks(sheet.task))
                    (code())
                    (places(sheet))
                    (product(sheet))
                    div.go {
                        button #clear type="button" hidden { "Clear" }
                        button.main { "Record" }
                    }
                }
            }
            (results())
        }
        (catalogue_lists())
    }
}

/// How sending stands, and what one sets once.
fn strip() -> Markup {
    html! {
        div.strip data-scripted hidden {
            p #queue role="status" data-state="idle" { i {} span {} }
            button #retry type="button" hidden { "Send now" }
            a #sign-in href="/sign-in" hidden { "Sign in" }
            button #sound type="button" aria-pressed="true" aria-label="Sound" { (icon("M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9c1.6 1.7 1.6 4.3 0 6M18 6.5c3 3 3 8 0 11")) }
            details.settings {
                summary aria-label="Settings" { (icon("M4 7h9m4 0h3M4 12h3m4 0h9M4 17h7m4 0h5M15 5v4M9 10v4M13 15v4")) }
                div {
                    label.check { input #at-once type="checkbox"; span { "Record each scan at once, without the button" } }
                    div.field {
                        label for="device" { "Name of this device" }
                        input #device maxlength="60" autocomplete="off" spellcheck="false";
                    }
                    p.soft { "Scanner: end each code with Enter or Tab, send the symbology identifier, and FNC1 as GS (Ctrl+])." }
                    p.soft #clock-note {}
                    p.soft #offline-note {}
                }
            }
        }
    }
}

fn tasks(chosen: Task) -> Markup {
    html! {
        fieldset.tasks {
            legend.unseen { "Task" }
            @for task in Task::ALL {
                label {
                    input type="radio" name="task" value=(task.name()) checked[task == chosen];
                    (icon(drawing(task)))
                    span { (task.words()) }
                }
            }
        }
    }
}

fn code() -> Markup {
    html! {
        div.code data-scripted hidden {
            label for="code" { "Scan" }
            div {
                input #code type="text" autocapitalize="off" autocorrect="off" spellcheck="false" enterkeyhint="done"
                    placeholder="Scan or type a code" aria-describedby="camera-note";
                button #camera type="button" aria-label="Read a code with the camera" hidden {
                    (icon("M4 8V5h3M17 5h3v3M20 16v3h-3M7 19H4v-3M8 9v6M11 9v6M14 9v6M16.5 9v6"))
                }
            }
            p.soft #camera-note {}
            div #viewfinder hidden {
                video muted playsinline {}
                button type="button" { "Close the camera" }
            }
        }
        p #message role="status" data-tone="" {}
    }
}

fn places(sheet: &Sheet) -> Markup {
    html! {
        div.field data-field="location" {
            label for="location" { span.at { "Place" } span.from { "From place" } }
            (line("location", &sheet.location, "warehouse/aisle/bin", "places"))
        }
        div.field data-field="to" {
            label for="to" { "To place" }
            (line("to", &sheet.to, "warehouse/aisle/bin", "places"))
        }
    }
}

fn product(sheet: &Sheet) -> Markup {
    let quantity = if sheet.quantity.is_empty() { "1" } else { sheet.quantity.as_str() };
    let has_more =
        [&sheet.lot, &sheet.expiry, &sheet.serials, &sheet.reference].into_iter().any(|text| !text.is_empty());
    html! {
        div.field data-field="product" {
            label for="product" { "Product" }
            (line("product", &sheet.product, "Number or name", "products"))
            p #product-name.soft {}
        }
        div.field data-field="quantity" {
            label for="quantity" { "Quantity" }
            div.stepper {
                button type="button" data-step="-1" aria-label="One less" data-scripted hidden { "\u{2212}" }
                input #quantity name="quantity" value=(quantity) inputmode="decimal" autocomplete="off";
                button type="button" data-step="1" aria-label="One more" data-scripted hidden { "+" }
            }
        }
        details.more data-field="more" open[has_more] {
            summary { span #details { "Lot, expiry, serials, order" } }
            div {
                div.field { label for="lot" { "Lot" } (line("lot", &sheet.lot, "", "")) }
                div.field { label for="expiry" { "Expiry" } input #expiry type="date" name="expiry" value=(sheet.expiry); }
                div.field { label for="reference" { "Order or pallet" } (line("reference", &sheet.reference, "", "")) }
                div.field { label for="serials" { "Serials" } (line("serials", &sheet.serials, "", "")) }
            }
        }
    }
}

fn line(name: &str, value: &str, placeholder: &str, list: &str) -> Markup {
    html! {
        input id=(name) name=(name) value=(value) placeholder=[(!placeholder.is_empty()).then_some(placeholder)]
            list=[(!list.is_empty()).then_some(list)] autocomplete="off" autocapitalize="off" spellcheck="false";
    }
}

fn results() -> Markup {
    html! {
        div.results data-scripted hidden {
            section #found aria-labelledby="found-heading" tabindex="-1" hidden {
                h2 #found-heading { "Found" }
                div {}
            }
            section aria-labelledby="recent-heading" {
                h2 #recent-heading { "Recent" }
                ol #recent {}
                p.nothing { "What you do on this device is listed here, and can be undone." }
            }
        }
    }
}

fn catalogue_lists() -> Markup {
    html! {
        datalist #products {}
        datalist #places {}
    }
}

fn icon(path: &str) -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" {
            path d=(path) fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}

const fn drawing(task: Task) -> &'static str {
    match task {
        Task::Receive => "M12 3v11m-4-4 4 4 4-4M4 15v5h16v-5",
        Task::Pick => "M12 15V4m-4 4 4-4 4 4M4 15v5h16v-5",
        Task::Move => "M4 8h14m-4-4 4 4-4 4M20 16H6m4-4-4 4 4 4",
        Task::Count => "M6 6v12M10 6v12M14 6v12M18 6v12M3 16 21 8",
        Task::PutAway => "M4 3v18M20 3v18M4 11h16M4 19h16M9 11V6h6v5",
        Task::LookUp => "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13m4.8 11.3L20 20",
    }
}

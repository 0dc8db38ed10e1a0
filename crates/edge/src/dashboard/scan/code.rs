//! What a form's fields say when a scanner filled them in: codes, read by `wire::gs1`, become names, lots and days.
//!
//! The script reads codes by itself, so this is for forms without it. What somebody typed wins over what a code says.

use crate::dashboard::scan::sheet::Sheet;
use ledger::Timestamp;
use views::{LocationQuery, ProductQuery, Views};
use wire::gs1::{Gs1Error, Message, Options, Parts, Scan, check_digit};

/// The control character that ends a value in what scanners send.
const SEPARATOR: char = '\u{1d}';
/// Lenient where the meaning is plain all the same: links with short GTINs and with attributes of others.
const OPTIONS: Options = Options {
    unknown_ais: true,
    unknown_link_attributes: true,
    link_names: true,
    short_gtins: true,
    ..Options::STRICT
};

/// Reads the codes among the fields of `sheet`, sent at `now`.
///
/// # Errors
/// Every field that looks like a GS1 code and is none, and why.
pub(crate) fn understand(sheet: &mut Sheet, views: &Views, now: Timestamp) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    match message(&sheet.product) {
        Ok(Some(message)) => fill_in(sheet, &message, now),
        Ok(None) => {}
        Err(error) => problems.push(format!("product: {error}")),
    }
    sheet.product = product(views, &sheet.product);
    for (name, field) in [("place", &mut sheet.location), ("to place", &mut sheet.to)] {
        match message(field) {
            Ok(Some(message)) => {
                let gln = message.elements().find(|element| element.ai.starts_with("41")).map(|found| found.value);
                *field = gln.map_or_else(|| field.clone(), |gln| place(views, gln));
            }
            Ok(None) => *field = place(views, field),
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The elements of a text that is a GS1 code; none of one that is not meant as such.
fn message(text: &str) -> Result<Option<Message>, Gs1Error> {
    let text = text.trim();
    if text.starts_with(']') {
        return Ok(Scan::parse(text.as_bytes(), &OPTIONS)?.message);
    }
    if text.starts_with('(') {
        return Message::parse_bracketed(text.as_bytes(), &OPTIONS).map(Some);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        // Most addresses are none of GS1's.
        return Ok(Message::parse_link(text.as_bytes(), &OPTIONS).ok());
    }
    if looks_like_elements(text) {
        return Ok(Scan::parse(format!("]C1{text}").as_bytes(), &OPTIONS)?.message);
    }
    Ok(None)
}

/// Whether a text without a symbology identifier can hardly be anything but elements. The script asks the same.
fn looks_like_elements(text: &str) -> bool {
    let key = |start: usize, length: usize| text.get(start..start + length).is_some_and(is_key);
    text.contains(SEPARATOR)
        || ((text.starts_with("01") || text.starts_with("02")) && key(2, 14))
        || (text.starts_with("00") && text.len() == 20 && key(2, 18))
        || (text.starts_with("41") && text.len() == 16 && key(3, 13))
}

/// Whether a text is digits of which the last checks the others.
fn is_key(text: &str) -> bool {
    text.as_bytes().split_last().is_some_and(|(last, others)| check_digit(others) == Some(*last))
}

fn is_gtin(text: &str) -> bool {
    matches!(text.len(), 8 | 12..=14) && is_key(text)
}

fn fill_in(sheet: &mut Sheet, message: &Message, now: Timestamp) {
    let today = wire::time::parse_day(wire::time::render_timestamp(now).get(..10).unwrap_or_default());
    let parts = Parts::new(message, today.unwrap_or_default());
    let fill = |field: &mut String, said: Option<String>| {
        if let (true, Some(said)) = (field.trim().is_empty(), said) {
            *field = said;
        }
    };
    if let Some(gtin) = parts.gtin().or_else(|| parts.content_gtin()) {
        gtin.clone_into(&mut sheet.product);
    }
    fill(&mut sheet.lot, parts.lot().map(str::to_owned));
    fill(&mut sheet.expiry, parts.expiry().or_else(|| parts.best_before()).map(|date| date.to_string()));
    fill(&mut sheet.serials, parts.serial().map(str::to_owned));
    fill(&mut sheet.reference, message.value("400").or_else(|| parts.sscc()).map(str::to_owned));
    // One is what stands in a form that nobody has touched.
    if let (true, Some(count)) = (matches!(sheet.quantity.trim(), "" | "1"), parts.count()) {
        sheet.quantity = count.to_string();
    }
}

/// The product that `code` names: the one of that id, else the one that bears it as its GTIN, else the GTIN in its form
/// of 14 digits, else the text as it stands. The script says the same.
fn product(views: &Views, code: &str) -> String {
    let code = code.trim();
    if views.product(code).is_some() || !is_gtin(code) {
        return code.to_owned();
    }
    let significant = code.trim_start_matches('0');
    let query = ProductQuery { search: Some(significant), limit: views::LIMIT_MAX, ..ProductQuery::default() };
    let found = views.products(&query).map_or_else(|_| Vec::new(), |page| page.items);
    let bears = found.into_iter().find(|item| item.gtin.trim_start_matches('0') == significant);
    bears.map_or_else(|| format!("{code:0>14}"), |item| item.product.to_string())
}

/// The place that `code` names: the one that bears it as its GLN, else the one of that path.
fn place(views: &Views, code: &str) -> String {
    let code = code.trim();
    if code.len() != 13 || !is_key(code) || views.location(code).is_some() {
        return code.to_owned();
    }
    let query = LocationQuery { limit: views::LIMIT_MAX, ..LocationQuery::default() };
    let mut cursor = String::new();
    while let Ok(page) = views.locations(&LocationQuery { cursor: Some(&cursor), ..query }) {
        if let Some(item) = page.items.iter().find(|item| &*item.gln == code) {
            return item.location.to_string();
        }
        let Some(next) = page.next else { break };
        cursor = next;
    }
    code.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::*;
    use wire::KeyHasher;

    const NOW: Timestamp = Timestamp(1_771_236_000_000_000);

    /// Views in which milk has a GTIN and the dock a GLN.
    fn views() -> Views {
        let (mut state, mut views) = (State::new(1), Views::new(1));
        let milk = ProductCard { product: "MILK".into(), gtin: "9521234543213".into(), ..ProductCard::default() };
        let dock = LocationCard { location: "A/dock".into(), gln: "9521234000013".into(), ..LocationCard::default() };
        for (id, command) in
            [Command::DeclareProduct(Box::new(milk)), Command::DeclareLocation(Box::new(dock))].iter().enumerate()
        {
            let id = id.to_string();
            let key = KeyHasher::new([7; 16]).command("ann", &id, NOW, command);
            let (actor, source, body) = ("ann", "ann", Body::Command(command));
            let request =
                Request { actor, source, id: &id, key, occurred_at: NOW, historical: false, resolves: None, body };
            let Verdict::Accepted(decision) = state.decide(&request, NOW, &Limits::default()) else {
                panic!("{command:?} can be declared")
            };
            let position = state.position().next();
            state.apply(&decision);
            views.apply(position, &decision);
        }
        views
    }

    fn read(product: &str) -> Sheet {
        let mut sheet = Sheet { product: product.into(), quantity: "1".into(), ..Sheet::default() };
        understand(&mut sheet, &views(), NOW).unwrap_or_else(|problems| panic!("{product}: {problems:?}"));
        sheet
    }

    #[test]
    fn a_gtin_is_the_product_that_bears_it() {
        let check = |code, expect| assert_eq!(read(code).product, expect, "{code}");
        check("MILK", "MILK");
        check("9521234543213", "MILK");
        check("09521234543213", "MILK");
        check("9521234543214", "9521234543214");
        check("96385074", "00000096385074");
        check(" SKU 7 ", "SKU 7");
        check("https://example.com/shelf", "https://example.com/shelf");
        check("", "");
    }

    #[test]
    fn a_code_fills_in_what_was_left_open() {
        let codes = [
            "]d201095212345432131728123110L-7\u{1d}21S1",
            "01095212345432131728123110L-7\u{1d}21S1",
            "(01)09521234543213(17)281231(10)L-7(21)S1",
            "https://id.example.com/01/9521234543213/10/L-7/21/S1?17=281231",
        ];
        for code in codes {
            let sheet = read(code);
            let said = [&sheet.product, &sheet.lot, &sheet.expiry, &sheet.serials, &sheet.quantity];
            assert_eq!(said, ["MILK", "L-7", "2028-12-31", "S1", "1"], "{code}");
        }
        assert_eq!(read("]C102095212345432133724").quantity, "24");
        let mut typed = Sheet { product: codes[0].into(), lot: "L-8".into(), quantity: "3".into(), ..Sheet::default() };
        understand(&mut typed, &views(), NOW).unwrap();
        assert_eq!((typed.lot.as_str(), typed.quantity.as_str()), ("L-8", "3"));
    }

    #[test]
    fn a_gln_is_the_place_that_bears_it() {
        for code in ["9521234000013", "4149521234000013", "]C14149521234000013", "A/dock"] {
            let mut sheet = Sheet { location: code.into(), to: "B".into(), ..Sheet::default() };
            understand(&mut sheet, &views(), NOW).unwrap();
            assert_eq!((sheet.location.as_str(), sheet.to.as_str()), ("A/dock", "B"), "{code}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_code_is_told_by_its_field() {
        let mut sheet = Sheet { product: "]d20109521234543214".into(), location: "]d2414".into(), ..Sheet::default() };
        let problems = understand(&mut sheet, &views(), NOW).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("product: ") && problems[1].starts_with("place: "), "{problems:?}");
        assert_eq!(sheet.product, "]d20109521234543214", "what was sent is shown again");
    }
}

//! Predicted against real shares, as a picture.

use super::replay::Outcome;
use super::show::CLASSES;
use std::fmt::Write as _;
use watch::shipment::lateness::score::calibration;

const SIZE: f64 = 480.0;
const MARGIN: f64 = 60.0;

/// A drawing of the first method's calibration: a point for each class, on the diagonal when it is right.
pub(super) fn svg(outcome: &Outcome) -> String {
    let classes = outcome.methods.first().map(|ours| calibration(&ours.judged, CLASSES)).unwrap_or_default();
    let greatest = classes.iter().map(|class| class.predicted.max(class.late_share)).fold(0.1, f64::max);
    // To the next tenth, so that the marks are round.
    let end = (greatest * 10.0 - 1e-9).ceil() / 10.0;
    let x = |share: f64| MARGIN + share / end * SIZE;
    let y = |share: f64| MARGIN + SIZE - share / end * SIZE;
    let whole = SIZE + 2.0 * MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" font-family=\"sans-serif\" font-size=\"14\">\n\
         <title>Late lines as predicted and as it came</title>\n\
         <rect width=\"{whole}\" height=\"{whole}\" fill=\"#fff\"/>\n\
         <path d=\"M{} {}V{}H{}\" fill=\"none\" stroke=\"#555\"/>\n\
         <path d=\"M{} {}L{} {}\" stroke=\"#999\" stroke-dasharray=\"6 4\"/>\n",
        x(0.0),
        y(end),
        y(0.0),
        x(end),
        x(0.0),
        y(0.0),
        x(end),
        y(end),
    );
    // Writing to a string can't fail.
    for mark in 0..=5 {
        let share = end * f64::from(mark) / 5.0;
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0} %</text>",
            x(share),
            y(0.0) + 20.0,
            share * 100.0
        );
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
            x(0.0) - 8.0,
            y(share) + 5.0,
            share * 100.0
        );
    }
    let points: Vec<String> =
        classes.iter().map(|class| format!("{:.1},{:.1}", x(class.predicted), y(class.late_share))).collect();
    let _ = writeln!(
        text,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1769aa\" stroke-width=\"2\"/>",
        points.join(" ")
    );
    for class in &classes {
        let _ = writeln!(
            text,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"#1769aa\"><title>{} lines: {:.1} % predicted, {:.1} % late</title></circle>",
            x(class.predicted),
            y(class.late_share),
            class.count,
            class.predicted * 100.0,
            class.late_share * 100.0,
        );
    }
    let middle = whole / 2.0;
    let _ = writeln!(
        text,
        "<text x=\"{middle}\" y=\"{:.1}\" text-anchor=\"middle\">predicted share of late lines</text>",
        whole - 12.0
    );
    let _ = writeln!(
        text,
        "<text x=\"16\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {middle})\">share that was late</text>"
    );
    text.push_str("</svg>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipments::replay::Method;
    use watch::shipment::lateness::score::score;

    #[test]
    fn each_class_is_a_point() {
        let judged: Vec<_> = (0..100_u8).map(|number| (f64::from(number) / 200.0, number % 3 == 0)).collect();
        let method = Method { name: "ours", scores: score(&judged).unwrap(), judged };
        let svg = svg(&Outcome { methods: vec![method], shown: Vec::new() });
        assert_eq!(svg.matches("<circle").count(), CLASSES);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }
}

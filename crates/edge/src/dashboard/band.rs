//! How a metric went, drawn: a band from the least to the greatest figure of each part of the time, what it should stay
//! between, and what happened meanwhile. Whoever knows limits and alerts passes them in.
//!
//! Lines are drawn in a box that stretches with the page; text keeps its size, so that it can be read on a phone. Nothing
//! is drawn across a time without readings.

use crate::dashboard::{chart::decimal, text};
use follow::series::{Grid, History, Shown, Summary};
use jiff::Span;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use ledger::Timestamp;
use maud::{Markup, html};
use std::fmt::Write;

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// The drawing's height in all, and where its box is; in pixels.
const HEIGHT: i32 = 216;
const BOX_TOP: i32 = 18;
const BOX_HEIGHT: i32 = 168;
/// The box's own units, to both sides.
const UNITS: f64 = 1_000.0;
/// Silences shorter than this part of the time are drawn across: they could hardly be seen.
const GAP_PART: i64 = 150;
/// Round times that stand below the drawing.
const TIMES_MAX: usize = 48;
/// Rows of the table.
const ROWS_MAX: usize = 24;

/// What figures should stay between.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bands {
    /// Not below.
    pub(crate) min: Option<f64>,
    /// Not above.
    pub(crate) max: Option<f64>,
}

/// Something that happened, to be shaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Episode {
    /// From when on.
    pub(crate) from: Timestamp,
    /// Until when.
    pub(crate) to: Timestamp,
    /// What it was.
    pub(crate) label: String,
}

/// What is drawn.
pub(crate) struct Course<'a> {
    /// The readings, or what sums them up.
    pub(crate) history: &'a History,
    /// From when on, and until before when.
    pub(crate) span: (Timestamp, Timestamp),
    /// How often readings are expected, in microseconds; `None` for as often as they come.
    pub(crate) interval_micros: Option<i64>,
    /// What the figures should stay between.
    pub(crate) bands: Bands,
    /// What happened meanwhile.
    pub(crate) episodes: &'a [Episode],
}

/// Readings that follow one another without a silence.
type Run = Vec<Summary>;

impl Course<'_> {
    /// The drawing; `words` say the same. Not for nothing at all.
    pub(crate) fn render(&self, words: &str) -> Markup {
        let summaries = summaries(self.history);
        let scale = Scale::of(&summaries, &self.bands);
        let runs = self.runs(summaries);
        let unit = if self.history.unit.is_empty() { String::new() } else { format!(" {}", self.history.unit) };
        let limits = [("max", self.bands.max), ("min", self.bands.min)];
        let limits = || limits.iter().filter_map(|(name, limit)| Some((name, (*limit)?)));
        let top = scale.ticks().last();
        html! {
            svg.band height=(HEIGHT) width="100%" role="img" aria-label=(words) {
                svg x="0" y=(BOX_TOP) width="100%" height=(BOX_HEIGHT) viewBox="0 0 1000 1000" preserveAspectRatio="none" overflow="visible" {
                    @for episode in self.episodes { (self.episode(episode)) }
                    @for tick in scale.ticks() { path.grid d=(format!("M0 {:.1}H1000", scale.y(tick))) {} }
                    @for (at, _) in self.times() { path.grid d=(format!("M{:.1} 0V1000", self.x(at))) {} }
                    @for run in &runs { (self.run(run, &scale)) }
                    @for (_, limit) in limits() { path.limit d=(format!("M0 {:.1}H1000", scale.y(limit))) {} }
                    path.axis d="M0 1000H1000" {}
                }
                @for tick in scale.ticks() {
                    text x="0" y=(format!("{:.1}", pixel(scale.y(tick)) - 4.0)) {
                        (decimal(tick)) @if Some(tick) == top { (unit) }
                    }
                }
                @for (name, limit) in limits() {
                    text.limit x="100%" y=(format!("{:.1}", pixel(scale.y(limit)) - 4.0)) text-anchor="end" { (name) " " (decimal(limit)) (unit) }
                }
                text x="0" y=(HEIGHT - 12) { "UTC" }
                @for (at, label) in self.times() {
                    @let part = self.x(at) / 10.0;
                    @if (8.0..=97.0).contains(&part) {
                        text x=(format!("{part:.2}%")) y=(HEIGHT - 12) text-anchor="middle" { (label) }
                    }
                }
            }
        }
    }

    /// The same as a table, in few rows.
    pub(crate) fn table(&self) -> Markup {
        let unit = &self.history.unit;
        let figures = if unit.is_empty() { String::new() } else { format!(", {unit}") };
        let rows = self.rows();
        html! {
            div.scroll {
                table {
                    thead { tr {
                        th scope="col" { "From, UTC" }
                        th.number scope="col" { "Least" (figures) }
                        th.number scope="col" { "Greatest" (figures) }
                        th.number scope="col" { "Last" (figures) }
                        th.number scope="col" { "Readings" }
                    } }
                    tbody {
                        @for (from, summary) in &rows {
                            tr {
                                th scope="row" { (minute(*from)) }
                                td.number { (decimal(summary.min)) }
                                td.number { (decimal(summary.max)) }
                                td.number { (decimal(summary.last.1)) }
                                td.number { (text::count(summary.count)) }
                            }
                        }
                    }
                }
            }
            @if !self.episodes.is_empty() {
                ul.episodes {
                    @for Episode { from, to, label } in self.episodes {
                        li { (minute(*from)) " to " (minute(*to)) " UTC: " (label) }
                    }
                }
            }
        }
    }

    /// By parts of the time; readings as they are when they are few. A bucket that goes on beyond its part counts there.
    fn rows(&self) -> Vec<(Timestamp, Summary)> {
        let grid = Grid::new(self.span, ROWS_MAX);
        let parts: Vec<Timestamp> = grid.map_or_else(Vec::new, |grid| grid.buckets().map(|(from, _)| from).collect());
        let part_of = |at: Timestamp| {
            let part = parts.partition_point(|from| *from <= at);
            if part == 0 { at } else { parts[part - 1] }
        };
        let all: Vec<(Timestamp, Summary)> = match &self.history.shown {
            Shown::Raw(readings) if readings.len() <= ROWS_MAX => {
                readings.iter().map(|(at, value)| (*at, Summary::of(*at, *value))).collect()
            }
            Shown::Raw(readings) => {
                readings.iter().map(|(at, value)| (part_of(*at), Summary::of(*at, *value))).collect()
            }
            Shown::Buckets(_, buckets) => buckets.iter().map(|bucket| (part_of(bucket.from), bucket.summary)).collect(),
        };
        all.chunk_by(|before, next| before.0 == next.0)
            .filter_map(|part| Some((part[0].0, part.iter().map(|(_, row)| *row).reduce(|all, row| all.and(&row))?)))
            .collect()
    }

    fn runs(&self, summaries: Vec<Summary>) -> Vec<Run> {
        let silence = |before: &Summary, next: &Summary| next.first.0.0.saturating_sub(before.last.0.0);
        let mut silences: Vec<i64> = summaries.windows(2).map(|pair| silence(&pair[0], &pair[1])).collect();
        silences.sort_unstable();
        // A metric may be read more seldom than its device speaks.
        let usual = silences.get(silences.len() / 2).map_or(0, |median| median.saturating_mul(5));
        let expected = self.interval_micros.unwrap_or(0).saturating_mul(3);
        let seen = self.span.1.0.saturating_sub(self.span.0.0) / GAP_PART;
        let longest = usual.max(expected).max(seen);
        let mut runs: Vec<Run> = Vec::new();
        for summary in summaries {
            match runs.last_mut() {
                Some(run) if run.last().is_some_and(|last| silence(last, &summary) <= longest) => run.push(summary),
                _ => runs.push(vec![summary]),
            }
        }
        runs
    }

    /// Along the greatest figures, and back along the least.
    fn run(&self, run: &Run, scale: &Scale) -> Markup {
        let greatest = run.iter().map(|summary| (summary, summary.max));
        let least = run.iter().rev().map(|summary| (summary, summary.min));
        let mut path = String::new();
        for (summary, figure) in greatest.chain(least) {
            let middle = Timestamp(i64::midpoint(summary.first.0.0, summary.last.0.0));
            let command = if path.is_empty() { 'M' } else { 'L' };
            // Writing to a string can't fail.
            let _ = write!(path, "{command}{:.1} {:.1}", self.x(middle), scale.y(figure));
        }
        html! { path d=(path + "Z") {} }
    }

    fn episode(&self, episode: &Episode) -> Markup {
        let (from, to) = (self.x(episode.from), self.x(episode.to));
        html! {
            rect.episode x=(format!("{from:.1}")) y="0" width=(format!("{:.1}", (to - from).max(2.0))) height="1000" {
                title { (episode.label) }
            }
        }
    }

    /// Where a time is, in the box's units.
    fn x(&self, at: Timestamp) -> f64 {
        let (from, to) = self.span;
        let passed = at.0.clamp(from.0, to.0).saturating_sub(from.0);
        #[expect(clippy::cast_precision_loss, reason = "a place to a tenth of a pixel")]
        let part = passed as f64 / to.0.saturating_sub(from.0).max(1) as f64;
        part * UNITS
    }

    /// Round times of the span, with what stands below them.
    fn times(&self) -> Vec<(Timestamp, String)> {
        let (from, to) = self.span;
        let span = to.0.saturating_sub(from.0);
        if span > 62 * DAY_MICROS {
            return self.months(if span > 186 * DAY_MICROS { 2 } else { 1 });
        }
        let (step, format) = match span / DAY_MICROS {
            ..3 => (4 * HOUR_MICROS, "%H:%M"),
            3..10 => (DAY_MICROS, "%a %-d"),
            _ => (5 * DAY_MICROS, "%b %-d"),
        };
        let first = from.0.div_euclid(step).saturating_add(1).saturating_mul(step);
        let times = std::iter::successors(Some(Timestamp(first)), |at| Some(at.plus(step))).take(TIMES_MAX);
        times.take_while(|at| *at < to).map(|at| (at, said(at, format))).collect()
    }

    /// The first days of each or every other month.
    fn months(&self, every: i8) -> Vec<(Timestamp, String)> {
        let (from, to) = self.span;
        let mut times = Vec::new();
        let begin = jiff::Timestamp::from_microsecond(from.0).map(|at| Offset::UTC.to_datetime(at).date());
        let mut month = begin.ok().map(Date::first_of_month);
        while let Some(day) = month.filter(|_| times.len() < TIMES_MAX) {
            let Ok(at) = Offset::UTC.to_timestamp(day.to_datetime(Time::midnight())) else { break };
            let at = Timestamp(at.as_microsecond());
            if at >= to {
                break;
            }
            if at >= from && (day.month() - 1) % every == 0 {
                times.push((at, said(at, if day.month() == 1 { "%Y" } else { "%b" })));
            }
            month = day.checked_add(Span::new().months(1)).ok();
        }
        times
    }
}

/// Where a place of the box is in the drawing, in pixels.
fn pixel(y: f64) -> f64 {
    f64::from(BOX_TOP) + y / UNITS * f64::from(BOX_HEIGHT)
}

fn said(at: Timestamp, format: &str) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| String::new(), |at| at.strftime(format).to_string())
}

/// A time to the minute, in UTC.
pub(crate) fn minute(at: Timestamp) -> String {
    said(at, "%Y-%m-%d %H:%M")
}

fn summaries(history: &History) -> Vec<Summary> {
    match &history.shown {
        Shown::Raw(readings) => readings.iter().map(|(at, value)| Summary::of(*at, *value)).collect(),
        Shown::Buckets(_, buckets) => buckets.iter().map(|bucket| bucket.summary).collect(),
    }
}

/// The least and the greatest figure of a history; `None` for nothing.
pub(crate) fn extremes(history: &History) -> Option<(f64, f64)> {
    let all = summaries(history).into_iter().reduce(|all, next| all.and(&next))?;
    Some((all.min, all.max))
}

/// Which figure is how high: between two round ones.
struct Scale {
    bottom: f64,
    step: f64,
    steps: u8,
}

impl Scale {
    fn of(summaries: &[Summary], bands: &Bands) -> Self {
        let limits = || bands.min.into_iter().chain(bands.max);
        let least = summaries.iter().map(|summary| summary.min).chain(limits()).fold(f64::INFINITY, f64::min);
        let greatest = summaries.iter().map(|summary| summary.max).chain(limits()).fold(f64::NEG_INFINITY, f64::max);
        let (least, greatest) = if least <= greatest { (least, greatest) } else { (0.0, 0.0) };
        // Parts of what could be too large as a whole. A flat line has some room as well.
        let wide = (greatest / 10.0 - least / 10.0).max(least.abs() / 4_000.0).max(1e-12) * 2.0;
        let mut power = 1.0;
        while power * 10.0 <= wide {
            power *= 10.0;
        }
        while power > wide {
            power /= 10.0;
        }
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= wide);
        let step = step.filter(|step| step.is_finite()).unwrap_or(wide);
        let bottom = (least / step).floor() * step;
        let steps = (1..8_u8).find(|steps| bottom + step * f64::from(*steps) >= greatest).unwrap_or(8);
        Self { bottom: if bottom.is_finite() { bottom } else { least }, step, steps }
    }

    fn ticks(&self) -> impl DoubleEndedIterator<Item = f64> + '_ {
        (0..=self.steps).map(|index| self.bottom + self.step * f64::from(index)).filter(|tick| tick.is_finite())
    }

    /// How far from the top a figure is, in the box's units.
    fn y(&self, value: f64) -> f64 {
        let share = (value / self.step - self.bottom / self.step) / f64::from(self.steps);
        UNITS * (1.0 - share.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use follow::series::Bucket;

    const NOON: Timestamp = Timestamp(1_771_243_200_000_000);

    fn raw(readings: &[(i64, f64)]) -> History {
        let readings: Vec<(Timestamp, f64)> =
            readings.iter().map(|(minutes, value)| (NOON.plus(minutes * 60_000_000), *value)).collect();
        History { unit: "°C".to_owned(), count: readings.len() as u64, shown: Shown::Raw(readings) }
    }

    fn course(history: &History) -> Course<'_> {
        let span = (NOON, NOON.plus(DAY_MICROS));
        Course { history, span, interval_micros: None, bands: Bands::default(), episodes: &[] }
    }

    #[test]
    fn limits_are_in_the_scale_and_episodes_are_shaded_and_listed() {
        let history = raw(&[(0, 4.0), (5, 4.5), (10, 4.25)]);
        let episode = Episode { from: NOON, to: NOON.plus(HOUR_MICROS), label: "<door> open".to_owned() };
        let drawing = Course {
            bands: Bands { min: Some(2.0), max: Some(8.0) },
            episodes: std::slice::from_ref(&episode),
            ..course(&history)
        };
        let svg = drawing.render("words").into_string();
        for piece in [
            "aria-label=\"words\"",
            ">8 °C<",
            "max 8 °C",
            "min 2 °C",
            "class=\"limit\" d=\"M0 0.0H1000\"",
            "class=\"episode\" x=\"0.0\" y=\"0\" width=\"41.7\"",
            "<title>&lt;door&gt; open</title>",
            ">16:00<",
            ">UTC<",
        ] {
            assert!(svg.contains(piece), "{piece} in {svg}");
        }
        let table = drawing.table().into_string();
        assert!(table.contains("2026-02-16 12:00 to 2026-02-16 13:00 UTC: &lt;door&gt; open"), "{table}");
        assert!(table.contains("Least, °C") && table.contains(">4.25<"), "{table}");
    }

    #[test]
    fn nothing_is_drawn_across_a_silence() {
        let runs = |readings: &[(i64, f64)], interval_micros| {
            let history = raw(readings);
            let drawing = Course { interval_micros, ..course(&history) };
            drawing.runs(summaries(&history)).iter().map(Vec::len).collect::<Vec<_>>()
        };
        let readings = [(0, 1.0), (15, 1.0), (30, 1.0), (120, 1.0), (135, 1.0)];
        assert_eq!(runs(&readings, None), [3, 2]);
        assert_eq!(runs(&readings, Some(HOUR_MICROS)), [5], "within three intervals");
        assert_eq!(runs(&[(0, 1.0)], None), [1]);
        assert_eq!(runs(&[], None), [] as [usize; 0]);
    }

    #[test]
    fn drawings_stay_within_their_box_whatever_the_figures() {
        for values in
            [[0.0; 3], [-1e300, 1.0, 1e300], [f64::MAX, f64::MIN, 0.0], [1e-300, 2e-300, 0.0], [7.0; 3], [-5.0; 3]]
        {
            let history = raw(&[(0, values[0]), (700, values[1]), (1_439, values[2])]);
            let svg = course(&history).render("words").into_string();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{values:?}: {svg}");
            let ticks = Scale::of(&summaries(&history), &Bands::default()).ticks().count();
            assert!((1..=9).contains(&ticks), "{values:?}: {ticks}");
        }
        let history = raw(&[(0, 1.0)]);
        let whole = Course { span: (Timestamp::MIN, Timestamp::MAX), ..course(&history) };
        assert!(whole.render("words").into_string().contains("UTC"));
    }

    #[test]
    fn times_are_round_and_of_the_calendar() {
        let labels = |days: i64| {
            let history = raw(&[]);
            let drawing = Course { span: (NOON, NOON.plus(days * DAY_MICROS)), ..course(&history) };
            drawing.times().into_iter().map(|(_, label)| label).collect::<Vec<_>>()
        };
        assert_eq!(labels(1), ["16:00", "20:00", "00:00", "04:00", "08:00"]);
        assert_eq!(labels(7), ["Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22", "Mon 23"]);
        assert_eq!(labels(365), ["Mar", "May", "Jul", "Sep", "Nov", "2027"]);
        assert_eq!(labels(30).len(), 6);
    }

    #[test]
    fn a_table_has_few_rows_that_count_every_reading() {
        let span = (NOON, NOON.plus(DAY_MICROS));
        let grid = Grid::new(span, 366).unwrap();
        let bucket = |(from, to)| Bucket { from, to, summary: Summary::of(from, 1.5) };
        let buckets: Vec<Bucket> = grid.buckets().map(bucket).collect();
        let count = buckets.len() as u64;
        let history = History { unit: String::new(), count, shown: Shown::Buckets(grid, buckets) };
        let rows = course(&history).rows();
        assert_eq!((rows.len(), rows.iter().map(|(_, row)| row.count).sum::<u64>()), (24, count));
        assert!(rows.iter().all(|(from, _)| from.0 % HOUR_MICROS == 0));
    }
}

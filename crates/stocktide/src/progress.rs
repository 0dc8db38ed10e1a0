//! How far something long has come: a bar on a terminal, a line now and then elsewhere.

use crate::clock::Stopwatch;
use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// Seconds between two lines.
const LINE_EVERY_SECONDS: f64 = 5.0;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Bytes,
    Entries,
}

/// One thing after another, each with its own progress.
pub(crate) struct Progress {
    shown: Option<Shown>,
    on_terminal: bool,
    quiet: bool,
}

struct Shown {
    doing: &'static str,
    of: Of,
    bar: Option<ProgressBar>,
    since_line: Stopwatch,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { shown: None, on_terminal: std::io::stderr().is_terminal(), quiet: false }
    }

    /// Shows nothing.
    pub(crate) fn hidden() -> Self {
        Self { shown: None, on_terminal: false, quiet: true }
    }

    /// Says that `done` of `total` are done.
    pub(crate) fn set(&mut self, doing: &'static str, of: Of, done: u64, total: u64) {
        self.set_with(doing, of, (done, total), &|| String::new());
    }

    /// As [`set`](Self::set), with a remark behind.
    pub(crate) fn set_with(
        &mut self,
        doing: &'static str,
        of: Of,
        (done, total): (u64, u64),
        remark: &dyn Fn() -> String,
    ) {
        if self.quiet {
            return;
        }
        if self.shown.as_ref().is_none_or(|shown| shown.doing != doing) {
            self.finish();
            let bar = self.on_terminal.then(|| bar(doing, of, total));
            self.shown = Some(Shown { doing, of, bar, since_line: Stopwatch::start() });
        }
        let Some(shown) = &mut self.shown else { return };
        match &shown.bar {
            Some(bar) => {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(remark());
            }
            None if shown.since_line.seconds() >= LINE_EVERY_SECONDS => {
                shown.since_line = Stopwatch::start();
                let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
                let figure = |number| if shown.of == Of::Bytes { output::bytes(number) } else { output::count(number) };
                output::note(&format!("{doing}: {percent} % of {} {}", figure(total), remark()));
            }
            None => {}
        }
    }

    /// Takes away what is shown.
    pub(crate) fn finish(&mut self) {
        if let Some(Shown { bar: Some(bar), .. }) = self.shown.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar(doing: &'static str, of: Of, total: u64) -> ProgressBar {
    let figures = match of {
        Of::Bytes => "{bytes}/{total_bytes}",
        Of::Entries => "{human_pos}/{human_len}",
    };
    let template = format!("{{prefix}} {{wide_bar}} {figures} {{eta}} {{msg}}");
    let style = ProgressStyle::with_template(&template).expect("the template is well formed");
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
    bar.with_style(style).with_prefix(doing)
}

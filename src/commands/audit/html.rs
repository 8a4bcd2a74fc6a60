//! The report as one page that needs nothing else: no server, no network, no file beside it.
//!
//! Names in it are chosen by whoever makes containers. The template escapes them, and the page's own policy lets no
//! script run but the one that was shipped.

use std::collections::BTreeMap;

use askama::Template;

use super::report::{Item, Report};
use crate::event::risk::Severity;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// SHA-256 of the style, in base64: `openssl dgst -sha256 -binary page.css | base64`.
const STYLE_HASH: &str = "NdCzGVqedNqTw8AWEApZ3WszXfum7iaMnnxGHAuQ9rI=";

/// The same of the script.
const SCRIPT_HASH: &str = "h2ENk5a+1FxKaNU2ZB2x2p+b6vETQBMtplnMedXVnkE=";

/// The widest bar of a chart, in units of its drawing.
const WIDEST: usize = 190;

/// How many kinds of findings a chart shows.
const MOST_KINDS: usize = 10;

#[derive(Template)]
#[template(path = "page.html", config = "src/commands/audit/askama.toml")]
struct Page<'r> {
    report: &'r Report,
    version: &'static str,
    style: &'static str,
    style_hash: &'static str,
    script: &'static str,
    script_hash: &'static str,
    severities: Vec<Bar<'r>>,
    charts: Vec<Chart<'r>>,
    lists: [List<'r>; 2],
}

struct List<'r> {
    title: &'static str,
    items: &'r [Item],
}

struct Chart<'r> {
    title: &'static str,
    bars: Vec<Bar<'r>>,
}

impl<'r> Chart<'r> {
    fn new(title: &'static str, counts: impl IntoIterator<Item = (&'r str, &'r str, usize)>) -> Self {
        let counts: Vec<(&str, &str, usize)> = counts.into_iter().collect();
        let most = counts.iter().map(|(_, _, count)| *count).max().unwrap_or_default().max(1);
        let bars = counts.into_iter().enumerate().map(|(row, (label, class, count))| Bar {
            label,
            class,
            count,
            // What is there shows, however little it is.
            width: if count == 0 { 0 } else { (count * WIDEST / most).max(2) },
            y: 26 + row * 26,
        });
        Self { title, bars: bars.collect() }
    }

    fn height(&self) -> usize {
        30 + self.bars.len() * 26
    }
}

struct Bar<'r> {
    label: &'r str,
    class: &'r str,
    count: usize,
    width: usize,
    y: usize,
}

/// The page.
pub(super) fn page(report: &Report) -> Result<String, askama::Error> {
    let by_severity = || Severity::ALL.map(|severity| (severity.name(), severity.name(), report.count(severity)));
    let by_trust = ["trusted", "unknown", "untrusted"].map(|trust| {
        (trust, trust, report.images.iter().chain(&report.containers).filter(|item| item.trust == trust).count())
    });
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in &report.findings {
        *kinds.entry(finding.finding).or_default() += 1;
    }
    let mut kinds: Vec<(&str, &str, usize)> = kinds.into_iter().map(|(kind, count)| (kind, "other", count)).collect();
    kinds.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    kinds.truncate(MOST_KINDS);
    let charts = vec![
        Chart::new("Findings by severity", by_severity()),
        Chart::new("Images and containers by trust", by_trust),
        Chart::new("Most frequent findings", kinds),
    ];
    let page = Page {
        report,
        version: env!("CARGO_PKG_VERSION"),
        style: STYLE,
        style_hash: STYLE_HASH,
        script: SCRIPT,
        script_hash: SCRIPT_HASH,
        severities: Chart::new("", by_severity()).bars,
        charts,
        lists: [
            List { title: "Containers", items: &report.containers },
            List { title: "Images", items: &report.images },
        ],
    };
    page.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::audit::tests::report;

    #[test]
    fn names_cannot_become_part_of_the_page() {
        let page = page(&report()).unwrap();
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.contains("&#60;script&#62;document.title=&#39;owned&#39;"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"), "it needs nothing else");
    }

    #[test]
    fn the_page_says_what_was_found_with_its_numbers() {
        let page = page(&report()).unwrap();
        for part in
            ["<b>privileged</b>", "T1611", "5.5", "evil.example/app:1", "data-severity=\"critical\"", "untrusted"]
        {
            assert!(page.contains(part), "{part}");
        }
    }
}

//! The report as a table, as JSON and as CSV.

use std::io;

use comfy_table::{ContentArrangement, Table, presets};

use super::report::{Finding, Report};
use crate::event::risk::Severity;

const COLUMNS: [&str; 9] = ["severity", "subject", "name", "finding", "detail", "cis", "attack", "cure", "id"];

fn row(finding: &Finding) -> [&str; 9] {
    let Finding { severity, subject, name, id, finding, detail, cis, attack, cure, what: _ } = finding;
    [severity.name(), subject.name(), name, finding, detail, cis, attack, cure, id]
}

/// How many there are of what.
pub(super) fn summary(report: &Report) -> String {
    let counts: Vec<String> =
        Severity::ALL.iter().map(|severity| format!("{} {severity}", report.count(*severity))).collect();
    format!(
        "{} containers and {} images on {} ({}): {}",
        report.containers.len(),
        report.images.len(),
        report.engine,
        report.host,
        counts.join(", ")
    )
}

/// For people at a terminal.
pub(super) fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    // Where nobody watches, lines are as long as they are.
    if let Some((_, columns)) = console::Term::stdout().size_checked() {
        table.set_width(columns);
    }
    // The cure and the id are for the other forms; a terminal has no room for them.
    table.set_header(COLUMNS.iter().take(7));
    for finding in &report.findings {
        table.add_row(row(finding).iter().take(7));
    }
    if report.findings.is_empty() {
        return format!("{}\n", summary(report));
    }
    format!("{table}\n{}\n{}", summary(report), suggestions(report))
}

/// What to put into the configuration where what was found is meant to be so.
fn suggestions(report: &Report) -> String {
    if report.suggested_exceptions.is_empty() {
        return String::new();
    }
    let entries = report.suggested_exceptions.iter().filter_map(|entry| serde_json::to_string(entry).ok());
    let entries: Vec<String> = entries.map(|entry| format!("  {entry}")).collect();
    format!(
        "\nWhat is meant to be so can be accepted: put these into \"exceptions\" of etc/docker-listener.json, each with its \
         reason.\n{}\n",
        entries.join(",\n")
    )
}

/// For programs.
pub(super) fn json(report: &Report) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

/// For spreadsheets.
pub(super) fn csv(report: &Report) -> io::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for finding in &report.findings {
        writer.write_record(row(finding).map(harmless))?;
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// A spreadsheet runs what begins like a formula, and names are other people's.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::audit::tests::report;

    #[test]
    fn a_spreadsheet_gets_whole_cells_and_no_formulas() {
        let text = csv(&report()).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), report().findings.len());
        assert!(rows.iter().any(|row| row.get(2) == Some("'=cmd|'/c calc'!A0")), "{text}");
        assert!(rows.iter().all(|row| row.len() == COLUMNS.len()));
    }

    #[test]
    fn json_holds_everything_and_a_table_what_fits() {
        let json: serde_json::Value = serde_json::from_str(&json(&report()).unwrap()).unwrap();
        assert_eq!(json["by_severity"]["critical"], 1);
        assert_eq!(json["findings"][0]["finding"], "privileged");
        assert_eq!(json["containers"][0]["trust"], "untrusted");
        let table = table(&report());
        assert!(table.contains("privileged") && table.contains("1 critical"), "{table}");
    }
}

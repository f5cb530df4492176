//! How answers are printed: tables for people, JSON, NDJSON, CSV and Markdown for the rest.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableStyle, presets};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Failure, OutputFormat, summary};
use crate::{
    aws::problem::one_line,
    engine::{
        pile::Unreadable,
        preview::Preview,
        report::{Coverage, Report, ScanReport},
        scan::{Answers, Reports},
    },
    words::{amount, counted, headline, ledger, money, money_title, spent, write_markdown},
};

/// How many findings of a tool the table shows unless told.
pub(super) const ROWS: usize = 50;
/// How many bytes are written at once.
const WRITTEN_TOGETHER: usize = 64 * 1024;

/// Stdout, written in large pieces.
type Out<'a> = BufWriter<StdoutLock<'a>>;

/// Writes to stdout. A reader that has had enough (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    print_with(|out| {
        out.write_all(text.as_bytes())?;
        if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
    })
}

/// Writes to stdout piece by piece, so that nothing need be held whole.
fn print_with(write: impl FnOnce(&mut Out<'_>) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(WRITTEN_TOGETHER, io::stdout().lock());
    judged(write(&mut out).and_then(|()| out.flush()))
}

/// What became of writing an answer.
fn judged(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) if error.get_ref().is_some_and(is_of_findings) => Err(Failure(error.to_string())),
        written => written.map_err(|it| Failure(format!("cannot write the answer: {it}"))),
    }
}

/// Whether it was not the writing that failed but the findings, which JSON passes on as an error of its own.
fn is_of_findings(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.is::<Unreadable>() || error.is::<serde_json::Error>()
}

/// Prints what a scan has to say.
pub(super) fn report(answers: &Answers<'_>, format: OutputFormat, most: usize) -> Result<(), Failure> {
    let scan = answers.whole(most);
    print_with(|out| match format {
        OutputFormat::Json => json(&scan, out),
        OutputFormat::Markdown => markdown(&scan, out),
        OutputFormat::Table => tables(&scan, out),
        OutputFormat::Summary => writeln!(out, "{}", summary::of(answers)),
        OutputFormat::Ndjson => lines(&scan, out),
        OutputFormat::Csv => csv(&scan, out),
    })?;
    if matches!(format, OutputFormat::Ndjson | OutputFormat::Csv) {
        ledger_aside(&scan.coverage);
    }
    Ok(())
}

/// A scan whose reports are made while they are printed.
type Scanned<'b, 'a> = ScanReport<Reports<'b, 'a>>;

fn json(scan: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, scan)?;
    writeln!(out)
}

fn markdown(scan: &Scanned<'_, '_>, out: &mut impl Write) -> io::Result<()> {
    for (index, report) in scan.reports.each().enumerate() {
        if index > 0 {
            writeln!(out, "\n")?;
        }
        write_markdown(&report, out)?;
    }
    writeln!(out)
}

fn tables(scan: &Scanned<'_, '_>, out: &mut impl Write) -> io::Result<()> {
    for report in scan.reports.each() {
        let (report, found) = report.with(());
        let findings = found.read().collect::<Result<_, _>>()?;
        writeln!(out, "{}", table(&report.with(findings).0))?;
    }
    writeln!(out, "{}; scan {}", spent(&scan.api), scan.scan_id)
}

/// One finding a line.
fn lines(scan: &Scanned<'_, '_>, out: &mut impl Write) -> io::Result<()> {
    for report in scan.reports.each() {
        for finding in report.findings.read() {
            let mut line = json!(finding?);
            line["tool"] = json!(report.tool);
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// The formats that hold findings only tell on stderr what was not seen.
fn ledger_aside(coverage: &Coverage) {
    aside(&ledger(coverage).join("\n"));
}

/// Says something on stderr.
#[expect(clippy::print_stderr, reason = "beside the data, for the person who runs the command")]
pub(super) fn aside(text: &str) {
    eprintln!("{text}");
}

/// The table of some rows; only a terminal has a width.
fn rows_in(style: TableStyle, heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    let wrapped = if io::stdout().is_terminal() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.load_style(style).set_content_arrangement(wrapped).set_header(heads);
    for row in rows {
        table.add_row(row.iter().map(|it| it.replace(char::is_control, " ")));
    }
    table.to_string()
}

/// A list in any format: as rows for people, and one JSON value for each row for the rest.
pub(super) fn listing(
    format: OutputFormat,
    heads: &[&str],
    rows: &[Vec<String>],
    json: &[Value],
) -> Result<String, Failure> {
    Ok(match format {
        OutputFormat::Json => serde_json::to_string_pretty(json)?,
        OutputFormat::Ndjson => json.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        OutputFormat::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(heads)?;
            for row in rows {
                writer.write_record(row.iter().map(|it| no_formula(it)))?;
            }
            String::from_utf8(writer.into_inner()?)?
        }
        OutputFormat::Table | OutputFormat::Summary => rows_in(presets::UTF8_FULL_CONDENSED, heads, rows),
        OutputFormat::Markdown => rows_in(presets::ASCII_MARKDOWN, heads, rows),
    })
}

fn table(report: &Report) -> String {
    let summary = &report.summary;
    let mut lines = vec![headline(report)];
    lines.extend(report.notes.iter().map(|it| format!("note: {}", one_line(it))));
    if !report.findings.is_empty() {
        let mut table = Table::new();
        // Only a terminal has a width; elsewhere a line is a finding, and can be searched for one.
        let wrapped =
            if io::stdout().is_terminal() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
        table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(wrapped);
        let title = money_title(report, report.findings.first());
        let header = ["account", "name", "region", "resource"].into_iter().chain(title).chain(["reason"]);
        table.set_header(header.map(Cell::new));
        for it in &report.findings {
            let amount = title.map(|_| Cell::new(money(amount(it))).set_alignment(CellAlignment::Right));
            let place = [
                Cell::new(&it.account_id),
                Cell::new(it.account_name.as_deref().map(one_line).unwrap_or_default()),
                Cell::new(&it.region),
                Cell::new(one_line(&it.resource_id)),
            ];
            table.add_row(place.into_iter().chain(amount).chain([Cell::new(one_line(&it.reason))]));
        }
        lines.push(table.to_string());
        let more = summary.findings - report.findings.len();
        if more > 0 {
            lines.push(format!("and {more} more: --max-results 0 prints all, --output csv or json too"));
        }
    }
    lines.extend(ledger(&report.coverage));
    lines.push(String::new());
    lines.join("\n")
}

/// Text for a cell that a spreadsheet would take for a formula gets an apostrophe before it, as names are written by strangers.
///
/// Source: <https://owasp.org/www-community/attacks/CSV_Injection> (read Nov 2026).
pub(super) fn no_formula(text: &str) -> String {
    let mark = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("{mark}{text}")
}

/// One finding a row.
fn csv(scan: &Scanned<'_, '_>, out: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let heads = [
        "tool",
        "account_id",
        "account_name",
        "region",
        "resource_type",
        "resource_id",
        "resource_arn",
        "reason",
        "action_type",
        "billed_cost",
        "estimated_monthly_cost",
        "estimated_monthly_savings",
        "currency",
        "price_basis",
        "source",
        "tags",
        "attributes",
    ];
    writer.write_record(heads).map_err(from_csv)?;
    let number = |it: Option<Decimal>| it.map(|it| it.to_string()).unwrap_or_default();
    let text = |it: Option<String>| no_formula(&it.unwrap_or_default());
    for report in scan.reports.each() {
        for finding in report.findings.read() {
            let it = finding?;
            let attributes = if it.attributes.is_empty() { String::new() } else { json!(it.attributes).to_string() };
            let row = [
                report.tool.clone(),
                it.account_id,
                text(it.account_name),
                it.region,
                it.resource_type,
                no_formula(&it.resource_id),
                text(it.resource_arn),
                no_formula(&it.reason),
                text(it.action_type),
                number(it.billed_cost),
                number(it.estimated_monthly_cost),
                number(it.estimated_monthly_savings),
                it.currency,
                text(it.price_basis),
                text(it.source),
                it.tags.map(|it| json!(it).to_string()).unwrap_or_default(),
                attributes,
            ];
            writer.write_record(row).map_err(from_csv)?;
        }
    }
    writer.flush()
}

/// The error of writing itself, so that a reader that has had enough is known as one.
fn from_csv(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// Prints what a scan would do.
pub(super) fn preview(preview: &Preview, format: OutputFormat) -> Result<(), Failure> {
    if matches!(format, OutputFormat::Json | OutputFormat::Ndjson) {
        return print(&serde_json::to_string_pretty(preview)?);
    }
    let mut lines = vec![
        format!(
            "{} in {}: {}",
            counted(preview.tools.len(), "tool"),
            counted(preview.accounts, "account"),
            counted(preview.targets, "target")
        ),
        format!("at least {}, at least {:.0} seconds", counted(preview.least_calls, "AWS call"), preview.least_seconds),
        format!("charged by AWS: {}", preview.charges),
    ];
    lines.extend(preview.notes.iter().map(|it| format!("note: {it}")));
    print(&lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::testing::finding, engine::pile::Found};

    /// A reader that has had enough.
    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_strangers_name_cannot_become_a_formula() {
        let rows = [vec!["=HYPERLINK(\"x\")".to_owned(), "web-prod".to_owned(), "@sum".to_owned()]];
        let text = listing(OutputFormat::Csv, &["a", "b", "c"], &rows, &[]).unwrap_or_default();
        assert_eq!(text, "a,b,c\n\"'=HYPERLINK(\"\"x\"\")\",web-prod,'@sum\n");
    }

    #[test]
    fn findings_that_cannot_be_read_back_are_one_clear_line() {
        let found = Found::lost(vec![finding("vol-1")]);
        let read = found.read().collect::<Result<Vec<_>, _>>().map(|_| ()).map_err(io::Error::from);
        for written in [read, json(&found, &mut Vec::new())] {
            let Failure(line) = judged(written).unwrap_err();
            assert!(line.starts_with("cannot read findings back") && line.contains("TMPDIR"), "{line}");
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_no_failure_and_a_full_disk_is() {
        let mut rows = csv::Writer::from_writer(Gone);
        let row = rows.write_record(["x".repeat(100_000)]).map_err(from_csv);
        for written in [json(&Found::these(vec![finding("vol-1")]), &mut Gone), row, Gone.write_all(b"x")] {
            assert_eq!(written.as_ref().unwrap_err().kind(), ErrorKind::BrokenPipe);
            assert!(judged(written).is_ok());
        }
        let Failure(line) = judged(Err(ErrorKind::StorageFull.into())).unwrap_err();
        assert!(line.starts_with("cannot write the answer"), "{line}");
    }
}

//! How answers are printed: tables for people, JSON, NDJSON, CSV and Markdown for the rest.

use std::io::{self, ErrorKind, IsTerminal, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use rust_decimal::Decimal;
use serde_json::json;

use super::{Failure, OutputFormat};
use crate::{
    aws::problem::one_line,
    check::Finding,
    engine::{
        preview::Preview,
        report::{Coverage, Report, ScanReport},
    },
    words::{amount, headline, ledger, money, money_title, whole_markdown},
};

/// How many findings of a tool the table shows unless told.
pub(super) const ROWS: usize = 50;

/// Writes to stdout. A reader that has had enough (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    match write_out(text) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|it| Failure(format!("cannot write the answer: {it}"))),
    }
}

fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Prints the reports of a scan.
pub(super) fn report(scan: ScanReport, format: OutputFormat, most: usize) -> Result<(), Failure> {
    let mut scan = scan;
    for report in &mut scan.reports {
        report.findings.truncate(most);
    }
    match format {
        OutputFormat::Json => print(&serde_json::to_string_pretty(&scan)?),
        OutputFormat::Markdown => print(&scan.reports.iter().map(whole_markdown).collect::<Vec<_>>().join("\n\n")),
        OutputFormat::Table => {
            let mut parts: Vec<_> = scan.reports.iter().map(table).collect();
            parts.push(format!(
                "{} AWS calls, {} throttled, {} USD charged; scan {}",
                scan.api.calls, scan.api.throttled, scan.api.billed_usd, scan.scan_id
            ));
            print(&parts.join("\n"))
        }
        OutputFormat::Ndjson => {
            let line = |tool: &str, it: &Finding| {
                let mut line = json!(it);
                line["tool"] = json!(tool);
                line.to_string()
            };
            let lines = scan.reports.iter().flat_map(|report| report.findings.iter().map(|it| line(&report.tool, it)));
            print_lines(&lines.collect::<Vec<_>>())?;
            ledger_aside(&scan.coverage);
            Ok(())
        }
        OutputFormat::Csv => {
            print(&csv(&scan)?)?;
            ledger_aside(&scan.coverage);
            Ok(())
        }
    }
}

fn print_lines(lines: &[String]) -> Result<(), Failure> {
    if lines.is_empty() { Ok(()) } else { print(&lines.join("\n")) }
}

/// The formats that hold findings only tell on stderr what was not seen.
#[expect(clippy::print_stderr, reason = "beside the data, for the person who runs the command")]
fn ledger_aside(coverage: &Coverage) {
    eprintln!("{}", ledger(coverage).join("\n"));
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
        let title = money_title(report);
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

fn csv(scan: &ScanReport) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
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
    ])?;
    let number = |it: Option<Decimal>| it.map(|it| it.to_string()).unwrap_or_default();
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    for report in &scan.reports {
        for it in &report.findings {
            writer.write_record([
                report.tool.clone(),
                it.account_id.clone(),
                text(&it.account_name),
                it.region.clone(),
                it.resource_type.clone(),
                it.resource_id.clone(),
                text(&it.resource_arn),
                it.reason.clone(),
                text(&it.action_type),
                number(it.billed_cost),
                number(it.estimated_monthly_cost),
                number(it.estimated_monthly_savings),
                it.currency.clone(),
                text(&it.price_basis),
                text(&it.source),
                it.tags.as_ref().map(|it| json!(it).to_string()).unwrap_or_default(),
                if it.attributes.is_empty() { String::new() } else { json!(it.attributes).to_string() },
            ])?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// Prints what a scan would do.
pub(super) fn preview(preview: &Preview, format: OutputFormat) -> Result<(), Failure> {
    if matches!(format, OutputFormat::Json | OutputFormat::Ndjson) {
        return print(&serde_json::to_string_pretty(preview)?);
    }
    let mut lines = vec![
        format!("{} tools in {} accounts: {} targets", preview.tools.len(), preview.accounts, preview.targets),
        format!("at least {} AWS calls, at least {:.0} seconds", preview.least_calls, preview.least_seconds),
        format!("charged by AWS: {}", preview.charges),
    ];
    lines.extend(preview.notes.iter().map(|it| format!("note: {it}")));
    print(&lines.join("\n"))
}

//! What a scan found, for somebody who has to decide where to begin: totals by tool, account and region.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, Table, presets};
use rust_decimal::Decimal;

use crate::{
    aws::problem::one_line,
    engine::{pile::Found, report::Report, scan::Answers},
    words::{counted, ledger, money, spent},
};

/// How many accounts are named.
const ACCOUNTS_SHOWN: usize = 10;

/// The summary of a scan.
pub(super) fn of(answers: &Answers<'_>) -> String {
    let scan = answers.whole(0);
    let reports: Vec<_> = scan.reports.each().collect();
    // What was billed is not to be saved.
    let saving: Vec<_> = reports.iter().filter(|it| it.summary.billed_cost.is_none()).collect();
    let findings: usize = saving.iter().map(|it| it.summary.findings).sum();
    let within = answers.counted_within();
    let savings = saving.iter().filter_map(|it| added(it.summary.estimated_monthly_savings, &it.tool, &within));
    let total: Decimal = savings.sum();
    let at_least = if answers.is_complete() { "" } else { ", at least, as not everything could be seen" };
    let apart = within.iter().map(|(tool, whole)| {
        format!(
            "Savings of {tool} are not added: {whole} counts the same. The sum is too low by what {tool} alone reports."
        )
    });
    let opening = format!("{} USD a month to save{at_least}; {}.", money(Some(total)), counted(findings, "finding"));
    [
        std::iter::once(opening).chain(apart).collect::<Vec<_>>().join(" "),
        table("tool", by_tool(&reports), usize::MAX),
        table("account", by_account(&saving, &within), ACCOUNTS_SHOWN),
        table("region", by_region(answers, &within), usize::MAX),
        ledger(&scan.coverage).join("\n"),
        format!("{}; scan {}", spent(&scan.api), scan.scan_id),
    ]
    .join("\n\n")
}

/// A line of a table: whose it is, how many findings, and what they would save a month.
type Line = (String, usize, Option<Decimal>);

fn by_tool(reports: &[Report<Found>]) -> Vec<Line> {
    let line = |it: &Report<Found>| (it.tool.clone(), it.summary.findings, it.summary.estimated_monthly_savings);
    reports.iter().map(line).collect()
}

/// The sums of all reports that are about savings.
fn summed<'a>(of: impl Iterator<Item = (&'a str, usize, Option<Decimal>)>) -> Vec<Line> {
    let mut sums: BTreeMap<&str, (usize, Option<Decimal>)> = BTreeMap::new();
    for (name, findings, savings) in of {
        let sum = sums.entry(name).or_default();
        sum.0 += findings;
        sum.1 = sum.1.into_iter().chain(savings).reduce(|a, b| a + b);
    }
    sums.into_iter().map(|(name, (findings, savings))| (name.to_owned(), findings, savings)).collect()
}

/// Tools whose savings another tool counts as well, and that tool.
type Within = [(&'static str, &'static str)];

/// What of a tool's savings goes into sums over tools: nothing where another counts it as well.
fn added(savings: Option<Decimal>, tool: &str, within: &Within) -> Option<Decimal> {
    if within.iter().any(|(it, _)| *it == tool) { savings.map(|_| Decimal::ZERO) } else { savings }
}

fn by_account(saving: &[&Report<Found>], within: &Within) -> Vec<Line> {
    let accounts: Vec<_> =
        saving.iter().flat_map(|it| it.accounts.iter().map(|account| (it.tool.as_str(), account))).collect();
    let names: BTreeMap<_, _> =
        accounts.iter().map(|(_, it)| (it.account_id.as_str(), it.account_name.as_deref())).collect();
    let sums =
        summed(accounts.iter().map(|(tool, it)| {
            (it.account_id.as_str(), it.findings, added(it.estimated_monthly_savings, tool, within))
        }));
    let with_name = |id: String| match names.get(id.as_str()).copied().flatten() {
        Some(name) => format!("{id} {}", one_line(name)),
        None => id,
    };
    sums.into_iter().map(|(id, findings, savings)| (with_name(id), findings, savings)).collect()
}

fn by_region(answers: &Answers<'_>, within: &Within) -> Vec<Line> {
    let regions: Vec<_> = answers.by_region().into_iter().filter(|(_, it)| it.billed_cost.is_none()).collect();
    summed(
        regions
            .iter()
            .map(|(tool, it)| (it.region.as_str(), it.findings, added(it.estimated_monthly_savings, tool, within))),
    )
}

/// The lines with the largest savings, and how many are left.
fn table(title: &str, lines: Vec<Line>, most: usize) -> String {
    let mut lines = lines;
    lines.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| b.1.cmp(&a.1)).then_with(|| a.0.cmp(&b.0)));
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([title, "findings", "saves/month"]);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    for (name, findings, savings) in lines.iter().take(most) {
        let amount = if savings.is_none() && *findings == 0 { Some(Decimal::ZERO) } else { *savings };
        table.add_row([Cell::new(name), right(findings.to_string()), right(money(amount))]);
    }
    let more = lines.len().saturating_sub(most);
    if more > 0 { format!("{table}\nand {more} more") } else { table.to_string() }
}

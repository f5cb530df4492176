//! A report in words: Markdown that is useful alone, for the text of MCP answers and for the terminal.

use std::{
    collections::BTreeMap,
    fmt::Display,
    io::{self, Write},
};

use rust_decimal::Decimal;

use crate::{
    aws::problem::one_line,
    check::Finding,
    engine::{
        diagnosis::{Count, Diagnosis, NotTried},
        pile::Found,
        remedy::{Spot, Trouble},
        report::{Api, Coverage, Report},
    },
};

/// How many findings the text shows.
const FINDINGS_IN_TEXT: usize = 10;
/// How many places of a trouble the text names.
const PLACES_IN_TEXT: usize = 4;
/// What the text may take at most, in characters.
pub(crate) const TEXT_BUDGET: usize = 6_000;

/// Text from AWS for a Markdown line: names and tags are written by strangers, so nothing in them may look like markup.
fn quoted(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('`', "'").replace('<', "&lt;").replace("](", "] (")
}

/// Writes a report as Markdown with every finding that it holds.
pub(crate) fn write_markdown(report: &Report<Found>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", opening(report).join("\n"))?;
    let mut findings = report.findings.read();
    let mut shown = 0;
    if let Some(first) = findings.next().transpose()? {
        let title = money_title(report, Some(&first));
        writeln!(out, "{}", heads(title))?;
        for finding in std::iter::once(Ok(first)).chain(findings) {
            writeln!(out, "{}", row(&finding?, title.is_some()))?;
            shown += 1;
        }
    }
    let more = report.summary.findings.saturating_sub(shown);
    if more > 0 {
        writeln!(out, "\nAnd {}.", counted(more, "more finding"))?;
    }
    if shown > 0 {
        writeln!(out)?;
    }
    write!(out, "{}", closing(report))
}

/// A report as Markdown within the budget of an answer: the largest findings.
pub(crate) fn markdown(report: &Report, offset: usize, over: bool) -> String {
    let mut lines = opening(report);
    if let Some(first) = report.findings.first() {
        let title = money_title(report, Some(first));
        lines.push(heads(title));
        lines.extend(report.findings.iter().take(FINDINGS_IN_TEXT).map(|it| row(it, title.is_some())));
        let total = report.summary.findings;
        let shown = report.findings.len().min(FINDINGS_IN_TEXT);
        lines.push(format!(
            "\n{shown} of {} above, from number {}; {} in the structured content.",
            counted(total, "finding"),
            offset + 1,
            report.findings.len()
        ));
    }
    match (&report.next_cursor, over) {
        (Some(cursor), true) => lines.push(format!("More findings: call again with cursor \"{cursor}\".")),
        (Some(cursor), false) => {
            lines.push(format!("The scan goes on: call again with cursor \"{cursor}\" for the whole answer."));
        }
        (None, _) => {}
    }
    lines.push(closing(report));
    within_budget(&lines.join("\n"))
}

/// A text that ends where the budget does.
fn within_budget(text: &str) -> String {
    match text.char_indices().nth(TEXT_BUDGET - 4) {
        Some((cut, _)) => format!("{}\n...", &text[..cut]),
        None => text.to_owned(),
    }
}

/// Totals, notes and ledger.
fn opening<F>(report: &Report<F>) -> Vec<String> {
    let notes = report.notes.iter().map(|it| format!("Note: {}", quoted(it)));
    std::iter::once(format!("**{}**", headline(report))).chain(notes).chain(ledger(&report.coverage)).collect()
}

/// The heads of the table of findings.
fn heads(title: Option<&str>) -> String {
    let (title, rule) = title.map_or((String::new(), ""), |it| (format!(" {it} |"), " ---: |"));
    format!("\n| account | region | resource |{title} reason |\n| --- | --- | --- |{rule} --- |")
}

fn closing<F>(report: &Report<F>) -> String {
    format!("{}; as of {}.", spent(&report.api), report.as_of)
}

/// What was asked of AWS, and what it charges.
pub(crate) fn spent(it: &Api) -> String {
    format!("{}, {} throttled, {} USD charged", counted(it.calls, "AWS call"), it.throttled, it.billed_usd)
}

/// So many of a thing: `1 finding`, `2 findings`.
pub(crate) fn counted(count: impl Display, thing: &str) -> String {
    let count = count.to_string();
    let plural = if count == "1" { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// The totals in one sentence.
pub(crate) fn headline<F>(report: &Report<F>) -> String {
    let summary = &report.summary;
    let currency = summary.currency.as_deref().unwrap_or("several currencies");
    let unpriced = match summary.findings_without_savings {
        0 => String::new(),
        count => format!(" ({count} without a known amount)"),
    };
    let amount = match (summary.billed_cost, summary.estimated_monthly_savings) {
        (Some(billed), _) => format!(", {} {currency} billed", money(Some(billed))),
        (None, Some(savings)) if !savings.is_zero() => {
            format!(", {} {currency} a month to save{unpriced}", money(Some(savings)))
        }
        _ => String::new(),
    };
    let bound = if summary.lower_bound { "; at least, as not everything could be seen" } else { "" };
    format!("{}: {}{amount}{bound}.", report.tool, counted(summary.findings, "finding"))
}

/// What the column of amounts is called; `None` for findings that are not about money. The first of those shown has the
/// largest amount, if any has one.
pub(crate) fn money_title<F>(report: &Report<F>, first: Option<&Finding>) -> Option<&'static str> {
    match report.summary.billed_cost {
        Some(_) => Some("billed"),
        None => first.and_then(amount).map(|_| "saves/month"),
    }
}

/// The amount that a finding is ordered by.
pub(crate) fn amount(it: &Finding) -> Option<Decimal> {
    it.estimated_monthly_savings.or(it.billed_cost)
}

/// An amount with two decimals; what has none is unknown, not zero.
pub(crate) fn money(amount: Option<Decimal>) -> String {
    amount.map_or_else(|| "unknown".to_owned(), |it| format!("{:.2}", it.round_dp(2)))
}

/// The ledger: one line for the whole, one for each reason.
pub(crate) fn ledger(coverage: &Coverage) -> Vec<String> {
    let complete = if coverage.complete { "complete" } else { "INCOMPLETE" };
    let whole = format!(
        "Coverage {complete}: {} of {} seen, in {}.",
        coverage.scanned,
        counted(coverage.targets, "target"),
        counted(coverage.accounts, "account")
    );
    let reasons = coverage.not_scanned.iter().map(|it| {
        let action = if it.action.is_empty() { String::new() } else { format!(" ({})", it.action) };
        let (class, message) = (it.class.name(), quoted(&it.message));
        format!("- {class}{action}: {} in {}: {message}", counted(it.targets, "target"), accounts(&it.accounts))
    });
    std::iter::once(whole).chain(reasons).collect()
}

/// The verdict of a trial of all accounts in one sentence.
pub(crate) fn verdict(it: &Diagnosis) -> String {
    let verdict = match it.in_order {
        Some(true) => "Nothing to fix",
        Some(false) => "There is something to fix",
        None => "Nothing to fix so far",
    };
    let Count { in_order, to_fix, inactive, not_reached, .. } = it.summary;
    let not_reached = if not_reached > 0 { format!(", {not_reached} not tried") } else { String::new() };
    format!(
        "{verdict}: {} in order, {to_fix} with something to fix, {inactive} that do not run{not_reached}; {}, {} USD charged",
        counted(in_order, "account"),
        counted(it.calls, "AWS call"),
        it.billed_usd
    )
}

/// What was not tried, in a line for each reason. What was tried where there was something to ask it about is only counted.
pub(crate) fn not_tried(it: &Diagnosis) -> Vec<String> {
    let is_told = |not: &&NotTried| not.is_charged || not.accounts >= it.summary.entered;
    let (told, elsewhere): (Vec<_>, Vec<_>) = it.not_tried.iter().partition(is_told);
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for it in told {
        by_reason.entry(it.why).or_default().push(&it.action);
    }
    let mut lines: Vec<_> =
        by_reason.into_iter().map(|(why, actions)| format!("not tried, as {why}: {}", actions.join(", "))).collect();
    if !elsewhere.is_empty() {
        lines.push(format!(
            "tried only in accounts that have something to ask about: {} (--output json tells which)",
            counted(elsewhere.len(), "more action")
        ));
    }
    lines
}

/// A place of a trouble.
pub(crate) fn place(it: &Spot) -> String {
    let name = it.account_name.as_deref().map(|it| format!(" {}", one_line(it))).unwrap_or_default();
    format!("{}{name} {}", it.account_id, it.region)
}

/// The places of a trouble, so many at most.
pub(crate) fn places(it: &Trouble, most: usize) -> String {
    let mut named: Vec<_> = it.places.iter().take(most).map(place).collect();
    let more = it.places_total.saturating_sub(named.len());
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}

/// What a trial of all accounts found, as Markdown within the budget of an answer.
pub(crate) fn diagnosis(it: &Diagnosis) -> String {
    let mut lines = vec![format!("**{}.**", verdict(it))];
    lines.extend(it.notes.iter().map(|it| format!("Note: {}", quoted(it))));
    lines.extend(it.next_cursor.as_ref().map(|it| format!("The trial goes on: call again with cursor \"{it}\".")));
    lines.extend(it.troubles.iter().map(|it| {
        let action = it.action.as_deref().unwrap_or("everything");
        let place = quoted(&places(it, PLACES_IN_TEXT));
        format!(
            "- {} ({action}) in {place}. It costs {}. Fix: {}. AWS: {}",
            it.class,
            it.costs,
            quoted(&it.fix),
            quoted(&it.message)
        )
    }));
    lines.extend(not_tried(it).iter().map(|it| format!("- {it}")));
    within_budget(&lines.join("\n"))
}

fn accounts(ids: &[String]) -> String {
    match ids {
        [] => "an unknown number of accounts".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one}, {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

fn row(it: &Finding, priced: bool) -> String {
    let account = it
        .account_name
        .as_ref()
        .map_or_else(|| it.account_id.clone(), |name| format!("{} ({})", it.account_id, quoted(name)));
    let amount = if priced { format!(" {} |", money(amount(it))) } else { String::new() };
    format!("| {account} | {} | {} |{amount} {} |", it.region, quoted(&it.resource_id), quoted(&it.reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_not_counted_as_many() {
        assert_eq!(
            [0, 1, 2].map(|it| counted(it, "more finding")),
            ["0 more findings", "1 more finding", "2 more findings"]
        );
    }
}

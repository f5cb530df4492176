//! A report as an MCP answer: structured content under a byte budget, and a short text that is useful alone.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use crate::{
    engine::{
        diagnosis::Diagnosis,
        pile::{Found, Unreadable},
        remedy::Trouble,
        report::Report,
        request::Format,
    },
    words::{self, TEXT_BUDGET},
};

/// How many characters an answer may have in all, structured content and text together.
pub(crate) const BUDGET: usize = 40_000;
/// What is left for what is around structured content and text: the cursor, twice, and the message that carries them.
const ENVELOPE: usize = 1_000;
/// How many accounts one line of the ledger, or the list of accounts, names in an answer.
const ACCOUNTS_SHOWN: usize = 50;

/// A part of the findings: from where, and how many at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) offset: usize,
    pub(crate) most: usize,
}

/// An error that the model can act on.
pub(crate) fn refusal(text: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

/// The answer. `over` says whether the scan has ended; where it has not, the cursor continues it.
pub(crate) fn answer(
    report: Report<Found>,
    page: Page,
    over: bool,
    format: Format,
) -> Result<CallToolResult, Unreadable> {
    let total = report.summary.findings;
    let text_budget = if format == Format::Json { 0 } else { TEXT_BUDGET };
    let size = if format == Format::Json { size_with_text } else { size };
    let report = fitted(report, page, BUDGET - ENVELOPE - text_budget, size)?;
    let shown_to = page.offset + report.findings.len();
    let cursor = match over {
        true if shown_to >= total => None,
        true => Some(format!("{}:{shown_to}", report.scan_id)),
        false => Some(format!("{}:0", report.scan_id)),
    };
    let report = Report { next_cursor: cursor, ..report };
    let structured = json!(report);
    let text = match format {
        Format::Markdown => words::markdown(&report, page.offset, over),
        Format::Json => structured.to_string(),
    };
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(structured);
    Ok(result)
}

/// The report with as many findings as fit.
fn fitted(report: Report<Found>, page: Page, budget: usize, size: fn(&Value) -> usize) -> Result<Report, Unreadable> {
    let (mut report, mut found) = report.with(Vec::new());
    found.page(page.offset, page.most);
    report.accounts.truncate(ACCOUNTS_SHOWN);
    for gap in &mut report.coverage.not_scanned {
        let more = gap.accounts.len().saturating_sub(ACCOUNTS_SHOWN);
        if more > 0 {
            gap.accounts.truncate(ACCOUNTS_SHOWN);
            gap.message = format!("{} (and {more} more accounts)", gap.message);
        }
    }
    let mut left = budget.saturating_sub(size(&json!(report)));
    for finding in found.read() {
        let mut finding = finding?;
        let mut takes = size(&json!(finding)) + 1;
        if takes > left && report.findings.is_empty() {
            // One finding at least, or the cursor would not move on.
            finding.tags = None;
            finding = finding.fact("tags_left_out", true);
            takes = size(&json!(finding)) + 1;
        } else if takes > left {
            break;
        }
        left = left.saturating_sub(takes);
        report.findings.push(finding);
    }
    Ok(report)
}

/// How many places of a trouble an answer names at most.
const PLACES_SHOWN: usize = 20;

/// What a trial of all accounts found, as much as fits. `over` says whether it has ended; where not, the cursor reads on.
pub(crate) fn diagnosis(mut whole: Diagnosis, over: bool, format: Format) -> CallToolResult {
    let text_budget = if format == Format::Json { 0 } else { TEXT_BUDGET };
    let size = if format == Format::Json { size_with_text } else { size };
    whole.next_cursor = (!over).then(|| whole.examination_id.clone());
    let (troubles, accounts) = (std::mem::take(&mut whole.troubles), std::mem::take(&mut whole.accounts));
    let known = (troubles.len(), accounts.len());
    let mut left = (BUDGET - ENVELOPE - text_budget).saturating_sub(size(&json!(whole)));
    let mut fits = |value: &Value| {
        let takes = size(value) + 1;
        let fits = takes <= left;
        left = left.saturating_sub(takes);
        fits
    };
    // What should be fixed first comes first in both.
    let some_places = troubles.into_iter().map(|it| {
        let places = it.places.into_iter().take(PLACES_SHOWN).collect();
        Trouble { places, ..it }
    });
    whole.troubles = some_places.take_while(|it| fits(&json!(it))).collect();
    whole.accounts = accounts.into_iter().take_while(|it| fits(&json!(it))).collect();
    let shown = (whole.troubles.len(), whole.accounts.len());
    if shown != known {
        whole.notes.push(format!(
            "{} of {} troubles and {} of {} accounts are shown; choose accounts, or run orgscan doctor at a terminal, to see the rest",
            shown.0, known.0, shown.1, known.1
        ));
    }
    let structured = json!(whole);
    let text = match format {
        Format::Markdown => words::diagnosis(&whole),
        Format::Json => structured.to_string(),
    };
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(structured);
    result
}

fn size(value: &Value) -> usize {
    value.to_string().chars().count()
}

/// The size of a value that also stands in the text, where its quotation marks are escaped.
fn size_with_text(value: &Value) -> usize {
    size(value) + size(&json!(value.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::{
        report::{Api, Coverage, NotScanned},
        totals::Summary,
    };
    use crate::{
        aws::problem::Class,
        check::{Finding, testing::finding},
    };

    fn report(findings: usize, tag_characters: usize) -> Report<Found> {
        let findings: Vec<_> = (0..findings)
            .map(|it| Finding {
                tags: Some(BTreeMap::from([("k".to_owned(), "v".repeat(tag_characters))])),
                ..finding(&format!("vol-{it}"))
            })
            .collect();
        let gap = NotScanned {
            class: Class::RoleMissing,
            targets: 900,
            accounts: (0..900).map(|it| format!("{it:012}")).collect(),
            regions: Vec::new(),
            action: "sts:AssumeRole".to_owned(),
            message: "no | role\n<b>`x`".to_owned(),
        };
        Report {
            tool: "find_unused_volumes".to_owned(),
            scan_id: "id".to_owned(),
            summary: Summary {
                findings: findings.len(),
                estimated_monthly_savings: None,
                findings_without_savings: findings.len(),
                billed_cost: None,
                currency: Some("USD".to_owned()),
                lower_bound: true,
            },
            accounts: Vec::new(),
            findings: Found::these(findings),
            next_cursor: None,
            coverage: Coverage { complete: false, accounts: 900, targets: 900, scanned: 0, not_scanned: vec![gap] },
            api: Api::default(),
            notes: Vec::new(),
            as_of: "2026-11-22T20:00:00Z".to_owned(),
        }
    }

    fn shown(result: &CallToolResult) -> (usize, Option<String>, usize) {
        let structured = result.structured_content.as_ref().unwrap();
        // As it goes over the wire.
        let text = size(&json!(result.content[0].as_text().unwrap().text));
        let cursor = structured["next_cursor"].as_str().map(str::to_owned);
        (structured["findings"].as_array().unwrap().len(), cursor, text + size(structured))
    }

    #[test]
    fn an_answer_stays_under_its_budget_and_a_cursor_reads_on() {
        for format in [Format::Markdown, Format::Json] {
            let (mut offset, mut pages) = (0, 0);
            while pages < 1000 {
                let answer = answer(report(300, 1000), Page { offset, most: usize::MAX }, true, format).unwrap();
                let (findings, cursor, characters) = shown(&answer);
                assert!(characters <= BUDGET, "{characters}");
                assert!(findings > 0);
                offset += findings;
                pages += 1;
                let Some(cursor) = cursor else { break };
                assert_eq!(cursor, format!("id:{offset}"));
            }
            assert_eq!(offset, 300, "every finding is shown once");
        }
    }

    #[test]
    fn a_finding_too_large_to_show_is_shown_without_its_tags() {
        let answer = answer(report(1, 50_000), Page { offset: 0, most: 10 }, true, Format::Markdown).unwrap();
        let (findings, cursor, characters) = shown(&answer);
        assert_eq!((findings, cursor), (1, None));
        assert!(characters <= BUDGET);
        assert_eq!(answer.structured_content.unwrap()["findings"][0]["attributes"]["tags_left_out"], true);
    }

    #[test]
    fn a_scan_that_goes_on_is_read_again_from_the_start() {
        let answer = answer(report(3, 1), Page { offset: 0, most: 10 }, false, Format::Markdown).unwrap();
        assert_eq!(shown(&answer).1.as_deref(), Some("id:0"));
        assert!(answer.content[0].as_text().unwrap().text.contains("The scan goes on"));
    }

    #[test]
    fn findings_that_cannot_be_read_back_make_no_shorter_answer() {
        let whole = report(3, 1);
        let (head, found) = whole.with(());
        let findings = found.read().collect::<Result<_, _>>().unwrap();
        let broken = head.with(Found::lost(findings)).0;
        let answer = answer(broken, Page { offset: 0, most: 10 }, true, Format::Markdown);
        assert!(answer.unwrap_err().to_string().contains("TMPDIR"));
    }

    #[test]
    fn words_of_strangers_cannot_pass_for_markup() {
        let answer = answer(report(1, 1), Page { offset: 0, most: 10 }, true, Format::Markdown).unwrap();
        let text = &answer.content[0].as_text().unwrap().text;
        assert!(text.contains(r"no \| role &lt;b>'x'"), "{text}");
    }
}

//! A report as an MCP answer: structured content under a byte budget, and a short text that is useful alone.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use crate::{
    engine::{report::Report, request::Format},
    words::{self, TEXT_BUDGET},
};

/// How many characters an answer may have in all, structured content and text together.
pub(crate) const BUDGET: usize = 40_000;
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
pub(crate) fn answer(report: Report, page: Page, over: bool, format: Format) -> CallToolResult {
    let total = report.findings.len();
    let text_budget = if format == Format::Json { BUDGET / 2 } else { TEXT_BUDGET };
    let report = fitted(report, page, BUDGET - text_budget);
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
    result
}

/// The report with as many findings as fit.
fn fitted(report: Report, page: Page, budget: usize) -> Report {
    let findings = report.findings;
    let mut report = Report { findings: Vec::new(), ..report };
    report.accounts.truncate(ACCOUNTS_SHOWN);
    for gap in &mut report.coverage.not_scanned {
        let more = gap.accounts.len().saturating_sub(ACCOUNTS_SHOWN);
        if more > 0 {
            gap.accounts.truncate(ACCOUNTS_SHOWN);
            gap.message = format!("{} (and {more} more accounts)", gap.message);
        }
    }
    // A cursor is some 60 characters.
    let mut left = budget.saturating_sub(size(&json!(report)) + 80);
    for finding in findings.into_iter().skip(page.offset).take(page.most) {
        let mut finding = finding;
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
    report
}

fn size(value: &Value) -> usize {
    value.to_string().chars().count()
}

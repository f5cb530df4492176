//! What each tool takes, as the simulator counted it: written by `tests/it/measured.rs`, which holds it to what is counted.

use std::{collections::BTreeMap, fmt::Write as _, sync::LazyLock};

use serde::Deserialize;

use crate::check::Check;

/// What was scanned, and what each tool took.
#[derive(Clone, Debug, Default, Deserialize)]
struct Measured {
    accounts: u32,
    regions: Vec<String>,
    /// By name. A tool that is not there was not measured yet.
    tools: BTreeMap<String, Taken>,
}

/// What one tool took, alone, without faults.
#[derive(Clone, Debug, Deserialize)]
struct Taken {
    /// In how many targets it ran.
    targets: u32,
    /// How often each operation was called, by the IAM prefix of its service; those with which every scan finds its way in are left out.
    calls: BTreeMap<String, u32>,
    /// What AWS would have charged, in USD.
    billed_usd: f64,
}

static MEASURED: LazyLock<Measured> =
    LazyLock::new(|| serde_json::from_str(include_str!("calls.json")).unwrap_or_default());

/// The organization that was scanned, in words.
pub(super) fn place() -> String {
    let Measured { accounts, regions, .. } = &*MEASURED;
    format!("{accounts} made-up accounts in {} regions, most of which are busy in one or two", regions.len())
}

/// The calls and charges of a check for each target, Markdown.
pub(super) fn words(check: &Check) -> String {
    let Some(taken) = MEASURED.tools.get(check.name()).filter(|it| it.targets > 0) else {
        return "not measured yet".to_owned();
    };
    let targets = f64::from(taken.targets);
    let all: u32 = taken.calls.values().sum();
    let mut by_count: Vec<_> = taken.calls.iter().collect();
    by_count.sort_by_key(|(action, count)| (std::cmp::Reverse(**count), *action));
    let each = by_count.iter().map(|(action, count)| format!("`{action}` {:.2}", f64::from(**count) / targets));
    let mut text = format!("{:.2} calls a target ({})", f64::from(all) / targets, each.collect::<Vec<_>>().join(", "));
    if taken.billed_usd > 0.0 {
        let _ = write!(text, ", {:.6} USD a target", taken.billed_usd / targets);
    }
    text
}

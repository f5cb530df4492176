//! What each tool takes, counted by the simulator: the figures of `docs/tools.md`.

use std::{collections::BTreeMap, path::PathBuf};

use orgscan::{check::Check, checks};
use serde_json::{Value, json};

use crate::{
    demo::Simulated,
    harness::{Running, plain_command, repository, scratch},
};

/// What is scanned.
const ACCOUNTS: u32 = 12;
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "us-west-2"];
/// Where the figures are kept.
const FILE: &str = "src/generate/calls.json";

/// How often each of some actions has been called, and what has been charged.
fn counted(simulated: &Simulated) -> (BTreeMap<String, u64>, f64) {
    let counts = simulated.get("/_simulator/counts");
    // Each scan is a process of its own and finds its way in at once.
    let throttled: Vec<_> = counts["throttled"].as_object().expect("counted").keys().collect();
    assert!(throttled.iter().all(|it| it.starts_with("account:") || it.starts_with("sts:")), "{throttled:?}");
    let calls = counts["calls"].as_object().expect("counted").iter();
    let billed = &counts["billed_usd"];
    let billed = billed.as_f64().or_else(|| billed.as_str()?.parse().ok()).expect("an amount");
    (calls.map(|(action, count)| (action.clone(), count.as_u64().expect("a number"))).collect(), billed)
}

/// A file with the accounts that run: who is in the organization need not be asked for each tool.
fn accounts(simulated: &Simulated) -> PathBuf {
    let output = Running::start(simulated.lead(plain_command(&["accounts", "--output", "json"]))).finish().json();
    let active = output["accounts"].as_array().expect("a list").iter().filter(|it| it["state"] == "ACTIVE");
    let ids: Vec<_> = active.map(|it| it["account_id"].as_str().expect("an id")).collect();
    let file = scratch("accounts.txt");
    std::fs::write(&file, ids.join("\n")).expect("the file can be written");
    file
}

/// What one tool takes, alone: as a difference between two counts.
fn taken(simulated: &Simulated, accounts: &str, check: &Check) -> Value {
    let (before, billed_before) = counted(simulated);
    let scan = ["scan", check.name(), "--accounts-file", accounts, "--regions", &REGIONS.join(","), "--output", "json"];
    let output = Running::start(simulated.lead(plain_command(&scan))).finish();
    assert_eq!(output.code, Some(0), "{output:?}");
    let (after, billed) = counted(simulated);
    let own: Vec<_> = check.actions().iter().map(|it| format!("{}:{}", it.service.iam, it.operation)).collect();
    let count = |action: &String| after.get(action).unwrap_or(&0) - before.get(action).unwrap_or(&0);
    let calls: BTreeMap<_, _> = own.iter().map(|it| (it, count(it))).filter(|(_, count)| *count > 0).collect();
    let answered = output.json();
    // The tool says the same of itself.
    assert_eq!(answered["api"]["calls"], after.values().sum::<u64>() - before.values().sum::<u64>());
    // Sums of a hundred thousandth of a dollar.
    let billed_usd = ((billed - billed_before) * 1e6).round() / 1e6;
    json!({"targets": answered["coverage"]["scanned"], "calls": calls, "billed_usd": billed_usd})
}

#[test]
fn the_figures_of_the_documentation_are_what_the_simulator_counts() {
    let count = ACCOUNTS.to_string();
    let simulated = Simulated::start(&["simulator", "--accounts", &count, "--seed", "1", "--latency", "0ms"]);
    let accounts = accounts(&simulated);
    let measure = |it: &'static Check| (it.name(), taken(&simulated, accounts.to_str().expect("a path"), it));
    let tools: BTreeMap<_, _> = checks::all().into_iter().map(measure).collect();
    let measured = json!({"accounts": ACCOUNTS, "regions": REGIONS, "tools": tools});
    let path = repository(FILE);
    if std::env::var_os("UPDATE").is_some_and(|it| it == "1") {
        let text = serde_json::to_string_pretty(&measured).expect("JSON");
        std::fs::write(path, format!("{text}\n")).expect("the file can be written");
        return;
    }
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("recorded")).expect("JSON");
    for (tool, taken) in tools {
        assert_eq!(recorded["tools"][tool], taken, "{tool}: run `just update`");
    }
    assert_eq!(recorded, measured, "run `just update`");
}

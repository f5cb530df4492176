//! What we write down: everything that is derived from the registry, as pure functions from checks to text.

mod calls;
mod cloudformation;
pub(crate) mod policy;

use std::{fmt::Write as _, path::PathBuf};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{
    aws::{Declared, metrics::MetricQuery, prices},
    check::{Check, Scope},
    checks, engine, server,
};

pub(crate) use cloudformation::{member_role_yaml, template_version};
pub use policy::policy_json;

/// One generated file: its path from the root of the repository, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path from the root of the repository.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
}

/// The sets of categories among the examples; the `.env` file beside each names the same.
const SETS: [(&str, &[&str]); 3] = [
    ("hygiene", &["governance", "messaging", "security"]),
    ("network-and-security", &["network", "security"]),
    ("savings", &["cleanup", "containers", "cost", "storage"]),
];

fn of_categories(checks: &[&'static Check], categories: &[&str]) -> Vec<&'static Check> {
    checks.iter().copied().filter(|it| categories.contains(&it.category())).collect()
}

/// Every generated file.
#[must_use]
pub fn files() -> Vec<File> {
    let checks = checks::all();
    let mut files = vec![
        File { path: "docs/tools.md".into(), text: tools_md(&checks) },
        File { path: "docs/answer.schema.json".into(), text: pretty(&json!(server::tools::answer_schema())) },
        File { path: "docs/diagnosis.schema.json".into(), text: pretty(&json!(server::doctor::diagnosis_schema())) },
        File { path: "docs/prices.md".into(), text: prices_md() },
        File { path: "docs/member-policy.json".into(), text: policy_json(&checks) },
        File { path: "docs/scanner-policy.json".into(), text: policy::scanner_policy_json() },
        File { path: "docs/permissions.md".into(), text: policy::permissions_md(&checks) },
        File { path: "examples/terraform/member-role/member-policy.json".into(), text: policy_json(&checks) },
    ];
    files.extend(cloudformation::files(&checks).into_iter().map(|(path, text)| File { path: path.into(), text }));
    files.push(File {
        path: "examples/terraform/cleanup-and-storage.json".into(),
        text: policy_json(&of_categories(&checks, &["cleanup", "storage"])),
    });
    files.extend(SETS.iter().map(|(name, categories)| File {
        path: format!("examples/categories/{name}.parameters.json").into(),
        text: cloudformation::parameters_json(&checks, categories),
    }));
    files.extend(checks.iter().map(|check| {
        let text = pretty(&json!(server::tools::tool(check)));
        File { path: format!("tests/tools/{}.json", check.name()).into(), text }
    }));
    let doctor = pretty(&json!(server::doctor::tool()));
    files.push(File { path: format!("tests/tools/{}.json", server::doctor::NAME).into(), text: doctor });
    files
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).map_or_else(|error| error.to_string(), |text| format!("{text}\n"))
}

/// Where and how often a check runs, in words.
pub(crate) fn scope_words(check: &Check) -> &'static str {
    match check.scope {
        Scope::Regional => "in each account and region",
        Scope::Account => "once in each account",
        Scope::Payer => "once, in the payer",
    }
}

/// What AWS charges for running a check, in words; `None` for nothing.
pub(crate) fn charges(check: &Check) -> Option<String> {
    if check.actions().iter().any(|it| it.charged_per_request) {
        return Some(format!("{} USD for each page of Cost Explorer", prices::COST_EXPLORER_REQUEST.usd));
    }
    let metrics = check.needs.iter().any(|it| it.name == MetricQuery::NAME);
    let thousand = (prices::METRIC_REQUESTED.usd * Decimal::from(1000)).normalize();
    metrics.then(|| format!("{thousand} USD for every 1,000 metrics asked of CloudWatch"))
}

/// The catalogue of tools, Markdown.
pub(crate) fn tools_md(checks: &[&'static Check]) -> String {
    let mut text = format!(
        "# Tools\n\nGenerated from the registry: edit the checks, then run `just update`.\n\nA target is an account and region, or \
         an account, or the payer. Calls and charges were counted by the simulator, each tool alone, in {}: so many were made for \
         each target on average. Lists are read once for all tools of a scan, so that several tools together take fewer. Tags that a listing does not \
         carry are looked up in the tagging service besides, one call for each hundred findings. Your \
         accounts differ: what is asked of one resource each is asked as often as there are candidates.\n",
        calls::place()
    );
    let mut category = "";
    for check in checks {
        if check.category() != category {
            category = check.category();
            let _ = write!(text, "\n## {category}\n");
        }
        let _ = write!(text, "\n### {}\n\n{}\n\n", check.name(), check.docs());
        let _ = writeln!(text, "* Runs {}.", scope_words(check));
        let _ = writeln!(text, "* AWS charges {}.", charges(check).as_deref().unwrap_or("nothing"));
        let _ = writeln!(text, "* Took {}.", calls::words(check));
        let mut actions: Vec<_> = check.actions().iter().map(|it| format!("`{}`", it.iam())).collect();
        actions.dedup();
        let _ = writeln!(text, "* Needs {}.", actions.join(", "));
        text.push_str(&parameters_md(check));
    }
    text
}

/// The table of prices, Markdown.
fn prices_md() -> String {
    let mut text = String::from(
        "# Prices\n\nGenerated from `src/aws/prices.rs`. us-east-1 list prices in US dollars; other regions differ. A month has 730 \
         hours.\n\n| price | USD | for each | as of | source |\n| --- | ---: | --- | --- | --- |\n",
    );
    for (name, price) in prices::ALL {
        let name = name.to_lowercase();
        let _ = writeln!(text, "| {name} | {} | {} | {} | {} |", price.usd, price.unit, price.as_of, price.source);
    }
    text
}

fn parameters_md(check: &Check) -> String {
    let schema = engine::request::input_schema(check);
    let own = engine::request::own_parameters(check);
    if own.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n| parameter | default | meaning |\n| --- | --- | --- |\n");
    for name in own {
        let property = schema.get("properties").and_then(|it| it.get(&name)).cloned().unwrap_or_default();
        let default = property.get("default").map(|it| format!("`{it}`")).unwrap_or_default();
        let bounds = match (property.get("minimum"), property.get("maximum")) {
            (Some(least), Some(most)) => format!(" {least} to {most}."),
            _ => String::new(),
        };
        let meaning = property.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
        let _ = writeln!(text, "| `{name}` | {default} | {meaning}{bounds} |");
    }
    text
}

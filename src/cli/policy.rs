//! `orgscan policy`: what the member role needs, in the forms that deploy it, explained, and compared with what a role has.

use std::{
    collections::BTreeSet,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{COMPLETE, Failure, INCOMPLETE, OutputFormat, checks_named, granted::Granted, output};
use crate::{
    aws::door::own_config,
    check::Check,
    checks,
    engine::{Engine, ROLE_NAME, Settings, Source},
    generate::{
        self,
        policy::{MANAGED_POLICY_CHARACTERS, member_actions, policy_parts, tools_by_action},
    },
};

#[derive(Clone, Debug, Args)]
pub(super) struct PolicyArgs {
    /// Tools or categories; all when absent.
    #[arg(value_name = "TOOL|CATEGORY")]
    names: Vec<String>,

    /// In which form to print it.
    #[arg(long, env = "ORGSCAN_POLICY_FORMAT", default_value = "iam")]
    format: Form,

    /// Print IAM documents that each fit a managed policy, one a line, for a shell to read line by line.
    #[arg(long, conflicts_with_all = ["explain", "diff", "diff_role"])]
    parts: bool,

    /// Print which tools need each action instead.
    #[arg(long, conflicts_with_all = ["diff", "diff_role"])]
    explain: bool,

    /// Compare with the policies in this file instead (- for stdin): a policy document, or what aws iam
    /// get-account-authorization-details, get-role-policy or get-policy-version prints. Exit code 2: something is missing.
    #[arg(long, value_name = "FILE", conflicts_with = "diff_role")]
    diff: Option<PathBuf>,

    /// Compare with the policies that this role has, read from IAM in the account of the credentials, which must permit that
    /// (docs/permissions.md names the actions). Exit code 2: something is missing.
    #[arg(long, value_name = "ROLE")]
    diff_role: Option<String>,

    /// The role to compare, where the file holds several.
    #[arg(long, env = "ORGSCAN_ROLE_NAME", default_value = ROLE_NAME, value_name = "NAME")]
    role_name: String,

    /// How to print what is explained or compared.
    #[arg(long, short = 'o', env = "ORGSCAN_OUTPUT", default_value = "table")]
    output: OutputFormat,
}

/// The form of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// An IAM policy document.
    Iam,
    /// The CloudFormation template of the member role, with its trust, in policies that fit.
    Cloudformation,
}

pub(super) async fn run(args: &PolicyArgs) -> Result<u8, Failure> {
    let checks = checks_named(&args.names)?;
    if let Some(file) = &args.diff {
        return diff(&checks, &in_file(file, &args.role_name)?, args);
    }
    if let Some(role) = &args.diff_role {
        return diff(&checks, &of_role(role).await?, args);
    }
    if args.explain {
        explain(&checks, args.output)?;
    } else if args.format == Form::Cloudformation {
        if args.parts {
            return Err(Failure::from("--parts is about IAM documents; the template is in parts already"));
        }
        output::print(&generate::member_role_yaml(&checks))?;
    } else {
        let parts = policy_parts(&checks);
        if args.parts {
            output::print(&parts.join("\n"))?;
        } else {
            output::print(&generate::policy_json(&checks))?;
            if parts.len() > 1 {
                output::aside(&format!(
                    "the policy is longer than the {MANAGED_POLICY_CHARACTERS} characters of a managed policy; --parts prints {} that fit",
                    parts.len()
                ));
            }
        }
    }
    Ok(COMPLETE)
}

/// Some tools in words.
fn tools_words(tools: &BTreeSet<&str>, all: usize) -> String {
    if tools.len() == all { "every tool".to_owned() } else { tools.iter().copied().collect::<Vec<_>>().join(", ") }
}

fn explain(checks: &[&'static Check], format: OutputFormat) -> Result<(), Failure> {
    let tools = tools_by_action(checks);
    let json: Vec<_> = tools.iter().map(|(action, tools)| json!({"action": action, "tools": tools})).collect();
    let rows: Vec<_> =
        tools.iter().map(|(action, tools)| vec![action.clone(), tools_words(tools, checks.len())]).collect();
    output::print(&output::listing(format, &["action", "needed by"], &rows, &json)?)
}

/// What the policies in a file grant.
fn in_file(file: &Path, role: &str) -> Result<Granted, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure(format!("{}: {error}", file.display()));
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut it| it.read_to_string(&mut text))
    };
    read.map_err(|it| named(&it))?;
    Granted::read(&text, role).map_err(|it| named(&it))
}

/// What a role in the account of the credentials is granted, as IAM tells it.
async fn of_role(role: &str) -> Result<Granted, Failure> {
    let settings = Settings { source: Source::Single, ..Settings::usual() };
    let engine = Engine::new(own_config().await, settings, Vec::new());
    let (account, policies) = engine.policies_of(role).await?;
    let named = |error: String| Failure(format!("role {role} in account {account}: {error}"));
    Granted::of(&policies.documents, policies.boundary.as_deref()).map_err(named)
}

fn diff(checks: &[&'static Check], granted: &Granted, args: &PolicyArgs) -> Result<u8, Failure> {
    let needed = tools_by_action(checks);
    let missing: Vec<_> =
        needed.iter().filter_map(|(action, tools)| Some((action, tools, granted.withholds(action)?))).collect();
    let unused = granted.beyond(&member_actions(&checks::all()));
    let json_missing: Vec<_> =
        missing.iter().map(|(action, tools, why)| json!({"action": action, "why": why, "tools": tools})).collect();
    let rows: Vec<_> = missing
        .iter()
        .map(|(action, tools, why)| vec![(*action).clone(), (*why).to_owned(), tools_words(tools, checks.len())])
        .collect();
    let heads = ["missing", "why", "tools it costs"];
    let text = match args.output {
        OutputFormat::Json => {
            let unused: Vec<Value> =
                unused.iter().map(|it| json!({"granted": it.pattern, "actions_used": it.used})).collect();
            serde_json::to_string_pretty(&json!({
                "actions_needed": needed.len(), "missing": json_missing, "not_used": unused,
            }))?
        }
        OutputFormat::Ndjson | OutputFormat::Csv => output::listing(args.output, &heads, &rows, &json_missing)?,
        OutputFormat::Table | OutputFormat::Summary | OutputFormat::Markdown => {
            let mut lines = vec![format!("{} of {} actions are missing.", missing.len(), needed.len())];
            if !missing.is_empty() {
                lines.push(output::listing(args.output, &heads, &rows, &json_missing)?);
            }
            if !unused.is_empty() {
                let rows: Vec<_> = unused.iter().map(|it| vec![it.pattern.clone(), it.used.to_string()]).collect();
                lines.push("Granted beyond what orgscan ever asks:".to_owned());
                lines.push(output::listing(args.output, &["granted", "actions of it that are used"], &rows, &[])?);
            }
            lines.join("\n")
        }
    };
    output::print(&text)?;
    Ok(if missing.is_empty() { COMPLETE } else { INCOMPLETE })
}

//! IAM policies, and the page that says which tool needs which action.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::{Value, json};

use super::{pretty, scope_words};
use crate::{
    aws::action::Action,
    check::{Check, Scope},
    engine::{self, doctor},
};

/// The most characters of a managed policy, white space not counted
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>, read Oct 2026).
pub(crate) const MANAGED_POLICY_CHARACTERS: usize = 6_144;

/// What one statement of a policy permits: some actions on everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Letters and digits.
    pub(crate) sid: String,
    pub(crate) actions: BTreeSet<String>,
}

impl Statement {
    pub(crate) fn new(sid: &str, actions: BTreeSet<String>) -> Self {
        Self { sid: sid.to_owned(), actions }
    }

    fn json(&self, resource: &str) -> Value {
        json!({"Sid": self.sid, "Effect": "Allow", "Action": self.actions, "Resource": resource})
    }

    /// The same in as few statements as fit a policy each.
    pub(crate) fn in_parts(self) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        for action in self.actions {
            let mut with = parts.last().cloned().unwrap_or_else(|| Self::new(&self.sid, BTreeSet::new()));
            with.actions.insert(action.clone());
            match parts.last_mut() {
                Some(last) if fits([&with]) => *last = with,
                Some(_) => {
                    let sid = format!("{}{}", self.sid, parts.len() + 1);
                    parts.push(Self { sid, actions: [action].into() });
                }
                None => parts.push(with),
            }
        }
        parts
    }
}

/// A policy of some statements.
fn document(statements: impl IntoIterator<Item = Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements.into_iter().collect::<Vec<_>>()})
}

/// Whether AWS takes these statements as one managed policy.
pub(crate) fn fits<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> bool {
    let policy = document(statements.into_iter().map(|it| it.json("*"))).to_string();
    policy.chars().filter(|it| !it.is_whitespace()).count() <= MANAGED_POLICY_CHARACTERS
}

/// The names of some actions, as IAM has them.
pub(crate) fn names<'a>(actions: impl IntoIterator<Item = &'a Action>) -> BTreeSet<String> {
    actions.into_iter().map(Action::iam).collect()
}

/// What is asked in each account whatever the tools: by the engine itself, and by the doctor.
pub(crate) fn core_actions() -> BTreeSet<String> {
    names(engine::member_actions().into_iter().chain(doctor::member_actions().iter().copied()))
}

/// What the scanner asks in its own account: of Organizations and STS, and of the StackSet.
fn scanner_actions() -> BTreeSet<String> {
    names(engine::scanner_actions().into_iter().chain(doctor::scanner_actions()))
}

/// What some checks and the engine ask in an account.
pub(crate) fn member_actions(checks: &[&'static Check]) -> BTreeSet<String> {
    let mut actions = core_actions();
    actions.extend(names(checks.iter().flat_map(|it| it.actions())));
    actions
}

/// Which of some tools need each action: those of the engine are needed by all, those of `orgscan doctor` by it alone.
pub(crate) fn tools_by_action(checks: &[&'static Check]) -> BTreeMap<String, BTreeSet<&'static str>> {
    let all: BTreeSet<_> = checks.iter().map(|it| it.name()).collect();
    let of_engine = names(engine::member_actions()).into_iter().map(|it| (it, all.clone()));
    let of_doctor =
        names(doctor::member_actions().iter().copied()).into_iter().map(|it| (it, BTreeSet::from(["doctor"])));
    let mut tools: BTreeMap<_, _> = of_engine.chain(of_doctor).collect();
    for check in checks {
        for action in check.actions() {
            tools.entry(action.iam()).or_default().insert(check.name());
        }
    }
    tools
}

/// The IAM policy of the member role: exactly what the checks and the engine may ask there.
#[must_use]
pub fn policy_json(checks: &[&'static Check]) -> String {
    pretty(&document([Statement::new("OrgscanRead", member_actions(checks)).json("*")]))
}

/// The same in documents that each fit a managed policy, one a line.
pub(crate) fn policy_parts(checks: &[&'static Check]) -> Vec<String> {
    let parts = Statement::new("OrgscanRead", member_actions(checks)).in_parts();
    parts.iter().map(|it| document([it.json("*")]).to_string()).collect()
}

/// The IAM policy of the scanner itself: listing the organization, and assuming the role in each account.
pub(super) fn scanner_policy_json() -> String {
    let (assume, list): (BTreeSet<String>, BTreeSet<String>) =
        scanner_actions().into_iter().partition(|it| it == "sts:AssumeRole");
    let list = Statement::new("OrgscanList", list).json("*");
    let assume = Statement::new("OrgscanAssume", assume).json(&format!("arn:aws:iam::*:role/{}", engine::ROLE_NAME));
    pretty(&document([list, assume]))
}

fn code(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names = names.into_iter().map(|it| format!("`{}`", it.as_ref()));
    names.collect::<Vec<_>>().join(", ")
}

const PERMISSIONS: &str = "\
# Permissions

Generated from the registry: edit the checks, then run `just update`.

`orgscan policy` prints the policy of the member role, for all tools or for those named, as IAM JSON or as the CloudFormation
template of the role; `orgscan policy --explain` prints the second table below; `orgscan policy --diff FILE` compares a role's policies with what
orgscan needs; `orgscan doctor` tries the actions in every account.

## Why every resource

The statements name actions one by one and give them on `\"Resource\": \"*\"`. Most of these actions list or describe what an account
has, and AWS takes no resource for them. The others are asked of resources that orgscan finds by listing, whose names nobody
knows beforehand. No action writes, and none reads what customers store: no object, message, log event, parameter or secret.

";

/// The page of permissions, Markdown.
pub(super) fn permissions_md(checks: &[&'static Check]) -> String {
    let mut text = PERMISSIONS.to_owned();
    let _ = write!(
        text,
        "## The scanner\n\nThe identity that runs orgscan needs [scanner-policy.json](scanner-policy.json): {}. The \
         `organizations:` actions are answered in the management account or in a member that is a delegated administrator of any service; \
         with `--accounts-file` or `--single-account` they are not asked. Its own account is scanned with its own credentials, so \
         there it needs the member policy as well. `cloudformation:ListStackInstances` lets `orgscan doctor` tell why an account cannot be \
         entered; it is answered in the management account or in a delegated administrator of StackSets, whom CloudFormation knows by \
         `organizations:ListDelegatedAdministrators`. By `config:DescribeConfigurationAggregators` it tells whether AWS Config has an \
         aggregator of the organization; no tool reads one.\n\n## Every account\n\nWhatever \
         the tools, the engine asks for the enabled regions and the tags of what it reports, and `orgscan doctor` for the tags of the role: \
         {}. `ec2:DescribeRegions` is asked where `account:ListRegions` is denied.\n\n## Who rolls it out\n\n`orgscan policy --diff-role` \
         reads the policies of a role with the credentials it is given, not through the role: {}.\n",
        code(scanner_actions()),
        code(core_actions()),
        code(names(engine::operator_actions().iter().copied())),
    );
    let mut category = "";
    for check in checks {
        if check.category() != category {
            category = check.category();
            let of = checks.iter().filter(|it| it.category() == category);
            let payer = of.clone().all(|it| it.scope == Scope::Payer);
            let actions = names(of.flat_map(|it| it.actions()));
            let place = if payer { " The payer alone is asked: no other account need permit them." } else { "" };
            let _ = write!(text, "\n## {category}\n\n{} actions.{place}\n\n", actions.len());
            text.push_str("| tool | runs | actions |\n| --- | --- | --- |\n");
        }
        let actions = code(names(check.actions()));
        let _ = writeln!(text, "| `{}` | {} | {actions} |", check.name(), scope_words(check));
    }
    text.push_str("\n## By action\n\n| action | tools |\n| --- | --- |\n");
    for (action, tools) in tools_by_action(checks) {
        let tools = if tools.len() == checks.len() { "every tool".to_owned() } else { code(tools) };
        let _ = writeln!(text, "| `{action}` | {tools} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;

    #[test]
    fn whoever_asks_only_reads_but_for_assuming_the_role() {
        let operator = names(engine::operator_actions().iter().copied());
        let all = scanner_actions().into_iter().chain(core_actions()).chain(operator);
        for action in all.filter(|it| it != "sts:AssumeRole") {
            let name = action.split(':').nth(1).unwrap_or_default();
            assert!(["Describe", "Get", "List"].iter().any(|it| name.starts_with(it)), "{action} does not read");
        }
    }

    #[test]
    fn parts_fit_and_together_are_the_whole() {
        let actions: BTreeSet<String> = (0..1000).map(|it| format!("service{it}:DescribeSomeThings")).collect();
        let parts = Statement::new("Read", actions.clone()).in_parts();
        assert!(parts.len() > 1 && parts.iter().all(|it| fits([it])));
        assert_eq!(parts.iter().map(|it| it.sid.as_str()).take(2).collect::<Vec<_>>(), ["Read", "Read2"]);
        let together: Vec<String> = parts.into_iter().flat_map(|it| it.actions).collect();
        assert_eq!(together, actions.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn every_line_of_the_parts_is_a_policy() {
        let checks = checks::all();
        let mut actions = BTreeSet::new();
        for part in policy_parts(&checks) {
            let part: Value = serde_json::from_str(&part).expect("JSON");
            let of: BTreeSet<String> =
                serde_json::from_value(part["Statement"][0]["Action"].clone()).expect("a list of actions");
            actions.extend(of);
        }
        assert_eq!(actions, member_actions(&checks));
    }

    #[test]
    fn the_page_names_every_action_and_tool() {
        let page = permissions_md(&checks::all());
        for action in member_actions(&checks::all()) {
            assert!(page.contains(&format!("| `{action}` |")), "{action}");
        }
        for check in checks::all() {
            assert!(page.contains(&format!("| `{}` |", check.name())), "{check:?}");
        }
    }
}

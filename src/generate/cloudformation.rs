//! The `CloudFormation` templates of the read-only role, with a switch for each category.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::json;

use super::policy::{Statement, core_actions, fits, names};
use crate::{
    check::{Check, Scope},
    checks,
};

/// How many conditions `Fn::Or` takes
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html>,
/// read Oct 2026).
const ALTERNATIVES: usize = 10;

/// The templates without what follows from the registry, which stands there in angle brackets.
const MEMBER_ROLE: &str = include_str!("frames/member-role.yaml");
const SINGLE_ACCOUNT: &str = include_str!("frames/single-account.yaml");
const ORGANIZATION: &str = include_str!("frames/organization.yaml");
const TERRAFORM: &str = include_str!("frames/member-role.tf");

/// Whom the policies of a template are attached to.
const THE_ROLE: &str = "[!Ref ReadOnlyRole]";
const WHO_IS_NAMED: &str = "
        - !If [HasRole, !Ref ReadOnlyRole, !Ref AWS::NoValue]
        - !If [IsAttached, !Ref AttachToRole, !Ref AWS::NoValue]";

/// A category that can be switched off, and what its tools ask.
#[derive(Clone, Debug)]
struct Category {
    /// `Cleanup`: the name of the parameter and of the statement.
    name: String,
    /// What the parameter says of itself.
    description: String,
    actions: BTreeSet<String>,
}

impl Category {
    /// The categories of some checks.
    fn all(checks: &[&'static Check]) -> Vec<Self> {
        let mut categories: Vec<&str> = checks.iter().map(|it| it.category()).collect();
        categories.dedup();
        let category = |category: &str| {
            let of: Vec<_> = checks.iter().filter(|it| it.category() == category).collect();
            let tools: Vec<_> = of.iter().map(|it| it.name()).collect();
            let place = if of.iter().all(|it| it.scope == Scope::Payer) {
                "\n      They ask the management account alone: elsewhere this may be no."
            } else {
                ""
            };
            Self {
                name: pascal(category),
                description: format!(
                    "Whether to permit what these tools ask:\n      {}.{place}",
                    tools.join(",\n      ")
                ),
                actions: names(of.iter().flat_map(|it| it.actions())),
            }
        };
        categories.into_iter().map(category).collect()
    }
}

fn pascal(name: &str) -> String {
    let word = |it: &str| {
        let (first, rest) = it.split_at(it.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    name.split('_').map(word).collect()
}

/// A statement, and the category it stands for; `None` for what is always permitted.
type Permitted<'a> = (Option<&'a str>, Statement);

/// What the role may do in policies that each fit, first fit first.
fn policies<'a>(core: &BTreeSet<String>, categories: &'a [Category]) -> Vec<Vec<Permitted<'a>>> {
    let core = Statement::new("Core", core.clone()).in_parts().into_iter().map(|it| (None, it));
    let of_categories = categories.iter().flat_map(|category| {
        let statement = Statement::new(&category.name, category.actions.clone());
        statement.in_parts().into_iter().map(|it| (Some(category.name.as_str()), it))
    });
    let mut policies: Vec<Vec<Permitted<'a>>> = Vec::new();
    for permitted in core.chain(of_categories) {
        let room = |policy: &&mut Vec<Permitted<'a>>| fits(policy.iter().map(|(_, it)| it).chain([&permitted.1]));
        match policies.iter_mut().find(room) {
            Some(policy) => policy.push(permitted),
            None => policies.push(vec![permitted]),
        }
    }
    policies
}

/// What of a policy is chosen: the categories one of which must be, or `None` when something in it always is.
fn choices<'a>(policy: &[Permitted<'a>]) -> Option<Vec<&'a str>> {
    let mut categories: Vec<_> = policy.iter().map(|(category, _)| *category).collect::<Option<_>>()?;
    categories.dedup();
    Some(categories)
}

/// A name for a set of actions by category that changes when the set does: 64-bit FNV-1a
/// (<http://www.isthe.com/chongo/tech/comp/fnv/>), which is the same on every machine and in every release.
fn version(core: &BTreeSet<String>, categories: &[Category]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let of_category = |it: &Category| [vec![format!("[{}]", it.name)], it.actions.iter().cloned().collect()].concat();
    let lines = core.iter().cloned().chain(categories.iter().flat_map(of_category));
    for byte in lines.flat_map(|it| format!("{it}\n").into_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// What the tag of the role says where it was made from this version of the template.
pub(crate) fn template_version() -> String {
    version(&core_actions(), &Category::all(&checks::all()))
}

/// The template of the member role for some checks.
#[must_use]
pub(crate) fn member_role_yaml(checks: &[&'static Check]) -> String {
    filled(MEMBER_ROLE, THE_ROLE, &core_actions(), &Category::all(checks))
}

/// The templates and Terraform files that hold the actions or categories of some checks, by their paths.
pub(super) fn files(checks: &[&'static Check]) -> Vec<(&'static str, String)> {
    let (core, categories) = (core_actions(), Category::all(checks));
    let fill = |frame, whom| filled(frame, whom, &core, &categories);
    vec![
        ("cloudformation/member-role.yaml", fill(MEMBER_ROLE, THE_ROLE)),
        ("cloudformation/single-account.yaml", fill(SINGLE_ACCOUNT, WHO_IS_NAMED)),
        ("cloudformation/organization.yaml", fill(ORGANIZATION, THE_ROLE)),
        ("examples/terraform/member-role/main.tf", fill(TERRAFORM, THE_ROLE)),
    ]
}

/// The parameters of the templates with these categories chosen, as the AWS command line takes them.
pub(super) fn parameters_json(checks: &[&'static Check], chosen: &[&str]) -> String {
    let chosen: Vec<_> = chosen.iter().map(|it| pascal(it)).collect();
    let value = |it: &Category| if chosen.contains(&it.name) { "yes" } else { "no" };
    let rows =
        Category::all(checks).into_iter().map(|it| json!({"ParameterValue": value(&it), "ParameterKey": it.name}));
    super::pretty(&rows.collect())
}

/// A frame with what follows from the registry.
fn filled(frame: &str, whom: &str, core: &BTreeSet<String>, categories: &[Category]) -> String {
    let policies = policies(core, categories);
    let each = |line: &dyn Fn(&str) -> String| categories.iter().map(|it| line(&it.name)).collect::<String>();
    let names: Vec<_> = categories.iter().map(|it| it.name.as_str()).collect();
    let parameters = categories.iter().map(|it| {
        format!(
            "  {}:\n    Type: String\n    Description: >-\n      {}\n    AllowedValues: [\"yes\", \"no\"]\n    Default: \"yes\"\n",
            it.name, it.description
        )
    });
    let any = (1..).zip(&policies).filter_map(|(number, policy)| {
        let choices = choices(policy).filter(|it| it.len() > 1)?;
        let any: Vec<_> = choices.iter().map(|it| format!("{{Condition: With{it}}}")).collect();
        Some(format!("  WithReadPolicy{number}: {}\n", any_of(&any)))
    });
    let conditions = each(&|it| format!("  With{it}: !Equals [!Ref {it}, \"yes\"]\n")) + &any.collect::<String>();
    let made: Vec<_> = (1..).zip(&policies).map(|(number, policy)| policy_yaml(number, policy, whom)).collect();
    frame
        .replace("<categories>", &names.join(", "))
        .replace("<parameters>\n", &parameters.collect::<String>())
        .replace("<conditions>\n", &conditions)
        .replace("<policies>\n", &made.join("\n"))
        .replace("<policy arns>\n", &policy_arns(&policies))
        .replace("<passed as map>\n", &each(&|it| format!("        {it}: !Ref {it}\n")))
        .replace(
            "<passed as list>\n",
            &each(&|it| format!("        - {{ParameterKey: {it}, ParameterValue: !Ref {it}}}\n")),
        )
        .replace("<version>", &version(core, categories))
}

/// The policies that are made, as a list of references.
fn policy_arns(policies: &[Vec<Permitted<'_>>]) -> String {
    let line = |(number, policy): (usize, &Vec<Permitted<'_>>)| {
        let start = if number == 1 { "- - " } else { "  - " };
        match condition(number, policy) {
            None => format!("      {start}!Ref ReadPolicy{number}\n"),
            Some(condition) => {
                format!("      {start}!If [{condition}, !Ref ReadPolicy{number}, !Ref AWS::NoValue]\n")
            }
        }
    };
    (1..).zip(policies).map(line).collect()
}

/// The condition under which a policy is made; `None` for one that always is.
fn condition(number: usize, policy: &[Permitted<'_>]) -> Option<String> {
    match choices(policy)?.as_slice() {
        [one] => Some(format!("With{one}")),
        _ => Some(format!("WithReadPolicy{number}")),
    }
}

/// That one of some conditions holds.
fn any_of(conditions: &[String]) -> String {
    if conditions.len() <= ALTERNATIVES {
        return format!("!Or [{}]", conditions.join(", "));
    }
    // Groups of like size, since `Fn::Or` takes no single condition.
    let (count, groups) = (conditions.len(), conditions.len().div_ceil(ALTERNATIVES));
    let group = |it: usize| any_of(&conditions[it * count / groups..(it + 1) * count / groups]);
    any_of(&(0..groups).map(group).collect::<Vec<_>>())
}

fn policy_yaml(number: usize, policy: &[Permitted<'_>], whom: &str) -> String {
    let mut text = format!("  ReadPolicy{number}:\n    Type: AWS::IAM::ManagedPolicy\n");
    if let Some(condition) = condition(number, policy) {
        let _ = writeln!(text, "    Condition: {condition}");
    }
    let space = if whom.starts_with('\n') { "" } else { " " };
    let _ = write!(
        text,
        "    DeletionPolicy: Delete\n    UpdateReplacePolicy: Delete\n    Properties:\n      Description: What orgscan may read, part {number}\n      \
         Roles:{space}{whom}\n      PolicyDocument:\n        Version: \"2012-10-17\"\n        Statement:\n"
    );
    for (category, statement) in policy {
        match category {
            None => text.push_str(&statement_yaml(statement, "          ")),
            Some(category) => {
                let _ = write!(text, "          - !If\n            - With{category}\n");
                text.push_str(&statement_yaml(statement, "            "));
                text.push_str("            - !Ref AWS::NoValue\n");
            }
        }
    }
    text
}

fn statement_yaml(statement: &Statement, indent: &str) -> String {
    let mut text = format!("{indent}- Sid: {}\n{indent}  Effect: Allow\n{indent}  Action:\n", statement.sid);
    for action in &statement.actions {
        let _ = writeln!(text, "{indent}    - {action}");
    }
    let _ = writeln!(text, "{indent}  Resource: \"*\"");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The most bytes of a template that is passed as text, and the most managed policies of a role unless raised
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html> and
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>, read Oct 2026).
    const TEMPLATE_BYTES: usize = 51_200;
    const POLICIES_OF_A_ROLE: usize = 10;

    /// The policies that a template makes when these categories are chosen, each with its actions. Reads the text as
    /// CloudFormation would, as far as this template goes.
    fn deployed(template: &str, chosen: &BTreeSet<&str>) -> BTreeMap<String, Vec<String>> {
        let is_chosen = |condition: &str| {
            let any = |it: &str| {
                it.split(['[', ']', '{', '}', ',', ' '])
                    .any(|it| it.strip_prefix("With").is_some_and(|it| chosen.contains(it)))
            };
            let stated = template.lines().find_map(|it| it.strip_prefix(&format!("  {condition}: !Or ")));
            stated.map_or_else(|| any(condition), any)
        };
        let mut policies: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let (mut policy, mut exists, mut permitted) = (String::new(), true, true);
        for line in template.lines().skip_while(|it| *it != "Resources:").take_while(|it| *it != "Outputs:") {
            let word = line.trim().trim_start_matches("- ");
            if let Some(name) = line.strip_prefix("  ").filter(|it| !it.starts_with(' ')) {
                (policy, exists) = (name.trim_end_matches(':').to_owned(), true);
            } else if let Some(condition) = line.strip_prefix("    Condition: ") {
                exists = is_chosen(condition);
            } else if line.starts_with("            - With") {
                permitted = is_chosen(word);
            } else if line.starts_with("          - Sid:") {
                permitted = true;
            } else if policy.starts_with("ReadPolicy")
                && line.starts_with("              ")
                && line.trim().starts_with("- ")
                && exists
                && permitted
            {
                policies.entry(policy.clone()).or_default().push(word.to_owned());
            }
        }
        policies
    }

    fn reads(action: &str) -> bool {
        let verb = action.split(':').nth(1).expect("a prefix and a name");
        ["Describe", "Get", "List", "BatchGet", "Search", "Lookup"].iter().any(|it| verb.starts_with(it))
    }

    /// A registry of the size that is planned: 76 tools of 14 categories, one of which alone is too long for a policy.
    fn large() -> Vec<Category> {
        let category = |number: usize| {
            let tools = if number == 0 { 24 } else { 4 };
            let actions = (0..tools * 8).map(|it| format!("service{number}:DescribeThingsOfThisKind{it:03}")).collect();
            Category { name: format!("Category{number}"), description: "Whether.".to_owned(), actions }
        };
        (0..14).map(category).collect()
    }

    fn holds_what_is_chosen(core: &BTreeSet<String>, categories: &[Category], text: &str, chosen: &BTreeSet<&str>) {
        let deployed = deployed(text, chosen);
        let actions: BTreeSet<String> = deployed.values().flatten().cloned().collect();
        let mut expected = core.clone();
        expected
            .extend(categories.iter().filter(|it| chosen.contains(it.name.as_str())).flat_map(|it| it.actions.clone()));
        assert_eq!(actions, expected, "{chosen:?}");
        assert!(actions.iter().all(|it| reads(it)), "{actions:?}");
        assert!(deployed.len() <= POLICIES_OF_A_ROLE, "{} policies", deployed.len());
    }

    proptest! {
        #[test]
        fn every_choice_of_categories_permits_what_its_tools_ask(chosen in proptest::collection::vec(any::<bool>(), 32)) {
            let checks = checks::all();
            let (core, categories) = (core_actions(), Category::all(&checks));
            let names: Vec<_> = categories.iter().map(|it| it.name.clone()).collect();
            let chosen: BTreeSet<&str> = names.iter().zip(&chosen).filter(|(_, it)| **it).map(|(it, _)| it.as_str()).collect();
            holds_what_is_chosen(&core, &categories, &member_role_yaml(&checks), &chosen);
            let of_chosen = checks.iter().filter(|it| chosen.contains(pascal(it.category()).as_str()));
            let union: BTreeSet<String> = core.into_iter().chain(names_of(of_chosen)).collect();
            let permitted: BTreeSet<String> =
                deployed(&member_role_yaml(&checks), &chosen).into_values().flatten().collect();
            prop_assert_eq!(permitted, union);
        }

        #[test]
        fn every_choice_among_many_tools_permits_what_they_ask(chosen in proptest::collection::vec(any::<bool>(), 14)) {
            let (core, categories) = (core_actions(), large());
            let names: Vec<_> = categories.iter().map(|it| it.name.clone()).collect();
            let chosen: BTreeSet<&str> = names.iter().zip(&chosen).filter(|(_, it)| **it).map(|(it, _)| it.as_str()).collect();
            holds_what_is_chosen(&core, &categories, &filled(MEMBER_ROLE, THE_ROLE, &core, &categories), &chosen);
        }
    }

    fn names_of<'a>(checks: impl Iterator<Item = &'a &'static Check>) -> BTreeSet<String> {
        names(checks.flat_map(|it| it.actions()))
    }

    #[test]
    fn policies_fit_and_so_does_the_template_today_and_with_many_tools() {
        for categories in [Category::all(&checks::all()), large()] {
            let policies = policies(&core_actions(), &categories);
            assert!(policies.iter().all(|policy| fits(policy.iter().map(|(_, it)| it))));
            assert!(policies.len() <= POLICIES_OF_A_ROLE, "{} policies", policies.len());
            let text = filled(MEMBER_ROLE, THE_ROLE, &core_actions(), &categories);
            assert!(text.len() <= TEMPLATE_BYTES, "{} bytes", text.len());
        }
    }

    #[test]
    fn the_version_changes_with_the_actions_and_with_nothing_else() {
        let (core, categories) = (core_actions(), large());
        let first = version(&core, &categories);
        let mut told = categories.clone();
        told[0].description = "Otherwise.".to_owned();
        assert_eq!(version(&core, &told), first);
        told[3].actions.insert("ec2:DescribeMore".to_owned());
        assert_ne!(version(&core, &told), first);
        let mut moved = categories.clone();
        let action = moved[1].actions.pop_first().expect("an action");
        moved[2].actions.insert(action);
        assert_ne!(version(&core, &moved), first);
    }

    #[test]
    fn many_conditions_are_put_together_in_groups_of_two_to_ten() {
        let conditions = |count: usize| (0..count).map(|it| format!("C{it}")).collect::<Vec<_>>();
        assert_eq!(any_of(&conditions(2)), "!Or [C0, C1]");
        for count in 2..120 {
            let text = any_of(&conditions(count));
            assert!((0..count).all(|it| text.contains(&format!("C{it}"))), "{text}");
            for group in text.split("!Or [").skip(1).filter(|it| !it.is_empty()) {
                let plain: Vec<_> =
                    group.split(']').next().unwrap_or_default().split(", ").filter(|it| !it.is_empty()).collect();
                assert!((2..=ALTERNATIVES).contains(&plain.len()), "{text}");
            }
        }
    }

    #[test]
    fn no_plain_text_of_the_template_reads_as_something_else() {
        let is_text = |it: &&str| !it.trim().starts_with(['#', '-']);
        for line in member_role_yaml(&checks::all()).lines().filter(is_text) {
            let value = line.split_once(": ").map_or("", |(_, value)| value);
            let plain = !value.starts_with(['"', '[', '!', '>']);
            assert!(!plain || !value.contains(": ") && !value.contains(" #"), "{line}");
        }
    }

    #[test]
    fn names_of_parameters_have_no_underscores() {
        assert_eq!(pascal("data_transfer"), "DataTransfer");
        assert_eq!(pascal("cleanup"), "Cleanup");
    }
}

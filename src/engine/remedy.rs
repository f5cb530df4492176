//! What does not work, put together over accounts, with what it costs and how to fix it: pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::fanout::{GLOBAL, PAYER};
use crate::{
    aws::problem::{Class, Problem},
    check::{Check, Scope},
};

/// Where something does not work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Spot {
    pub(crate) account_id: String,
    pub(crate) account_name: Option<String>,
    /// A region, `global`, `payer`, or `scanner` for what the scanner asks of Organizations.
    pub(crate) region: String,
}

/// One thing that does not work, wherever it does not.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Trouble {
    pub(crate) class: Class,
    /// The IAM action; `null` where nothing at all works.
    pub(crate) action: Option<String>,
    /// Whether somebody should do something.
    pub(crate) to_fix: bool,
    pub(crate) fix: String,
    /// The tools that cannot answer there, or not wholly.
    pub(crate) tools: Vec<&'static str>,
    /// What is lost, in words.
    pub(crate) costs: String,
    /// What AWS said in the first of the places.
    pub(crate) message: String,
    pub(crate) places: Vec<Spot>,
}

/// Whether somebody should do something about a class of problems.
pub(crate) fn is_to_fix(class: Class) -> bool {
    class.is_gap()
}

/// Whose permissions they are that lack something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Scanner,
    /// The scanner's own account, which is scanned with the scanner's own permissions.
    Own,
    Member,
}

/// What makes two troubles one: the class, whose permissions they are, and the action.
type Key = (Class, Whose, Option<String>);
/// What AWS said first, and where.
type Met = (String, BTreeSet<Spot>);

/// The troubles so far.
pub(crate) struct Troubles<'a> {
    checks: &'a [&'static Check],
    role: &'a str,
    own: &'a str,
    found: BTreeMap<Key, Met>,
}

impl<'a> Troubles<'a> {
    pub(crate) fn new(checks: &'a [&'static Check], role: &'a str, own: &'a str) -> Self {
        Self { checks, role, own, found: BTreeMap::new() }
    }

    /// Adds what a place met.
    pub(crate) fn add(&mut self, account: &str, name: Option<&str>, region: &str, action: Option<&str>, it: &Problem) {
        let whose = match () {
            () if it.action.starts_with("organizations:") && it.class != Class::AccountSuspended => Whose::Scanner,
            () if account == self.own => Whose::Own,
            () => Whose::Member,
        };
        let spot =
            Spot { account_id: account.to_owned(), account_name: name.map(str::to_owned), region: region.to_owned() };
        let key = (it.class, whose, action.map(str::to_owned));
        self.found.entry(key).or_insert_with(|| (it.message.clone(), BTreeSet::new())).1.insert(spot);
    }

    /// All of them, what should be fixed first.
    pub(crate) fn sorted(self) -> Vec<Trouble> {
        let (checks, role) = (self.checks, self.role);
        let trouble = |((class, whose, action), (message, places)): (Key, Met)| {
            let tools = tools_that_need(checks, action.as_deref(), &places);
            Trouble {
                class,
                to_fix: is_to_fix(class),
                fix: fix(class, whose, action.as_deref(), role),
                costs: costs(class, action.as_deref(), &tools, checks.len()),
                tools,
                action,
                message,
                places: places.into_iter().collect(),
            }
        };
        let mut troubles: Vec<_> = self.found.into_iter().map(trouble).collect();
        troubles.sort_by_key(|it| !it.to_fix);
        troubles
    }
}

/// The tools that need an action; where nothing works, all that run there.
fn tools_that_need(checks: &[&'static Check], action: Option<&str>, places: &BTreeSet<Spot>) -> Vec<&'static str> {
    let runs = |check: &Check, region: &str| match (region, check.scope) {
        (PAYER, scope) => scope == Scope::Payer,
        (GLOBAL, Scope::Regional | Scope::Account) | (_, Scope::Regional) => true,
        _ => false,
    };
    let engine: Vec<String> = super::member_actions().iter().map(|it| it.iam()).collect();
    let needs = |check: &Check| match action {
        Some(action) => {
            check.actions().iter().any(|it| it.iam() == action)
                || engine.iter().any(|it| it == action) && check.scope == Scope::Regional
        }
        None => places.iter().any(|it| runs(check, &it.region)),
    };
    checks.iter().filter(|it| needs(it)).map(|it| it.name()).collect()
}

fn costs(class: Class, action: Option<&str>, tools: &[&str], all: usize) -> String {
    match action {
        _ if !is_to_fix(class) => "nothing that is there".to_owned(),
        Some("organizations:DescribeOrganization" | "organizations:ListAccounts") => {
            "every account but the scanner's own".to_owned()
        }
        Some("organizations:ListRoots" | "organizations:ListOrganizationalUnitsForParent") => {
            "choosing accounts by ou:".to_owned()
        }
        Some("organizations:ListTagsForResource") => "choosing accounts by tag:".to_owned(),
        // The engine has two ways to know.
        Some("ec2:DescribeRegions") => "the opt-in regions, unless account:ListRegions is permitted".to_owned(),
        Some("account:ListRegions") => "the opt-in regions, unless ec2:DescribeRegions is permitted".to_owned(),
        None => format!("all {} tools that run there", tools.len()),
        _ if tools.len() == all && all > 1 => "every tool".to_owned(),
        _ => tools.join(", "),
    }
}

/// How to fix it, in one line.
fn fix(class: Class, whose: Whose, action: Option<&str>, role: &str) -> String {
    let what = action.unwrap_or("what the tools need");
    match class {
        Class::RoleMissing => format!(
            "one of three, AWS does not say which: deploy cloudformation/member-role.yaml there if {role} is missing; let its trust \
             policy name the scanner's role, again if that was made anew; give the external id that it asks for with --external-id"
        ),
        Class::AccessDenied if whose == Whose::Scanner => {
            "let the scanner have docs/scanner-policy.json, and run it in the management account or in a delegated administrator \
             (aws organizations register-delegated-administrator)"
                .to_owned()
        }
        Class::AccessDenied if whose == Whose::Own => {
            format!("permit {what} to the scanner itself, whose own account needs what orgscan policy prints as well")
        }
        Class::AccessDenied => format!(
            "permit {what} to {role}: update its stack from cloudformation/member-role.yaml, or add what orgscan policy prints"
        ),
        Class::DeniedByScp => format!(
            "let the service control policy except {role} (a condition on aws:PrincipalArn), or leave the region out with --regions"
        ),
        Class::DeniedByRcp => format!("let the resource control policy except {role} (a condition on aws:PrincipalArn)"),
        Class::RegionNotEnabled => "nothing to do; aws account enable-region enables it".to_owned(),
        Class::AccountSuspended => "nothing to do; it is not scanned".to_owned(),
        Class::AccountBlocked => "let the owner settle with AWS what blocks the account".to_owned(),
        Class::NotEnrolled if what.starts_with("ce:") => {
            "open Cost Explorer once in the console of the management account; data follow within a day".to_owned()
        }
        Class::NotEnrolled if what.starts_with("cost-optimization-hub:") => {
            "aws cost-optimization-hub update-enrollment-status --status Active --include-member-accounts, in the management \
             account; recommendations follow within a day"
                .to_owned()
        }
        Class::NotEnrolled => "turn the service on there, or leave the tools out".to_owned(),
        Class::DataUnavailable => "wait a day: AWS is still preparing the data".to_owned(),
        Class::NoOrganization => "create an organization, or use --single-account".to_owned(),
        Class::EndpointMissing => "leave the region out with --regions: the service is not there".to_owned(),
        Class::CredentialsExpired | Class::CredentialsInvalid => "renew the scanner's own credentials".to_owned(),
        Class::ClockSkew => "set the clock of the machine that runs orgscan".to_owned(),
        Class::Unreachable | Class::TimedOut => {
            "let the machine reach the endpoint (network, HTTPS_PROXY, VPC endpoint), then try again".to_owned()
        }
        Class::Throttled => "try again later, or with a smaller --quota-share".to_owned(),
        Class::ServiceError => "try again later: AWS failed".to_owned(),
        Class::ChargeCap => "raise --max-charge".to_owned(),
        Class::Deadline | Class::Cancelled => "try again".to_owned(),
        Class::InvalidExchange | Class::Crashed => "report it as a bug of orgscan, with AWS's words".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::action::{Action, EC2, ORGANIZATIONS},
        checks,
    };

    static VOLUMES: Action = Action::new(&EC2, "DescribeVolumes");
    static ROOTS: Action = Action::new(&ORGANIZATIONS, "ListRoots");
    const OWN: &str = "111122223333";

    fn denied(action: &Action) -> Problem {
        Problem::new(Class::AccessDenied, action, "not authorized")
    }

    #[test]
    fn the_same_trouble_in_many_accounts_is_one_with_the_tools_it_costs() {
        let checks = checks::all();
        let mut troubles = Troubles::new(&checks, "Reader", OWN);
        for account in ["222233334444", "333344445555", OWN] {
            troubles.add(account, None, "us-east-1", Some("ec2:DescribeVolumes"), &denied(&VOLUMES));
        }
        troubles.add(OWN, None, "scanner", Some("organizations:ListRoots"), &denied(&ROOTS));
        let troubles = troubles.sorted();
        let said: Vec<_> = troubles.iter().map(|it| (it.places.len(), it.fix.as_str())).collect();
        let [(1, scanner), (1, own), (2, member)] = said.as_slice() else { panic!("{said:?}") };
        assert!(scanner.contains("scanner-policy.json") && own.contains("to the scanner itself"), "{said:?}");
        assert!(member.contains("ec2:DescribeVolumes to Reader"), "{said:?}");
        assert!(troubles[2].tools.contains(&"find_unused_volumes") && troubles[0].tools.is_empty());
        assert_eq!(troubles[0].costs, "choosing accounts by ou:");
    }

    #[test]
    fn where_nothing_works_every_tool_of_the_place_is_lost() {
        let checks = checks::all();
        let mut troubles = Troubles::new(&checks, "Reader", OWN);
        let missing = denied(&VOLUMES).reclassified(Class::RoleMissing);
        troubles.add("222233334444", Some("web"), "global", None, &missing);
        troubles.add("333344445555", None, "global", None, &missing.clone().reclassified(Class::AccountSuspended));
        let troubles = troubles.sorted();
        assert_eq!((troubles[0].class, troubles[0].to_fix), (Class::RoleMissing, true));
        assert!(troubles[0].tools.len() > 5 && !troubles[0].tools.contains(&"get_cost_by_service"));
        assert!(troubles[0].fix.contains("--external-id") && troubles[0].fix.contains("Reader"));
        assert_eq!((troubles[1].to_fix, troubles[1].costs.as_str()), (false, "nothing that is there"));
    }

    #[test]
    fn every_fix_is_one_line() {
        for class in [Class::RoleMissing, Class::AccessDenied, Class::DeniedByScp, Class::NotEnrolled, Class::TimedOut]
        {
            for whose in [Whose::Scanner, Whose::Own, Whose::Member] {
                let line = fix(class, whose, None, "Reader");
                assert!(!line.contains('\n') && !line.contains("  ") && !line.is_empty(), "{line}");
            }
        }
    }
}

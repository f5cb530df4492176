//! What does not work, put together over accounts, with what it costs and how to fix it: pure.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    diagnosis::SCANNER,
    fanout::{GLOBAL, PAYER},
};
use crate::{
    aws::{
        cloudformation::{StackInstance, Standing},
        problem::{Class, Problem},
    },
    check::{Check, Scope},
};

/// Where something does not work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(crate) struct Spot {
    pub(crate) account_id: String,
    pub(crate) account_name: Option<String>,
    /// A region, `global`, `payer`, or `scanner` for what the scanner asks in its own account.
    pub(crate) region: String,
}

/// One thing that does not work, wherever it does not.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Trouble {
    /// The class of the problem, as in answers of scans; `template_old` for a role of another version of its template.
    pub(crate) class: String,
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
    /// In how many places.
    pub(crate) places_total: usize,
    /// Those places; in an answer over MCP the first of them.
    pub(crate) places: Vec<Spot>,
}

/// Of so many tools each is named.
const FEW: usize = 3;

/// Whether somebody should do something about a class of problems.
pub(crate) fn is_to_fix(class: Class) -> bool {
    class.is_gap()
}

/// Whether an action is asked only to tell of a service that no tool reads.
fn is_idle(action: Option<&str>, tools: &[&str]) -> bool {
    tools.is_empty() && action.is_some_and(|it| it.starts_with("config:"))
}

/// Whose permissions they are that lack something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Scanner,
    /// The scanner's own account, which is scanned with the scanner's own permissions.
    Own,
    Member,
}

/// The stacks that bring the role into the accounts, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stacks {
    /// The name of the StackSet.
    pub(crate) name: String,
    /// The management account, to which a StackSet never deploys.
    pub(crate) payer: Option<String>,
    /// By account; `None` where the StackSet could not be read.
    pub(crate) by_account: Option<BTreeMap<String, StackInstance>>,
}

/// The stack of an account that cannot be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stack {
    Unknown,
    /// Of the management account: there can be none.
    Never,
    Absent,
    Is(Standing),
}

impl Stacks {
    fn of(&self, account: &str) -> Stack {
        match &self.by_account {
            None => Stack::Unknown,
            Some(_) if self.payer.as_deref() == Some(account) => Stack::Never,
            Some(stacks) => stacks.get(account).map_or(Stack::Absent, |it| Stack::Is(it.standing)),
        }
    }

    /// Why the stack of an account is as it is, in AWS's words.
    fn reason(&self, account: &str) -> Option<&str> {
        self.by_account.as_ref()?.get(account)?.reason.as_deref()
    }
}

/// What makes two troubles one: the class, whose permissions they are, and the action.
type Key = (Class, Whose, Option<String>);
/// What AWS said first, and where.
type Met = (String, BTreeSet<Spot>);

/// The troubles so far.
pub(crate) struct Troubles {
    checks: Vec<&'static Check>,
    role: String,
    own: String,
    found: BTreeMap<Key, Met>,
    old_templates: BTreeSet<Spot>,
}

impl Troubles {
    /// None yet, of some checks, a role and the scanner's own account.
    pub(crate) fn new(checks: Vec<&'static Check>, role: &str, own: &str) -> Self {
        let (role, own) = (role.to_owned(), own.to_owned());
        Self { checks, role, own, found: BTreeMap::new(), old_templates: BTreeSet::new() }
    }

    /// Which account is the scanner's own.
    pub(crate) fn own(&mut self, account: &str) {
        account.clone_into(&mut self.own);
    }

    /// Adds what a place met.
    pub(crate) fn add(&mut self, spot: Spot, action: Option<&str>, it: &Problem) {
        let whose = match () {
            () if spot.region == SCANNER => Whose::Scanner,
            () if spot.account_id == self.own => Whose::Own,
            () => Whose::Member,
        };
        let key = (it.class, whose, action.map(str::to_owned));
        self.found.entry(key).or_insert_with(|| (it.message.clone(), BTreeSet::new())).1.insert(spot);
    }

    /// Adds a role that was made from another version of its template.
    pub(crate) fn add_old_template(&mut self, spot: Spot) {
        self.old_templates.insert(spot);
    }

    /// All of them, what should be fixed first.
    pub(crate) fn sorted(&self, stacks: &Stacks) -> Vec<Trouble> {
        let mut troubles: Vec<_> = self.found.iter().flat_map(|(key, met)| self.troubles(key, met, stacks)).collect();
        if !self.old_templates.is_empty() {
            troubles.push(self.old_template());
        }
        troubles.sort_by_key(|it| !it.to_fix);
        troubles
    }

    /// One trouble; accounts that cannot be entered are told apart by their stacks, which say why.
    fn troubles(&self, key: &Key, (message, places): &Met, stacks: &Stacks) -> Vec<Trouble> {
        let (class, whose, action) = key;
        let mut by_stack: BTreeMap<Stack, BTreeSet<Spot>> = BTreeMap::new();
        for spot in places {
            let stack = if *class == Class::RoleMissing { stacks.of(&spot.account_id) } else { Stack::Unknown };
            by_stack.entry(stack).or_default().insert(spot.clone());
        }
        let trouble = |(stack, places): (Stack, BTreeSet<Spot>)| {
            let tools = self.tools_that_need(action.as_deref(), &places, stacks.payer.as_deref());
            let reason = places.first().and_then(|it| stacks.reason(&it.account_id));
            Trouble {
                class: class.name(),
                to_fix: is_to_fix(*class) && !is_idle(action.as_deref(), &tools),
                fix: match stack {
                    Stack::Unknown => fix(*class, *whose, action.as_deref(), &self.role),
                    stack => stack_fix(stack, &stacks.name, reason, &self.role),
                },
                costs: costs(*class, action.as_deref(), &tools, self.checks.len()),
                tools,
                action: action.clone(),
                message: message.clone(),
                places_total: places.len(),
                places: places.into_iter().collect(),
            }
        };
        by_stack.into_iter().map(trouble).collect()
    }

    /// The tools that need an action; where nothing works, all that run there.
    fn tools_that_need(&self, action: Option<&str>, places: &BTreeSet<Spot>, payer: Option<&str>) -> Vec<&'static str> {
        let runs = |check: &Check, spot: &Spot| match (spot.region.as_str(), check.scope) {
            (PAYER, scope) => scope == Scope::Payer,
            (GLOBAL, Scope::Payer) => payer == Some(spot.account_id.as_str()),
            (GLOBAL, _) | (_, Scope::Regional) => true,
            _ => false,
        };
        let engine: Vec<String> = super::member_actions().iter().map(|it| it.iam()).collect();
        let needs = |check: &Check| match action {
            Some(action) => {
                check.actions().iter().any(|it| it.iam() == action)
                    || engine.iter().any(|it| it == action) && check.scope == Scope::Regional
            }
            None => places.iter().any(|it| runs(check, it)),
        };
        self.checks.iter().filter(|it| needs(it)).map(|it| it.name()).collect()
    }

    fn old_template(&self) -> Trouble {
        Trouble {
            class: "template_old".to_owned(),
            action: None,
            to_fix: false,
            fix: "upload cloudformation/member-role.yaml under a new key and deploy organization.yaml with that TemplateURL; see \
                  docs/rollout.md, a new version"
                .to_owned(),
            tools: Vec::new(),
            costs: "nothing by itself: what the role lacks is listed by itself".to_owned(),
            message: format!("{} was made from another version of its template than this orgscan's", self.role),
            places_total: self.old_templates.len(),
            places: self.old_templates.iter().cloned().collect(),
        }
    }
}

fn costs(class: Class, action: Option<&str>, tools: &[&str], all: usize) -> String {
    match action {
        _ if !is_to_fix(class) => "nothing that is there".to_owned(),
        _ if is_idle(action, tools) => "nothing: no tool that was tried reads AWS Config".to_owned(),
        Some("organizations:DescribeOrganization" | "organizations:ListAccounts") => {
            "every account but the scanner's own".to_owned()
        }
        Some("organizations:ListRoots" | "organizations:ListOrganizationalUnitsForParent") => {
            "choosing accounts by ou:".to_owned()
        }
        Some("organizations:ListTagsForResource") => "choosing accounts by tag:".to_owned(),
        Some("cloudformation:ListStackInstances") => "why an account cannot be entered".to_owned(),
        Some("iam:ListRoleTags") => "whether the role's template is of this version".to_owned(),
        // The engine has two ways to know.
        Some("ec2:DescribeRegions") => "the opt-in regions, unless account:ListRegions is permitted".to_owned(),
        Some("account:ListRegions") => "the opt-in regions, unless ec2:DescribeRegions is permitted".to_owned(),
        None if tools.len() > FEW => format!("all {} tools that run there", tools.len()),
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
        Class::NotEnrolled if what.starts_with("compute-optimizer:") => {
            "aws compute-optimizer update-enrollment-status --status Active --include-member-accounts, in the management account; \
             recommendations follow within a day"
                .to_owned()
        }
        Class::NotEnrolled if what.starts_with("config:") => {
            "nothing to do; aws configservice put-configuration-aggregator makes one, in the management account or in a delegated \
             administrator"
                .to_owned()
        }
        Class::NotEnrolled => "turn the service on there, or leave the tools out".to_owned(),
        Class::DataUnavailable => "wait a day: AWS is still preparing the data".to_owned(),
        Class::NoOrganization => "create an organization, or use --single-account".to_owned(),
        Class::EndpointMissing => "leave the region out with --regions: the service is not there".to_owned(),
        Class::CredentialsExpired | Class::CredentialsInvalid => "renew the scanner's own credentials".to_owned(),
        Class::ClockSkew => "set the clock of the machine that runs orgscan".to_owned(),
        Class::Unreachable | Class::TimedOut => {
            "let the machine reach the endpoint (network, HTTPS_PROXY, SSL_CERT_FILE, VPC endpoint), then try again".to_owned()
        }
        Class::Throttled => "try again later, or with a smaller --quota-share".to_owned(),
        Class::ServiceError => "try again later: AWS failed".to_owned(),
        Class::ChargeCap => "raise --max-charge".to_owned(),
        Class::Deadline | Class::Cancelled => "try again".to_owned(),
        Class::InvalidExchange | Class::Crashed => "report it as a bug of orgscan, with AWS's words".to_owned(),
    }
}

/// How to enter an account that cannot be entered, where its stack tells why.
fn stack_fix(stack: Stack, stack_set: &str, reason: Option<&str>, role: &str) -> String {
    match stack {
        Stack::Unknown | Stack::Never => format!(
            "StackSets never deploy to the management account: deploy cloudformation/organization.yaml there, or member-role.yaml by \
             itself; if {role} is there, let its trust policy name the scanner's role and give its external id with --external-id"
        ),
        Stack::Absent => format!(
            "StackSet {stack_set} has no stack there: name the account's organizational unit in Targets of \
             cloudformation/organization.yaml, or wait some minutes if the account has just joined"
        ),
        Stack::Is(Standing::Underway) => format!("StackSet {stack_set} is at it: try again in some minutes"),
        Stack::Is(Standing::Current) => format!(
            "StackSet {stack_set} says that the role is there: let --role-name and --external-id be those of \
             cloudformation/organization.yaml; if the scanner's role was made anew, change ExternalId there and back, which writes \
             the trust anew"
        ),
        Stack::Is(Standing::Behind) => format!(
            "its stack of StackSet {stack_set} failed ({}): mend that, then deploy cloudformation/organization.yaml again",
            reason.unwrap_or("AWS does not say why")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::action::{Action, EC2, ORGANIZATIONS},
        checks,
    };

    fn spot(account: &str, region: &str) -> Spot {
        Spot { account_id: account.to_owned(), account_name: None, region: region.to_owned() }
    }

    fn none() -> Troubles {
        Troubles::new(checks::all(), "Reader", OWN)
    }

    static VOLUMES: Action = Action::new(&EC2, "DescribeVolumes");
    static ROOTS: Action = Action::new(&ORGANIZATIONS, "ListRoots");
    const OWN: &str = "111122223333";

    fn denied(action: &Action) -> Problem {
        Problem::new(Class::AccessDenied, action, "not authorized")
    }

    #[test]
    fn the_same_trouble_in_many_accounts_is_one_with_the_tools_it_costs() {
        let mut troubles = none();
        for account in ["222233334444", "333344445555", OWN] {
            troubles.add(spot(account, "us-east-1"), Some("ec2:DescribeVolumes"), &denied(&VOLUMES));
        }
        troubles.add(spot(OWN, "scanner"), Some("organizations:ListRoots"), &denied(&ROOTS));
        let troubles = troubles.sorted(&Stacks::default());
        let said: Vec<_> = troubles.iter().map(|it| (it.places.len(), it.fix.as_str())).collect();
        let [(1, scanner), (1, own), (2, member)] = said.as_slice() else { panic!("{said:?}") };
        assert!(scanner.contains("scanner-policy.json") && own.contains("to the scanner itself"), "{said:?}");
        assert!(member.contains("ec2:DescribeVolumes to Reader"), "{said:?}");
        assert!(troubles[2].tools.contains(&"find_unused_volumes") && troubles[0].tools.is_empty());
        assert_eq!(troubles[0].costs, "choosing accounts by ou:");
    }

    #[test]
    fn where_nothing_works_every_tool_of_the_place_is_lost() {
        let mut troubles = none();
        let missing = denied(&VOLUMES).reclassified(Class::RoleMissing);
        troubles.add(spot("222233334444", "global"), None, &missing);
        troubles.add(spot("333344445555", "global"), None, &missing.clone().reclassified(Class::AccountSuspended));
        let troubles = troubles.sorted(&Stacks::default());
        assert_eq!((troubles[0].class.as_str(), troubles[0].to_fix), ("role_missing", true));
        assert!(troubles[0].tools.len() > 5 && !troubles[0].tools.contains(&"get_cost_by_service"));
        assert!(troubles[0].fix.contains("--external-id") && troubles[0].fix.contains("Reader"));
        assert_eq!((troubles[1].to_fix, troubles[1].costs.as_str()), (false, "nothing that is there"));
    }

    #[test]
    fn accounts_that_cannot_be_entered_are_told_apart_by_their_stacks() {
        let instance = |account: &str, standing, reason: Option<&str>| {
            let reason = reason.map(str::to_owned);
            (account.to_owned(), StackInstance { account: account.to_owned(), standing, reason })
        };
        let by_account = [
            instance("1", Standing::Current, None),
            instance("2", Standing::Underway, None),
            instance("3", Standing::Behind, Some("the role exists already")),
        ];
        let stacks = Stacks {
            name: "roles".to_owned(),
            payer: Some("9".to_owned()),
            by_account: Some(BTreeMap::from(by_account)),
        };
        let mut troubles = none();
        for account in ["1", "2", "3", "4", "9"] {
            troubles.add(spot(account, GLOBAL), None, &denied(&VOLUMES).reclassified(Class::RoleMissing));
        }
        let fixes = troubles.sorted(&stacks);
        for (account, words) in [
            ("1", "--external-id"),
            ("2", "some minutes"),
            ("3", "the role exists already"),
            ("4", "Targets"),
            ("9", "never deploy to the management account"),
        ] {
            let of = fixes.iter().find(|it| it.places == [spot(account, GLOBAL)]).expect("by itself");
            assert!(of.fix.contains(words) && !of.fix.contains("one of three"), "{account}: {}", of.fix);
        }
        let of =
            |account: &str| fixes.iter().find(|it| it.places == [spot(account, GLOBAL)]).map(|it| it.tools.clone());
        let of_payer = |tools: Option<Vec<&str>>| tools.is_some_and(|it| it.contains(&"get_cost_by_service"));
        assert!(of_payer(of("9")) && !of_payer(of("1")), "only the payer answers what is asked of the payer");
        let unread = troubles.sorted(&Stacks { by_account: None, ..stacks });
        assert!(unread.len() == 1 && unread[0].fix.starts_with("one of three"), "{unread:?}");
    }

    #[test]
    fn an_old_template_is_told_and_is_nothing_to_fix_by_itself() {
        let mut troubles = none();
        troubles.add_old_template(spot("222233334444", GLOBAL));
        let troubles = troubles.sorted(&Stacks::default());
        assert_eq!(
            (troubles[0].class.as_str(), troubles[0].to_fix, troubles[0].places_total),
            ("template_old", false, 1)
        );
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

//! Merges what the targets answered into reports: pure, and the same whatever the order in which they finished.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use schemars::JsonSchema;
use serde::Serialize;

use super::organization::list_cut_short;

use crate::{
    aws::{
        door::Count,
        problem::{Class, Problem},
    },
    check::{Check, Finding, money},
};

/// The merged answer of one tool.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// The tool that was asked.
    pub tool: String,
    /// The scan, for reading on with a cursor.
    pub scan_id: String,
    /// The totals.
    pub summary: Summary,
    /// Accounts with findings, largest savings first.
    pub accounts: Vec<AccountSummary>,
    /// The findings, largest savings first, then by account, region and id.
    pub findings: Vec<Finding>,
    /// Where to read on; absent when these are all findings and the scan is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// What was looked at and what could not be seen.
    pub coverage: Coverage,
    /// What the scan sent to AWS.
    pub api: Api,
    /// What the reader should know about how the question was taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The time the scan began.
    pub as_of: String,
}

/// The totals of a report. Totals cover all findings, also those that an answer leaves to the next page.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// How many findings there are.
    pub findings: usize,
    /// The sum of all known savings a month; `null` when there are findings and none has a known amount.
    #[serde(with = "money")]
    #[schemars(with = "Option<f64>")]
    pub estimated_monthly_savings: Option<Decimal>,
    /// How many findings have no known amount of savings.
    pub findings_without_savings: usize,
    /// The sum of what was billed, for tools that return it.
    #[serde(with = "money", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub billed_cost: Option<Decimal>,
    /// The currency of the sums; `null` when the findings have several, and then there are no sums.
    pub currency: Option<String>,
    /// Whether something could not be seen, so that the true totals may be higher.
    pub lower_bound: bool,
}

/// The totals of one account.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AccountSummary {
    /// The account.
    pub account_id: String,
    /// Its name, where known.
    pub account_name: Option<String>,
    /// How many findings it has.
    pub findings: usize,
    /// The sum of its known savings a month.
    #[serde(with = "money")]
    #[schemars(with = "Option<f64>")]
    pub estimated_monthly_savings: Option<Decimal>,
    /// The sum of what was billed, for tools that return it.
    #[serde(with = "money", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub billed_cost: Option<Decimal>,
}

/// The ledger: every enumerated target is scanned, or not scanned for a stated reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Coverage {
    /// Whether nothing was hidden. Suspended accounts and regions that are not enabled hide nothing.
    pub complete: bool,
    /// How many accounts were enumerated.
    pub accounts: usize,
    /// How many targets (account and region, account, or payer) were enumerated.
    pub targets: usize,
    /// How many of them were seen in full.
    pub scanned: usize,
    /// The others, by reason.
    pub not_scanned: Vec<NotScanned>,
}

/// Targets that were not seen in full, for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NotScanned {
    /// Why.
    pub class: Class,
    /// How many targets. 0 where not even their number is known.
    pub targets: usize,
    /// The accounts they are in.
    pub accounts: Vec<String>,
    /// The regions they are in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The IAM action that failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// AWS's words for one of them.
    pub message: String,
}

/// What a scan sent to AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Api {
    /// Attempts, retries included.
    pub calls: u64,
    /// Attempts that AWS throttled.
    pub throttled: u64,
    /// What AWS charges for them, in USD.
    pub billed_usd: f64,
    /// Attempts by IAM action.
    pub by_action: BTreeMap<String, u64>,
}

impl Api {
    pub(crate) fn of(counts: &BTreeMap<String, Count>, spent: Decimal) -> Self {
        Self {
            calls: counts.values().map(|it| it.calls).sum(),
            throttled: counts.values().map(|it| it.throttled).sum(),
            billed_usd: spent.to_f64().unwrap_or(f64::NAN),
            by_action: counts.iter().map(|(action, it)| (action.clone(), it.calls)).collect(),
        }
    }
}

/// All reports of a scan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScanReport {
    /// The scan.
    pub scan_id: String,
    /// One report for each tool, in the order asked.
    pub reports: Vec<Report>,
    /// The ledger of the targets, over all tools.
    pub coverage: Coverage,
    /// What the scan sent to AWS.
    pub api: Api,
}

/// A place in the ledger: an account, and a region or `global`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) account: String,
    pub(crate) region: String,
}

/// Why a spot was not seen, and where; spots with the same class and action are one line.
#[derive(Clone, Debug, Default)]
struct Ledger {
    enumerated: BTreeMap<String, BTreeMap<String, bool>>,
    scanned: usize,
    gaps: BTreeMap<(Class, String), Gap>,
}

#[derive(Clone, Debug, Default)]
struct Gap {
    targets: usize,
    accounts: BTreeSet<String>,
    regions: BTreeSet<String>,
    message: Option<String>,
}

impl Gap {
    fn add(&mut self, spot: Option<&Spot>, message: &str) {
        if let Some(spot) = spot {
            self.targets += 1;
            self.accounts.insert(spot.account.clone());
            self.regions.insert(spot.region.clone());
        }
        // The least of all messages, so that the order of arrival does not show.
        if self.message.as_deref().is_none_or(|it| message < it) {
            self.message = Some(message.to_owned());
        }
    }
}

impl Ledger {
    fn enumerate(&mut self, spot: &Spot) {
        self.enumerated.entry(spot.account.clone()).or_default().entry(spot.region.clone()).or_insert(false);
    }

    /// Marks a spot as done, seen or not. A spot that is done already, or was never enumerated, changes nothing.
    fn settle(&mut self, spot: &Spot, problem: Option<&Problem>) {
        let Some(done) = self.enumerated.get_mut(&spot.account).and_then(|it| it.get_mut(&spot.region)) else { return };
        if std::mem::replace(done, true) {
            return;
        }
        match problem {
            None => self.scanned += 1,
            Some(it) => self.gap(Some(spot), it),
        }
    }

    fn gap(&mut self, spot: Option<&Spot>, problem: &Problem) {
        self.gaps.entry((problem.class, problem.action.clone())).or_default().add(spot, &problem.message);
    }

    /// The ledger as an answer shows it. What is not done yet is not scanned, for the reason given.
    fn coverage(&self, accounts: usize, pending: &Problem) -> Coverage {
        let mut ledger = self.clone();
        let open: Vec<Spot> = self
            .enumerated
            .iter()
            .flat_map(|(account, regions)| {
                let open = regions.iter().filter(|(_, done)| !**done);
                open.map(|(region, _)| Spot { account: account.clone(), region: region.clone() })
            })
            .collect();
        for spot in &open {
            ledger.settle(spot, Some(pending));
        }
        let not_scanned: Vec<_> = ledger
            .gaps
            .into_iter()
            .map(|((class, action), gap)| NotScanned {
                class,
                targets: gap.targets,
                accounts: gap.accounts.into_iter().collect(),
                regions: gap.regions.into_iter().collect(),
                action,
                message: gap.message.unwrap_or_default(),
            })
            .collect();
        Coverage {
            complete: !not_scanned.iter().any(|it| it.class.is_gap()),
            accounts,
            targets: ledger.enumerated.values().map(BTreeMap::len).sum(),
            scanned: ledger.scanned,
            not_scanned,
        }
    }
}

/// The state of a scan: takes what targets answer, gives reports at any time.
pub(crate) struct Merge {
    checks: Vec<&'static Check>,
    findings: Vec<Vec<Finding>>,
    ledgers: Vec<Ledger>,
    targets: Ledger,
    accounts: BTreeMap<String, Option<String>>,
    /// Accounts that are listed and whose targets are not known yet.
    waiting: BTreeSet<String>,
    presumed: Vec<Presumed>,
    chosen_only: bool,
    listed: bool,
    notes: Vec<String>,
}

/// A target that every account is taken to have until its own are known.
#[derive(Clone, Debug)]
pub(crate) struct Presumed {
    pub(crate) region: String,
    /// The checks that run there, as indexes into those of the scan.
    pub(crate) checks: Vec<usize>,
}

/// What one check said in one target.
pub(crate) struct Said {
    /// Which check, as an index into those of the scan.
    pub(crate) check: usize,
    pub(crate) findings: Vec<Finding>,
    pub(crate) problems: Vec<Problem>,
}

impl Merge {
    pub(crate) fn new(checks: Vec<&'static Check>) -> Self {
        let each = checks.len();
        Self {
            checks,
            findings: vec![Vec::new(); each],
            ledgers: vec![Ledger::default(); each],
            targets: Ledger::default(),
            accounts: BTreeMap::new(),
            waiting: BTreeSet::new(),
            presumed: Vec::new(),
            chosen_only: false,
            listed: false,
            notes: Vec::new(),
        }
    }

    /// The targets that every account is taken to have until its own are known.
    pub(crate) fn presume(&mut self, targets: Vec<Presumed>) {
        self.presumed = targets;
    }

    /// An account of the scan, not entered yet: it counts with the targets presumed.
    pub(crate) fn account(&mut self, id: &str, name: Option<&str>) {
        self.accounts.insert(id.to_owned(), name.map(str::to_owned));
        self.waiting.insert(id.to_owned());
    }

    /// The targets of an account are known now: all of them are enumerated.
    pub(crate) fn entered(&mut self, id: &str) {
        self.waiting.remove(id);
    }

    /// An account that cannot be looked at: none of the targets presumed in it is.
    pub(crate) fn not_entered(&mut self, id: &str, problem: &Problem) {
        for Presumed { region, checks } in self.presumed.clone() {
            self.not_scanned(&Spot { account: id.to_owned(), region }, &checks, problem);
        }
        self.entered(id);
    }

    /// Findings about accounts that the caller did not choose are left out (the payer knows all linked accounts).
    pub(crate) fn only_chosen_accounts(&mut self) {
        self.chosen_only = true;
    }

    /// All accounts of the scan are known.
    pub(crate) fn list_is_complete(&mut self) {
        self.listed = true;
    }

    /// Something the reader should know.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// A target that some checks are to run in.
    pub(crate) fn enumerate(&mut self, spot: &Spot, checks: &[usize]) {
        self.targets.enumerate(spot);
        for check in checks {
            self.ledgers[*check].enumerate(spot);
        }
    }

    /// A target that cannot be looked at, by any of the checks that were to run there.
    pub(crate) fn not_scanned(&mut self, spot: &Spot, checks: &[usize], problem: &Problem) {
        self.enumerate(spot, checks);
        self.targets.settle(spot, Some(problem));
        for check in checks {
            self.ledgers[*check].settle(spot, Some(problem));
        }
    }

    /// Something that could not be seen and whose extent is not known, such as the rest of the list of accounts.
    pub(crate) fn unknown_extent(&mut self, problem: &Problem) {
        self.targets.gap(None, problem);
        for ledger in &mut self.ledgers {
            ledger.gap(None, problem);
        }
    }

    /// What a check said in a target. Findings next to a problem stand; the target counts as not seen in full. Returns the
    /// problem that says why.
    pub(crate) fn said(&mut self, spot: &Spot, said: Said) -> Option<Problem> {
        let Said { check, findings, problems } = said;
        let worst = problems.iter().filter(|it| it.class.is_gap()).min().or_else(|| problems.iter().min());
        self.ledgers[check].settle(spot, worst);
        self.findings[check].extend(findings);
        worst.cloned()
    }

    /// All checks of a target are done: it was seen in full, or not for the reason given.
    pub(crate) fn done(&mut self, spot: &Spot, problem: Option<&Problem>) {
        self.targets.settle(spot, problem);
    }

    /// How many targets are known or presumed, and how many of them are done.
    pub(crate) fn progress(&self) -> (usize, usize) {
        let known: usize = self.targets.enumerated.values().map(BTreeMap::len).sum();
        let all = known + self.waiting.len() * self.presumed.len();
        let done = self.targets.enumerated.values().flat_map(BTreeMap::values).filter(|it| **it).count();
        (all, done)
    }

    /// How many findings there are so far.
    pub(crate) fn found(&self) -> usize {
        self.findings.iter().map(Vec::len).sum()
    }

    /// The reports as of now. What is not done yet is not scanned, for the reason given.
    pub(crate) fn reports(&self, scan_id: &str, as_of: Timestamp, pending: &Problem, api: &Api) -> ScanReport {
        let unlisted = (!self.listed).then(|| list_cut_short(pending));
        let ledger = |it: &Ledger, check: Option<usize>| {
            let mut ledger = it.clone();
            for account in &self.waiting {
                let presumed = self.presumed.iter().filter(|it| check.is_none_or(|check| it.checks.contains(&check)));
                for it in presumed {
                    ledger.enumerate(&Spot { account: account.clone(), region: it.region.clone() });
                }
            }
            if let Some(problem) = &unlisted {
                ledger.gap(None, problem);
            }
            ledger.coverage(self.accounts.len(), pending)
        };
        let as_of = as_of.round(jiff::Unit::Second).unwrap_or(as_of).to_string();
        let reports = self.checks.iter().enumerate().map(|(index, check)| {
            let mut findings: Vec<Finding> = self.findings[index]
                .iter()
                .filter(|it| !self.chosen_only || self.accounts.contains_key(&it.account_id))
                .cloned()
                .collect();
            for finding in &mut findings {
                finding.account_name = self.accounts.get(&finding.account_id).cloned().flatten();
            }
            findings.sort_by(order);
            let coverage = ledger(&self.ledgers[index], Some(index));
            Report {
                tool: check.name().to_owned(),
                scan_id: scan_id.to_owned(),
                summary: summary(&findings, !coverage.complete),
                accounts: by_account(&findings),
                findings,
                next_cursor: None,
                coverage,
                api: api.clone(),
                notes: self.notes.clone(),
                as_of: as_of.clone(),
            }
        });
        ScanReport {
            scan_id: scan_id.to_owned(),
            reports: reports.collect(),
            coverage: ledger(&self.targets, None),
            api: api.clone(),
        }
    }
}

/// Largest money first, what has no amount last; then by place, so that the order is total.
fn order(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    let amount = |it: &Finding| it.estimated_monthly_savings.or(it.billed_cost);
    let place = |it: &Finding| (it.account_id.clone(), it.region.clone(), it.resource_id.clone(), it.reason.clone());
    amount(b).cmp(&amount(a)).then_with(|| place(a).cmp(&place(b)))
}

fn sum(amounts: impl Iterator<Item = Option<Decimal>>) -> Option<Decimal> {
    amounts.flatten().reduce(|a, b| a + b)
}

fn summary(findings: &[Finding], lower_bound: bool) -> Summary {
    let currencies: BTreeSet<&str> = findings.iter().map(|it| it.currency.as_str()).collect();
    let one_currency = currencies.len() < 2;
    let savings = sum(findings.iter().map(|it| it.estimated_monthly_savings));
    let nothing_found = findings.is_empty().then_some(Decimal::ZERO);
    Summary {
        findings: findings.len(),
        estimated_monthly_savings: savings.or(nothing_found).filter(|_| one_currency),
        findings_without_savings: findings.iter().filter(|it| it.estimated_monthly_savings.is_none()).count(),
        billed_cost: sum(findings.iter().map(|it| it.billed_cost)).filter(|_| one_currency),
        currency: one_currency.then(|| currencies.first().copied().unwrap_or("USD").to_owned()),
        lower_bound,
    }
}

fn by_account(findings: &[Finding]) -> Vec<AccountSummary> {
    let mut accounts: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        accounts.entry(&finding.account_id).or_default().push(finding);
    }
    let mut rows: Vec<_> = accounts
        .into_iter()
        .map(|(id, of)| AccountSummary {
            account_id: id.to_owned(),
            account_name: of.first().and_then(|it| it.account_name.clone()),
            findings: of.len(),
            estimated_monthly_savings: sum(of.iter().map(|it| it.estimated_monthly_savings)),
            billed_cost: sum(of.iter().map(|it| it.billed_cost)),
        })
        .collect();
    rows.sort_by(|a, b| {
        let amount = |it: &AccountSummary| it.estimated_monthly_savings.or(it.billed_cost);
        amount(b).cmp(&amount(a)).then(b.findings.cmp(&a.findings)).then_with(|| a.account_id.cmp(&b.account_id))
    });
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checks;

    fn finding(account: &str, region: &str, id: &str, cents: Option<i64>) -> Finding {
        Finding {
            account_id: account.to_owned(),
            region: region.to_owned(),
            estimated_monthly_savings: cents.map(|it| Decimal::new(it, 2)),
            ..crate::check::testing::finding(id)
        }
    }

    fn problem(class: Class) -> Problem {
        Problem { class, action: "ec2:DescribeVolumes".to_owned(), message: format!("{class:?}") }
    }

    /// What happens to one target.
    #[derive(Clone, Debug)]
    enum Event {
        Finds(Vec<Option<i64>>),
        FindsAndMisses(Vec<Option<i64>>, Class),
        NotEntered(Class),
        StillRunning,
    }

    fn event() -> impl Strategy<Value = Event> {
        let class = prop_oneof![Just(Class::Throttled), Just(Class::RoleMissing), Just(Class::RegionNotEnabled)];
        let cents = || prop::collection::vec(prop::option::of(0_i64..10_000), 0..4);
        prop_oneof![
            3 => cents().prop_map(Event::Finds),
            1 => (cents(), class.clone()).prop_map(|(cents, class)| Event::FindsAndMisses(cents, class)),
            1 => class.prop_map(Event::NotEntered),
            1 => Just(Event::StillRunning),
        ]
    }

    /// Accounts 0 to 4, regions 0 to 3, each place at most once.
    fn events() -> impl Strategy<Value = BTreeMap<(u8, u8), Event>> {
        prop::collection::btree_map((0_u8..5, 0_u8..4), event(), 0..20)
    }

    /// What the only check says in a target.
    fn say(merge: &mut Merge, spot: &Spot, findings: Vec<Finding>, problems: Vec<Problem>) {
        let why = merge.said(spot, Said { check: 0, findings, problems });
        merge.done(spot, why.as_ref());
    }

    fn merged(events: &[((u8, u8), Event)]) -> ScanReport {
        let check = checks::all().remove(0);
        let mut merge = Merge::new(vec![check]);
        for ((account, region), _) in events {
            merge.account(&format!("account-{account}"), Some("name"));
            let spot = Spot { account: format!("account-{account}"), region: format!("region-{region}") };
            merge.enumerate(&spot, &[0]);
        }
        merge.list_is_complete();
        for ((account, region), event) in events {
            let spot = Spot { account: format!("account-{account}"), region: format!("region-{region}") };
            let found = |cents: &[Option<i64>]| {
                let each = cents.iter().enumerate();
                each.map(|(id, cents)| finding(&spot.account, &spot.region, &format!("vol-{id}"), *cents)).collect()
            };
            match event {
                Event::Finds(cents) => say(&mut merge, &spot, found(cents), vec![]),
                Event::FindsAndMisses(cents, class) => say(&mut merge, &spot, found(cents), vec![problem(*class)]),
                Event::NotEntered(class) => merge.not_scanned(&spot, &[0], &problem(*class)),
                Event::StillRunning => {}
            }
        }
        merge.reports("scan", Timestamp::UNIX_EPOCH, &problem(Class::Deadline), &Api::default())
    }

    proptest! {
        #[test]
        fn every_enumerated_target_is_scanned_or_not_scanned(events in events()) {
            let list: Vec<_> = events.into_iter().collect();
            let report = merged(&list);
            for coverage in [&report.coverage, &report.reports[0].coverage] {
                let missing: usize = coverage.not_scanned.iter().map(|it| it.targets).sum();
                prop_assert_eq!(coverage.targets, list.len());
                prop_assert_eq!(coverage.targets, coverage.scanned + missing);
            }
            let found: usize = list.iter().map(|(_, it)| match it {
                Event::Finds(cents) | Event::FindsAndMisses(cents, _) => cents.len(),
                _ => 0,
            }).sum();
            prop_assert_eq!(report.reports[0].findings.len(), found);
        }

        #[test]
        fn the_order_of_arrival_does_not_show(events in events(), seed in any::<u64>()) {
            let list: Vec<_> = events.into_iter().collect();
            let mut shuffled = list.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            let text = |it: &ScanReport| serde_json::to_string(it).unwrap();
            prop_assert_eq!(text(&merged(&list)), text(&merged(&shuffled)));
        }

        #[test]
        fn the_totals_are_the_sums_of_the_parts(events in events()) {
            let report = merged(&events.into_iter().collect::<Vec<_>>()).reports.remove(0);
            let known = sum(report.findings.iter().map(|it| it.estimated_monthly_savings));
            if known.is_some() {
                prop_assert_eq!(report.summary.estimated_monthly_savings, known);
                prop_assert_eq!(sum(report.accounts.iter().map(|it| it.estimated_monthly_savings)), known);
            }
            prop_assert_eq!(report.accounts.iter().map(|it| it.findings).sum::<usize>(), report.findings.len());
        }
    }

    #[test]
    fn unknown_amounts_are_null_and_nothing_found_is_zero() {
        let none = merged(&[((0, 0), Event::Finds(vec![]))]).reports.remove(0).summary;
        let unknown = merged(&[((0, 0), Event::Finds(vec![None]))]).reports.remove(0).summary;
        let some = merged(&[((0, 0), Event::Finds(vec![None, Some(250)]))]).reports.remove(0).summary;
        assert_eq!(none.estimated_monthly_savings, Some(Decimal::ZERO));
        assert_eq!(unknown.estimated_monthly_savings, None);
        assert_eq!((some.estimated_monthly_savings, some.findings_without_savings), (Some(Decimal::new(25, 1)), 1));
    }

    #[test]
    fn what_hides_nothing_leaves_the_answer_complete() {
        let coverage = |class| merged(&[((0, 0), Event::NotEntered(class))]).coverage;
        assert!(coverage(Class::RegionNotEnabled).complete && coverage(Class::AccountSuspended).complete);
        assert!(!coverage(Class::RoleMissing).complete && !coverage(Class::Throttled).complete);
        assert!(!merged(&[((0, 0), Event::StillRunning)]).coverage.complete);
    }

    #[test]
    fn an_account_that_is_listed_and_not_entered_counts_with_the_targets_presumed() {
        let mut merge = Merge::new(vec![checks::all().remove(0)]);
        let regions = ["eu-west-1", "us-east-1"].map(str::to_owned);
        merge.presume(regions.map(|region| Presumed { region, checks: vec![0] }).to_vec());
        for account in ["entered", "refused", "waiting"] {
            merge.account(account, None);
        }
        merge.list_is_complete();
        let spot = Spot { account: "entered".to_owned(), region: "eu-west-1".to_owned() };
        merge.enumerate(&spot, &[0]);
        merge.entered("entered");
        say(&mut merge, &spot, vec![], vec![]);
        merge.not_entered("refused", &problem(Class::RoleMissing));
        assert_eq!(merge.progress(), (5, 3));
        let coverage =
            merge.reports("scan", Timestamp::UNIX_EPOCH, &problem(Class::Cancelled), &Api::default()).coverage;
        let missing: Vec<_> =
            coverage.not_scanned.iter().map(|it| (it.class, it.targets, it.accounts.join(","))).collect();
        assert_eq!((coverage.accounts, coverage.targets, coverage.scanned), (3, 5, 1));
        let expected = [(Class::RoleMissing, 2, "refused".to_owned()), (Class::Cancelled, 2, "waiting".to_owned())];
        assert_eq!(missing, expected);
    }

    #[test]
    fn a_list_of_accounts_that_was_cut_is_told() {
        let merge = Merge::new(vec![checks::all().remove(0)]);
        let report = merge.reports("scan", Timestamp::UNIX_EPOCH, &problem(Class::Deadline), &Api::default());
        let gap = &report.coverage.not_scanned[0];
        assert_eq!((gap.targets, gap.action.as_str()), (0, "organizations:ListAccounts"));
        assert!(!report.coverage.complete);
    }
}

//! Merges what the targets answered into reports: pure, and the same whatever the order in which they finished.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use schemars::JsonSchema;
use serde::Serialize;

pub use super::ledger::{Coverage, NotScanned};
use super::{
    ledger::{Ledger, Numbers, Places, Spot, Unfinished},
    organization::list_cut_short,
    pile::{Disk, Found, MOST_BYTES, Pile, Unreadable},
    sharing,
    totals::{AccountSummary, RegionSummary, Summary, Totals},
};
use crate::{
    aws::{door::Count, problem::Problem},
    check::{Check, Facts, Finding},
};

/// The merged answer of one tool.
// Its findings are a list, or are read one by one while it is written.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Report")]
pub struct Report<F = Vec<Finding>> {
    /// The tool that was asked.
    pub tool: String,
    /// The scan, for reading on with a cursor.
    pub scan_id: String,
    /// The totals.
    pub summary: Summary,
    /// Accounts with findings, largest savings first.
    pub accounts: Vec<AccountSummary>,
    /// The findings, largest savings first, then by account, region and id.
    pub findings: F,
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

impl<F> Report<F> {
    /// The report with other findings, for example a page of them; and those that it had.
    pub(crate) fn with<G>(self, findings: G) -> (Report<G>, F) {
        let Self { tool, scan_id, summary, accounts, findings: had, next_cursor, coverage, api, notes, as_of } = self;
        (Report { tool, scan_id, summary, accounts, findings, next_cursor, coverage, api, notes, as_of }, had)
    }
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
pub struct ScanReport<R = Vec<Report>> {
    /// The scan.
    pub scan_id: String,
    /// One report for each tool, in the order asked.
    pub reports: R,
    /// The ledger of the targets, over all tools.
    pub coverage: Coverage,
    /// What the scan sent to AWS.
    pub api: Api,
}

/// What one check has found, and where.
struct Part {
    ledger: Ledger,
    totals: Totals,
    pile: Pile,
    /// What the targets said of resources of other accounts.
    facts: Facts,
    /// Whether a finding is about a resource that is shared.
    has_shared: bool,
}

impl Part {
    fn holding(most_bytes: usize) -> Self {
        Self {
            ledger: Ledger::default(),
            totals: Totals::default(),
            pile: Pile::holding(most_bytes),
            facts: Facts::default(),
            has_shared: false,
        }
    }
}

/// The state of a scan: takes what targets answer, gives reports at any time.
pub(crate) struct Merge {
    checks: Vec<&'static Check>,
    parts: Vec<Part>,
    targets: Ledger,
    places: Places,
    /// The accounts of the scan, with their names. Shared with those who read findings.
    accounts: Arc<BTreeMap<String, Option<String>>>,
    listed: Numbers,
    /// Accounts that are listed and whose targets are not known yet.
    waiting: Numbers,
    presumed: Vec<Presumed>,
    chosen_only: bool,
    list_is_complete: bool,
    notes: BTreeSet<String>,
    disk: Disk,
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
    pub(crate) facts: Facts,
}

/// What a report says of its scan.
pub(crate) struct Of<'a> {
    pub(crate) scan_id: &'a str,
    pub(crate) as_of: Timestamp,
    /// Why what is not done yet is not scanned.
    pub(crate) pending: &'a Problem,
    pub(crate) api: &'a Api,
}

impl Merge {
    pub(crate) fn new(checks: Vec<&'static Check>) -> Self {
        let share = MOST_BYTES / checks.len().max(1);
        let parts = checks.iter().map(|_| Part::holding(share)).collect();
        Self {
            checks,
            parts,
            targets: Ledger::default(),
            places: Places::default(),
            accounts: Arc::default(),
            listed: Numbers::default(),
            waiting: Numbers::default(),
            presumed: Vec::new(),
            chosen_only: false,
            list_is_complete: false,
            notes: BTreeSet::new(),
            disk: Disk::default(),
        }
    }

    /// The targets that every account is taken to have until its own are known.
    pub(crate) fn presume(&mut self, targets: Vec<Presumed>) {
        for target in &targets {
            self.places.regions.number(&target.region);
        }
        self.presumed = targets;
    }

    /// An account of the scan, not entered yet: it counts with the targets presumed.
    pub(crate) fn account(&mut self, id: &str, name: Option<&str>) {
        Arc::make_mut(&mut self.accounts).insert(id.to_owned(), name.map(str::to_owned));
        let account = self.places.accounts.number(id);
        self.listed.insert(account);
        self.waiting.insert(account);
        for part in &mut self.parts {
            part.totals.listed(account);
        }
    }

    /// The targets of an account are known now: all of them are enumerated.
    pub(crate) fn entered(&mut self, id: &str) {
        if let Some(account) = self.places.accounts.find(id) {
            self.waiting.remove(account);
        }
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
        self.list_is_complete = true;
    }

    /// Something the reader should know.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.insert(note.into());
    }

    /// A target that some checks are to run in.
    pub(crate) fn enumerate(&mut self, spot: &Spot, checks: &[usize]) {
        let at = self.places.at(&spot.account, &spot.region);
        self.targets.enumerate(at);
        for check in checks {
            self.parts[*check].ledger.enumerate(at);
        }
    }

    /// A target that cannot be looked at, by any of the checks that were to run there.
    pub(crate) fn not_scanned(&mut self, spot: &Spot, checks: &[usize], problem: &Problem) {
        self.enumerate(spot, checks);
        self.done(spot, Some(problem));
        for check in checks {
            self.settle(*check, spot, Some(problem));
        }
    }

    /// Something that could not be seen and whose extent is not known, such as the rest of the list of accounts.
    pub(crate) fn unknown_extent(&mut self, problem: &Problem) {
        self.targets.gap(None, problem);
        for part in &mut self.parts {
            part.ledger.gap(None, problem);
        }
    }

    /// What a check said in a target. Findings next to a problem stand; the target counts as not seen in full. Returns the
    /// problem that says why.
    pub(crate) fn said(&mut self, spot: &Spot, said: Said) -> Option<Problem> {
        let Said { check, findings, problems, facts } = said;
        let worst = problems.iter().filter(|it| it.class.is_gap()).min().or_else(|| problems.iter().min());
        self.settle(check, spot, worst);
        let part = &mut self.parts[check];
        part.facts.used.extend(facts.used);
        part.facts.shared.extend(facts.shared);
        for finding in findings {
            part.has_shared |= sharing::is_shared(&finding);
            let at = self.places.at(&finding.account_id, &finding.region);
            part.totals.add(&finding, at, self.listed.contains(at.account));
            part.pile.add(finding, &mut self.disk);
        }
        worst.cloned()
    }

    /// A check is done with a target.
    fn settle(&mut self, check: usize, spot: &Spot, problem: Option<&Problem>) {
        if let Some(at) = self.places.find(spot) {
            self.parts[check].ledger.settle(at, problem);
        }
    }

    /// All checks of a target are done: it was seen in full, or not for the reason given.
    pub(crate) fn done(&mut self, spot: &Spot, problem: Option<&Problem>) {
        if let Some(at) = self.places.find(spot) {
            self.targets.settle(at, problem);
        }
    }

    /// How many targets are known or presumed, and how many of them are done.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.targets.known() + self.waiting.len() * self.presumed.len(), self.targets.done())
    }

    /// How many findings there are so far.
    pub(crate) fn found(&self) -> usize {
        self.parts.iter().map(|it| it.totals.findings()).sum()
    }

    /// The ledger of the targets, over all checks. What is not done yet is not scanned, for the reason given.
    pub(crate) fn coverage(&self, pending: &Problem) -> Coverage {
        self.coverage_of(&self.targets, |_| true, pending)
    }

    /// Whether nothing is hidden from any check.
    pub(crate) fn is_complete(&self, pending: &Problem) -> bool {
        self.coverage(pending).complete && (0..self.parts.len()).all(|check| self.coverage_for(check, pending).complete)
    }

    fn coverage_for(&self, check: usize, pending: &Problem) -> Coverage {
        self.coverage_of(&self.parts[check].ledger, |it| it.checks.contains(&check), pending)
    }

    fn coverage_of(&self, ledger: &Ledger, concerns: impl Fn(&Presumed) -> bool, pending: &Problem) -> Coverage {
        let unlisted = (!self.list_is_complete).then(|| list_cut_short(pending));
        let presumed = self.presumed.iter().filter(|it| concerns(it));
        let unfinished = Unfinished {
            pending,
            unlisted: unlisted.as_ref(),
            waiting: &self.waiting,
            presumed: presumed.filter_map(|it| self.places.regions.find(&it.region)).collect(),
        };
        ledger.coverage(&self.places, self.accounts.len(), &unfinished)
    }

    /// The second step, when the scan is over: judges what is shared between accounts by what all of them said.
    pub(crate) fn judge_shared(&mut self, pending: &Problem) {
        for check in 0..self.parts.len() {
            let complete = self.coverage_for(check, pending).complete;
            if let Err(unreadable) = self.judge_shared_of(check, complete) {
                // Whoever reads the report meets the same and is told.
                tracing::error!(error = %unreadable, "findings cannot be judged again");
            }
        }
    }

    fn judge_shared_of(&mut self, check: usize, complete: bool) -> Result<(), Unreadable> {
        let part = &self.parts[check];
        let facts = &part.facts;
        if part.totals.findings() == 0 || facts == &Facts::default() && !part.has_shared {
            return Ok(());
        }
        let whole = !self.chosen_only;
        let is_scanned = |it: &str| self.accounts.contains_key(it) || whole && it.starts_with("arn:");
        let mut totals = Totals::default();
        self.listed.iter().for_each(|it| totals.listed(it));
        let mut pile = part.pile.another();
        for finding in part.pile.found(Arc::clone(&self.accounts), false).read() {
            let Some(finding) = sharing::judge(finding?, facts, complete, is_scanned) else { continue };
            let at = self.places.at(&finding.account_id, &finding.region);
            totals.add(&finding, at, self.listed.contains(at.account));
            pile.add(finding, &mut self.disk);
        }
        let part = &mut self.parts[check];
        (part.totals, part.pile, part.facts, part.has_shared) = (totals, pile, Facts::default(), false);
        Ok(())
    }

    /// The report of a check as of now, its findings to be read one by one.
    pub(crate) fn report(&self, check: usize, of: &Of<'_>) -> Report<Found> {
        let part = &self.parts[check];
        let coverage = self.coverage_for(check, of.pending);
        let chosen = self.chosen_only.then_some(&self.listed);
        Report {
            tool: self.checks[check].name().to_owned(),
            scan_id: of.scan_id.to_owned(),
            summary: part.totals.summary(chosen, !coverage.complete),
            accounts: part.totals.by_account(&self.places, &self.accounts, chosen),
            findings: part.pile.found(Arc::clone(&self.accounts), self.chosen_only),
            next_cursor: None,
            coverage,
            api: of.api.clone(),
            notes: self.notes.iter().cloned().collect(),
            as_of: of.as_of.round(jiff::Unit::Second).unwrap_or(of.as_of).to_string(),
        }
    }

    /// The totals of a check by region, as of now.
    pub(crate) fn by_region(&self, check: usize) -> Vec<RegionSummary> {
        self.parts[check].totals.by_region(&self.places, !self.chosen_only)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use rust_decimal::Decimal;

    use super::*;
    use crate::{aws::problem::Class, checks};

    fn sum(amounts: impl Iterator<Item = Option<Decimal>>) -> Option<Decimal> {
        amounts.flatten().reduce(|a, b| a + b)
    }

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
        let why = merge.said(spot, Said { check: 0, findings, problems, facts: Facts::default() });
        merge.done(spot, why.as_ref());
    }

    /// A merge for one check that holds so many bytes of findings in memory at most.
    fn holding(most_bytes: usize) -> Merge {
        let mut merge = Merge::new(vec![checks::all().remove(0)]);
        merge.parts[0].pile = Pile::holding(most_bytes);
        merge
    }

    fn of<'a>(pending: &'a Problem, api: &'a Api) -> Of<'a> {
        Of { scan_id: "scan", as_of: Timestamp::UNIX_EPOCH, pending, api }
    }

    /// The reports with all their findings.
    fn whole(merge: &Merge, class: Class) -> ScanReport {
        let (pending, api) = (problem(class), Api::default());
        let report = |check| {
            let (report, found) = merge.report(check, &of(&pending, &api)).with(());
            report.with(found.read().collect::<Result<_, _>>().unwrap()).0
        };
        ScanReport {
            scan_id: "scan".to_owned(),
            reports: (0..merge.parts.len()).map(report).collect(),
            coverage: merge.coverage(&pending),
            api: Api::default(),
        }
    }

    fn merged(events: &[((u8, u8), Event)]) -> ScanReport {
        whole(&merging(events, usize::MAX), Class::Deadline)
    }

    fn merging(events: &[((u8, u8), Event)], most_bytes: usize) -> Merge {
        let mut merge = holding(most_bytes);
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
        merge
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
        fn the_order_of_arrival_does_not_show(events in events(), seed in any::<u64>(), most_bytes in 0_usize..20_000) {
            let list: Vec<_> = events.into_iter().collect();
            let mut shuffled = list.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            let text = |it: &ScanReport| serde_json::to_string(it).unwrap();
            let spilled = whole(&merging(&shuffled, most_bytes), Class::Deadline);
            prop_assert_eq!(text(&merged(&list)), text(&spilled));
        }

        #[test]
        fn a_report_that_is_read_while_it_is_written_looks_like_one_that_is_held(events in events()) {
            let merge = merging(&events.into_iter().collect::<Vec<_>>(), 0);
            let (pending, api) = (problem(Class::Deadline), Api::default());
            let read = serde_json::to_string_pretty(&merge.report(0, &of(&pending, &api))).unwrap();
            prop_assert_eq!(read, serde_json::to_string_pretty(&whole(&merge, Class::Deadline).reports[0]).unwrap());
            let complete = whole(&merge, Class::Deadline);
            let complete = complete.coverage.complete && complete.reports[0].coverage.complete;
            prop_assert_eq!(merge.is_complete(&pending), complete);
        }

        /// The payer speaks of accounts that are listed before, after, or not at all.
        #[test]
        fn when_an_account_becomes_known_does_not_show(
            found in prop::collection::vec((0_u8..5, 0_u8..3, prop::option::of(0_i64..10_000)), 0..30),
            listed in prop::collection::btree_set(0_u8..5, 0..5),
            chosen_only in any::<bool>(),
            between in 0_usize..30,
        ) {
            let list = |merge: &mut Merge| {
                for account in &listed {
                    merge.account(&format!("account-{account}"), Some("name"));
                }
            };
            let merging = |between: usize| {
                let mut merge = holding(5_000);
                if chosen_only {
                    merge.only_chosen_accounts();
                }
                let payer = Spot { account: "payer".to_owned(), region: "payer".to_owned() };
                for (index, (account, region, cents)) in found.iter().enumerate() {
                    if index == between {
                        list(&mut merge);
                    }
                    let (account, region) = (format!("account-{account}"), format!("region-{region}"));
                    let it = finding(&account, &region, &format!("line-{index}"), *cents);
                    merge.said(&payer, Said { check: 0, findings: vec![it], problems: vec![], facts: Facts::default() });
                }
                if between >= found.len() {
                    list(&mut merge);
                }
                merge
            };
            let (first, later) = (merging(0), merging(between));
            let report = whole(&first, Class::Deadline).reports.remove(0);
            prop_assert_eq!(&report, &whole(&later, Class::Deadline).reports[0]);
            prop_assert_eq!(first.by_region(0), later.by_region(0));
            let is_shown = |it: &u8| !chosen_only || listed.contains(it);
            let shown = found.iter().filter(|it| is_shown(&it.0)).count();
            prop_assert_eq!((report.findings.len(), report.summary.findings), (shown, shown));
            prop_assert_eq!(report.accounts.iter().map(|it| it.findings).sum::<usize>(), shown);
            for it in first.by_region(0) {
                let there: Vec<_> = report.findings.iter().filter(|finding| finding.region == it.region).collect();
                let savings = sum(there.iter().map(|it| it.estimated_monthly_savings));
                prop_assert_eq!((it.findings, it.estimated_monthly_savings), (there.len(), savings));
            }
            prop_assert_eq!(first.by_region(0).iter().map(|it| it.findings).sum::<usize>(), shown);
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
    fn what_another_account_uses_falls_out_of_findings_and_totals_when_the_scan_is_over() {
        // Whether findings are in memory or went to disk.
        for most_bytes in [0, usize::MAX] {
            let mut merge = holding(most_bytes);
            let spots = ["1", "2"].map(|it| Spot { account: it.to_owned(), region: "region".to_owned() });
            for spot in &spots {
                merge.account(&spot.account, None);
                merge.enumerate(spot, &[0]);
                merge.entered(&spot.account);
            }
            merge.list_is_complete();
            let findings = ["ami-1", "ami-2", "ami-3"].map(|it| finding("1", "region", it, Some(100)));
            let [used, shared, own] = findings.map(|it| it.because("old"));
            let facts = Facts { used: ["ami-1".to_owned()].into(), ..Facts::default() };
            let said = Said { check: 0, findings: vec![], problems: vec![], facts };
            merge.said(&spots[1], said);
            say(&mut merge, &spots[0], vec![used, shared.shared_with(&["2"]), own], vec![]);
            let reasons = |merge: &Merge| {
                let report = whole(merge, Class::Deadline).reports.remove(0);
                assert_eq!(report.summary.findings, report.findings.len());
                assert_eq!(report.accounts[0].estimated_monthly_savings, Some(report.findings.len().into()));
                report.findings.into_iter().map(|it| format!("{}: {}", it.resource_id, it.reason)).collect::<Vec<_>>()
            };
            assert_eq!(reasons(&merge).len(), 3);
            merge.judge_shared(&problem(Class::Deadline));
            let judged = ["ami-2: old; none of the accounts that it is shared with uses it", "ami-3: old"];
            assert_eq!(reasons(&merge), judged);
            merge.judge_shared(&problem(Class::Deadline));
            assert_eq!(reasons(&merge), judged, "judging again changes nothing");
        }
    }

    #[test]
    fn sums_of_several_currencies_are_not_told() {
        let mut merge = holding(0);
        let spot = Spot { account: "payer".to_owned(), region: "payer".to_owned() };
        let billed = |account: &str, currency| finding(account, "global", "line", None).billed(Decimal::TEN, currency);
        let report = |merge: &Merge| {
            let summary = whole(merge, Class::Deadline).reports.remove(0).summary;
            (summary.findings, summary.billed_cost, summary.currency)
        };
        assert_eq!(report(&merge), (0, None, Some("USD".to_owned())));
        say(&mut merge, &spot, vec![billed("1", "EUR"), billed("1", "EUR")], vec![]);
        assert_eq!(report(&merge), (2, Some(Decimal::from(20)), Some("EUR".to_owned())));
        say(&mut merge, &spot, vec![billed("2", "USD")], vec![]);
        assert_eq!(report(&merge), (3, None, None));
        merge.account("2", None);
        merge.only_chosen_accounts();
        assert_eq!(report(&merge), (1, Some(Decimal::TEN), Some("USD".to_owned())), "accounts not chosen do not count");
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
        let coverage = merge.coverage(&problem(Class::Cancelled));
        let missing: Vec<_> =
            coverage.not_scanned.iter().map(|it| (it.class, it.targets, it.accounts.join(","))).collect();
        assert_eq!((coverage.accounts, coverage.targets, coverage.scanned), (3, 5, 1));
        let expected = [(Class::RoleMissing, 2, "refused".to_owned()), (Class::Cancelled, 2, "waiting".to_owned())];
        assert_eq!(missing, expected);
    }

    #[test]
    fn a_list_of_accounts_that_was_cut_is_told() {
        let merge = Merge::new(vec![checks::all().remove(0)]);
        let report = whole(&merge, Class::Deadline);
        let gap = &report.coverage.not_scanned[0];
        assert_eq!((gap.targets, gap.action.as_str()), (0, "organizations:ListAccounts"));
        assert!(!report.coverage.complete);
    }
}

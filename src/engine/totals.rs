//! The totals of the findings of one check, kept as they come, so that no finding is read for a sum.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::ledger::{At, Names, Numbers, Places};
use crate::check::{Finding, money};

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

/// The currency of some findings, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Currency {
    /// There are no findings.
    #[default]
    None,
    One(u16),
    Several,
}

impl Currency {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, it) | (it, Self::None) => it,
            (a, b) if a == b => a,
            _ => Self::Several,
        }
    }
}

/// Sums over some findings. There is one for each account with findings of each check, so it is small.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    findings: u32,
    without_savings: u32,
    billed_findings: u32,
    currency: Currency,
    savings: Decimal,
    billed: Decimal,
}

impl Sums {
    fn of(finding: &Finding, currency: Currency) -> Self {
        Self {
            findings: 1,
            without_savings: finding.estimated_monthly_savings.is_none().into(),
            billed_findings: finding.billed_cost.is_some().into(),
            currency,
            savings: finding.estimated_monthly_savings.unwrap_or_default(),
            billed: finding.billed_cost.unwrap_or_default(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.findings += other.findings;
        self.without_savings += other.without_savings;
        self.billed_findings += other.billed_findings;
        self.currency = self.currency.and(other.currency);
        self.savings = self.savings.saturating_add(other.savings);
        self.billed = self.billed.saturating_add(other.billed);
    }

    fn findings(&self) -> usize {
        self.findings as usize
    }

    /// The sum of the savings that are known; `None` where none is.
    fn savings(&self) -> Option<Decimal> {
        (self.findings > self.without_savings).then_some(self.savings)
    }

    /// The sum of what was billed; `None` where nothing says so.
    fn billed(&self) -> Option<Decimal> {
        (self.billed_findings > 0).then_some(self.billed)
    }
}

/// The totals of one region.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RegionSummary {
    pub(crate) region: String,
    /// How many findings it has.
    pub(crate) findings: usize,
    /// The sum of their known savings a month.
    pub(crate) estimated_monthly_savings: Option<Decimal>,
    /// The sum of what was billed, for tools that return it.
    pub(crate) billed_cost: Option<Decimal>,
}

/// The totals of one check.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    currencies: Names,
    all: Sums,
    /// By account.
    accounts: Vec<Sums>,
    /// By region, of the accounts of the scan.
    regions: Vec<Sums>,
    /// By account and region, of accounts that are not known to be of the scan. The payer alone speaks of such, so they
    /// are few.
    strangers: BTreeMap<At, Sums>,
}

fn entry(sums: &mut Vec<Sums>, number: usize) -> &mut Sums {
    if sums.len() <= number {
        sums.resize(number + 1, Sums::default());
    }
    &mut sums[number]
}

impl Totals {
    /// Counts a finding in. `listed` says whether its account is known to be of the scan.
    pub(super) fn add(&mut self, finding: &Finding, at: At, listed: bool) {
        let currency = u16::try_from(self.currencies.number(&finding.currency));
        let sums = Sums::of(finding, currency.map_or(Currency::Several, Currency::One));
        self.all.add(&sums);
        entry(&mut self.accounts, at.account).add(&sums);
        if listed {
            entry(&mut self.regions, at.region).add(&sums);
        } else {
            self.strangers.entry(at).or_default().add(&sums);
        }
    }

    /// An account turns out to be of the scan.
    pub(super) fn listed(&mut self, account: usize) {
        let (first, last) = (At { account, region: 0 }, At { account, region: usize::MAX });
        let regions: Vec<At> = self.strangers.range(first..=last).map(|(at, _)| *at).collect();
        for at in regions {
            if let Some(sums) = self.strangers.remove(&at) {
                entry(&mut self.regions, at.region).add(&sums);
            }
        }
    }

    /// How many findings there are, those of accounts that were not chosen too.
    pub(super) fn findings(&self) -> usize {
        self.all.findings()
    }

    /// The accounts with findings: all, or those of some accounts only.
    fn of<'a>(&'a self, chosen: Option<&'a Numbers>) -> impl Iterator<Item = (usize, &'a Sums)> {
        let found = self.accounts.iter().enumerate().filter(|(_, it)| it.findings > 0);
        found.filter(move |(account, _)| chosen.is_none_or(|it| it.contains(*account)))
    }

    /// The totals over all accounts, or over those that were chosen.
    pub(super) fn summary(&self, chosen: Option<&Numbers>, lower_bound: bool) -> Summary {
        let mut sums = Sums::default();
        self.of(chosen).for_each(|(_, it)| sums.add(it));
        let currency = match sums.currency {
            Currency::None => Some("USD"),
            Currency::One(number) => Some(self.currencies.name(number.into())),
            Currency::Several => None,
        };
        let nothing_found = (sums.findings == 0).then_some(Decimal::ZERO);
        Summary {
            findings: sums.findings(),
            estimated_monthly_savings: sums.savings().or(nothing_found).filter(|_| currency.is_some()),
            findings_without_savings: sums.without_savings as usize,
            billed_cost: sums.billed().filter(|_| currency.is_some()),
            currency: currency.map(str::to_owned),
            lower_bound,
        }
    }

    /// The totals of each account that has findings, largest amount first.
    pub(super) fn by_account(
        &self,
        places: &Places,
        names: &BTreeMap<String, Option<String>>,
        chosen: Option<&Numbers>,
    ) -> Vec<AccountSummary> {
        let summary = |(account, sums): (usize, &Sums)| {
            let id = places.accounts.name(account);
            AccountSummary {
                account_id: id.to_owned(),
                account_name: names.get(id).cloned().flatten(),
                findings: sums.findings(),
                estimated_monthly_savings: sums.savings(),
                billed_cost: sums.billed(),
            }
        };
        let mut rows: Vec<_> = self.of(chosen).map(summary).collect();
        rows.sort_by(|a, b| {
            let amount = |it: &AccountSummary| it.estimated_monthly_savings.or(it.billed_cost);
            amount(b).cmp(&amount(a)).then(b.findings.cmp(&a.findings)).then_with(|| a.account_id.cmp(&b.account_id))
        });
        rows
    }

    /// The totals of each region that has findings, largest amount first. Without `strangers`, only accounts that are
    /// known to be of the scan count.
    pub(super) fn by_region(&self, places: &Places, strangers: bool) -> Vec<RegionSummary> {
        let mut regions = self.regions.clone();
        for (at, sums) in self.strangers.iter().filter(|_| strangers) {
            entry(&mut regions, at.region).add(sums);
        }
        let found = regions.iter().enumerate().filter(|(_, it)| it.findings > 0);
        let summary = |(region, sums): (usize, &Sums)| RegionSummary {
            region: places.regions.name(region).to_owned(),
            findings: sums.findings(),
            estimated_monthly_savings: sums.savings(),
            billed_cost: sums.billed(),
        };
        let mut rows: Vec<_> = found.map(summary).collect();
        rows.sort_by(|a, b| {
            let amount = |it: &RegionSummary| it.estimated_monthly_savings.or(it.billed_cost);
            amount(b).cmp(&amount(a)).then(b.findings.cmp(&a.findings)).then_with(|| a.region.cmp(&b.region))
        });
        rows
    }
}

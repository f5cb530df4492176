//! Where the checks of a scan run: pure.

use std::collections::BTreeSet;

use crate::{
    aws::partition::Partition,
    check::{Check, Scope},
};

/// The checks of a scan by how often they run, as indexes into the list of checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) regional: Vec<usize>,
    pub(crate) account: Vec<usize>,
    pub(crate) payer: Vec<usize>,
}

impl Plan {
    pub(crate) fn of(checks: &[&'static Check]) -> Self {
        let scoped = |scope| {
            let of = checks.iter().enumerate().filter(move |(_, it)| it.scope == scope);
            of.map(|(index, _)| index).collect()
        };
        Self { regional: scoped(Scope::Regional), account: scoped(Scope::Account), payer: scoped(Scope::Payer) }
    }

    /// Whether anything runs in member accounts at all.
    pub(crate) fn enters_accounts(&self) -> bool {
        !self.regional.is_empty() || !self.account.is_empty()
    }
}

/// The regions of one account: those to scan, and those that were chosen and are not enabled there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Regions {
    pub(crate) scan: Vec<String>,
    pub(crate) not_enabled: Vec<String>,
}

/// The regions of an account whose enabled regions are known.
pub(crate) fn regions(chosen: &[String], enabled: &[String]) -> Regions {
    if chosen.is_empty() {
        return Regions { scan: enabled.to_vec(), not_enabled: Vec::new() };
    }
    let wanted: BTreeSet<&String> = chosen.iter().collect();
    let (scan, not_enabled) = wanted.into_iter().cloned().partition(|it| enabled.contains(it));
    Regions { scan, not_enabled }
}

/// The regions to count for an account that could not be asked: those chosen, else those that every account has.
pub(crate) fn presumed_regions(chosen: &[String], partition: &Partition) -> Vec<String> {
    if chosen.is_empty() {
        return partition.default_regions.iter().map(|it| (*it).to_owned()).collect();
    }
    chosen.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::partition;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn chosen_regions_that_are_not_enabled_are_kept_apart() {
        let regions = regions(&names(&["me-south-1", "eu-west-1", "eu-west-1"]), &names(&["eu-west-1", "us-east-1"]));
        assert_eq!(regions, Regions { scan: names(&["eu-west-1"]), not_enabled: names(&["me-south-1"]) });
    }

    #[test]
    fn without_a_choice_every_enabled_region_is_scanned() {
        assert_eq!(regions(&[], &names(&["eu-west-1"])).scan, names(&["eu-west-1"]));
    }

    #[test]
    fn an_account_that_cannot_be_asked_counts_with_the_regions_that_every_account_has() {
        assert_eq!(presumed_regions(&[], partition::named("aws")).len(), 17);
        assert_eq!(presumed_regions(&names(&["b", "a", "b"]), partition::named("aws")), names(&["a", "b"]));
    }
}

//! The ledger: which targets there are, which were seen, and why the others were not. Small, since an organization may
//! have a hundred thousand targets: names are written down once, a target is a bit.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::aws::problem::{Class, Problem};

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

/// A place in the ledger: an account, and a region or `global`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) account: String,
    pub(crate) region: String,
}

/// Names that are written down once and go by a number from then on.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, usize>,
    names: Vec<Arc<str>>,
}

impl Names {
    /// The number of a name, old or new.
    pub(super) fn number(&mut self, name: &str) -> usize {
        if let Some(known) = self.find(name) {
            return known;
        }
        let (number, name) = (self.names.len(), Arc::<str>::from(name));
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// The number of a name that is written down.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// The name of a number.
    pub(super) fn name(&self, number: usize) -> &str {
        self.names.get(number).map_or("", AsRef::as_ref)
    }

    /// The names of some numbers, sorted, so that the order of arrival does not show.
    fn sorted(&self, numbers: &Numbers) -> Vec<String> {
        let mut names: Vec<_> = numbers.iter().map(|it| self.name(it).to_owned()).collect();
        names.sort_unstable();
        names
    }
}

/// How many numbers a word of bits holds.
const BITS: usize = u64::BITS as usize;

/// The numbers of the bits that are set in a word.
fn ones(word: u64) -> impl Iterator<Item = usize> {
    (0..BITS).filter(move |bit| word >> bit & 1 == 1)
}

/// A set of small numbers, one bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    words: Vec<u64>,
    count: usize,
}

impl Numbers {
    /// Takes a number in.
    pub(super) fn insert(&mut self, number: usize) {
        if self.contains(number) {
            return;
        }
        if self.words.len() <= number / BITS {
            self.words.resize(number / BITS + 1, 0);
        }
        self.words[number / BITS] |= 1 << (number % BITS);
        self.count += 1;
    }

    pub(super) fn remove(&mut self, number: usize) {
        if self.contains(number) {
            self.words[number / BITS] &= !(1 << (number % BITS));
            self.count -= 1;
        }
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.word(number / BITS) >> (number % BITS) & 1 == 1
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(index, word)| ones(*word).map(move |bit| index * BITS + bit))
    }

    fn word(&self, index: usize) -> u64 {
        self.words.get(index).copied().unwrap_or(0)
    }
}

impl FromIterator<usize> for Numbers {
    fn from_iter<T: IntoIterator<Item = usize>>(numbers: T) -> Self {
        let mut set = Self::default();
        numbers.into_iter().for_each(|it| set.insert(it));
        set
    }
}

/// The accounts and regions of a scan, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) accounts: Names,
    pub(super) regions: Names,
}

/// A spot by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) account: usize,
    pub(super) region: usize,
}

impl Places {
    /// The numbers of an account and a region, old or new.
    pub(super) fn at(&mut self, account: &str, region: &str) -> At {
        At { account: self.accounts.number(account), region: self.regions.number(region) }
    }

    /// The numbers of a spot that is written down.
    pub(super) fn find(&self, spot: &Spot) -> Option<At> {
        Some(At { account: self.accounts.find(&spot.account)?, region: self.regions.find(&spot.region)? })
    }
}

/// The targets in some regions of one account, a bit for each region.
#[derive(Clone, Copy, Debug, Default)]
struct Targets {
    known: u64,
    done: u64,
}

/// What happens to the targets of one check, or of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// By regions, as many together as a word has bits, then by account.
    targets: Vec<Vec<Targets>>,
    known: usize,
    done: usize,
    scanned: usize,
    gaps: BTreeMap<(Class, String), Gap>,
}

/// Why targets were not seen, and where; those with the same class and action are one line.
#[derive(Clone, Debug, Default)]
struct Gap {
    targets: usize,
    accounts: Numbers,
    regions: Numbers,
    message: Option<String>,
}

impl Gap {
    fn add(&mut self, at: Option<At>, message: &str) {
        if let Some(at) = at {
            self.targets += 1;
            self.accounts.insert(at.account);
            self.regions.insert(at.region);
        }
        // The least of all messages, so that the order of arrival does not show.
        if self.message.as_deref().is_none_or(|it| message < it) {
            self.message = Some(message.to_owned());
        }
    }
}

/// What a ledger that is read before its scan is over does not know by itself.
pub(super) struct Unfinished<'a> {
    /// Why what is not done yet is not scanned.
    pub(super) pending: &'a Problem,
    /// Why there may be more accounts than are known.
    pub(super) unlisted: Option<&'a Problem>,
    /// Accounts that are listed and whose targets are not known yet.
    pub(super) waiting: &'a Numbers,
    /// The regions that these are taken to have.
    pub(super) presumed: Numbers,
}

impl Ledger {
    pub(super) fn enumerate(&mut self, at: At) {
        let column = at.region / BITS;
        if self.targets.len() <= column {
            self.targets.resize_with(column + 1, Vec::new);
        }
        let accounts = &mut self.targets[column];
        if accounts.len() <= at.account {
            accounts.resize(at.account + 1, Targets::default());
        }
        let bit = 1 << (at.region % BITS);
        let targets = &mut accounts[at.account];
        self.known += usize::from(targets.known & bit == 0);
        targets.known |= bit;
    }

    /// Marks a target as done, seen or not. One that is done already, or was never enumerated, changes nothing.
    pub(super) fn settle(&mut self, at: At, problem: Option<&Problem>) {
        let bit = 1 << (at.region % BITS);
        let targets = self.targets.get_mut(at.region / BITS).and_then(|it| it.get_mut(at.account));
        let Some(targets) = targets.filter(|it| it.known & !it.done & bit != 0) else { return };
        targets.done |= bit;
        self.done += 1;
        match problem {
            None => self.scanned += 1,
            Some(it) => self.gap(Some(at), it),
        }
    }

    /// Something that could not be seen: a target, or what nobody knows the extent of.
    pub(super) fn gap(&mut self, at: Option<At>, problem: &Problem) {
        add(&mut self.gaps, at, problem);
    }

    /// How many targets are known.
    pub(super) fn known(&self) -> usize {
        self.known
    }

    /// How many targets are done.
    pub(super) fn done(&self) -> usize {
        self.done
    }

    /// The ledger as an answer shows it.
    pub(super) fn coverage(&self, places: &Places, accounts: usize, unfinished: &Unfinished<'_>) -> Coverage {
        let mut gaps = self.gaps.clone();
        let mut targets = self.done;
        for at in self.open(places.accounts.names.len(), unfinished) {
            targets += 1;
            add(&mut gaps, Some(at), unfinished.pending);
        }
        if let Some(problem) = unfinished.unlisted {
            add(&mut gaps, None, problem);
        }
        let lines = gaps.into_iter().map(|((class, action), gap)| NotScanned {
            class,
            targets: gap.targets,
            accounts: places.accounts.sorted(&gap.accounts),
            regions: places.regions.sorted(&gap.regions),
            action,
            message: gap.message.unwrap_or_default(),
        });
        let not_scanned: Vec<_> = lines.collect();
        let complete = !not_scanned.iter().any(|it| it.class.is_gap());
        Coverage { complete, accounts, targets, scanned: self.scanned, not_scanned }
    }

    /// The targets that are known or presumed and not done.
    fn open<'a>(&'a self, accounts: usize, unfinished: &'a Unfinished<'_>) -> impl Iterator<Item = At> + 'a {
        let columns = self.targets.len().max(unfinished.presumed.words.len());
        (0..columns).flat_map(move |column| {
            (0..accounts).flat_map(move |account| {
                let targets = self.targets.get(column).and_then(|it| it.get(account)).copied().unwrap_or_default();
                let waits = unfinished.waiting.contains(account);
                let presumed = if waits { unfinished.presumed.word(column) } else { 0 };
                let open = (targets.known | presumed) & !targets.done;
                ones(open).map(move |bit| At { account, region: column * BITS + bit })
            })
        })
    }
}

fn add(gaps: &mut BTreeMap<(Class, String), Gap>, at: Option<At>, problem: &Problem) {
    gaps.entry((problem.class, problem.action.clone())).or_default().add(at, &problem.message);
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn problem() -> Problem {
        Problem { class: Class::Deadline, action: String::new(), message: "late".to_owned() }
    }

    fn covered(ledger: &Ledger, places: &Places, waiting: &Numbers, presumed: Numbers) -> Coverage {
        let pending = problem();
        let unfinished = Unfinished { pending: &pending, unlisted: None, waiting, presumed };
        ledger.coverage(places, places.accounts.names.len(), &unfinished)
    }

    proptest! {
        /// More regions than a word has bits, so that there are several columns.
        #[test]
        fn a_ledger_in_bits_is_one_in_sets(
            known in prop::collection::vec((0_usize..5, 0_usize..200), 0..60),
            done in prop::collection::vec((0_usize..5, 0_usize..200), 0..60),
            waiting in prop::collection::btree_set(0_usize..5, 0..3),
            presumed in prop::collection::btree_set(0_usize..200, 0..20),
        ) {
            let mut places = Places::default();
            for number in 0..200 {
                places.at(&format!("account-{}", number % 5), &format!("region-{number}"));
            }
            let mut ledger = Ledger::default();
            let mut sets: BTreeMap<(usize, usize), bool> = BTreeMap::new();
            for (account, region) in &known {
                ledger.enumerate(At { account: *account, region: *region });
                sets.insert((*account, *region), false);
            }
            for (account, region) in &done {
                ledger.settle(At { account: *account, region: *region }, None);
                sets.entry((*account, *region)).and_modify(|it| *it = true);
            }
            prop_assert_eq!(ledger.known(), sets.len());
            prop_assert_eq!(ledger.done(), sets.values().filter(|it| **it).count());
            for account in &waiting {
                for region in &presumed {
                    sets.entry((*account, *region)).or_insert(false);
                }
            }
            let open: Vec<_> = sets.iter().filter(|(_, done)| !**done).map(|(at, _)| *at).collect();
            let coverage = covered(&ledger, &places, &waiting.into_iter().collect(), presumed.into_iter().collect());
            prop_assert_eq!((coverage.targets, coverage.scanned), (sets.len(), sets.len() - open.len()));
            let names = |name: fn(&(usize, usize)) -> String| open.iter().map(name).collect::<BTreeSet<_>>();
            let shown = coverage.not_scanned.first();
            prop_assert_eq!(shown.map_or(0, |it| it.targets), open.len());
            let (accounts, regions) = shown.map(|it| (it.accounts.clone(), it.regions.clone())).unwrap_or_default();
            prop_assert_eq!(accounts, names(|it| format!("account-{}", it.0)).into_iter().collect::<Vec<_>>());
            prop_assert_eq!(regions, names(|it| format!("region-{}", it.1)).into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn numbers_are_a_set(all in prop::collection::vec((any::<bool>(), 0_usize..300), 0..80)) {
            let (mut numbers, mut set) = (Numbers::default(), BTreeSet::new());
            for (insert, number) in all {
                if insert {
                    numbers.insert(number);
                    set.insert(number);
                } else {
                    numbers.remove(number);
                    set.remove(&number);
                }
                prop_assert_eq!((numbers.contains(number), numbers.len()), (insert, set.len()));
            }
            prop_assert_eq!(numbers.iter().collect::<Vec<_>>(), set.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_target_that_is_done_stays_as_it_was_first_done() {
        let (mut places, mut ledger) = (Places::default(), Ledger::default());
        let at = places.at("account", "region");
        ledger.settle(at, None);
        assert_eq!(ledger.done(), 0, "what was never enumerated is not done");
        ledger.enumerate(at);
        ledger.settle(at, Some(&problem()));
        ledger.settle(at, None);
        ledger.enumerate(at);
        let coverage = covered(&ledger, &places, &Numbers::default(), Numbers::default());
        assert_eq!((coverage.targets, coverage.scanned, coverage.not_scanned[0].targets), (1, 0, 1));
    }
}

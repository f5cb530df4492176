//! Chance that is the same each time.

/// What becomes of a thing, and whether a check must report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nobody uses it: to be reported.
    Waste,
    /// It looks unused and is too young to tell.
    Young,
    /// It is in use.
    Used,
    /// It looks unused and something keeps it: a backup plan, another account, a service.
    Kept,
}

/// A series of numbers that follows from one.
#[derive(Clone, Debug)]
pub(crate) struct Draw(fastrand::Rng);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// True that often, 0 to 1.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.0.f64() < share
    }

    /// A number between two, both included.
    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        self.0.i64(least..=most)
    }

    /// A whole number near the mean: none or one when that is small.
    pub(super) fn about(&mut self, mean: f64) -> usize {
        let spread = mean * (0.5 + self.0.f64());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
        let whole = spread.floor() as usize;
        whole + usize::from(self.0.f64() < spread.fract())
    }

    /// One of some.
    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.usize(0..choices.len())]
    }

    /// The index of one of some weights.
    pub(super) fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = self.0.u64(0..weights.iter().sum::<u64>().max(1));
        weights
            .iter()
            .position(|it| {
                let here = left < *it;
                left = left.saturating_sub(*it);
                here
            })
            .unwrap_or(0)
    }

    /// A fate: waste, young, used, kept, in these weights.
    pub(super) fn fate(&mut self, weights: [u64; 4]) -> Fate {
        [Fate::Waste, Fate::Young, Fate::Used, Fate::Kept][self.weighted(&weights)]
    }

    /// An age in days that fits a fate, where a check looks back this many.
    pub(super) fn age(&mut self, fate: Fate, lookback: i64) -> i64 {
        match fate {
            Fate::Young => self.between(1, lookback - 1),
            Fate::Waste => self.between(lookback, 600),
            Fate::Used | Fate::Kept => self.between(lookback, 900),
        }
    }

    /// Tags of an owner, most of the time all that are required.
    pub(super) fn tags(&mut self) -> Vec<(&'static str, String)> {
        let team = self.one_of(&["web", "shop", "billing", "search", "data", "ml"]);
        let stage = self.one_of(&["production", "staging", "test"]);
        let all = [("CostCenter", format!("{}", self.between(1000, 1040))), ("Environment", stage.to_owned())];
        let mut tags: Vec<_> = all.into_iter().chain([("Owner", format!("team-{team}"))]).collect();
        if self.chance(0.15) {
            tags.remove(self.0.usize(0..tags.len()));
        } else if self.chance(0.05) {
            tags.clear();
        }
        tags
    }
}

/// A number that follows from a seed and some words (FNV-1a, then mixed so that near words give far numbers).
pub(super) fn digest(seed: u64, words: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for word in words {
        for byte in word.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_give_the_same_number_and_others_another() {
        assert_eq!(digest(1, &["a", "b"]), digest(1, &["a", "b"]));
        let all = [digest(1, &["a", "b"]), digest(2, &["a", "b"]), digest(1, &["ab"]), digest(1, &["b", "a"])];
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
    }

    #[test]
    fn counts_are_near_their_mean() {
        let mut draw = Draw::new(7);
        for mean in [0.1, 1.0, 8.0] {
            let all: usize = (0..10_000).map(|_| draw.about(mean)).sum();
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let found = all as f64 / 10_000.0;
            assert!((found / mean - 1.0).abs() < 0.1, "{mean}: {found}");
        }
    }
}

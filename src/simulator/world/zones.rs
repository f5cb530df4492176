//! Hosted zones of Route 53: things of an account that are listed without a region.

use super::{HOME, Place, Series, draw::Fate};

/// A hosted zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) fate: Fate,
    pub(crate) private: bool,
    /// Its NS and SOA records included.
    pub(crate) records: i64,
    /// The VPC that a private one answers in.
    pub(crate) vpc: Option<String>,
    /// Whether AWS Cloud Map made it.
    pub(crate) of_cloud_map: bool,
}

/// What becomes of a zone, whether it is private, whether it holds records and whether it answers in a VPC.
const KINDS: [(Fate, bool, bool, bool); 7] = [
    (Fate::Waste, false, true, false),
    (Fate::Waste, false, false, false),
    (Fate::Used, false, true, false),
    (Fate::Waste, true, false, true),
    (Fate::Waste, true, true, false),
    (Fate::Used, true, true, true),
    // Cloud Map made it, and keeps it.
    (Fate::Kept, true, false, true),
];

impl Place<'_> {
    /// The hosted zones of the account.
    pub(crate) fn zones(&self) -> Vec<Zone> {
        let account = self.whole_account();
        let mut draw = account.draw("hosted zones");
        let count = account.count(&mut draw, 1.5);
        let zone = |number: usize| {
            let (fate, private, full, joined) = KINDS[draw.weighted(&[20, 10, 35, 5, 5, 15, 10])];
            let words = ["hosted zone", &account.account, &number.to_string()];
            let word = draw.one_of(&["shop", "campaign", "internal", "partners", "staging"]);
            Zone {
                id: format!("Z{:016X}", account.world.digest(&words)),
                name: format!("{word}-{number}.{}.example.com.", account.account),
                fate,
                private,
                records: if full { draw.between(3, 200) } else { 2 },
                vpc: joined.then(|| account.vpc()),
                of_cloud_map: fate == Fate::Kept,
            }
        };
        (0..count).map(zone).collect()
    }

    /// Route 53 is silent about zones that nobody asks, and about private ones.
    pub(super) fn queries(&self, id: &str) -> Option<Series> {
        let zone = self.zones().into_iter().find(|it| it.id == id && self.region == HOME)?;
        Some(if zone.fate == Fate::Used && !zone.private { Series::Steady(300.0) } else { Series::Silent })
    }
}

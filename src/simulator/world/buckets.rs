//! Buckets and distributions: things of an account that are listed without a region.

use super::{
    HOME, Place, Series,
    draw::{Draw, Fate},
};

/// How many days the checks of buckets and distributions look back.
const OLD: i64 = 90;

/// After how many days the check of uploads takes one for given up.
const ENDED: i64 = 7;

/// What is in a bucket, and what is known of its use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Contents {
    /// Nothing.
    Empty,
    /// Objects, whose requests are counted.
    Counted { gib: f64, requests: bool },
    /// Objects, whose requests are not counted.
    NotCounted { gib: f64 },
}

/// An S3 bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) region: &'static str,
    pub(crate) fate: Fate,
    pub(crate) contents: Contents,
    pub(crate) created: i64,
    /// When each upload began that never ended.
    pub(crate) uploads: Vec<i64>,
    /// How its objects are kept, where there are any.
    pub(crate) keeping: Keeping,
    /// Whether another storage class would hold them for less.
    pub(crate) dear: bool,
}

/// How the objects of a bucket are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// In S3 Standard for ever.
    Standard,
    /// In S3 Standard until a rule moves them.
    Moved,
    /// Half of them in S3 Intelligent-Tiering.
    Tiered,
    /// In S3 Standard, each too small to be moved.
    Small,
    /// In Standard-IA, each so small that most of what is billed is not there.
    SmallInfrequent,
}

/// With fewer GiB in S3 Standard a bucket is not worth a recommendation.
const LARGE: f64 = 10.0;

/// A `CloudFront` distribution.
#[derive(Clone, Debug)]
pub(crate) struct Distribution {
    pub(crate) id: String,
    pub(crate) fate: Fate,
    pub(crate) enabled: bool,
    pub(crate) dedicated_ip: bool,
    pub(crate) modified: i64,
}

/// Bytes in a gibibyte.
const GIB: f64 = 1_073_741_824.0;

impl Place<'_> {
    /// The same account, in the region of the global services, as busy as accounts are on the whole.
    pub(super) fn whole_account(&self) -> Self {
        Place { region: HOME.to_owned(), activity: self.world.density, ..self.clone() }
    }

    /// The buckets of the account, in whatever region.
    pub(crate) fn buckets(&self) -> Vec<Bucket> {
        let account = self.whole_account();
        let mut draw = account.draw("buckets");
        let count = account.count(&mut draw, 4.0);
        (0..count).map(|number| account.bucket(&mut draw, number)).collect()
    }

    fn bucket(&self, draw: &mut Draw, number: usize) -> Bucket {
        let fate = draw.fate([30, 15, 45, 10]);
        let gib = f64::from(u16::try_from(draw.between(1, 4000)).unwrap_or(1));
        let contents = match fate {
            Fate::Waste if draw.chance(0.5) => Contents::Empty,
            Fate::Waste => Contents::Counted { gib, requests: false },
            Fate::Young => Contents::Empty,
            Fate::Used => Contents::Counted { gib, requests: true },
            Fate::Kept => Contents::NotCounted { gib },
        };
        let word = draw.one_of(&["logs", "assets", "backup", "exports", "artifacts"]);
        let name = format!("simulated-{word}-{}-{number}", self.account);
        let keeping = self.keeping(&name);
        let dear = match keeping {
            Keeping::Standard => gib >= LARGE,
            Keeping::SmallInfrequent => true,
            Keeping::Moved | Keeping::Tiered | Keeping::Small => false,
        };
        Bucket {
            name,
            region: draw.one_of(&super::BUSY),
            fate,
            contents,
            created: self.days_ago(draw.age(fate, OLD)),
            uploads: self.uploads(draw),
            keeping,
            dear: dear && contents != Contents::Empty,
        }
    }

    fn keeping(&self, bucket: &str) -> Keeping {
        let mut draw = self.world.draw(&["storage class", bucket]);
        match draw.weighted(&[35, 20, 15, 15, 15]) {
            0 => Keeping::Standard,
            1 => Keeping::Moved,
            2 => Keeping::Tiered,
            3 => Keeping::Small,
            _ => Keeping::SmallInfrequent,
        }
    }

    /// Old ones in some buckets, young ones in others, none in most.
    fn uploads(&self, draw: &mut Draw) -> Vec<i64> {
        let days = match draw.weighted(&[70, 15, 15]) {
            0 => return Vec::new(),
            1 => (1, ENDED - 1),
            _ => (ENDED, 300),
        };
        (0..draw.between(1, 4)).map(|_| self.days_ago(draw.between(days.0, days.1))).collect()
    }

    /// The distributions of the account.
    pub(crate) fn distributions(&self) -> Vec<Distribution> {
        let account = self.whole_account();
        let mut draw = account.draw("distributions");
        let count = account.count(&mut draw, 0.7);
        let distribution = |number: usize| {
            let fate = draw.fate([40, 15, 45, 0]);
            Distribution {
                id: format!(
                    "E{:013X}",
                    account.world.digest(&["distribution", &account.account, &number.to_string()]) >> 12
                ),
                fate,
                enabled: fate != Fate::Waste || draw.chance(0.7),
                dedicated_ip: draw.chance(0.1),
                modified: account.days_ago(draw.age(fate, OLD)),
            }
        };
        (0..count).map(distribution).collect()
    }

    /// S3 tells sizes once a day, and requests only where a configuration counts them and there are any.
    pub(super) fn storage(&self, metric: &str, name: &str, kind: Option<&str>, filter: Option<&str>) -> Option<Series> {
        let bucket = self.buckets().into_iter().find(|it| it.name == name && it.region == self.region)?;
        let gib = match bucket.contents {
            Contents::Empty => return Some(Series::Silent),
            Contents::Counted { gib, .. } | Contents::NotCounted { gib } => gib,
        };
        Some(match (metric, kind) {
            ("NumberOfObjects", Some("AllStorageTypes")) => Series::Steady((gib * bucket.objects_in_gib()).floor()),
            ("BucketSizeBytes", Some(kind)) => {
                bucket.share_of(kind).map_or(Series::Silent, |it| Series::Steady(gib * it * GIB))
            }
            ("AllRequests", _) if filter == Some(FILTER) && bucket.is_asked() => Series::Steady(900.0),
            _ => Series::Silent,
        })
    }

    /// `CloudFront` is silent about distributions that nobody asks.
    pub(super) fn viewers(&self, id: &str) -> Option<Series> {
        let distribution = self.distributions().into_iter().find(|it| it.id == id && self.region == HOME)?;
        Some(if distribution.fate == Fate::Used { Series::Steady(5000.0) } else { Series::Silent })
    }
}

/// The id of the configuration that counts all requests.
pub(crate) const FILTER: &str = "EntireBucket";

impl Bucket {
    /// Whether an upload began so long ago that nobody will end it.
    pub(crate) fn has_old_uploads(&self, now: i64) -> bool {
        self.uploads.iter().any(|it| now - it >= ENDED * super::DAY)
    }

    fn objects_in_gib(&self) -> f64 {
        match self.keeping {
            Keeping::Standard | Keeping::Moved | Keeping::Tiered => 12.0,
            Keeping::Small => 50_000.0,
            Keeping::SmallInfrequent => 100_000.0,
        }
    }

    /// How many bytes of a storage type there are for each byte of an object.
    fn share_of(&self, kind: &str) -> Option<f64> {
        match (self.keeping, kind) {
            (Keeping::Standard | Keeping::Moved | Keeping::Small, "StandardStorage")
            | (Keeping::SmallInfrequent, "StandardIAStorage") => Some(1.0),
            (Keeping::Tiered, "StandardStorage") => Some(0.5),
            (Keeping::Tiered, "IntelligentTieringFAStorage" | "IntelligentTieringIAStorage") => Some(0.25),
            // A hundred thousand objects, each billed as one of 128 KiB, are 12.2 GiB.
            (Keeping::SmallInfrequent, "StandardIASizeOverhead") => Some(11.2),
            _ => None,
        }
    }

    /// Whether its requests are counted.
    pub(crate) fn is_counted(&self) -> bool {
        matches!(self.contents, Contents::Counted { .. })
    }

    fn is_asked(&self) -> bool {
        matches!(self.contents, Contents::Counted { requests: true, .. })
    }
}

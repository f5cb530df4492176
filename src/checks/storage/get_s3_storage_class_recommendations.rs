//! S3 buckets whose objects another storage class would hold for less.

use std::collections::BTreeMap;

use futures::future::join_all;
use rust_decimal::prelude::ToPrimitive;

use crate::{
    aws::{
        metrics::{MetricQuery, Reading, Statistic},
        prices::{self, Quote},
        s3::{self, Bucket, LifecycleOf, NEWEST_DAYS, STORAGE_TYPES, Stored, object_counts},
    },
    check::prelude::*,
};

check! {
    /// Returns S3 buckets whose objects another storage class would hold for less.
    ///
    /// S3 Intelligent-Tiering bills what is read like S3 Standard, at 0.023 USD a GB-month, what was not read for 30
    /// days at 0.0125, and 0.0025 USD a month for each 1,000 objects that it monitors. A bucket with much in S3
    /// Standard is reported when no lifecycle rule moves objects of it. How much of it is read nobody measures: the
    /// saving is an estimate for the `infrequent_access_percent` you give, less the monitoring of every object. Not
    /// reported: buckets that use Intelligent-Tiering already, those whose objects have less than 128 KiB on average,
    /// as smaller ones are never moved, and those whose objects all end within 30 days.
    ///
    /// Standard-IA and One Zone-IA bill an object below 128 KB as one of 128 KB. A bucket is reported when all that it
    /// holds in one of them would cost less in S3 Standard. This saving is computed from the sizes, and a lower bound.
    ///
    /// Buckets younger than 30 days are not judged. What moving the objects costs once is not counted: a request for
    /// each, and the rest of the 30 days for which infrequent access is billed at least. Fine to ignore where all
    /// objects are read every month.
    title: "S3 storage class recommendations",
    scope: Account,
    needs: [Bucket, MetricQuery, LifecycleOf],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Recommend Intelligent-Tiering only for buckets with at least this many GiB in S3 Standard.
    #[schemars(range(min = 1, max = 1_000_000))]
    min_size_gib: u32,
    /// How many percent of the bytes in S3 Standard are taken not to be read for 30 days: an assumption, on which the
    /// saving rests.
    #[schemars(range(min = 1, max = 100))]
    infrequent_access_percent: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_size_gib: 10, infrequent_access_percent: 40 }
    }
}

/// After how many days without a read Intelligent-Tiering moves an object
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html>, its text of 2023).
const TIERING_DAYS: i64 = 30;
/// Smaller objects are never moved (same page).
const SMALLEST_MOVED_BYTES: f64 = 131_072.0;
const BYTES_PER_GIB: f64 = 1_073_741_824.0;

/// The storage types that tell whether a bucket is worth a closer look.
const SIGNS: &[&str] = &["StandardStorage", "StandardIASizeOverhead", "OneZoneIASizeOverhead"];
/// What is stored for infrequent access, and what is billed besides as its objects are small.
const INFREQUENT: [(&str, &str, &str); 2] = [
    ("Standard-IA", "StandardIAStorage", "StandardIASizeOverhead"),
    ("One Zone-IA", "OneZoneIAStorage", "OneZoneIASizeOverhead"),
];

async fn run(cx: &Cx, params: Params) -> Outcome {
    let buckets = cx.all::<Bucket>().await?;
    let mut regions: BTreeMap<&str, Vec<&Bucket>> = BTreeMap::new();
    for bucket in buckets.iter().filter(|it| cx.days_since(it.created).is_some_and(|it| it >= TIERING_DAYS)) {
        if let Some(region) = bucket.region.as_deref().filter(|it| cx.concerns(it)) {
            regions.entry(region).or_default().push(bucket);
        }
    }
    let findings = join_all(regions.iter().map(|(region, buckets)| judge(cx, &params, region, buckets))).await;
    Ok(findings.into_iter().flatten().flatten().collect())
}

/// Judges the buckets of one region. What cannot be measured there hides itself and not the other regions.
async fn judge(cx: &Cx, params: &Params, region: &str, buckets: &[&Bucket]) -> Option<Vec<Finding>> {
    let signs = cx.ask_or_note(s3::sizes(region, SIGNS, buckets.iter().copied())).await?;
    let signs = buckets.iter().copied().zip(signs.chunks(SIGNS.len()));
    let candidates: Vec<_> = signs.filter(|(_, it)| is_worth_a_look(params, it)).map(|(bucket, _)| bucket).collect();
    let sizes = cx.ask_or_note(s3::sizes(region, STORAGE_TYPES, candidates.iter().copied())).await?;
    let counts = object_counts(region, Statistic::Latest, NEWEST_DAYS, candidates.iter().copied());
    let counts = cx.ask_or_note(counts).await;
    let count = |index: usize| match counts.as_deref()?.get(index)? {
        Reading::Value(count) => Some(*count),
        _ => None,
    };
    let seen = candidates.iter().zip(sizes.chunks(STORAGE_TYPES.len())).enumerate();
    let seen = seen.filter_map(|(index, (bucket, sizes))| Some((*bucket, s3::stored(sizes)?, count(index))));
    let findings =
        join_all(seen.map(|(bucket, stored, count)| advise(cx, params, region, bucket, stored, count))).await;
    Some(findings.into_iter().flatten().collect())
}

fn is_worth_a_look(params: &Params, signs: &[Reading]) -> bool {
    let bytes = |it: &Reading| match it {
        Reading::Value(bytes) => *bytes,
        _ => 0.0,
    };
    signs.iter().map(bytes).enumerate().any(|(index, it)| it >= if index == 0 { least_bytes(params) } else { 1.0 })
}

fn least_bytes(params: &Params) -> f64 {
    f64::from(params.min_size_gib) * BYTES_PER_GIB
}

fn bytes(stored: &Stored, storage_type: &str) -> f64 {
    stored.iter().find(|(it, _)| *it == storage_type).map_or(0.0, |(_, bytes)| *bytes)
}

async fn advise(
    cx: &Cx,
    params: &Params,
    region: &str,
    bucket: &Bucket,
    stored: Stored,
    objects: Option<f64>,
) -> Option<Finding> {
    let tiering = async {
        let (reason, quote) = tiering(params, &stored, objects?)?;
        stays(cx, region, bucket).await.then_some((reason, quote))
    };
    let all: Vec<_> = tiering.await.into_iter().chain(overheads(&stored)).collect();
    let (reasons, quotes): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    let saves = prices::sum(quotes)?;
    let cost = prices::s3_bucket(&stored);
    let size_bytes = bytes(&stored, "StandardStorage");
    let overhead_bytes: f64 = INFREQUENT.iter().map(|(_, _, overhead)| bytes(&stored, overhead)).sum();
    let finding = cx
        .finding(bucket)
        .because(reasons.join("; "))
        .fact("age_days", cx.days_since(bucket.created))
        .fact("object_count", objects.and_then(|it| it.to_i64()))
        .fact("standard_size_bytes", size_bytes.to_i64())
        .fact("small_object_overhead_bytes", overhead_bytes.to_i64());
    let basis = bases(cost.iter().chain([&saves]));
    Some(Finding {
        estimated_monthly_savings: Some(saves.monthly.round_dp(4)),
        price_basis: Some(basis),
        ..finding.costs(cost)
    })
}

/// What Intelligent-Tiering would save, going by the sizes alone. S3 Standard holds no more objects than the bucket, so
/// that the average size is no more than the true one, and monitoring no less.
fn tiering(params: &Params, stored: &Stored, objects: f64) -> Option<(String, Quote)> {
    let standard = bytes(stored, "StandardStorage");
    let is_used = stored.iter().any(|(kind, _)| kind.starts_with("Int"));
    let average = standard / objects;
    if is_used || standard < least_bytes(params) || average < SMALLEST_MOVED_BYTES {
        return None;
    }
    let reason = format!(
        "{:.1} GiB in S3 Standard, {:.1} MiB an object or more, that no lifecycle rule moves to another storage class",
        standard / BYTES_PER_GIB,
        average / 1_048_576.0
    );
    Some((reason, prices::s3_tiering_saves(standard, objects, params.infrequent_access_percent)?))
}

/// Whether the objects of a bucket stay, and stay where they are.
async fn stays(cx: &Cx, region: &str, bucket: &Bucket) -> bool {
    let question = LifecycleOf { bucket: bucket.name.clone(), region: region.to_owned() };
    let lifecycle = cx.ask_or_note(question).await;
    lifecycle.is_some_and(|it| !it.moves && it.expires_days.is_none_or(|it| i64::from(it) > TIERING_DAYS))
}

/// What is stored for infrequent access and would cost less in S3 Standard.
fn overheads(stored: &Stored) -> impl Iterator<Item = (String, Quote)> {
    INFREQUENT.iter().filter_map(|(name, kind, overhead)| {
        let (kept, overhead) = (bytes(stored, kind), bytes(stored, overhead));
        let reason = format!(
            "{:.1} GiB in {name}, billed as {:.1} GiB as its objects are small, would cost less in S3 Standard",
            kept / BYTES_PER_GIB,
            (kept + overhead) / BYTES_PER_GIB
        );
        Some((reason, prices::s3_overhead_saves(kind, kept, overhead)?))
    })
}

/// What several amounts rest on, each part said once.
fn bases<'a>(quotes: impl Iterator<Item = &'a Quote>) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in quotes.flat_map(|it| it.basis.split("; ")) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{
            problem::{Class, Problem},
            s3::Lifecycle,
            store::Store,
        },
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// Buckets by name, which says what each one holds.
    fn world(names: &[&str]) -> Store {
        buckets(names.iter().map(|it| Bucket::example(it)).collect())
    }

    fn buckets(buckets: Vec<Bucket>) -> Store {
        Store::world()
            .with(buckets)
            .answering(|it: &MetricQuery| {
                assert_eq!((it.days, it.statistic), (3, Statistic::Latest));
                Ok(it.series.iter().map(|series| reading(it.metric, &series[0].1, &series[1].1)).collect())
            })
            .answering(|it: &LifecycleOf| {
                let expires = |days| Lifecycle { moves: false, expires_days: Some(days) };
                match it.bucket.as_str() {
                    "sealed" => {
                        Err(Problem { class: Class::AccessDenied, action: String::new(), message: String::new() })
                    }
                    "moved" => Ok(Lifecycle { moves: true, expires_days: None }),
                    "passing" => Ok(expires(30)),
                    "lasting" => Ok(expires(31)),
                    _ => Ok(Lifecycle::default()),
                }
            })
    }

    /// What a bucket holds, in GiB, and how many objects. Most hold 1,000 GiB in 100,000 objects.
    fn holds(name: &str) -> (&'static [(&'static str, f64)], Reading) {
        let objects = Reading::Value(100_000.0);
        match name {
            "void" => (&[], Reading::NoData),
            "at" => (&[("StandardStorage", 10.0)], Reading::Value(1000.0)),
            "under" => (&[("StandardStorage", 9.9)], Reading::Value(1000.0)),
            "small" => (&[("StandardStorage", 1000.0)], Reading::Value(8_192_001.0)),
            "uncounted" => (&[("StandardStorage", 1000.0)], Reading::NoData),
            "unknown count" => (&[("StandardStorage", 1000.0)], Reading::Unknown),
            "tiered" => (&[("StandardStorage", 1000.0), ("IntelligentTieringAIAStorage", 0.1)], objects),
            "blurred" => (&[("StandardStorage", 1000.0), ("GlacierStorage", f64::NAN)], objects),
            "padded" => (&[("StandardIAStorage", 100.0), ("StandardIASizeOverhead", 100.0)], objects),
            "padded little" => (&[("StandardIAStorage", 100.0), ("StandardIASizeOverhead", 84.0)], objects),
            "zone" => (&[("OneZoneIAStorage", 100.0), ("OneZoneIASizeOverhead", 200.0)], objects),
            "both" => (
                &[("StandardStorage", 1000.0), ("StandardIAStorage", 100.0), ("StandardIASizeOverhead", 100.0)],
                objects,
            ),
            _ => (&[("StandardStorage", 1000.0)], objects),
        }
    }

    fn reading(metric: &str, bucket: &str, kind: &str) -> Reading {
        let (sizes, objects) = holds(bucket);
        if metric == "NumberOfObjects" {
            return objects;
        }
        match sizes.iter().find(|(it, _)| *it == kind) {
            Some((_, gib)) if gib.is_nan() => Reading::Unknown,
            Some((_, gib)) => Reading::Value(gib * BYTES_PER_GIB),
            None => Reading::NoData,
        }
    }

    async fn ids(names: &[&str], params: &str) -> Vec<String> {
        findings(&CHECK, world(names), params).await.into_iter().map(|it| it.resource_id).collect()
    }

    #[tokio::test]
    async fn nothing_is_found_where_there_is_nothing() {
        assert_eq!(found(&CHECK, world(&[]), "{}").await, "");
        assert_eq!(found(&CHECK, world(&["void"]), "{}").await, "");
    }

    #[tokio::test]
    async fn a_large_bucket_that_nothing_moves_is_found_with_what_it_may_save() {
        let findings = findings(&CHECK, world(&["plain"]), "{}").await;
        let [it] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
        assert_eq!(
            it.reason,
            "1000.0 GiB in S3 Standard, 10.2 MiB an object or more, that no lifecycle rule moves to another storage \
             class"
        );
        // 1,000 GiB x 40% x 0.0105 - 100,000 x 0.0000025
        assert_eq!((it.estimated_monthly_cost, it.estimated_monthly_savings), (Some(dec!(23)), Some(dec!(3.95))));
        let basis =
            "list price us-east-1 2026-09-26; estimate: 40% of the bytes in S3 Standard are not read for 30 days";
        assert_eq!((it.price_basis.as_deref(), it.action_type.as_deref()), (Some(basis), None));
        assert_eq!((it.attributes["object_count"].as_i64(), it.region.as_str()), (Some(100_000), "eu-west-1"));
    }

    #[tokio::test]
    async fn the_share_that_is_not_read_is_an_assumption_of_the_caller() {
        let findings = findings(&CHECK, world(&["plain"]), r#"{"infrequent_access_percent": 100}"#).await;
        assert_eq!(findings[0].estimated_monthly_savings, Some(dec!(10.25)));
        assert!(ids(&["plain"], r#"{"infrequent_access_percent": 2}"#).await.is_empty(), "monitoring costs more");
    }

    #[tokio::test]
    async fn only_much_is_worth_moving_and_never_small_objects() {
        assert_eq!(ids(&["at", "under", "small"], "{}").await, ["at"]);
        assert_eq!(ids(&["at", "plain"], r#"{"min_size_gib": 1000}"#).await, ["plain"]);
    }

    #[tokio::test]
    async fn what_is_not_known_is_no_finding() {
        assert!(ids(&["uncounted", "unknown count", "blurred"], "{}").await.is_empty());
    }

    #[tokio::test]
    async fn a_bucket_that_is_taken_care_of_is_not_found() {
        assert_eq!(ids(&["tiered", "moved", "passing", "lasting"], "{}").await, ["lasting"]);
    }

    #[tokio::test]
    async fn small_objects_are_found_where_all_would_cost_less_in_standard() {
        let findings = findings(&CHECK, world(&["padded", "padded little", "zone"]), "{}").await;
        let saves: Vec<_> = findings.iter().map(|it| (it.resource_id.as_str(), it.estimated_monthly_savings)).collect();
        assert_eq!(saves, [("padded", Some(dec!(0.2))), ("zone", Some(dec!(0.7)))]);
        assert_eq!(
            findings[0].reason,
            "100.0 GiB in Standard-IA, billed as 200.0 GiB as its objects are small, would cost less in S3 Standard"
        );
        assert!(findings[0].price_basis.as_ref().is_some_and(|it| it.contains("; lower bound: ")));
    }

    #[tokio::test]
    async fn both_reasons_are_one_finding() {
        let findings = findings(&CHECK, world(&["both"]), "{}").await;
        let [it] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
        assert_eq!(it.estimated_monthly_savings, Some(dec!(4.15)));
        assert!(
            it.reason.starts_with("1000.0 GiB in S3 Standard") && it.reason.ends_with("would cost less in S3 Standard")
        );
        let basis = it.price_basis.as_deref().unwrap_or_default();
        assert_eq!(basis.matches("list price").count(), 1, "{basis}");
        assert!(basis.contains("estimate: ") && basis.contains("lower bound: "), "{basis}");
    }

    #[tokio::test]
    async fn only_buckets_of_known_place_and_enough_age_are_judged() {
        let at = |name, created| Bucket { created, ..Bucket::example(name) };
        let lost = Bucket { region: None, ..Bucket::example("lost") };
        let world = buckets(vec![at("old", days_ago(30)), at("new", days_ago(29)), at("undated", None), lost]);
        let findings = findings(&CHECK, world, "{}").await;
        assert_eq!(findings.iter().map(|it| it.resource_id.as_str()).collect::<Vec<_>>(), ["old"]);
    }

    #[tokio::test]
    async fn what_may_not_be_read_hides_itself_and_not_the_rest() {
        let (sealed, problems) = outcome(&CHECK, world(&["sealed", "plain"]), "{}").await;
        let ids: Vec<_> = sealed.expect("judged").into_iter().map(|it| it.resource_id).collect();
        assert_eq!((ids, problems.len()), (vec!["plain".to_owned()], 1));
        let uncounted = world(&["plain", "padded"]).answering(|it: &MetricQuery| match it.metric {
            "NumberOfObjects" => {
                Err(Problem { class: Class::AccessDenied, action: String::new(), message: String::new() })
            }
            metric => Ok(it.series.iter().map(|series| reading(metric, &series[0].1, &series[1].1)).collect()),
        });
        let (uncounted, problems) = outcome(&CHECK, uncounted, "{}").await;
        let ids: Vec<_> = uncounted.expect("judged").into_iter().map(|it| it.resource_id).collect();
        assert_eq!((ids, problems.len()), (vec!["padded".to_owned()], 1));
        let unmeasured = world(&["plain", "padded"]).unanswered::<MetricQuery>(Class::AccessDenied);
        let (unmeasured, problems) = outcome(&CHECK, unmeasured, "{}").await;
        assert_eq!((unmeasured.expect("judged").len(), problems.len()), (0, 1));
    }

    #[tokio::test]
    async fn nothing_is_found_where_buckets_may_not_be_listed() {
        is_blind_without::<Bucket>(&CHECK, world(&[])).await;
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(&["plain"]), "{}").await;
    }
}

//! S3 buckets that are empty or that nobody asks for anything.

use std::collections::BTreeMap;

use futures::future::join_all;
use rust_decimal::prelude::ToPrimitive;

use crate::{
    aws::{
        metrics::{MetricQuery, Reading, Statistic},
        prices::{self, Quote},
        s3::{self, Bucket, IsEmpty, NEWEST_DAYS, RequestMetrics, STORAGE_TYPES, Stored, object_counts},
    },
    check::prelude::*,
};

check! {
    /// Finds S3 buckets that are empty or got no request.
    ///
    /// AWS bills stored data by the month, whether or not anyone reads it; an empty bucket costs nothing. Requests are known
    /// only for a bucket whose request metrics cover all of it, and only since these were set up, which AWS does not date: a
    /// young configuration makes a bucket look idle. Any other bucket that holds objects is not judged, unless you ask for
    /// those whose number of objects has not changed. Fine to ignore for archives, backups and logs that are kept by rule.
    title: "Unused S3 buckets",
    scope: Account,
    needs: [Bucket, MetricQuery, IsEmpty, RequestMetrics],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only buckets of at least this many days, and those with objects only without a request for as long.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
    /// Also report buckets whose requests are not counted and that hold as many objects as that many days ago: a weak sign,
    /// as objects may be read, and replaced by as many others.
    include_unchanged: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90, include_unchanged: false }
    }
}

/// A bucket that is old enough to be judged, its age, and what CloudWatch says of the number of its objects.
#[derive(Clone, Copy)]
struct Seen<'a> {
    bucket: &'a Bucket,
    days: i64,
    objects: Reading,
}

/// What is known of the use of a bucket.
enum Evidence {
    /// It holds no object.
    Empty,
    /// All its requests are counted under this id.
    Counted(String),
    /// Its requests are not counted.
    NotCounted,
    /// It was filled a day ago, or could not be seen, which is a problem of its own.
    NotJudged,
}

/// Why a bucket that holds objects is reported.
struct Reason {
    text: String,
    /// Whether nobody uses the bucket, rather than that it seems so.
    certain: bool,
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let buckets = cx.all::<Bucket>().await?;
    let mut regions: BTreeMap<&str, Vec<(&Bucket, i64)>> = BTreeMap::new();
    for (region, bucket, days) in buckets.iter().filter_map(|it| settled(cx, &params, it)) {
        regions.entry(region).or_default().push((bucket, days));
    }
    let findings = join_all(regions.iter().map(|(region, buckets)| judge(cx, &params, region, buckets))).await;
    Ok(findings.into_iter().flatten().flatten().collect())
}

fn settled<'a>(cx: &Cx, params: &Params, bucket: &'a Bucket) -> Option<(&'a str, &'a Bucket, i64)> {
    let region = bucket.region.as_deref().filter(|it| cx.concerns(it))?;
    let days = cx.days_since(bucket.created)?;
    (days >= params.lookback_days).then_some((region, bucket, days))
}

/// Judges the buckets of one region. What cannot be measured or read there hides itself and not the other regions.
async fn judge(cx: &Cx, params: &Params, region: &str, buckets: &[(&Bucket, i64)]) -> Option<Vec<Finding>> {
    let names = buckets.iter().map(|(it, _)| *it);
    let counts = cx.ask_or_note(object_counts(region, Statistic::Latest, NEWEST_DAYS, names)).await?;
    let seen = buckets.iter().zip(counts.iter()).map(|((bucket, days), objects)| Seen {
        bucket,
        days: *days,
        objects: *objects,
    });
    let seen: Vec<_> = seen.collect();
    let evidence = join_all(seen.iter().map(|it| evidence(cx, region, it))).await;

    let mut findings = Vec::new();
    let (mut counted, mut rest) = (Vec::new(), Vec::new());
    for (it, evidence) in seen.into_iter().zip(evidence) {
        match evidence {
            Evidence::Empty => findings.push(empty(cx, &it)),
            Evidence::Counted(id) => counted.push((it, id)),
            Evidence::NotCounted if params.include_unchanged => rest.push(it),
            Evidence::NotCounted | Evidence::NotJudged => {}
        }
    }
    let mut full = unrequested(cx, params, region, counted).await;
    full.extend(unchanged(cx, params, region, rest).await);
    let stored = stored(cx, region, &full).await;
    findings.extend(full.into_iter().zip(stored).map(|((it, reason), stored)| report(cx, &it, reason, stored)));
    Some(findings)
}

async fn evidence(cx: &Cx, region: &str, it: &Seen<'_>) -> Evidence {
    let (bucket, region) = (it.bucket.name.clone(), region.to_owned());
    match it.objects {
        Reading::Unknown => Evidence::NotJudged,
        // There is no metric of an empty bucket, nor of one that was filled a day ago.
        Reading::NoData | Reading::Zero => match cx.ask_or_note(IsEmpty { bucket, region }).await.as_deref() {
            Some(true) => Evidence::Empty,
            Some(false) | None => Evidence::NotJudged,
        },
        Reading::Value(_) => match cx.ask_or_note(RequestMetrics { bucket, region }).await.as_deref() {
            Some(Some(id)) => Evidence::Counted(id.clone()),
            Some(None) => Evidence::NotCounted,
            None => Evidence::NotJudged,
        },
    }
}

/// Of the buckets whose requests are counted, those that got none: S3 sends the metric only when there are requests.
async fn unrequested<'a>(
    cx: &Cx,
    params: &Params,
    region: &str,
    buckets: Vec<(Seen<'a>, String)>,
) -> Vec<(Seen<'a>, Reason)> {
    let series = buckets.iter().map(|(it, id)| s3::dimensions(it.bucket, "FilterId", id)).collect();
    let query = s3::metric(region, "AllRequests", Statistic::Sum, params.lookback_days, series);
    let Some(requests) = cx.ask_or_note(query).await else { return Vec::new() };
    let reason = |id: &str| format!("no request in {} days, as its request metrics {id} tell", params.lookback_days);
    let idle = buckets.into_iter().zip(requests.iter()).filter(|(_, reading)| reading.is_idle());
    idle.map(|((it, id), _)| (it, Reason { text: reason(&id), certain: true })).collect()
}

/// Of the buckets whose requests are not counted, those that hold as many objects as at the beginning.
async fn unchanged<'a>(cx: &Cx, params: &Params, region: &str, buckets: Vec<Seen<'a>>) -> Vec<(Seen<'a>, Reason)> {
    let names = buckets.iter().map(|it| it.bucket);
    let query = object_counts(region, Statistic::Earliest, params.lookback_days, names);
    let Some(before) = cx.ask_or_note(query).await else { return Vec::new() };
    let is_same = |it: &Seen<'_>, before: Reading| matches!(before, Reading::Value(_)) && it.objects == before;
    let text = format!("as many objects as {} days ago; its requests are not counted", params.lookback_days);
    let same = buckets.into_iter().zip(before.iter()).filter(|(it, before)| is_same(it, **before));
    same.map(|(it, _)| (it, Reason { text: text.clone(), certain: false })).collect()
}

/// What each bucket stores. `None` when CloudWatch could not say, or knows of nothing.
async fn stored(cx: &Cx, region: &str, buckets: &[(Seen<'_>, Reason)]) -> Vec<Option<Stored>> {
    let query = s3::sizes(region, STORAGE_TYPES, buckets.iter().map(|(it, _)| it.bucket));
    let Some(readings) = cx.ask_or_note(query).await else { return vec![None; buckets.len()] };
    readings.chunks(STORAGE_TYPES.len()).map(s3::stored).collect()
}

fn empty(cx: &Cx, it: &Seen<'_>) -> Finding {
    cx.finding(it.bucket)
        .because(format!("holds no object; created {} days ago", it.days))
        .action(ActionType::Delete)
        .saves(Some(Quote::free("no charge for an empty bucket")))
        .fact("age_days", it.days)
}

fn report(cx: &Cx, it: &Seen<'_>, reason: Reason, stored: Option<Stored>) -> Finding {
    let objects = match it.objects {
        Reading::Value(count) => count.to_i64(),
        _ => None,
    };
    let size_bytes = stored.as_ref().and_then(|it| it.iter().map(|(_, bytes)| bytes).sum::<f64>().to_i64());
    let quote = stored.and_then(|it| prices::s3_bucket(&it));
    let finding = cx
        .finding(it.bucket)
        .because(reason.text)
        .fact("age_days", it.days)
        .fact("object_count", objects)
        .fact("size_bytes", size_bytes);
    if reason.certain { finding.action(ActionType::Delete).saves(quote) } else { finding.costs(quote) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{
            problem::{Class, Problem},
            store::Store,
        },
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    const GIB: f64 = 1_073_741_824.0;

    /// Buckets by name, which says how each one answers: `void` ones hold nothing, `sealed` may not be listed, and `bare`
    /// ones count no requests. The others hold 12 objects.
    fn world(names: &[&str]) -> Store {
        buckets(names.iter().map(|it| Bucket::example(it)).collect())
    }

    fn buckets(buckets: Vec<Bucket>) -> Store {
        Store::world()
            .with(buckets)
            .answering(|it: &MetricQuery| Ok(it.series.iter().map(|series| reading(it, series)).collect()))
            .answering(|it: &IsEmpty| match it.bucket.as_str() {
                "sealed" => Err(Problem { class: Class::AccessDenied, action: String::new(), message: String::new() }),
                name => Ok(name.starts_with("void")),
            })
            .answering(|it: &RequestMetrics| {
                Ok(Some("EntireBucket".to_owned()).filter(|_| !it.bucket.starts_with("bare")))
            })
    }

    fn reading(query: &MetricQuery, series: &[(&'static str, String)]) -> Reading {
        let (bucket, other) = (series[0].1.as_str(), series[1].1.as_str());
        match (query.metric, query.statistic, other) {
            ("NumberOfObjects", Statistic::Latest, "AllStorageTypes") => match bucket {
                "void" | "sealed" | "young data" => Reading::NoData,
                "void zero" => Reading::Zero,
                "blurred" => Reading::Unknown,
                _ => Reading::Value(12.0),
            },
            ("NumberOfObjects", Statistic::Earliest, "AllStorageTypes") => match bucket {
                "bare" => Reading::Value(12.0),
                "bare grown" => Reading::Value(11.0),
                "bare blurred" => Reading::Unknown,
                _ => Reading::NoData,
            },
            ("AllRequests", Statistic::Sum, "EntireBucket") => match bucket {
                "full silent" | "unsized" | "odd" => Reading::NoData,
                "full zero" => Reading::Zero,
                "unmeasured" => Reading::Unknown,
                _ => Reading::Value(1.0),
            },
            ("BucketSizeBytes", Statistic::Latest, kind) => match (bucket, kind) {
                ("unsized", _) => Reading::NoData,
                (_, "StandardStorage") => Reading::Value(100.0 * GIB),
                ("full zero", "GlacierStorage") => Reading::Value(1000.0 * GIB),
                ("odd", "ReducedRedundancyStorage") => Reading::Value(GIB),
                _ => Reading::NoData,
            },
            other => panic!("{other:?} is not a metric to ask for"),
        }
    }

    #[tokio::test]
    async fn nothing_is_found_where_there_is_nothing() {
        assert_eq!(found(&CHECK, world(&[]), "{}").await, "");
    }

    #[tokio::test]
    async fn a_bucket_is_empty_only_when_its_list_of_objects_says_so_too() {
        let lines = "void: holds no object; created 200 days ago\nvoid zero: holds no object; created 200 days ago";
        assert_eq!(found(&CHECK, world(&["void", "void zero", "full busy", "blurred"]), "{}").await, lines);
    }

    #[tokio::test]
    async fn a_bucket_without_requests_is_found_where_requests_are_counted() {
        let names = ["full silent", "full zero", "full busy", "unmeasured", "bare", "young data"];
        let reason = "no request in 90 days, as its request metrics EntireBucket tell";
        let lines = format!("full silent: {reason}\nfull zero: {reason}");
        assert_eq!(found(&CHECK, world(&names), "{}").await, lines);
    }

    #[tokio::test]
    async fn an_unchanged_bucket_is_found_only_when_asked_for() {
        let names = ["bare", "bare grown", "bare blurred", "bare new"];
        assert_eq!(found(&CHECK, world(&names), "{}").await, "");
        let found = findings(&CHECK, world(&names), r#"{"include_unchanged": true}"#).await;
        let [it] = found.as_slice() else { panic!("one finding, not {found:?}") };
        assert_eq!(it.reason, "as many objects as 90 days ago; its requests are not counted");
        assert_eq!((it.estimated_monthly_cost, it.estimated_monthly_savings), (Some(dec!(2.3)), None));
        assert_eq!(it.action_type, None);
    }

    #[tokio::test]
    async fn only_old_buckets_of_known_age_and_place_are_judged() {
        let at = |name, created| Bucket { created, ..Bucket::example(name) };
        let lost = Bucket { region: None, ..Bucket::example("void lost") };
        let world =
            buckets(vec![at("void", days_ago(30)), at("void zero", days_ago(29)), at("void unknown", None), lost]);
        let found = found(&CHECK, world, r#"{"lookback_days": 30}"#).await;
        assert_eq!(found, "void: holds no object; created 30 days ago");
    }

    #[tokio::test]
    async fn each_storage_type_has_its_price_and_an_unknown_one_leaves_the_amount_open() {
        let findings = findings(&CHECK, world(&["full silent", "full zero", "unsized", "odd", "void"]), "{}").await;
        let savings: Vec<_> =
            findings.iter().map(|it| (it.resource_id.as_str(), it.estimated_monthly_savings)).collect();
        let expected = [
            ("void", Some(dec!(0))),
            ("full silent", Some(dec!(2.3))),
            ("full zero", Some(dec!(5.9))),
            ("unsized", None),
            ("odd", None),
        ];
        assert_eq!(savings, expected);
        assert_eq!(findings[1].attributes["size_bytes"], 107_374_182_400_i64);
        assert_eq!(findings[1].attributes["object_count"], 12);
    }

    #[tokio::test]
    async fn each_region_is_measured_by_itself_and_names_its_buckets() {
        let there = |name, region: &str| Bucket { region: Some(region.to_owned()), ..Bucket::example(name) };
        let world =
            buckets(vec![there("void", "us-east-1"), there("void zero", "eu-west-3")]).answering(|it: &MetricQuery| {
                match it.region.as_deref() {
                    Some("us-east-1") => Ok(vec![Reading::NoData; it.series.len()]),
                    _ => Err(Problem { class: Class::DeniedByScp, action: String::new(), message: String::new() }),
                }
            });
        let (outcome, problems) = outcome(&CHECK, world, "{}").await;
        let findings = outcome.expect("judged");
        let [it] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
        assert_eq!((it.region.as_str(), it.resource_arn.as_deref()), ("us-east-1", Some("arn:aws:s3:::void")));
        assert_eq!(problems.iter().map(|it| it.class).collect::<Vec<_>>(), [Class::DeniedByScp]);
    }

    #[tokio::test]
    async fn a_bucket_that_may_not_be_read_is_a_problem_and_no_finding() {
        let (sealed, problems) = outcome(&CHECK, world(&["sealed", "void"]), "{}").await;
        let ids: Vec<_> = sealed.expect("judged").into_iter().map(|it| it.resource_id).collect();
        assert_eq!((ids, problems.len()), (vec!["void".to_owned()], 1));
        let unread = world(&["full silent"]).unanswered::<RequestMetrics>(Class::AccessDenied);
        let (unread, problems) = outcome(&CHECK, unread, r#"{"include_unchanged": true}"#).await;
        assert_eq!((unread.expect("judged").len(), problems.len()), (0, 1));
    }

    #[tokio::test]
    async fn nothing_is_found_where_buckets_may_not_be_listed() {
        is_blind_without::<Bucket>(&CHECK, world(&[])).await;
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(&["void", "full silent"]), "{}").await;
    }
}

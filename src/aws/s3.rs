//! Amazon S3: buckets, and what one must ask each of them.

use std::collections::BTreeSet;

use aws_sdk_s3::{
    operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput,
    types::{ExpirationStatus, LifecycleRule},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;

use super::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, S3},
    metrics::{MetricQuery, Reading, Statistic},
    problem::Problem,
    store::{All, Store},
    timestamp,
};

static LIST_BUCKETS: Action = Action::new(&S3, "ListBuckets").permitted_by("s3:ListAllMyBuckets");
static GET_BUCKET_LOCATION: Action = Action::new(&S3, "GetBucketLocation");
static LIST_OBJECTS: Action = Action::new(&S3, "ListObjectsV2").permitted_by("s3:ListBucket");
static LIST_UPLOADS: Action = Action::new(&S3, "ListMultipartUploads").permitted_by("s3:ListBucketMultipartUploads");
static LIST_METRICS: Action =
    Action::new(&S3, "ListBucketMetricsConfigurations").permitted_by("s3:GetMetricsConfiguration");
static GET_LIFECYCLE: Action =
    Action::new(&S3, "GetBucketLifecycleConfiguration").permitted_by("s3:GetLifecycleConfiguration");

/// Every `StorageType` of the metric `BucketSizeBytes`
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html>, read Oct 2026).
pub(crate) const STORAGE_TYPES: &[&str] = &[
    "DeepArchiveObjectOverhead",
    "DeepArchiveS3ObjectOverhead",
    "DeepArchiveStagingStorage",
    "DeepArchiveStorage",
    "GlacierIRSizeOverhead",
    "GlacierInstantRetrievalStorage",
    "GlacierObjectOverhead",
    "GlacierS3ObjectOverhead",
    "GlacierStagingStorage",
    "GlacierStorage",
    "IntAAObjectOverhead",
    "IntAAS3ObjectOverhead",
    "IntDAAObjectOverhead",
    "IntDAAS3ObjectOverhead",
    "IntelligentTieringAAStorage",
    "IntelligentTieringAIAStorage",
    "IntelligentTieringDAAStorage",
    "IntelligentTieringFAStorage",
    "IntelligentTieringIAStorage",
    "OneZoneIASizeOverhead",
    "OneZoneIAStorage",
    "ReducedRedundancyStorage",
    "StandardIAObjectOverhead",
    "StandardIASizeOverhead",
    "StandardIAStorage",
    "StandardStorage",
];

/// An S3 bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    /// Where it is; `None` when AWS did not say, which is then noted as a problem.
    pub(crate) region: Option<String>,
    pub(crate) created: Option<Timestamp>,
}

impl Resource for Bucket {
    const TYPE: &'static str = "AWS::S3::Bucket";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, at: &At) -> Option<String> {
        Some(format!("arn:{}:s3:::{}", at.partition, self.name))
    }

    fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }
}

impl Declared for Bucket {
    const NAME: &'static str = "s3::Bucket";
    const ACTIONS: &'static [&'static Action] = &[&LIST_BUCKETS, &GET_BUCKET_LOCATION];
}

impl Collect for Bucket {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let there = at.global();
        let mut buckets = Vec::new();
        // The region of a bucket is in the answer only when the request limits the page.
        let send = |token| there.s3().list_buckets().max_buckets(1000).set_continuation_token(token).send();
        there
            .pages(&LIST_BUCKETS, send, |page| {
                buckets.extend(page.buckets().iter().filter_map(bucket));
                page.continuation_token
            })
            .await?;
        if let (Some(bucket), true) = (buckets.first(), at.trial().is_some()) {
            // The list may tell where every bucket is; whether one may be asked is tried all the same.
            drop(location(&there, &bucket.name).await);
        }
        for bucket in buckets.iter_mut().filter(|it| it.region.is_none()) {
            match location(&there, &bucket.name).await {
                Ok(region) => bucket.region = Some(region),
                Err(problem) => there.note(problem),
            }
        }
        at.note_all(&there);
        Ok(buckets)
    }
}

fn bucket(it: &aws_sdk_s3::types::Bucket) -> Option<Bucket> {
    Some(Bucket {
        name: it.name()?.to_owned(),
        region: it.bucket_region().filter(|it| !it.is_empty()).map(str::to_owned),
        created: timestamp(it.creation_date()),
    })
}

/// Where a bucket is. AWS says nothing of its oldest region, and `EU` of its second.
async fn location(at: &Place, bucket: &str) -> Result<String, Problem> {
    let answer = at.call(&GET_BUCKET_LOCATION, || at.s3().get_bucket_location().bucket(bucket).send()).await?;
    let region = match answer.location_constraint().map(aws_sdk_s3::types::BucketLocationConstraint::as_str) {
        None | Some("") => "us-east-1",
        Some("EU") => "eu-west-1",
        Some(region) => region,
    };
    Ok(region.to_owned())
}

/// Whether a bucket holds no object at all.
#[derive(Debug)]
pub(crate) struct IsEmpty {
    pub(crate) bucket: String,
    /// The region of the bucket.
    pub(crate) region: String,
}

impl Declared for IsEmpty {
    const NAME: &'static str = "s3::IsEmpty";
    const ACTIONS: &'static [&'static Action] = &[&LIST_OBJECTS];
}

impl Question for IsEmpty {
    type Answer = bool;

    async fn ask(&self, at: &Place) -> Result<bool, Problem> {
        let there = at.in_region(&self.region);
        let send = || there.s3().list_objects_v2().bucket(&self.bucket).max_keys(1).send();
        let page = there.call(&LIST_OBJECTS, send).await?;
        Ok(page.contents().is_empty() && page.is_truncated() == Some(false))
    }
}

/// When each multipart upload to a bucket began that was neither completed nor aborted; `None` where AWS did not say.
#[derive(Debug)]
pub(crate) struct IncompleteUploads {
    pub(crate) bucket: String,
    /// The region of the bucket.
    pub(crate) region: String,
}

impl Declared for IncompleteUploads {
    const NAME: &'static str = "s3::IncompleteUploads";
    const ACTIONS: &'static [&'static Action] = &[&LIST_UPLOADS];
}

impl Question for IncompleteUploads {
    type Answer = Vec<Option<Timestamp>>;

    fn bytes(&self, answer: &Vec<Option<Timestamp>>) -> usize {
        size_of_val(answer.as_slice())
    }

    async fn ask(&self, at: &Place) -> Result<Vec<Option<Timestamp>>, Problem> {
        let there = at.in_region(&self.region);
        let mut begun = Vec::new();
        let send = |token: Option<String>| {
            let (key, upload) = token.as_deref().and_then(|it| it.split_once(MARKERS)).unzip();
            there
                .s3()
                .list_multipart_uploads()
                .bucket(&self.bucket)
                .max_uploads(1000)
                .set_key_marker(key.map(str::to_owned))
                .set_upload_id_marker(upload.map(str::to_owned))
                .send()
        };
        there
            .pages(&LIST_UPLOADS, send, |page| {
                begun.extend(page.uploads().iter().map(|it| timestamp(it.initiated())));
                let more = page.is_truncated() == Some(true);
                more.then(|| {
                    let (key, upload) = (page.next_key_marker(), page.next_upload_id_marker());
                    format!("{}{MARKERS}{}", key.unwrap_or_default(), upload.unwrap_or_default())
                })
            })
            .await?;
        Ok(begun)
    }
}

/// What stands between the two markers of a page; no key holds it.
const MARKERS: char = '\0';

/// The id of a request metrics configuration that counts every request to a bucket, where there is one.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    pub(crate) bucket: String,
    /// The region of the bucket.
    pub(crate) region: String,
}

impl Declared for RequestMetrics {
    const NAME: &'static str = "s3::RequestMetrics";
    const ACTIONS: &'static [&'static Action] = &[&LIST_METRICS];
}

impl Question for RequestMetrics {
    type Answer = Option<String>;

    async fn ask(&self, at: &Place) -> Result<Option<String>, Problem> {
        let there = at.in_region(&self.region);
        let mut whole = None;
        let send = |token| {
            there.s3().list_bucket_metrics_configurations().bucket(&self.bucket).set_continuation_token(token).send()
        };
        there
            .pages(&LIST_METRICS, send, |page| {
                let unfiltered = page.metrics_configuration_list().iter().find(|it| it.filter().is_none());
                whole = whole.take().or_else(|| unfiltered.map(|it| it.id().to_owned()));
                page.next_continuation_token
            })
            .await?;
        Ok(whole)
    }
}

/// What the lifecycle rules of a bucket do, those alone that are switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    /// Whether objects, or old versions of them, are moved to another storage class.
    pub(crate) moves: bool,
    /// After how many days every object ends at the latest; 0 where a rule names a date.
    pub(crate) expires_days: Option<i32>,
}

/// The lifecycle of a bucket; one without rules where it has no configuration, which AWS says with an error.
#[derive(Debug)]
pub(crate) struct LifecycleOf {
    pub(crate) bucket: String,
    /// The region of the bucket.
    pub(crate) region: String,
}

impl Declared for LifecycleOf {
    const NAME: &'static str = "s3::LifecycleOf";
    const ACTIONS: &'static [&'static Action] = &[&GET_LIFECYCLE];
}

impl Question for LifecycleOf {
    type Answer = Lifecycle;

    async fn ask(&self, at: &Place) -> Result<Lifecycle, Problem> {
        let there = at.in_region(&self.region);
        let send = async || match there.s3().get_bucket_lifecycle_configuration().bucket(&self.bucket).send().await {
            Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => {
                Ok(GetBucketLifecycleConfigurationOutput::builder().build())
            }
            answer => answer,
        };
        let answer = there.call(&GET_LIFECYCLE, send).await?;
        let rules = || answer.rules().iter().filter(|it| *it.status() != ExpirationStatus::Disabled);
        Ok(Lifecycle {
            moves: rules().any(|it| !it.transitions().is_empty() || !it.noncurrent_version_transitions().is_empty()),
            expires_days: rules().filter(|it| is_of_all(it)).filter_map(expires_days).min(),
        })
    }

    async fn sample(store: &Store, regions: Option<&BTreeSet<String>>) -> Option<Self> {
        let (buckets, _) = store.ask(&All::<Bucket>::new()).await.ok()?;
        let mut placed = buckets.iter().filter_map(|it| Some((it, it.region.as_ref()?)));
        let (bucket, region) = placed.find(|(_, region)| regions.is_none_or(|it| it.contains(*region)))?;
        Some(Self { bucket: bucket.name.clone(), region: region.clone() })
    }
}

/// Whether a rule is about every object of its bucket.
#[expect(deprecated, reason = "AWS answers the old form of a prefix where a rule was put so")]
fn is_of_all(rule: &LifecycleRule) -> bool {
    let is_empty = |prefix: Option<&str>| prefix.is_none_or(str::is_empty);
    let filtered = rule.filter().is_some_and(|it| {
        let by_size = it.object_size_greater_than().is_some() || it.object_size_less_than().is_some();
        !is_empty(it.prefix()) || it.tag().is_some() || it.and().is_some() || by_size
    });
    is_empty(rule.prefix()) && !filtered
}

fn expires_days(rule: &LifecycleRule) -> Option<i32> {
    let expiration = rule.expiration()?;
    expiration.days().filter(|it| *it > 0).or_else(|| expiration.date().map(|_| 0))
}

/// How far back to look for the newest storage metrics: they come once a day and up to two days late.
pub(crate) const NEWEST_DAYS: i64 = 3;

/// How many objects buckets of one region hold.
pub(crate) fn object_counts<'a>(
    region: &str,
    statistic: Statistic,
    days: i64,
    buckets: impl IntoIterator<Item = &'a Bucket>,
) -> MetricQuery {
    let series = buckets.into_iter().map(|it| dimensions(it, "StorageType", "AllStorageTypes")).collect();
    metric(region, "NumberOfObjects", statistic, days, series)
}

/// How many bytes of some storage types buckets of one region hold: for each bucket a reading of each type.
pub(crate) fn sizes<'a>(region: &str, kinds: &[&str], buckets: impl IntoIterator<Item = &'a Bucket>) -> MetricQuery {
    let of_one = |it| kinds.iter().map(move |kind| dimensions(it, "StorageType", kind));
    let series = buckets.into_iter().flat_map(of_one).collect();
    metric(region, "BucketSizeBytes", Statistic::Latest, NEWEST_DAYS, series)
}

/// A metric of buckets of one region.
pub(crate) fn metric(
    region: &str,
    metric: &'static str,
    statistic: Statistic,
    days: i64,
    series: Vec<Dimensions>,
) -> MetricQuery {
    MetricQuery { namespace: "AWS/S3", metric, statistic, days, region: Some(region.to_owned()), series }
}

/// The dimensions of one series.
type Dimensions = Vec<(&'static str, String)>;

/// A bucket and what else a metric of S3 is told by.
pub(crate) fn dimensions(bucket: &Bucket, name: &'static str, value: &str) -> Dimensions {
    vec![("BucketName", bucket.name.clone()), (name, value.to_owned())]
}

/// Bytes by storage type.
pub(crate) type Stored = Vec<(&'static str, f64)>;

/// What a bucket stores, from its sizes of every storage type. `None` when CloudWatch could not say, or knows of
/// nothing.
pub(crate) fn stored(readings: &[Reading]) -> Option<Stored> {
    if readings.contains(&Reading::Unknown) || readings.iter().all(|it| *it == Reading::NoData) {
        return None;
    }
    let value = |(kind, reading): (&&'static str, &Reading)| match reading {
        Reading::Value(bytes) => Some((*kind, *bytes)),
        _ => None,
    };
    Some(STORAGE_TYPES.iter().zip(readings).filter_map(value).collect())
}

#[cfg(test)]
impl Bucket {
    /// A bucket of Ireland, 200 days old.
    pub(crate) fn example(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            region: Some("eu-west-1".to_owned()),
            created: crate::check::testing::days_ago(200),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered, collected},
        store::All,
    };

    fn buckets(items: &str, token: Option<&str>) -> String {
        let token = token.map(|it| format!("<ContinuationToken>{it}</ContinuationToken>")).unwrap_or_default();
        format!("<ListAllMyBucketsResult><Buckets>{items}</Buckets>{token}</ListAllMyBucketsResult>")
    }

    fn denied(asked: &'static str) -> Reply {
        let body = "<Error><Code>AccessDenied</Code><Message>no identity-based policy allows it</Message></Error>";
        Reply::ok(asked, body).status(403)
    }

    #[tokio::test]
    async fn every_page_of_buckets_is_read_also_past_an_empty_one() {
        let one = "<Bucket><Name>one</Name><CreationDate>2026-05-01T10:00:00.000Z</CreationDate>\
                   <BucketRegion>eu-central-1</BucketRegion></Bucket>";
        let two = "<Bucket><Name>two</Name><BucketRegion>us-east-1</BucketRegion></Bucket>";
        let buckets = collected::<Bucket>(vec![
            Reply::ok("s3.us-east-1.amazonaws.com/?x-id=ListBuckets&max-buckets=1000", buckets(one, Some("t1"))),
            Reply::ok("continuation-token=t1", buckets("", Some("t2"))),
            Reply::ok("continuation-token=t2", buckets(two, None)),
        ])
        .await
        .expect("collected");
        let [one, two] = buckets.as_slice() else { panic!("two buckets, not {buckets:?}") };
        assert_eq!((one.name.as_str(), one.region.as_deref()), ("one", Some("eu-central-1")));
        assert_eq!(one.created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!((two.name.as_str(), two.created), ("two", None));
    }

    #[tokio::test]
    async fn a_bucket_without_a_region_is_asked_for_it_and_never_dropped_in_silence() {
        let names = ["one", "two", "three", "four"].map(|it| format!("<Bucket><Name>{it}</Name></Bucket>")).concat();
        let located = |region: &str| format!("<LocationConstraint>{region}</LocationConstraint>");
        let (answer, problems) = answered(
            All::<Bucket>::new(),
            vec![
                Reply::ok("max-buckets", buckets(&names, None)),
                Reply::ok("one.s3", located("eu-central-1")),
                Reply::ok("two.s3", located("EU")),
                Reply::ok("three.s3", located("")),
                denied("four.s3"),
            ],
        )
        .await;
        let regions: Vec<_> = answer.expect("collected").into_iter().map(|it| it.region).collect();
        let some = |region: &str| Some(region.to_owned());
        assert_eq!(regions, [some("eu-central-1"), some("eu-west-1"), some("us-east-1"), None]);
        assert_eq!(problems.iter().map(|it| it.action.as_str()).collect::<Vec<_>>(), ["s3:GetBucketLocation"]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = collected::<Bucket>(vec![denied("max-buckets")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "s3:ListAllMyBuckets"));
    }

    #[tokio::test]
    async fn a_bucket_is_empty_only_when_the_list_says_so_to_its_end() {
        let is_empty = || IsEmpty { bucket: "one".to_owned(), region: "eu-central-1".to_owned() };
        let list = |items: &str| format!("<ListBucketResult>{items}</ListBucketResult>");
        for (items, expected) in [
            ("<KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>", true),
            ("<IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents>", false),
            ("<KeyCount>0</KeyCount><IsTruncated>true</IsTruncated>", false),
            ("", false),
        ] {
            let reply = Reply::ok("one.s3.eu-central-1.amazonaws.com/?list-type=2&max-keys=1", list(items));
            assert_eq!(answered(is_empty(), vec![reply]).await.0, Ok(expected), "{items}");
        }
        let problem = answered(is_empty(), vec![denied("list-type=2")]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "s3:ListBucket"));
    }

    #[tokio::test]
    async fn every_page_of_uploads_is_read_also_past_an_empty_one() {
        let asked = || IncompleteUploads { bucket: "one".to_owned(), region: "eu-central-1".to_owned() };
        let page = |items: &str, next: Option<&str>| {
            let next = next.map(|it| {
                format!("<IsTruncated>true</IsTruncated><NextKeyMarker>{it}</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>")
            });
            format!("<ListMultipartUploadsResult>{items}{}</ListMultipartUploadsResult>", next.unwrap_or_default())
        };
        let begun =
            "<Upload><Key>a</Key><UploadId>1</UploadId><Initiated>2026-05-01T10:00:00.000Z</Initiated></Upload>";
        let replies = vec![
            Reply::ok("one.s3.eu-central-1.amazonaws.com/?uploads", page(begun, Some("k1"))),
            Reply::ok("key-marker=k1&max-uploads=1000&upload-id-marker=u", page("", Some("k2"))),
            Reply::ok("key-marker=k2", page("<Upload><Key>b</Key></Upload>", None)),
        ];
        let times = answered(asked(), replies).await.0.expect("answered");
        let times: Vec<_> = times.iter().map(|it| it.map(|it| it.to_string())).collect();
        assert_eq!(times, [Some("2026-05-01T10:00:00Z".to_owned()), None]);
        let problem = answered(asked(), vec![denied("uploads")]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "s3:ListBucketMultipartUploads"));
    }

    fn lifecycle(rules: &str) -> Reply {
        let body = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
        Reply::ok("one.s3.eu-central-1.amazonaws.com/?lifecycle", body)
    }

    async fn lifecycle_of(reply: Reply) -> Result<Lifecycle, Problem> {
        let asked = LifecycleOf { bucket: "one".to_owned(), region: "eu-central-1".to_owned() };
        answered(asked, vec![reply]).await.0
    }

    #[tokio::test]
    async fn a_bucket_without_a_lifecycle_is_told_from_one_that_may_not_be_read() {
        let body = "<Error><Code>NoSuchLifecycleConfiguration</Code><Message>The lifecycle configuration does not exist\
                    </Message></Error>";
        assert_eq!(lifecycle_of(Reply::ok("lifecycle", body).status(404)).await, Ok(Lifecycle::default()));
        let problem = lifecycle_of(denied("lifecycle")).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "s3:GetLifecycleConfiguration"));
        let body = "<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>";
        assert!(lifecycle_of(Reply::ok("lifecycle", body).status(404)).await.is_err(), "another absence is no answer");
    }

    #[tokio::test]
    async fn only_rules_that_are_switched_on_count() {
        let moves = |status: &str, kind: &str| {
            format!(
                "<Rule><Status>{status}</Status><Filter><Prefix>a/</Prefix></Filter>\
                 <{kind}><StorageClass>GLACIER</StorageClass></{kind}></Rule>"
            )
        };
        for (rules, expected) in [
            (moves("Enabled", "Transition"), true),
            (moves("Enabled", "NoncurrentVersionTransition"), true),
            (moves("Disabled", "Transition"), false),
            ("<Rule><Status>Enabled</Status></Rule>".to_owned(), false),
        ] {
            assert_eq!(lifecycle_of(lifecycle(&rules)).await.map(|it| it.moves), Ok(expected), "{rules}");
        }
    }

    #[tokio::test]
    async fn objects_end_only_by_a_rule_about_all_of_them() {
        let days = "<Expiration><Days>7</Days></Expiration>";
        let longer = "<Rule><Status>Enabled</Status><Expiration><Days>90</Days></Expiration></Rule>";
        for (rest, expected) in [
            (format!("<Prefix></Prefix>{days}"), Some(7)),
            (format!("<Filter><Prefix></Prefix></Filter>{days}"), Some(7)),
            (format!("<Prefix>tmp/</Prefix>{days}"), Some(90)),
            (format!("<Filter><Prefix>tmp/</Prefix></Filter>{days}"), Some(90)),
            (format!("<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>{days}"), Some(90)),
            (format!("<Filter><ObjectSizeLessThan>9</ObjectSizeLessThan></Filter>{days}"), Some(90)),
            ("<Expiration><Date>2027-01-01T00:00:00Z</Date></Expiration>".to_owned(), Some(0)),
            (
                "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>".to_owned(),
                Some(90),
            ),
        ] {
            let rules = format!("<Rule><Status>Enabled</Status>{rest}</Rule>{longer}");
            assert_eq!(lifecycle_of(lifecycle(&rules)).await.map(|it| it.expires_days), Ok(expected), "{rest}");
        }
    }

    #[tokio::test]
    async fn only_a_configuration_without_a_filter_counts_all_requests() {
        let asked = || RequestMetrics { bucket: "one".to_owned(), region: "eu-central-1".to_owned() };
        let page = |items: &str| format!("<ListMetricsConfigurationsResult>{items}</ListMetricsConfigurationsResult>");
        let filtered = "<MetricsConfiguration><Id>logs</Id><Filter><Prefix>logs/</Prefix></Filter></MetricsConfiguration>\
                        <NextContinuationToken>t1</NextContinuationToken>";
        let whole = "<MetricsConfiguration><Id>EntireBucket</Id></MetricsConfiguration>";
        let replies = vec![
            Reply::ok("one.s3.eu-central-1.amazonaws.com/?metrics", page(filtered)),
            Reply::ok("continuation-token=t1", page(whole)),
        ];
        assert_eq!(answered(asked(), replies).await.0, Ok(Some("EntireBucket".to_owned())));
        assert_eq!(answered(asked(), vec![Reply::ok("metrics", page(""))]).await.0, Ok(None));
        let problem = answered(asked(), vec![denied("metrics")]).await.0.expect_err("denied");
        assert_eq!(problem.action, "s3:GetMetricsConfiguration");
    }
}

//! Amazon S3.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, Operation, Route, Service, Words, get};
use crate::{
    aws::action::S3,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::{Bucket, Contents, FILTER, Keeping},
    },
};

static BUCKETS: Route = get("/", "");
static LOCATION: Route = get("/{Bucket}", "location");
static OBJECTS: Route = get("/{Bucket}", "list-type=2");
static UPLOADS: Route = get("/{Bucket}", "uploads");
static METRICS: Route = get("/{Bucket}", "metrics");
static LIFECYCLE: Route = get("/{Bucket}", "lifecycle");

pub(super) static SERVICE: Service = Service {
    signing: "s3",
    names: &S3,
    protocol: Protocol::RestXml("http://s3.amazonaws.com/doc/2006-03-01/"),
    words: Words { throttled: (503, "SlowDown"), invalid: "InvalidArgument", wrong_token: "InvalidArgument" },
    is_global: false,
    operations: &[
        Operation::new("ListBuckets", list_buckets).at(&BUCKETS).rooted("ListAllMyBucketsResult"),
        Operation::new("GetBucketLocation", location).at(&LOCATION).rooted("LocationConstraint"),
        Operation::new("ListObjectsV2", list_objects).at(&OBJECTS).rooted("ListBucketResult"),
        Operation::new("ListMultipartUploads", list_uploads).at(&UPLOADS).rooted("ListMultipartUploadsResult"),
        Operation::new("ListBucketMetricsConfigurations", list_metrics)
            .at(&METRICS)
            .rooted("ListMetricsConfigurationsResult"),
        Operation::new("GetBucketLifecycleConfiguration", lifecycle).at(&LIFECYCLE).rooted("LifecycleConfiguration"),
    ],
};

fn list_buckets(cx: &Context<'_>) -> Result<Value, Refusal> {
    let most = cx.call.number("max-buckets");
    let (page, next) =
        cx.page(cx.place().buckets(), cx.call.text("continuation-token"), most.unwrap_or(10_000).min(10_000))?;
    let bucket = |it: &Bucket| {
        let created = Timestamp::from_second(it.created).unwrap_or_default();
        json!({
            "Name": it.name,
            "CreationDate": created.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
            // AWS says where a bucket is only to who asks for pages.
            "BucketRegion": most.map(|_| it.region),
        })
    };
    let buckets: Vec<_> = page.iter().map(bucket).collect();
    let buckets = if buckets.is_empty() { json!({}) } else { json!({"Bucket": buckets}) };
    Ok(json!({"Owner": {"ID": cx.call.account}, "Buckets": buckets, "ContinuationToken": next}))
}

/// A bucket of the caller, in whatever region.
fn own_bucket(cx: &Context<'_>) -> Result<Bucket, Refusal> {
    let name = cx.call.text("Bucket").unwrap_or_default();
    cx.place().buckets().into_iter().find(|it| it.name == name).ok_or_else(|| {
        let text = "The specified bucket does not exist".to_owned();
        cx.call.service.refusal(Denial::Other(404, "NoSuchBucket", text))
    })
}

/// The same, asked at the endpoint of its own region.
fn bucket_here(cx: &Context<'_>) -> Result<Bucket, Refusal> {
    let bucket = own_bucket(cx)?;
    if bucket.region == cx.call.region {
        return Ok(bucket);
    }
    let text = format!("The bucket is in this region: {}. Please use this region to retry the request", bucket.region);
    Err(cx.call.service.refusal(Denial::Other(301, "PermanentRedirect", text)))
}

fn location(cx: &Context<'_>) -> Result<Value, Refusal> {
    let bucket = own_bucket(cx)?;
    Ok(json!(if bucket.region == "us-east-1" { "" } else { bucket.region }))
}

fn list_objects(cx: &Context<'_>) -> Result<Value, Refusal> {
    let bucket = bucket_here(cx)?;
    let object = json!({"Key": "2024/data.bin", "Size": 1024, "StorageClass": "STANDARD"});
    let objects = if bucket.contents == Contents::Empty { Vec::new() } else { vec![object] };
    let contents = (!objects.is_empty()).then_some(&objects);
    Ok(json!({"Name": bucket.name, "KeyCount": objects.len(), "MaxKeys": 1, "IsTruncated": contents.is_some(),
        "Contents": contents}))
}

fn list_uploads(cx: &Context<'_>) -> Result<Value, Refusal> {
    let bucket = bucket_here(cx)?;
    let most = cx.call.number("max-uploads").unwrap_or(1000).min(1000);
    let (page, next) = cx.page(bucket.uploads, cx.call.text("upload-id-marker"), most)?;
    let upload = |begun: &i64| {
        let begun = Timestamp::from_second(*begun).unwrap_or_default();
        let initiated = begun.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        json!({"Key": "2024/large.bin", "UploadId": format!("upload-{begun}"), "Initiated": initiated})
    };
    let uploads: Vec<_> = page.iter().map(upload).collect();
    Ok(json!({
        "Bucket": bucket.name,
        "IsTruncated": next.is_some(),
        "NextKeyMarker": next.as_ref().map(|_| "2024/large.bin"),
        "NextUploadIdMarker": next,
        "Upload": (!uploads.is_empty()).then_some(uploads),
    }))
}

fn list_metrics(cx: &Context<'_>) -> Result<Value, Refusal> {
    let bucket = bucket_here(cx)?;
    let configuration = bucket.is_counted().then(|| json!({"Id": FILTER}));
    Ok(json!({"IsTruncated": false, "MetricsConfiguration": configuration}))
}

/// Most buckets have no lifecycle, which is an error; some have one that moves nothing.
fn lifecycle(cx: &Context<'_>) -> Result<Value, Refusal> {
    let bucket = bucket_here(cx)?;
    let mut rule = match bucket.keeping {
        Keeping::Moved => json!({"Transition": [{"Days": 60, "StorageClass": "STANDARD_IA"}]}),
        _ if bucket.is_counted() => json!({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}),
        _ => {
            let text = "The lifecycle configuration does not exist".to_owned();
            return Err(cx.call.service.refusal(Denial::Other(404, "NoSuchLifecycleConfiguration", text)));
        }
    };
    rule["ID"] = json!("simulated");
    rule["Status"] = json!("Enabled");
    rule["Filter"] = json!({"Prefix": ""});
    Ok(json!({"Rule": [rule]}))
}

//! Amazon CloudFront.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, Operation, Route, Service, Words, get};
use crate::{
    aws::action::CLOUDFRONT,
    simulator::{
        answer::{Protocol, Refusal},
        world::Distribution,
    },
};

static DISTRIBUTIONS: Route = get("/2020-05-31/distribution", "");

pub(super) static SERVICE: Service = Service {
    signing: "cloudfront",
    names: &CLOUDFRONT,
    protocol: Protocol::RestXml("http://cloudfront.amazonaws.com/doc/2020-05-31/"),
    words: Words { throttled: (400, "Throttling"), invalid: "InvalidArgument", wrong_token: "InvalidArgument" },
    is_global: true,
    operations: &[Operation::new("ListDistributions", list_distributions)
        .at(&DISTRIBUTIONS)
        .rooted("DistributionList")],
};

fn list_distributions(cx: &Context<'_>) -> Result<Value, Refusal> {
    let most = cx.call.number("MaxItems").unwrap_or(100).min(100);
    let (page, next) = cx.page(cx.place().distributions(), cx.call.text("Marker"), most)?;
    let distributions: Vec<_> = page.iter().map(|it| distribution(it, &cx.call.account)).collect();
    let items = if page.is_empty() { json!({}) } else { json!({"DistributionSummary": distributions}) };
    Ok(json!({
        "Marker": cx.call.text("Marker").unwrap_or_default(),
        "MaxItems": most,
        "IsTruncated": next.is_some(),
        "NextMarker": next,
        "Quantity": page.len(),
        "Items": items,
    }))
}

fn distribution(it: &Distribution, account: &str) -> Value {
    let certificate = if it.dedicated_ip {
        json!({"CloudFrontDefaultCertificate": false, "SSLSupportMethod": "vip"})
    } else {
        json!({"CloudFrontDefaultCertificate": true, "SSLSupportMethod": "vip"})
    };
    let modified = Timestamp::from_second(it.modified).unwrap_or_default();
    json!({
        "Id": it.id,
        "ARN": format!("arn:aws:cloudfront::{account}:distribution/{}", it.id),
        "ETag": it.id,
        "Status": "Deployed",
        "LastModifiedTime": modified.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "DomainName": format!("{}.cloudfront.net", it.id.to_lowercase()),
        "Aliases": {"Quantity": 0},
        "Origins": {"Quantity": 1, "Items": {"Origin": [{"Id": "origin", "DomainName": "example.com"}]}},
        "DefaultCacheBehavior": {"TargetOriginId": "origin", "ViewerProtocolPolicy": "allow-all"},
        "CacheBehaviors": {"Quantity": 0},
        "CustomErrorResponses": {"Quantity": 0},
        "Comment": "",
        "PriceClass": "PriceClass_All",
        "Enabled": it.enabled,
        "ViewerCertificate": certificate,
        "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
        "WebACLId": "",
        "HttpVersion": "http2",
        "IsIPV6Enabled": true,
        "Staging": false,
    })
}

//! Amazon Route 53.

use serde_json::{Value, json};

use super::{Context, Operation, Route, Service, Words, get};
use crate::{
    aws::action::ROUTE53,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::{HOME, Zone},
    },
};

static ZONES: Route = get("/2013-04-01/hostedzone", "");
static ZONE: Route = get("/2013-04-01/hostedzone/{Id}", "");

pub(super) static SERVICE: Service = Service {
    signing: "route53",
    names: &ROUTE53,
    protocol: Protocol::RestXml("https://route53.amazonaws.com/doc/2013-04-01/"),
    words: Words { throttled: (400, "Throttling"), invalid: "InvalidInput", wrong_token: "InvalidInput" },
    is_global: true,
    operations: &[
        Operation::new("ListHostedZones", list_hosted_zones).at(&ZONES).rooted("ListHostedZonesResponse"),
        Operation::new("GetHostedZone", get_hosted_zone).at(&ZONE).rooted("GetHostedZoneResponse"),
    ],
};

fn list_hosted_zones(cx: &Context<'_>) -> Result<Value, Refusal> {
    let most = cx.call.number("maxitems").unwrap_or(100).min(100);
    let (page, next) = cx.page(cx.place().zones(), cx.call.text("marker"), most)?;
    let zones: Vec<_> = page.iter().map(zone).collect();
    Ok(json!({
        "HostedZones": if zones.is_empty() { json!({}) } else { json!({"HostedZone": zones}) },
        "Marker": cx.call.text("marker"),
        "IsTruncated": next.is_some(),
        "NextMarker": next,
        "MaxItems": most,
    }))
}

fn get_hosted_zone(cx: &Context<'_>) -> Result<Value, Refusal> {
    let id = cx.call.text("Id").unwrap_or_default();
    let it = cx.place().zones().into_iter().find(|it| it.id == id).ok_or_else(|| {
        let text = format!("No hosted zone found with ID: {id}");
        cx.call.service.refusal(Denial::Other(404, "NoSuchHostedZone", text))
    })?;
    let vpcs = match &it.vpc {
        Some(vpc) => json!({"VPC": [{"VPCRegion": HOME, "VPCId": vpc}]}),
        None => json!({}),
    };
    Ok(json!({"HostedZone": zone(&it), "VPCs": it.private.then_some(vpcs)}))
}

fn zone(it: &Zone) -> Value {
    json!({
        "Id": format!("/hostedzone/{}", it.id),
        "Name": it.name,
        "CallerReference": it.id,
        "Config": {"PrivateZone": it.private},
        "ResourceRecordSetCount": it.records,
        "LinkedService": it.of_cloud_map.then(|| json!({
            "ServicePrincipal": "servicediscovery.amazonaws.com",
            "Description": "Created by AWS Cloud Map",
        })),
    })
}

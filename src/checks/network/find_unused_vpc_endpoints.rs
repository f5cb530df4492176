//! VPC endpoints that carried no traffic.

use rust_decimal::Decimal;

use crate::{
    aws::{
        ec2::VpcEndpoint,
        metrics::{MetricQuery, Statistic},
        prices::{GATEWAY_LOAD_BALANCER_ENDPOINT, HOURS_PER_MONTH, INTERFACE_ENDPOINT, Quote},
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds VPC endpoints that carried no traffic.
    ///
    /// AWS bills an interface endpoint by the hour for each zone it is in, and a Gateway Load Balancer endpoint by the hour,
    /// busy or not; the savings are those hours. A gateway endpoint is free and is reported when no route table leads to
    /// it. AWS sends metrics of an endpoint only while traffic passes, so silence means idle. Younger endpoints are not
    /// judged, nor are those that a service made and manages, those that lead to another region, as AWS sends no metrics
    /// of them, and endpoints of resources and service networks. No amount is given where another account is charged.
    /// One that is kept for a disaster or for a rare job, such as a login to an instance without internet, is fine to
    /// ignore.
    title: "Unused VPC endpoints",
    scope: Regional,
    needs: [VpcEndpoint, MetricQuery],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only endpoints without traffic for this many days. Younger ones are not judged.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 30 }
    }
}

/// What an idle endpoint has none of.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-cloudwatch-metrics.html> (read Nov 2026): both are
/// reported when "the endpoint received traffic", and not for gateway endpoints and cross-region access.
const TRAFFIC: [(&str, Statistic); 2] = [("BytesProcessed", Statistic::Sum), ("ActiveConnections", Statistic::Maximum)];

/// What an endpoint is billed by, where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Interface,
    GatewayLoadBalancer,
    Gateway,
}

fn kind(endpoint: &VpcEndpoint) -> Option<Kind> {
    match endpoint.kind.as_deref()? {
        "Interface" => Some(Kind::Interface),
        "GatewayLoadBalancer" => Some(Kind::GatewayLoadBalancer),
        "Gateway" => Some(Kind::Gateway),
        _ => None,
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let endpoints = cx.all::<VpcEndpoint>().await?;
    let is_old = |it: &&VpcEndpoint| cx.days_since(it.created).is_some_and(|age| age >= params.lookback_days);
    let judged = endpoints.iter().filter(|it| it.is_available() && !it.has_manager()).filter(is_old);
    let (gateways, metered): (Vec<_>, Vec<_>) =
        judged.filter_map(|it| Some((it, kind(it)?))).partition(|(_, kind)| *kind == Kind::Gateway);
    let unrouted = gateways.into_iter().filter(|(it, _)| it.route_table_ids.as_ref().is_some_and(Vec::is_empty));
    let idle = idle(cx, &params, metered).await?;
    Ok(unrouted.chain(idle).map(|(it, kind)| judge(cx, &params, it, kind)).collect())
}

/// The endpoints that CloudWatch knows no traffic of. An unknown reading is no proof.
async fn idle<'a>(
    cx: &Cx,
    params: &Params,
    endpoints: Vec<(&'a VpcEndpoint, Kind)>,
) -> Result<Vec<(&'a VpcEndpoint, Kind)>, Problem> {
    let readable = endpoints.into_iter().filter(|(it, _)| !it.is_cross_region);
    let measured: Vec<_> = readable.filter_map(|it| Some((it, dimensions(it.0)?))).collect();
    let query = |(metric, statistic): &(&'static str, Statistic), left: &[(_, Vec<_>)]| MetricQuery {
        namespace: "AWS/PrivateLinkEndpoints",
        metric,
        statistic: *statistic,
        days: params.lookback_days,
        region: None,
        series: left.iter().map(|(_, dimensions)| dimensions.clone()).collect(),
    };
    let idle = cx.winnow(measured, TRAFFIC, query, |_, it| it.is_idle()).await?;
    Ok(idle.into_iter().map(|(it, _)| it).collect())
}

/// The whole set of dimensions under which AWS sends the metrics of an endpoint.
fn dimensions(endpoint: &VpcEndpoint) -> Option<Vec<(&'static str, String)>> {
    Some(vec![
        ("VPC Endpoint Id", endpoint.id.clone()),
        ("VPC Id", endpoint.vpc_id.clone()?),
        ("Endpoint Type", endpoint.kind.clone()?),
        ("Service Name", endpoint.service_name.clone()?),
    ])
}

fn judge(cx: &Cx, params: &Params, endpoint: &VpcEndpoint, kind: Kind) -> Finding {
    let days = params.lookback_days;
    let reason = match kind {
        Kind::Gateway => "no route table leads to it".to_owned(),
        Kind::Interface | Kind::GatewayLoadBalancer => format!("no traffic in {days} days"),
    };
    cx.finding(endpoint)
        .because(reason)
        .action(ActionType::Delete)
        .saves(quote(endpoint, kind))
        .fact("lookback_days", days)
        .fact("age_days", cx.days_since(endpoint.created))
        .fact("endpoint_type", endpoint.kind.as_deref())
        .fact("service_name", endpoint.service_name.as_deref())
        .fact("vpc_id", endpoint.vpc_id.as_deref())
        .fact("subnet_ids", endpoint.subnet_ids.clone())
}

/// Its hours, without traffic, of which there is none.
fn quote(endpoint: &VpcEndpoint, kind: Kind) -> Option<Quote> {
    let zones = Decimal::from(endpoint.subnet_ids.len());
    match kind {
        Kind::Gateway => Some(Quote::free("no charge for a gateway endpoint")),
        _ if endpoint.is_charged_elsewhere || zones.is_zero() => None,
        Kind::Interface => Some(INTERFACE_ENDPOINT.monthly(HOURS_PER_MONTH * zones)),
        Kind::GatewayLoadBalancer => Some(GATEWAY_LOAD_BALANCER_ENDPOINT.monthly(HOURS_PER_MONTH * zones)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{Tags, metrics::Reading, problem::Class, store::Store},
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// A world of endpoints of which CloudWatch says the same, whatever the metric.
    fn world(endpoints: Vec<VpcEndpoint>, reading: Reading) -> Store {
        Store::world().with(endpoints).answering(move |it: &MetricQuery| Ok(vec![reading; it.series.len()]))
    }

    #[tokio::test]
    async fn silence_and_zero_mean_idle_and_everything_else_does_not() {
        for (reading, idle) in
            [(Reading::NoData, true), (Reading::Zero, true), (Reading::Value(1.0), false), (Reading::Unknown, false)]
        {
            let found = found(&CHECK, world(vec![VpcEndpoint::example("vpce-1")], reading), "{}").await;
            assert_eq!(found, if idle { "vpce-1: no traffic in 30 days" } else { "" }, "{reading:?}");
        }
    }

    #[tokio::test]
    async fn any_one_metric_is_enough_and_each_endpoint_keeps_its_own_readings() {
        for (metric, _) in TRAFFIC {
            let busy = move |it: &MetricQuery| {
                let reading = |name: &str| match name {
                    "vpce-1" if it.metric == metric => Reading::Value(1.0),
                    _ => Reading::NoData,
                };
                Ok(it.series.iter().map(|it| reading(&it[0].1)).collect())
            };
            let endpoints = vec![VpcEndpoint::example("vpce-1"), VpcEndpoint::example("vpce-2")];
            let world = Store::world().with(endpoints).answering(busy);
            assert_eq!(found(&CHECK, world, "{}").await, "vpce-2: no traffic in 30 days", "{metric}");
        }
    }

    #[tokio::test]
    async fn the_whole_set_of_dimensions_is_asked_for() {
        let world = world(vec![VpcEndpoint::example("vpce-1")], Reading::Zero).answering(|it: &MetricQuery| {
            assert_eq!((it.namespace, it.days), ("AWS/PrivateLinkEndpoints", 7));
            let expected = [
                ("VPC Endpoint Id", "vpce-1"),
                ("VPC Id", "vpc-1"),
                ("Endpoint Type", "Interface"),
                ("Service Name", "com.amazonaws.eu-west-1.sqs"),
            ];
            assert_eq!(it.series, [expected.map(|(name, value)| (name, value.to_owned()))]);
            Ok(vec![Reading::NoData])
        });
        assert_eq!(found(&CHECK, world, r#"{"lookback_days": 7}"#).await, "vpce-1: no traffic in 7 days");
    }

    #[tokio::test]
    async fn the_youngest_that_is_judged_is_exactly_as_old_as_the_look_back() {
        let at = |id, created| VpcEndpoint { created, ..VpcEndpoint::example(id) };
        let endpoints = vec![at("vpce-1", days_ago(30)), at("vpce-2", days_ago(29)), at("vpce-3", None)];
        let found = found(&CHECK, world(endpoints, Reading::NoData), "{}").await;
        assert_eq!(found, "vpce-1: no traffic in 30 days");
    }

    #[tokio::test]
    async fn a_gateway_endpoint_needs_a_route_table_and_no_metric() {
        let unsaid = VpcEndpoint { route_table_ids: None, ..VpcEndpoint::gateway("vpce-3", &[]) };
        let young = VpcEndpoint { created: days_ago(1), ..VpcEndpoint::gateway("vpce-4", &[]) };
        let routed = VpcEndpoint::gateway("vpce-2", &["rtb-1"]);
        let world = world(vec![VpcEndpoint::gateway("vpce-1", &[]), routed, unsaid, young], Reading::NoData).answering(
            |it: &MetricQuery| {
                assert!(it.series.is_empty(), "asked for {:?}", it.series);
                Ok(Vec::new())
            },
        );
        assert_eq!(found(&CHECK, world, "{}").await, "vpce-1: no route table leads to it");
    }

    #[tokio::test]
    async fn what_a_service_manages_or_has_no_metrics_is_not_judged() {
        let marked = Tags::from([("GuardDutyManaged".to_owned(), "true".to_owned())]);
        let of = |kind: &str| Some(kind.to_owned());
        let endpoints = vec![
            VpcEndpoint { requester_managed: true, ..VpcEndpoint::example("vpce-1") },
            VpcEndpoint { tags: marked, ..VpcEndpoint::example("vpce-2") },
            VpcEndpoint { is_cross_region: true, ..VpcEndpoint::example("vpce-3") },
            VpcEndpoint { kind: of("Resource"), ..VpcEndpoint::example("vpce-4") },
            VpcEndpoint { kind: None, ..VpcEndpoint::example("vpce-5") },
            VpcEndpoint { state: of("pendingAcceptance"), ..VpcEndpoint::example("vpce-6") },
            VpcEndpoint { service_name: None, ..VpcEndpoint::example("vpce-7") },
            VpcEndpoint { state: of("Available"), ..VpcEndpoint::example("vpce-8") },
        ];
        assert_eq!(found(&CHECK, world(endpoints, Reading::NoData), "{}").await, "vpce-8: no traffic in 30 days");
    }

    #[tokio::test]
    async fn an_endpoint_is_billed_for_each_zone() {
        let balanced = VpcEndpoint {
            kind: Some("GatewayLoadBalancer".to_owned()),
            subnet_ids: vec!["subnet-1".to_owned()],
            ..VpcEndpoint::example("vpce-2")
        };
        let unknown = VpcEndpoint { subnet_ids: Vec::new(), ..VpcEndpoint::example("vpce-3") };
        let elsewhere = VpcEndpoint { is_charged_elsewhere: true, ..VpcEndpoint::example("vpce-4") };
        let endpoints =
            vec![VpcEndpoint::gateway("vpce-0", &[]), VpcEndpoint::example("vpce-1"), balanced, unknown, elsewhere];
        let findings = findings(&CHECK, world(endpoints, Reading::NoData), "{}").await;
        let savings: Vec<_> = findings.iter().map(|it| it.estimated_monthly_savings).collect();
        assert_eq!(savings, [Some(dec!(0)), Some(dec!(14.60)), Some(dec!(7.30)), None, None]);
        assert_eq!(findings[0].price_basis.as_deref(), Some("no charge for a gateway endpoint"));
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_read() {
        let world = || world(vec![VpcEndpoint::example("vpce-1")], Reading::NoData);
        asks_all_it_needs(&CHECK, world(), "{}").await;
        is_blind_without::<VpcEndpoint>(&CHECK, world()).await;
        let denied = world().unanswered::<MetricQuery>(Class::AccessDenied);
        let problem = outcome(&CHECK, denied, "{}").await.0.expect_err("nothing may rest on it");
        assert_eq!(problem.class, Class::AccessDenied);
    }
}

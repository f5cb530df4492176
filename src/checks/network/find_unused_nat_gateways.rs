//! NAT gateways that carried no traffic.

use rust_decimal::Decimal;
use serde_json::json;

use crate::{
    aws::{
        ec2::{NatGateway, RouteTable},
        metrics::{MetricQuery, Reading, Statistic},
        prices::{HOURS_PER_MONTH, NAT_GATEWAY, PUBLIC_IPV4, Quote},
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds NAT gateways that carried no traffic.
    ///
    /// AWS bills a NAT gateway by the hour, busy or not. One that no route leads to is left over; one that routes lead to may
    /// be a standby for another zone and fine to ignore. The savings are those of the gateway alone: its Elastic IP
    /// addresses stay billed until they are released too, and are given apart. A gateway counts as idle only when
    /// CloudWatch has data for it and all of that is zero.
    title: "Unused NAT gateways",
    scope: Regional,
    needs: [NatGateway, RouteTable, MetricQuery],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only gateways without traffic for this many days. Younger ones are not judged.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 30 }
    }
}

/// What an idle gateway has none of, and what AWS Compute Optimizer calls a gateway unused by. They are sent as zeros
/// while a gateway is idle.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html>.
const TRAFFIC: [(&str, Statistic); 3] = [
    ("ActiveConnectionCount", Statistic::Maximum),
    ("PacketsInFromSource", Statistic::Sum),
    ("PacketsInFromDestination", Statistic::Sum),
];

async fn run(cx: &Cx, params: Params) -> Outcome {
    let gateways = cx.all::<NatGateway>().await?;
    let tables = cx.all::<RouteTable>().await?;
    let is_old = |it: &&NatGateway| cx.days_since(it.created).is_some_and(|age| age >= params.lookback_days);
    let old: Vec<&NatGateway> = gateways.iter().filter(|it| it.is_available()).filter(is_old).collect();
    let idle = idle(cx, &params, old).await?;
    Ok(idle.into_iter().map(|it| judge(cx, &params, it, &tables)).collect())
}

/// The gateways whose readings are all zero. No data and an unknown reading are no proof.
async fn idle<'a>(cx: &Cx, params: &Params, gateways: Vec<&'a NatGateway>) -> Result<Vec<&'a NatGateway>, Problem> {
    let query = |(metric, statistic): &(&'static str, Statistic), left: &[&NatGateway]| MetricQuery {
        namespace: "AWS/NATGateway",
        metric,
        statistic: *statistic,
        days: params.lookback_days,
        region: None,
        series: left.iter().map(|it| vec![("NatGatewayId", it.id.clone())]).collect(),
    };
    cx.winnow(gateways, TRAFFIC, query, |_, it| *it == Reading::Zero).await
}

fn judge(cx: &Cx, params: &Params, gateway: &NatGateway, tables: &[RouteTable]) -> Finding {
    let leading: Vec<&str> =
        tables.iter().filter(|it| it.nat_gateway_ids.contains(&gateway.id)).map(|it| it.id.as_str()).collect();
    let days = params.lookback_days;
    let reason = if leading.is_empty() {
        format!("no route leads to it and no traffic in {days} days")
    } else {
        format!("routed to, but no traffic in {days} days")
    };
    let addresses = Decimal::from(gateway.public_ips.len());
    let addresses_cost = PUBLIC_IPV4.monthly(HOURS_PER_MONTH * addresses).monthly;
    cx.finding(gateway)
        .because(reason)
        .action(ActionType::Delete)
        .saves(Some(quote(gateway)))
        .fact("lookback_days", days)
        .fact("age_days", cx.days_since(gateway.created))
        .fact("vpc_id", gateway.vpc_id.as_deref())
        .fact("connectivity", gateway.connectivity.as_deref())
        .fact("route_table_ids", leading)
        .fact("public_ips", gateway.public_ips.clone())
        .fact("public_ipv4_monthly_cost", json!(addresses_cost))
}

/// The gateway without its addresses and without traffic, of which there is none.
fn quote(gateway: &NatGateway) -> Quote {
    let quote = NAT_GATEWAY.all_month();
    if gateway.availability_mode.as_deref() == Some("regional") {
        return quote.at_least("a regional NAT gateway is billed for each zone that it spans");
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{Declared, problem::Class, store::Store},
        check::testing::{days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// A world of gateways of which CloudWatch says the same, whatever the metric.
    fn world(gateways: Vec<NatGateway>, reading: Reading) -> Store {
        Store::world()
            .with(gateways)
            .with(Vec::<RouteTable>::new())
            .answering(move |it: &MetricQuery| Ok(vec![reading; it.series.len()]))
    }

    #[tokio::test]
    async fn an_idle_gateway_is_found_with_and_without_a_route() {
        let gateways = vec![NatGateway::example("nat-1"), NatGateway::example("nat-2")];
        let world = world(gateways, Reading::Zero).with(vec![RouteTable::to("nat-2")]);
        let expected =
            "nat-1: no route leads to it and no traffic in 30 days\nnat-2: routed to, but no traffic in 30 days";
        assert_eq!(found(&CHECK, world, "{}").await, expected);
    }

    #[tokio::test]
    async fn only_the_gateway_without_traffic_is_found() {
        let busy = |it: &MetricQuery| {
            let reading = |name: &str| if name == "nat-1" { Reading::Zero } else { Reading::Value(1.0) };
            Ok(it.series.iter().map(|it| reading(&it[0].1)).collect())
        };
        let gateways = vec![NatGateway::example("nat-2"), NatGateway::example("nat-1")];
        let world = Store::world().with(gateways).with(Vec::<RouteTable>::new()).answering(busy);
        assert_eq!(found(&CHECK, world, "{}").await, "nat-1: no route leads to it and no traffic in 30 days");
    }

    #[tokio::test]
    async fn any_one_metric_that_is_not_zero_is_enough_to_say_nothing() {
        for (metric, _) in TRAFFIC {
            for other in [Reading::Value(1.0), Reading::NoData, Reading::Unknown] {
                let answer = move |it: &MetricQuery| Ok(vec![if it.metric == metric { other } else { Reading::Zero }]);
                let world = world(vec![NatGateway::example("nat-1")], Reading::Zero).answering(answer);
                assert_eq!(found(&CHECK, world, "{}").await, "", "{metric} {other:?}");
            }
        }
    }

    #[tokio::test]
    async fn the_youngest_that_is_judged_is_exactly_as_old_as_the_look_back() {
        let at = |id, created| NatGateway { created, ..NatGateway::example(id) };
        let gateways = vec![at("nat-1", days_ago(30)), at("nat-2", days_ago(29)), at("nat-3", None)];
        let found = found(&CHECK, world(gateways, Reading::Zero), "{}").await;
        assert_eq!(found, "nat-1: no route leads to it and no traffic in 30 days");
    }

    #[tokio::test]
    async fn metrics_are_asked_of_no_gateway_that_is_young_or_gone() {
        let young = NatGateway { created: days_ago(1), ..NatGateway::example("nat-1") };
        let deleted = NatGateway { state: Some("deleted".to_owned()), ..NatGateway::example("nat-2") };
        let world = world(vec![young, deleted], Reading::Zero)
            .answering(|it: &MetricQuery| panic!("asked for {:?}", it.series));
        assert_eq!(found(&CHECK, world, "{}").await, "");
    }

    #[tokio::test]
    async fn the_savings_are_the_gateways_and_its_addresses_are_given_apart() {
        let regional = NatGateway { availability_mode: Some("regional".to_owned()), ..NatGateway::example("nat-2") };
        let private = NatGateway { public_ips: Vec::new(), ..NatGateway::example("nat-3") };
        let world = world(vec![NatGateway::example("nat-1"), regional, private], Reading::Zero);
        let findings = findings(&CHECK, world, "{}").await;
        assert!(findings.iter().all(|it| it.estimated_monthly_savings == Some(dec!(32.85))));
        assert_eq!(findings[0].attributes["public_ipv4_monthly_cost"], json!(3.65));
        assert!(findings[1].price_basis.as_ref().is_some_and(|it| it.contains("lower bound")));
        assert_eq!(findings[2].attributes["public_ipv4_monthly_cost"], json!(0.0));
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_listed() {
        let world = || world(vec![NatGateway::example("nat-1")], Reading::Zero);
        is_blind_without::<NatGateway>(&CHECK, world()).await;
        is_blind_without::<RouteTable>(&CHECK, world()).await;
    }

    #[tokio::test]
    async fn nothing_is_found_where_metrics_may_not_be_read() {
        let world = world(vec![NatGateway::example("nat-1")], Reading::Zero).answering(|_: &MetricQuery| {
            Err(Problem::new(Class::AccessDenied, MetricQuery::ACTIONS[0], "not authorized"))
        });
        let problem = outcome(&CHECK, world, "{}").await.0.expect_err("nothing may rest on it");
        assert_eq!(problem.class, Class::AccessDenied);
    }
}

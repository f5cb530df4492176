//! Load balancers that nobody sends anything to.

use crate::{
    aws::{
        load_balancing::{ClassicLoadBalancer, LoadBalancer},
        metrics::{MetricQuery, Statistic},
        prices::{
            APPLICATION_LOAD_BALANCER, CLASSIC_LOAD_BALANCER, GATEWAY_LOAD_BALANCER, NETWORK_LOAD_BALANCER, Price,
            Quote,
        },
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds load balancers of all four kinds that carried no traffic.
    ///
    /// AWS bills a load balancer by the hour, busy or not; the savings are those hours. Capacity that is used comes on top,
    /// and of an idle one there is none. One that faces the internet has public IPv4 addresses besides, which are billed
    /// too: then the amount is a lower bound. A load balancer counts as idle when none of what AWS measures of it, requests,
    /// redirects, fixed responses, connections or bytes, is above zero; health checks do not count. Younger ones are not
    /// judged, nor are those that are not in service. What the security group of a Network Load Balancer turns away is not
    /// measured. One that stands by for another region or is opened for an event is fine to ignore.
    title: "Unused load balancers",
    scope: Regional,
    needs: [LoadBalancer, ClassicLoadBalancer, MetricQuery],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only load balancers without traffic for this many days. Younger ones are not judged.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 30 }
    }
}

/// One kind of load balancer: how AWS measures and bills it.
struct Kind {
    /// What the API calls it; `classic` for those of the older API.
    name: &'static str,
    namespace: &'static str,
    dimension: &'static str,
    /// What an idle one has none of. AWS sends most of it only while there is some, so silence means idle.
    traffic: &'static [(&'static str, Statistic)],
    price: &'static Price,
}

/// Sources: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html> and its
/// like for the other kinds (excerpts read Nov 2026). `RequestCount` of an Application Load Balancer leaves out what is answered
/// without a target, hence the metrics beside it.
const KINDS: [Kind; 4] = [
    Kind {
        name: "application",
        namespace: "AWS/ApplicationELB",
        dimension: "LoadBalancer",
        traffic: &[
            ("RequestCount", Statistic::Sum),
            ("HTTP_Redirect_Count", Statistic::Sum),
            ("HTTP_Fixed_Response_Count", Statistic::Sum),
            ("NewConnectionCount", Statistic::Sum),
            ("ProcessedBytes", Statistic::Sum),
        ],
        price: &APPLICATION_LOAD_BALANCER,
    },
    Kind {
        name: "network",
        namespace: "AWS/NetworkELB",
        dimension: "LoadBalancer",
        traffic: FLOWS,
        price: &NETWORK_LOAD_BALANCER,
    },
    Kind {
        name: "gateway",
        namespace: "AWS/GatewayELB",
        dimension: "LoadBalancer",
        traffic: FLOWS,
        price: &GATEWAY_LOAD_BALANCER,
    },
    Kind {
        name: "classic",
        namespace: "AWS/ELB",
        dimension: "LoadBalancerName",
        traffic: &[
            ("RequestCount", Statistic::Sum),
            ("EstimatedProcessedBytes", Statistic::Sum),
            ("HTTPCode_ELB_4XX", Statistic::Sum),
            ("HTTPCode_ELB_5XX", Statistic::Sum),
        ],
        price: &CLASSIC_LOAD_BALANCER,
    },
];

/// What passes a load balancer that does not read requests, whatever the protocol.
const FLOWS: &[(&str, Statistic)] =
    &[("NewFlowCount", Statistic::Sum), ("ActiveFlowCount", Statistic::Maximum), ("ProcessedBytes", Statistic::Sum)];

/// A load balancer of either API.
#[derive(Clone, Copy)]
enum Balancer<'a> {
    Current(&'a LoadBalancer),
    Classic(&'a ClassicLoadBalancer),
}

impl<'a> Balancer<'a> {
    fn kind(self) -> Option<&'a str> {
        match self {
            Self::Current(it) => it.kind.as_deref(),
            Self::Classic(_) => Some("classic"),
        }
    }

    fn dimension(self) -> Option<&'a str> {
        match self {
            Self::Current(it) => it.dimension(),
            Self::Classic(it) => Some(&it.name),
        }
    }

    fn created(self) -> Option<jiff::Timestamp> {
        match self {
            Self::Current(it) => it.created,
            Self::Classic(it) => it.created,
        }
    }

    fn scheme(self) -> Option<&'a str> {
        match self {
            Self::Current(it) => it.scheme.as_deref(),
            Self::Classic(it) => it.scheme.as_deref(),
        }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let current = cx.all::<LoadBalancer>().await?;
    let classic = cx.all::<ClassicLoadBalancer>().await?;
    let current = current.iter().filter(|it| it.is_active()).map(Balancer::Current);
    let is_old = |it: &Balancer<'_>| cx.days_since(it.created()).is_some_and(|age| age >= params.lookback_days);
    let old: Vec<_> = current.chain(classic.iter().map(Balancer::Classic)).filter(is_old).collect();
    let mut findings = Vec::new();
    for kind in &KINDS {
        let of_kind = old.iter().copied().filter(|it| it.kind() == Some(kind.name)).collect();
        let idle = idle(cx, &params, kind, of_kind).await?;
        findings.extend(idle.into_iter().map(|it| judge(cx, &params, kind, it)));
    }
    Ok(findings)
}

/// Those that CloudWatch knows no traffic of. An unknown reading is no proof.
async fn idle<'a>(
    cx: &Cx,
    params: &Params,
    kind: &Kind,
    balancers: Vec<Balancer<'a>>,
) -> Result<Vec<Balancer<'a>>, Problem> {
    let measured: Vec<_> = balancers.into_iter().filter_map(|it| Some((it, it.dimension()?))).collect();
    let query = |(metric, statistic): &&(&'static str, Statistic), left: &[(_, &str)]| MetricQuery {
        namespace: kind.namespace,
        metric,
        statistic: *statistic,
        days: params.lookback_days,
        region: None,
        series: left.iter().map(|(_, it)| vec![(kind.dimension, (*it).to_owned())]).collect(),
    };
    let idle = cx.winnow(measured, kind.traffic, query, |_, it| it.is_idle()).await?;
    Ok(idle.into_iter().map(|(it, _)| it).collect())
}

fn judge(cx: &Cx, params: &Params, kind: &Kind, balancer: Balancer<'_>) -> Finding {
    let days = params.lookback_days;
    let finding = match balancer {
        Balancer::Current(it) => cx.finding(it).fact("vpc_id", it.vpc_id.as_deref()).fact("zones", it.zones.clone()),
        Balancer::Classic(it) => cx
            .finding(it)
            .fact("vpc_id", it.vpc_id.as_deref())
            .fact("zones", it.zones.clone())
            .fact("registered_instances", it.instances),
    };
    finding
        .because(format!("no traffic in {days} days"))
        .action(ActionType::Delete)
        .saves(Some(quote(kind, balancer)))
        .fact("lookback_days", days)
        .fact("age_days", cx.days_since(balancer.created()))
        .fact("load_balancer_type", kind.name)
        .fact("scheme", balancer.scheme())
}

/// Its hours, without capacity used, of which there is none.
fn quote(kind: &Kind, balancer: Balancer<'_>) -> Quote {
    let quote = kind.price.all_month();
    if balancer.scheme() == Some("internet-facing") {
        return quote.at_least("its public IPv4 addresses are billed besides");
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{metrics::Reading, problem::Class, store::Store},
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// A world of load balancers of which CloudWatch says the same, whatever the metric.
    fn world(current: Vec<LoadBalancer>, classic: Vec<ClassicLoadBalancer>, reading: Reading) -> Store {
        Store::world().with(current).with(classic).answering(move |it: &MetricQuery| Ok(vec![reading; it.series.len()]))
    }

    /// One of each kind, named after it.
    fn each() -> (Vec<LoadBalancer>, Vec<ClassicLoadBalancer>) {
        let current = ["application", "network", "gateway"].map(|it| LoadBalancer::example(it, it));
        (current.to_vec(), vec![ClassicLoadBalancer::example("classic")])
    }

    fn world_of_each(reading: Reading) -> Store {
        let (current, classic) = each();
        world(current, classic, reading)
    }

    #[tokio::test]
    async fn silence_and_zero_mean_idle_and_everything_else_does_not() {
        for (reading, idle) in
            [(Reading::NoData, true), (Reading::Zero, true), (Reading::Value(1.0), false), (Reading::Unknown, false)]
        {
            let all = KINDS.map(|it| format!("{}: no traffic in 30 days", it.name)).join("\n");
            let found = found(&CHECK, world_of_each(reading), "{}").await;
            assert_eq!(found, if idle { all.as_str() } else { "" }, "{reading:?}");
        }
    }

    #[tokio::test]
    async fn any_one_metric_is_enough_to_say_nothing() {
        for kind in KINDS {
            for (metric, _) in kind.traffic {
                let namespace = kind.namespace;
                let answer = move |it: &MetricQuery| {
                    let busy = it.namespace == namespace && it.metric == *metric;
                    Ok(vec![if busy { Reading::Value(1.0) } else { Reading::NoData }; it.series.len()])
                };
                let found = found(&CHECK, world_of_each(Reading::Zero).answering(answer), "{}").await;
                assert_eq!(found.lines().count(), 3, "{metric}: {found}");
                assert!(!found.contains(kind.name), "{metric}: {found}");
            }
        }
    }

    #[tokio::test]
    async fn each_keeps_its_own_readings() {
        let answer = |it: &MetricQuery| {
            let reading =
                |name: &str| if name == "app/b/0123456789abcdef" { Reading::Value(1.0) } else { Reading::NoData };
            Ok(it.series.iter().map(|it| reading(&it[0].1)).collect())
        };
        let current = ["a", "b", "c"].map(|it| LoadBalancer::example(it, "application")).to_vec();
        let found = found(&CHECK, world(current, Vec::new(), Reading::Zero).answering(answer), "{}").await;
        assert_eq!(found, "a: no traffic in 30 days\nc: no traffic in 30 days");
    }

    #[tokio::test]
    async fn the_youngest_that_is_judged_is_exactly_as_old_as_the_look_back() {
        let current = |name, created| LoadBalancer { created, ..LoadBalancer::example(name, "network") };
        let classic = |name: &str, created| ClassicLoadBalancer { created, ..ClassicLoadBalancer::example(name) };
        let world = world(
            vec![current("a", days_ago(30)), current("b", days_ago(29)), current("c", None)],
            vec![classic("d", days_ago(30)), classic("e", days_ago(29)), classic("f", None)],
            Reading::NoData,
        );
        assert_eq!(found(&CHECK, world, "{}").await, "a: no traffic in 30 days\nd: no traffic in 30 days");
    }

    #[tokio::test]
    async fn what_is_not_in_service_or_of_no_known_kind_is_not_judged() {
        let state = |it: &str| Some(it.to_owned());
        let application = |name| LoadBalancer::example(name, "application");
        let current = vec![
            LoadBalancer { state: state("provisioning"), ..application("a") },
            LoadBalancer { state: state("failed"), ..application("b") },
            LoadBalancer { state: None, ..application("c") },
            LoadBalancer::example("d", "nonesuch"),
            LoadBalancer { kind: None, ..application("e") },
            LoadBalancer { arn: "odd".to_owned(), ..application("f") },
        ];
        assert_eq!(found(&CHECK, world(current, Vec::new(), Reading::NoData), "{}").await, "");
    }

    #[tokio::test]
    async fn the_savings_are_the_hours_of_the_kind() {
        let findings = findings(&CHECK, world_of_each(Reading::Zero), "{}").await;
        let savings: Vec<_> = findings.iter().filter_map(|it| it.estimated_monthly_savings).collect();
        assert_eq!(savings, [dec!(16.425), dec!(16.425), dec!(9.125), dec!(18.25)]);
        assert!(findings.iter().all(|it| it.price_basis.as_ref().is_some_and(|it| !it.contains("bound"))));
    }

    #[tokio::test]
    async fn public_addresses_make_the_amount_a_lower_bound() {
        let public = || Some("internet-facing".to_owned());
        let current = LoadBalancer { scheme: public(), ..LoadBalancer::example("a", "application") };
        let classic = ClassicLoadBalancer { scheme: public(), ..ClassicLoadBalancer::example("b") };
        let findings = findings(&CHECK, world(vec![current], vec![classic], Reading::Zero), "{}").await;
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|it| it.price_basis.as_ref().is_some_and(|it| it.contains("lower bound"))));
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_read() {
        asks_all_it_needs(&CHECK, world_of_each(Reading::Zero), "{}").await;
        is_blind_without::<LoadBalancer>(&CHECK, world_of_each(Reading::Zero)).await;
        is_blind_without::<ClassicLoadBalancer>(&CHECK, world_of_each(Reading::Zero)).await;
        let denied = world_of_each(Reading::Zero).unanswered::<MetricQuery>(Class::AccessDenied);
        let problem = outcome(&CHECK, denied, "{}").await.0.expect_err("nothing may rest on it");
        assert_eq!(problem.class, Class::AccessDenied);
    }
}

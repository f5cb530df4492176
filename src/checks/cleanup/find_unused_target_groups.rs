//! Target groups that nothing can be sent to.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::{
    aws::{
        auto_scaling::AutoScalingGroup,
        load_balancing::{RegisteredTargets, TargetGroup},
        metrics::{MetricQuery, Statistic},
        prices::Quote,
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds target groups of load balancers without any target.
    ///
    /// AWS does not bill a target group, so savings are 0: what is left over hides which services are alive, and counts
    /// towards a quota. Reported are groups without a registered target that no load balancer uses, and those that one uses
    /// and of which `CloudWatch` knows no target, healthy or not, in the time looked back on; it may not know of targets
    /// that nothing was sent to. Groups of Auto Scaling groups are left out, and those that by their name are the idle half
    /// of a blue/green pair, as `CodeDeploy` and ECS make them. Those two services are not asked, and AWS does not say when
    /// a group was made: one of a service that is scaled to zero or is about to be deployed is fine to ignore.
    title: "Unused target groups",
    scope: Regional,
    needs: [TargetGroup, AutoScalingGroup, MetricQuery, RegisteredTargets],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report a group that a load balancer uses only when `CloudWatch` knows of no target for this many days.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 30 }
    }
}

/// How many targets a group has, healthy or not. AWS may send neither while nothing is sent to the load balancer, so that
/// silence alone does not prove that there was no target; whether one is registered now is asked besides.
const TARGETS: [&str; 2] = ["HealthyHostCount", "UnHealthyHostCount"];

/// The namespaces of metrics, by how CloudWatch calls the load balancer.
const NAMESPACES: [(&str, &str); 3] =
    [("app/", "AWS/ApplicationELB"), ("net/", "AWS/NetworkELB"), ("gwy/", "AWS/GatewayELB")];

/// Words that tell the halves of a pair apart.
const SLOTS: &[&str] =
    &["blue", "green", "active", "standby", "idle", "live", "next", "primary", "secondary", "main", "alternate"];

async fn run(cx: &Cx, params: Params) -> Outcome {
    let groups = cx.all::<TargetGroup>().await?;
    let scaling = cx.all::<AutoScalingGroup>().await?;
    let scaled: BTreeSet<&str> = scaling.iter().flat_map(|it| &it.target_group_arns).map(String::as_str).collect();
    let (free, attached): (Vec<_>, Vec<_>) = groups
        .iter()
        .filter(|it| !scaled.contains(it.arn.as_str()) && !is_idle_half(it, &groups))
        .partition(|it| it.load_balancer_arns.is_empty());
    let empty = without_targets(cx, &params, attached).await?;
    let judged = free.into_iter().chain(empty).map(|it| judge(cx, &params, it));
    Ok(join_all(judged).await.into_iter().flatten().collect())
}

/// Whether a group is, by its name, one half of a pair of which the other half is in use.
fn is_idle_half(group: &TargetGroup, groups: &[TargetGroup]) -> bool {
    let is_alike = |it: &&TargetGroup| {
        it.arn != group.arn
            && !it.load_balancer_arns.is_empty()
            && (&it.vpc_id, &it.protocol, &it.target_type) == (&group.vpc_id, &group.protocol, &group.target_type)
    };
    groups.iter().filter(is_alike).any(|it| are_halves(&it.name, &group.name))
}

/// Whether two names differ in nothing but the half they name: `shop-blue` and `shop-green`, `shop-1` and `shop-2`; or one
/// is blue and one green.
fn are_halves(one: &str, other: &str) -> bool {
    let words = |name: &str| -> Vec<String> {
        name.to_lowercase().split(|it: char| !it.is_alphanumeric()).map(str::to_owned).collect()
    };
    let stem = |words: &[String]| -> Vec<String> {
        words.iter().filter(|it| it.len() > 1 && !SLOTS.contains(&it.as_str())).cloned().collect()
    };
    let (one, other) = (words(one), words(other));
    let has = |words: &[String], color: &str| words.iter().any(|it| it == color);
    let colors = has(&one, "blue") && has(&other, "green") || has(&one, "green") && has(&other, "blue");
    colors || stem(&one) == stem(&other)
}

/// Those that CloudWatch knows no target of, behind any of their load balancers. An unknown reading is no proof.
async fn without_targets<'a>(
    cx: &Cx,
    params: &Params,
    mut groups: Vec<&'a TargetGroup>,
) -> Result<Vec<&'a TargetGroup>, Problem> {
    groups.retain(|it| it.dimensions().is_some_and(|it| it.iter().all(|it| namespace(&it.1).is_some())));
    for (_, namespace_asked) in NAMESPACES {
        for metric in TARGETS {
            let pairs: Vec<_> = groups.iter().flat_map(|it| it.dimensions().unwrap_or_default()).collect();
            let pairs: Vec<_> = pairs.into_iter().filter(|it| namespace(&it.1) == Some(namespace_asked)).collect();
            let query = MetricQuery {
                namespace: namespace_asked,
                metric,
                statistic: Statistic::Maximum,
                days: params.lookback_days,
                region: None,
                series: pairs
                    .iter()
                    .map(|(group, balancer)| vec![("TargetGroup", group.clone()), ("LoadBalancer", balancer.clone())])
                    .collect(),
            };
            let readings = cx.ask(query).await?;
            let seen = pairs.iter().zip(readings.iter()).filter(|(_, it)| !it.is_idle());
            let seen: BTreeSet<&str> = seen.map(|((group, _), _)| group.as_str()).collect();
            groups.retain(|it| it.dimension().is_some_and(|it| !seen.contains(it)));
        }
    }
    Ok(groups)
}

fn namespace(balancer: &str) -> Option<&'static str> {
    NAMESPACES.into_iter().find(|(prefix, _)| balancer.starts_with(prefix)).map(|(_, it)| it)
}

/// A finding, unless something is registered now.
async fn judge(cx: &Cx, params: &Params, group: &TargetGroup) -> Option<Finding> {
    let targets = cx.ask_or_note(RegisteredTargets { target_group_arn: group.arn.clone() }).await?;
    if *targets > 0 {
        return None;
    }
    let days = params.lookback_days;
    let reason = if group.load_balancer_arns.is_empty() {
        "no load balancer uses it and no target is registered".to_owned()
    } else {
        format!("no target is registered, and CloudWatch knows of none in {days} days")
    };
    Some(
        cx.finding(group)
            .because(reason)
            .action(ActionType::Delete)
            .saves(Some(Quote::free("no charge for a target group")))
            .fact("lookback_days", days)
            .fact("target_type", group.target_type.as_deref())
            .fact("protocol", group.protocol.as_deref())
            .fact("port", group.port)
            .fact("vpc_id", group.vpc_id.as_deref())
            .fact("load_balancer_arns", group.load_balancer_arns.clone()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{metrics::Reading, problem::Class, store::Store},
        check::testing::{asks_all_it_needs, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// A world of groups without targets of which CloudWatch says the same.
    fn world(groups: Vec<TargetGroup>, reading: Reading) -> Store {
        Store::world()
            .with(groups)
            .with(Vec::<AutoScalingGroup>::new())
            .answering(move |it: &MetricQuery| Ok(vec![reading; it.series.len()]))
            .answering(|_: &RegisteredTargets| Ok(0))
    }

    const FREE: &str = "no load balancer uses it and no target is registered";
    const EMPTY: &str = "no target is registered, and CloudWatch knows of none in 30 days";

    fn free() -> Vec<TargetGroup> {
        vec![TargetGroup::example("free", &[])]
    }

    fn attached() -> Vec<TargetGroup> {
        vec![TargetGroup::example("empty", &["app/web/1"])]
    }

    #[tokio::test]
    async fn a_group_that_nothing_uses_is_found_and_costs_nothing() {
        let findings = findings(&CHECK, world(free(), Reading::Value(1.0)), "{}").await;
        assert_eq!((findings.len(), findings[0].reason.as_str()), (1, FREE));
        assert_eq!(findings[0].estimated_monthly_savings, Some(dec!(0)));
        assert_eq!(findings[0].price_basis.as_deref(), Some("no charge for a target group"));
    }

    #[tokio::test]
    async fn silence_and_zero_mean_no_target_and_everything_else_does_not() {
        for (reading, empty) in
            [(Reading::NoData, true), (Reading::Zero, true), (Reading::Value(1.0), false), (Reading::Unknown, false)]
        {
            let expected = if empty { format!("empty: {EMPTY}") } else { String::new() };
            assert_eq!(found(&CHECK, world(attached(), reading), "{}").await, expected, "{reading:?}");
        }
    }

    #[tokio::test]
    async fn a_target_behind_any_load_balancer_by_any_metric_is_enough() {
        for metric in TARGETS {
            for balancer in ["app/web/1", "net/web/2", "gwy/web/3"] {
                let groups = vec![
                    TargetGroup::example("used", &["app/web/1", "net/web/2", "gwy/web/3"]),
                    TargetGroup::example("empty", &["app/other/1"]),
                ];
                let answer = move |it: &MetricQuery| {
                    let reading = |series: &[(&str, String)]| {
                        assert_eq!((series[0].0, series[1].0), ("TargetGroup", "LoadBalancer"));
                        let used = it.metric == metric && series[1].1 == balancer && series[0].1.contains("used");
                        if used { Reading::Value(1.0) } else { Reading::NoData }
                    };
                    Ok(it.series.iter().map(|it| reading(it)).collect())
                };
                let found = found(&CHECK, world(groups, Reading::NoData).answering(answer), "{}").await;
                assert_eq!(found, format!("empty: {EMPTY}"), "{metric} {balancer}");
            }
        }
    }

    #[tokio::test]
    async fn what_has_a_target_now_is_not_found() {
        let groups = || [free(), attached()].concat();
        let world = || world(groups(), Reading::NoData);
        let one = |it: &RegisteredTargets| Ok(usize::from(it.target_group_arn.contains("free")));
        assert_eq!(found(&CHECK, world().answering(one), "{}").await, format!("empty: {EMPTY}"));
        let denied = world().unanswered::<RegisteredTargets>(Class::AccessDenied);
        let (outcome, problems) = outcome(&CHECK, denied, "{}").await;
        assert_eq!((outcome.expect("judged").len(), problems.len()), (0, 1), "a group that is not seen is no finding");
    }

    #[tokio::test]
    async fn what_an_auto_scaling_group_names_is_not_found() {
        let names = |it: &[TargetGroup]| it.iter().map(|it| it.arn.clone()).collect();
        let scaling =
            AutoScalingGroup { target_group_arns: names(&[free(), attached()].concat()), launch_templates: Vec::new() };
        let world = world([free(), attached()].concat(), Reading::NoData).with(vec![scaling]);
        assert_eq!(found(&CHECK, world, "{}").await, "");
    }

    #[tokio::test]
    async fn the_idle_half_of_a_pair_is_not_found() {
        let pair = |one, other| vec![TargetGroup::example(one, &["app/web/1"]), TargetGroup::example(other, &[])];
        let busy = |it: &MetricQuery| Ok(vec![Reading::Value(1.0); it.series.len()]);
        for (one, other) in [("shop-blue", "shop-green"), ("shop-1", "shop-2"), ("App-Green-X1Y2", "App-Blue-Z3")] {
            let world = world(pair(one, other), Reading::NoData).answering(busy);
            assert_eq!(found(&CHECK, world, "{}").await, "", "{one} and {other}");
        }
        for (one, other) in [("shop-web", "shop-api"), ("shop-green", "mail-next")] {
            let world = world(pair(one, other), Reading::NoData).answering(busy);
            assert_eq!(found(&CHECK, world, "{}").await, format!("{other}: {FREE}"), "{one} and {other}");
        }
        let mut elsewhere = pair("shop-blue", "shop-green");
        elsewhere[0].vpc_id = Some("vpc-2".to_owned());
        let world = world(elsewhere, Reading::NoData).answering(busy);
        assert_eq!(found(&CHECK, world, "{}").await, format!("shop-green: {FREE}"));
    }

    #[tokio::test]
    async fn a_load_balancer_of_no_known_kind_is_not_judged() {
        let groups = vec![TargetGroup::example("odd", &["new/web/1"])];
        assert_eq!(found(&CHECK, world(groups, Reading::NoData), "{}").await, "");
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_read() {
        let world = || world(attached(), Reading::NoData);
        asks_all_it_needs(&CHECK, world(), "{}").await;
        is_blind_without::<TargetGroup>(&CHECK, world()).await;
        is_blind_without::<AutoScalingGroup>(&CHECK, world()).await;
        let denied = world().unanswered::<MetricQuery>(Class::AccessDenied);
        let problem = outcome(&CHECK, denied, "{}").await.0.expect_err("nothing may rest on it");
        assert_eq!(problem.class, Class::AccessDenied);
    }
}

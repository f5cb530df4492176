//! CloudFront distributions that nobody asks for anything.

use crate::{
    aws::{
        cloudfront::{Certificate, Distribution},
        metrics::{MetricQuery, Reading, Statistic},
        prices::{CLOUDFRONT_DEDICATED_IP, Quote},
    },
    check::prelude::*,
};

check! {
    /// Finds CloudFront distributions that got no request, and those that are disabled.
    ///
    /// AWS bills requests and traffic, so an idle distribution mostly costs nothing by itself. One with a certificate on
    /// dedicated IP addresses costs a fixed amount a month while it is enabled; a web ACL, a flat-rate plan or real-time logs
    /// are billed besides and are not counted here. Fine to ignore for one that waits for a launch or a failover. One that
    /// changed within the time looked back on is not judged, nor is the staging distribution of a continuous deployment.
    title: "Unused CloudFront distributions",
    scope: Account,
    needs: [Distribution, MetricQuery],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only distributions without a request, or disabled, for at least this many days.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let distributions = cx.all::<Distribution>().await?;
    let settled: Vec<_> = distributions.iter().filter_map(|it| settled(cx, &params, it)).collect();
    let (enabled, disabled): (Vec<_>, Vec<_>) = settled.into_iter().partition(|(it, _)| it.enabled);
    let readings = cx.ask(requests(&params, &enabled)).await?;
    let idle = enabled.iter().zip(readings.iter()).filter(|(_, reading)| is_idle(**reading)).map(|((it, days), _)| {
        let reason = format!("no request in {} days; last changed {days} days ago", params.lookback_days);
        report(cx, it, *days, reason)
    });
    let disabled =
        disabled.iter().map(|(it, days)| report(cx, it, *days, format!("disabled for at least {days} days")));
    Ok(idle.chain(disabled).collect())
}

/// A distribution that has not changed for long enough, and for how many days.
fn settled<'a>(cx: &Cx, params: &Params, it: &'a Distribution) -> Option<(&'a Distribution, i64)> {
    let days = cx.days_since(it.last_modified)?;
    (!it.staging && days >= params.lookback_days).then_some((it, days))
}

fn requests(params: &Params, distributions: &[(&Distribution, i64)]) -> MetricQuery {
    let dimensions = |it: &Distribution| vec![("DistributionId", it.id.clone()), ("Region", "Global".to_owned())];
    MetricQuery {
        namespace: "AWS/CloudFront",
        metric: "Requests",
        statistic: Statistic::Sum,
        days: params.lookback_days,
        region: Some("us-east-1".to_owned()),
        series: distributions.iter().map(|(it, _)| dimensions(it)).collect(),
    }
}

/// CloudFront sends this metric only when there are requests, so silence means idle.
fn is_idle(requests: Reading) -> bool {
    requests.is_idle()
}

fn report(cx: &Cx, distribution: &Distribution, days: i64, reason: String) -> Finding {
    cx.finding(distribution)
        .because(reason)
        .action(ActionType::Delete)
        .saves(quote(distribution))
        .fact("domain_name", distribution.domain_name.as_str())
        .fact("aliases", distribution.aliases.as_slice())
        .fact("enabled", distribution.enabled)
        .fact("last_modified_days", days)
}

fn quote(distribution: &Distribution) -> Option<Quote> {
    match distribution.certificate {
        Certificate::DedicatedIp if distribution.enabled => {
            Some(CLOUDFRONT_DEDICATED_IP.monthly(1).at_most("other distributions may share the certificate"))
        }
        Certificate::Other => None,
        _ => Some(Quote::free("no charge for an idle pay-as-you-go distribution")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{problem::Class, store::Store},
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// Distributions, and what CloudWatch says of each by id.
    fn world(distributions: Vec<Distribution>, reading: fn(&str) -> Reading) -> Store {
        Store::world().with(distributions).answering(move |it: &MetricQuery| {
            assert_eq!(
                (it.region.as_deref(), it.series.iter().all(|it| it[1].1 == "Global")),
                (Some("us-east-1"), true)
            );
            Ok(it.series.iter().map(|it| reading(&it[0].1)).collect())
        })
    }

    #[tokio::test]
    async fn nothing_is_found_where_there_is_nothing() {
        assert_eq!(found(&CHECK, world(vec![], |_| Reading::NoData), "{}").await, "");
    }

    #[tokio::test]
    async fn the_idle_one_and_the_disabled_one_are_found() {
        let mut distributions = ["silent", "zero", "busy", "unknown"].map(Distribution::example).to_vec();
        distributions.push(Distribution { enabled: false, ..Distribution::example("off") });
        distributions.push(Distribution { staging: true, ..Distribution::example("staging") });
        let world = world(distributions, |id| match id {
            "zero" => Reading::Zero,
            "busy" => Reading::Value(1.0),
            "unknown" => Reading::Unknown,
            _ => Reading::NoData,
        });
        let lines = "silent: no request in 90 days; last changed 200 days ago\n\
                     zero: no request in 90 days; last changed 200 days ago\n\
                     off: disabled for at least 200 days";
        assert_eq!(found(&CHECK, world, "{}").await, lines);
    }

    #[tokio::test]
    async fn one_that_changed_within_the_time_looked_back_on_is_not_judged() {
        let at = |id, last_modified, enabled| Distribution { enabled, last_modified, ..Distribution::example(id) };
        let distributions = vec![
            at("old", days_ago(30), true),
            at("new", days_ago(29), true),
            at("unknown", None, true),
            at("off", days_ago(30), false),
            at("just off", days_ago(29), false),
            at("off since", None, false),
        ];
        let found = found(&CHECK, world(distributions, |_| Reading::NoData), r#"{"lookback_days": 30}"#).await;
        let lines = "old: no request in 30 days; last changed 30 days ago\noff: disabled for at least 30 days";
        assert_eq!(found, lines);
    }

    #[tokio::test]
    async fn only_addresses_of_an_enabled_distribution_cost() {
        let with = |id, certificate, enabled| Distribution { enabled, certificate, ..Distribution::example(id) };
        let distributions = vec![
            with("vip", Certificate::DedicatedIp, true),
            with("default", Certificate::Default, true),
            with("other", Certificate::Other, true),
            with("off", Certificate::DedicatedIp, false),
        ];
        let findings = findings(&CHECK, world(distributions, |_| Reading::NoData), "{}").await;
        let savings: Vec<_> = findings.iter().map(|it| it.estimated_monthly_savings).collect();
        assert_eq!(savings, [Some(dec!(600)), Some(dec!(0)), None, Some(dec!(0))]);
        assert_eq!((findings[0].region.as_str(), findings[0].account_id.as_str()), ("global", "111122223333"));
    }

    #[tokio::test]
    async fn nothing_is_found_where_distributions_or_metrics_may_not_be_read() {
        is_blind_without::<Distribution>(&CHECK, world(vec![], |_| Reading::NoData)).await;
        let blind = world(vec![Distribution::example("E1")], |_| Reading::NoData)
            .unanswered::<MetricQuery>(Class::AccessDenied);
        assert_eq!(outcome(&CHECK, blind, "{}").await.0.expect_err("blind").class, Class::AccessDenied);
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(vec![Distribution::example("E1")], |_| Reading::NoData), "{}").await;
    }
}

//! Lambda functions that nobody invokes.

use futures::future::join_all;

use crate::{
    aws::{
        lambda::{Function, ProvisionedConcurrency},
        metrics::{MetricQuery, Reading, Statistic},
        prices::{self, Quote},
    },
    check::prelude::*,
};

check! {
    /// Finds Lambda functions that were not invoked.
    ///
    /// AWS bills nothing for the code of an idle function, so most savings are 0: what an unused function costs is care, and
    /// the permissions it keeps. Provisioned concurrency is billed whether or not it is used. Snapshots that SnapStart keeps
    /// may be billed too; then no amount is given. Fine to ignore for what runs once a year or in an emergency, and for a
    /// Lambda@Edge function: its invocations count in the regions where its replicas run, under the name
    /// `us-east-1.` and its own, so here it looks idle. A function that was changed within the time looked back on is not
    /// judged, as AWS does not say when it was created.
    title: "Unused Lambda functions",
    scope: Regional,
    needs: [Function, MetricQuery, ProvisionedConcurrency],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only functions without an invocation for at least this many days.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let functions = cx.all::<Function>().await?;
    let settled: Vec<_> = functions.iter().filter_map(|it| settled(cx, &params, it)).collect();
    let readings = cx.ask(invocations(&params, &settled)).await?;
    let idle = settled.iter().zip(readings.iter()).filter(|(_, reading)| is_idle(**reading));
    Ok(join_all(idle.map(|((function, days), _)| report(cx, &params, function, *days))).await)
}

/// A function that has not changed for long enough, and for how many days.
fn settled<'a>(cx: &Cx, params: &Params, function: &'a Function) -> Option<(&'a Function, i64)> {
    let days = cx.days_since(function.last_modified)?;
    (days >= params.lookback_days).then_some((function, days))
}

fn invocations(params: &Params, functions: &[(&Function, i64)]) -> MetricQuery {
    MetricQuery {
        namespace: "AWS/Lambda",
        metric: "Invocations",
        statistic: Statistic::Sum,
        days: params.lookback_days,
        region: None,
        series: functions.iter().map(|(it, _)| vec![("FunctionName", it.name.clone())]).collect(),
    }
}

/// Lambda sends this metric only when a function is invoked, so silence means idle.
fn is_idle(invocations: Reading) -> bool {
    invocations.is_idle()
}

async fn report(cx: &Cx, params: &Params, function: &Function, days: i64) -> Finding {
    let provisioned = cx.ask_or_note(ProvisionedConcurrency { function: function.name.clone() }).await;
    let units = provisioned.and_then(|it| *it);
    cx.finding(function)
        .because(format!("no invocation in {} days; last changed {days} days ago", params.lookback_days))
        .action(ActionType::Delete)
        .saves(quote(function, units))
        .fact("runtime", function.runtime.as_deref())
        .fact("memory_mib", function.memory_mib)
        .fact("last_modified_days", days)
        .fact("provisioned_concurrency", units)
}

fn quote(function: &Function, provisioned: Option<i64>) -> Option<Quote> {
    match provisioned? {
        0 if function.snap_start => None,
        0 => Some(Quote::free("no charge for an idle function")),
        units => prices::lambda_provisioned(units, function.memory_mib, function.architecture.as_deref()),
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

    /// Functions, what CloudWatch says of each by name, and how much concurrency each one keeps.
    fn world(functions: Vec<Function>, reading: fn(&str) -> Reading) -> Store {
        Store::world()
            .with(functions)
            .answering(move |it: &MetricQuery| Ok(it.series.iter().map(|it| reading(&it[0].1)).collect()))
            .answering(|_: &ProvisionedConcurrency| Ok(Some(0)))
    }

    #[tokio::test]
    async fn nothing_is_found_where_there_is_nothing() {
        assert_eq!(found(&CHECK, world(vec![], |_| Reading::NoData), "{}").await, "");
    }

    #[tokio::test]
    async fn a_function_without_invocations_is_found_and_one_that_cannot_be_measured_is_not() {
        let functions = ["silent", "zero", "busy", "unknown"].map(Function::example).to_vec();
        let world = world(functions, |name| match name {
            "silent" => Reading::NoData,
            "zero" => Reading::Zero,
            "busy" => Reading::Value(1.0),
            _ => Reading::Unknown,
        });
        let lines = "silent: no invocation in 90 days; last changed 200 days ago\n\
                     zero: no invocation in 90 days; last changed 200 days ago";
        assert_eq!(found(&CHECK, world, "{}").await, lines);
    }

    #[tokio::test]
    async fn a_function_that_changed_within_the_time_looked_back_on_is_not_judged() {
        let at = |name, last_modified| Function { last_modified, ..Function::example(name) };
        let functions = vec![at("old", days_ago(30)), at("new", days_ago(29)), at("unknown", None)];
        let found = found(&CHECK, world(functions, |_| Reading::NoData), r#"{"lookback_days": 30}"#).await;
        assert_eq!(found, "old: no invocation in 30 days; last changed 30 days ago");
    }

    #[tokio::test]
    async fn only_what_is_kept_ready_costs() {
        let big = Function { memory_mib: Some(2048), ..Function::example("big") };
        let arm = Function { architecture: Some("arm64".to_owned()), ..Function::example("arm") };
        let odd = Function { architecture: None, ..Function::example("odd") };
        let snap = Function { snap_start: true, ..Function::example("snap") };
        let world = world(vec![Function::example("plain"), big, arm, odd, snap], |_| Reading::NoData).answering(
            |it: &ProvisionedConcurrency| {
                Ok(Some(if it.function == "plain" || it.function == "snap" { 0 } else { 10 }))
            },
        );
        let savings: Vec<_> =
            findings(&CHECK, world, "{}").await.iter().map(|it| it.estimated_monthly_savings).collect();
        assert_eq!(savings, [Some(dec!(0)), Some(dec!(219.0018)), Some(dec!(87.5991)), None, None]);
    }

    #[tokio::test]
    async fn concurrency_that_may_not_be_read_leaves_the_amounts_open_and_is_a_problem() {
        let world = world(vec![Function::example("one")], |_| Reading::NoData)
            .unanswered::<ProvisionedConcurrency>(Class::AccessDenied);
        let (outcome, problems) = outcome(&CHECK, world, "{}").await;
        let findings = outcome.expect("judged");
        assert_eq!((findings.len(), findings[0].estimated_monthly_savings), (1, None));
        assert_eq!(problems.iter().map(|it| it.class).collect::<Vec<_>>(), [Class::AccessDenied]);
    }

    #[tokio::test]
    async fn nothing_is_found_where_functions_or_metrics_may_not_be_read() {
        is_blind_without::<Function>(&CHECK, world(vec![], |_| Reading::NoData)).await;
        let blind =
            world(vec![Function::example("one")], |_| Reading::NoData).unanswered::<MetricQuery>(Class::AccessDenied);
        assert_eq!(outcome(&CHECK, blind, "{}").await.0.expect_err("blind").class, Class::AccessDenied);
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(vec![Function::example("one")], |_| Reading::NoData), "{}").await;
    }
}

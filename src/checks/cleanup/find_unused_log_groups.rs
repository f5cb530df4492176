//! Log groups that no log event comes to.

use futures::future::join_all;

use crate::{
    aws::{
        logs::{LastEvent, LogGroup},
        metrics::{MetricQuery, Reading, Statistic},
        prices,
    },
    check::prelude::*,
};

check! {
    /// Finds CloudWatch log groups that got no log event.
    ///
    /// AWS bills what a log group stores by the month, read or not; an empty log group costs nothing. The amounts are the most
    /// they can be: AWS bills compressed bytes and says how many there were before. A log group counts as unused only when
    /// both its metric and its streams know of no event in the time looked back on. Left out are log groups of the class
    /// `DELIVERY`, which only pass events on, and those with deletion protection. Fine to ignore for logs that a rule wants to
    /// be kept, and for what writes only when something goes wrong; whether anybody reads a log group AWS does not say.
    title: "Unused log groups",
    scope: Regional,
    needs: [LogGroup, LastEvent, MetricQuery],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only log groups without a log event for at least this many days. Younger ones are not judged.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let groups = cx.all::<LogGroup>().await?;
    let is_kept = |it: &LogGroup| it.is_for_delivery() || it.deletion_protected == Some(true);
    let old = groups.iter().filter(|it| !is_kept(it)).filter_map(|it| old(cx, &params, it));
    let old: Vec<(&LogGroup, i64)> = old.collect();
    let readings = cx.ask(events(&params, &old)).await?;
    let silent = old.iter().zip(readings.iter()).filter(|(_, reading)| is_silent(**reading));
    let judged = join_all(silent.map(|((group, days), _)| judge(cx, &params, group, *days))).await;
    Ok(judged.into_iter().flatten().collect())
}

/// A log group that is old enough to be judged, and its age.
fn old<'a>(cx: &Cx, params: &Params, group: &'a LogGroup) -> Option<(&'a LogGroup, i64)> {
    let days = cx.days_since(group.created)?;
    (days >= params.lookback_days).then_some((group, days))
}

/// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html>.
fn events(params: &Params, groups: &[(&LogGroup, i64)]) -> MetricQuery {
    MetricQuery {
        namespace: "AWS/Logs",
        metric: "IncomingLogEvents",
        statistic: Statistic::Sum,
        days: params.lookback_days,
        region: None,
        series: groups.iter().map(|(it, _)| vec![("LogGroupName", it.name.clone())]).collect(),
    }
}

/// `CloudWatch` Logs sends this metric only when events come in, so silence means none.
fn is_silent(events: Reading) -> bool {
    events.is_idle()
}

/// A silent log group, unless its streams know of an event that was not counted, or could not be read.
async fn judge(cx: &Cx, params: &Params, group: &LogGroup, days: i64) -> Option<Finding> {
    let last_event = cx.days_since(*cx.ask_or_note(LastEvent { group: group.name.clone() }).await?);
    if last_event.is_some_and(|it| it < params.lookback_days) {
        return None;
    }
    Some(
        cx.finding(group)
            .because(format!("no log event in {} days; created {days} days ago", params.lookback_days))
            .action(ActionType::Delete)
            .saves(group.stored_bytes.map(prices::log_storage))
            .fact("stored_bytes", group.stored_bytes)
            .fact("age_days", days)
            .fact("last_event_days", last_event)
            .fact("retention_days", group.retention_days)
            .fact("log_class", group.class.as_deref()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{problem::Class, store::Store},
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// Log groups, what CloudWatch says of each by name, and no event in any stream.
    fn world(groups: Vec<LogGroup>, reading: fn(&str) -> Reading) -> Store {
        Store::world()
            .with(groups)
            .answering(move |it: &MetricQuery| Ok(it.series.iter().map(|it| reading(&it[0].1)).collect()))
            .answering(|_: &LastEvent| Ok(None))
    }

    fn silent(groups: Vec<LogGroup>) -> Store {
        world(groups, |_| Reading::NoData)
    }

    #[tokio::test]
    async fn a_log_group_without_events_is_found_and_one_that_cannot_be_measured_is_not() {
        let groups = ["silent", "zero", "busy", "unknown"].map(LogGroup::example).to_vec();
        let world = world(groups, |name| match name {
            "silent" => Reading::NoData,
            "zero" => Reading::Zero,
            "busy" => Reading::Value(1.0),
            _ => Reading::Unknown,
        });
        let lines = "silent: no log event in 90 days; created 200 days ago\n\
                     zero: no log event in 90 days; created 200 days ago";
        assert_eq!(found(&CHECK, world, "{}").await, lines);
    }

    #[tokio::test]
    async fn the_youngest_that_is_judged_is_exactly_as_old_as_the_look_back() {
        let at = |name, created| LogGroup { created, ..LogGroup::example(name) };
        let groups = vec![at("old", days_ago(30)), at("new", days_ago(29)), at("undated", None)];
        let found = found(&CHECK, silent(groups), r#"{"lookback_days": 30}"#).await;
        assert_eq!(found, "old: no log event in 30 days; created 30 days ago");
    }

    #[tokio::test]
    async fn an_event_that_was_not_counted_is_use_up_to_the_last_day_looked_back_on() {
        let groups = ["at 89", "at 90"].map(LogGroup::example).to_vec();
        let world = silent(groups)
            .answering(|it: &LastEvent| Ok(if it.group == "at 89" { days_ago(89) } else { days_ago(90) }));
        let found = findings(&CHECK, world, "{}").await;
        let [it] = found.as_slice() else { panic!("one finding, not {found:?}") };
        assert_eq!((it.resource_id.as_str(), &it.attributes["last_event_days"]), ("at 90", &90.into()));
    }

    #[tokio::test]
    async fn what_only_delivers_or_may_not_be_deleted_is_left_out_and_not_measured() {
        let delivery = LogGroup { class: Some("DELIVERY".to_owned()), ..LogGroup::example("delivery") };
        let protected = LogGroup { deletion_protected: Some(true), ..LogGroup::example("protected") };
        let unsaid = LogGroup { deletion_protected: None, class: None, ..LogGroup::example("unsaid") };
        let world = silent(vec![delivery, protected, unsaid]).answering(|it: &MetricQuery| {
            assert_eq!(it.series, [[("LogGroupName", "unsaid".to_owned())]]);
            Ok(vec![Reading::NoData])
        });
        assert_eq!(found(&CHECK, world, "{}").await, "unsaid: no log event in 90 days; created 200 days ago");
    }

    #[tokio::test]
    async fn streams_are_asked_only_of_silent_log_groups() {
        let world = world(vec![LogGroup::example("busy")], |_| Reading::Value(1.0))
            .answering(|it: &LastEvent| panic!("asked for {it:?}"));
        assert_eq!(found(&CHECK, world, "{}").await, "");
    }

    #[tokio::test]
    async fn the_savings_are_what_is_stored_at_most() {
        let empty = LogGroup { stored_bytes: Some(0), ..LogGroup::example("empty") };
        let unknown = LogGroup { stored_bytes: None, ..LogGroup::example("unknown") };
        let found = findings(&CHECK, silent(vec![LogGroup::example("full"), empty, unknown]), "{}").await;
        let savings: Vec<_> = found.iter().map(|it| it.estimated_monthly_savings).collect();
        assert_eq!(savings, [Some(dec!(3)), Some(dec!(0)), None]);
        assert!(found[0].price_basis.as_ref().is_some_and(|it| it.contains("upper bound")));
    }

    #[tokio::test]
    async fn streams_that_may_not_be_read_are_a_problem_and_no_finding() {
        let world = silent(vec![LogGroup::example("one")]).unanswered::<LastEvent>(Class::AccessDenied);
        let (outcome, problems) = outcome(&CHECK, world, "{}").await;
        assert_eq!(outcome.expect("judged"), []);
        assert_eq!(problems.iter().map(|it| it.class).collect::<Vec<_>>(), [Class::AccessDenied]);
    }

    #[tokio::test]
    async fn nothing_is_found_where_log_groups_or_metrics_may_not_be_read() {
        is_blind_without::<LogGroup>(&CHECK, silent(vec![])).await;
        let blind = silent(vec![LogGroup::example("one")]).unanswered::<MetricQuery>(Class::AccessDenied);
        assert_eq!(outcome(&CHECK, blind, "{}").await.0.expect_err("blind").class, Class::AccessDenied);
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, silent(vec![LogGroup::example("one")]), "{}").await;
    }
}

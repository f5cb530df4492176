//! `EventBridge` rules that do nothing.

use futures::future::{join_all, try_join_all};

use crate::{
    aws::{
        eventbridge::{EventBus, Rule, Rules, Targets},
        metrics::{MetricQuery, Statistic},
        prices::Quote,
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds EventBridge rules that do nothing: they are disabled or have no target.
    ///
    /// AWS bills events and not rules, so that the savings are 0: what an unused rule costs is care, and the permissions that
    /// were given for it. A disabled rule is reported only when it was not triggered in the time looked back on. An enabled
    /// rule that was not triggered may wait for what is rare, such as a failure, and is reported only when asked for. Rules
    /// that AWS services look after are left out, and whether a target still exists is not judged. AWS does not say when a
    /// rule was created, so that a new one looks unused. Fine to ignore for what is switched on when it is needed.
    title: "Unused EventBridge rules",
    scope: Regional,
    needs: [EventBus, Rules, Targets, MetricQuery],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report disabled and silent rules only when they were not triggered for at least this many days.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
    /// Also report enabled rules with targets that were not triggered: a weak sign, as a rule may wait for what is rare.
    include_silent: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90, include_silent: false }
    }
}

/// What a rule does not have while nothing triggers it: `EventBridge` sends these metrics only when there is something to
/// count.
///
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html>.
const ACTIVITY: [&str; 2] = ["TriggeredRules", "Invocations"];

/// What is known of a rule before its metrics are read.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Disabled,
    WithoutTarget,
    /// Nothing speaks against its use but that it may be silent.
    Enabled,
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let buses = cx.all::<EventBus>().await?;
    let rules = try_join_all(buses.iter().map(|it| cx.ask(Rules { bus: it.name.clone() }))).await?;
    let own = rules.iter().flat_map(|it| it.iter()).filter(|it| it.managed_by.is_none());
    let signs = join_all(own.map(|it| sign(cx, it))).await;
    let (idle, rest): (Vec<_>, Vec<_>) =
        signs.into_iter().flatten().partition(|(_, sign)| *sign == Sign::WithoutTarget);
    let rest = rest.into_iter().filter(|(_, sign)| *sign == Sign::Disabled || params.include_silent).collect();
    let silent = silent(cx, &params, rest).await?;
    Ok(idle.into_iter().chain(silent).map(|(rule, sign)| report(cx, &params, rule, sign)).collect())
}

/// `None` for a rule whose state or targets are not known.
async fn sign<'a>(cx: &Cx, rule: &'a Rule) -> Option<(&'a Rule, Sign)> {
    match rule.state.as_deref()? {
        "DISABLED" => Some((rule, Sign::Disabled)),
        "ENABLED" | "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" => {
            let targets = cx.ask_or_note(Targets { rule: rule.name.clone(), bus: rule.bus.clone() }).await?;
            Some((rule, if *targets == 0 { Sign::WithoutTarget } else { Sign::Enabled }))
        }
        _ => None,
    }
}

/// The rules that nothing triggered. An unknown reading is no proof.
async fn silent<'a>(cx: &Cx, params: &Params, rules: Vec<(&'a Rule, Sign)>) -> Result<Vec<(&'a Rule, Sign)>, Problem> {
    let query = |metric: &&'static str, left: &[(&Rule, Sign)]| MetricQuery {
        namespace: "AWS/Events",
        metric,
        statistic: Statistic::Sum,
        days: params.lookback_days,
        region: None,
        series: left.iter().map(|(it, _)| dimensions(it)).collect(),
    };
    cx.winnow(rules, ACTIVITY, query, |_, it| it.is_idle()).await
}

/// The default event bus is not named.
fn dimensions(rule: &Rule) -> Vec<(&'static str, String)> {
    let name = ("RuleName", rule.name.clone());
    if rule.is_on_default_bus() { vec![name] } else { vec![("EventBusName", rule.bus.clone()), name] }
}

fn report(cx: &Cx, params: &Params, rule: &Rule, sign: Sign) -> Finding {
    let days = params.lookback_days;
    let quote = Some(Quote::free("no charge for a rule"));
    let finding = cx
        .finding(rule)
        .fact("event_bus", rule.bus.as_str())
        .fact("state", rule.state.as_deref())
        .fact("schedule", rule.schedule.as_deref());
    match sign {
        Sign::WithoutTarget => finding
            .because("it has no target, so that nothing happens when it is triggered")
            .action(ActionType::Delete)
            .saves(quote),
        Sign::Disabled => finding
            .because(format!("disabled, and not triggered in {days} days"))
            .action(ActionType::Delete)
            .saves(quote)
            .fact("lookback_days", days),
        Sign::Enabled => finding
            .because(format!("enabled, and not triggered in {days} days"))
            .costs(quote)
            .fact("lookback_days", days),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{metrics::Reading, problem::Class, store::Store},
        check::testing::{asks_all_it_needs, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;
    use std::collections::BTreeSet;

    /// Rules of which CloudWatch says the same, whatever the metric. Those whose names begin with `bare` have no target.
    fn world(rules: Vec<Rule>, reading: Reading) -> Store {
        let names: BTreeSet<String> = rules.iter().map(|it| it.bus.clone()).collect();
        Store::world()
            .with(names.into_iter().map(|name| EventBus { name }).collect())
            .answering(move |it: &Rules| Ok(rules.iter().filter(|rule| rule.bus == it.bus).cloned().collect()))
            .answering(|it: &Targets| Ok(usize::from(!it.rule.starts_with("bare"))))
            .answering(move |it: &MetricQuery| Ok(vec![reading; it.series.len()]))
    }

    fn disabled(name: &str) -> Rule {
        Rule { state: Some("DISABLED".to_owned()), ..Rule::example(name) }
    }

    const OFF: &str = "off: disabled, and not triggered in 90 days";
    const BARE: &str = "bare: it has no target, so that nothing happens when it is triggered";
    const SILENT: &str = r#"{"include_silent": true}"#;

    #[tokio::test]
    async fn disabled_rules_and_those_without_a_target_are_found_and_silent_ones_only_when_asked_for() {
        let rules = || vec![disabled("off"), Rule::example("rare"), Rule::example("bare")];
        for reading in [Reading::NoData, Reading::Zero] {
            let lines = found(&CHECK, world(rules(), reading), "{}").await;
            assert_eq!(lines, format!("{BARE}\n{OFF}"));
            let lines = found(&CHECK, world(rules(), reading), SILENT).await;
            assert_eq!(lines, format!("{BARE}\n{OFF}\nrare: enabled, and not triggered in 90 days"));
        }
    }

    #[tokio::test]
    async fn any_one_metric_that_is_not_silent_is_enough_to_say_nothing() {
        for metric in ACTIVITY {
            for other in [Reading::Value(1.0), Reading::Unknown] {
                let world = world(vec![disabled("off"), Rule::example("on")], Reading::NoData).answering(
                    move |it: &MetricQuery| {
                        let reading = if it.metric == metric { other } else { Reading::NoData };
                        Ok(vec![reading; it.series.len()])
                    },
                );
                assert_eq!(found(&CHECK, world, SILENT).await, "", "{metric} {other:?}");
            }
        }
    }

    #[tokio::test]
    async fn rules_of_services_and_rules_of_unknown_state_are_left_out() {
        let managed = Rule { managed_by: Some("some.service".to_owned()), ..disabled("bare managed") };
        let unknown = Rule { state: None, ..Rule::example("bare unknown") };
        let new = Rule { state: Some("NONESUCH".to_owned()), ..Rule::example("bare new") };
        assert_eq!(found(&CHECK, world(vec![managed, unknown, new], Reading::NoData), SILENT).await, "");
    }

    #[tokio::test]
    async fn every_kind_of_enabled_counts_as_enabled() {
        let state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
        let trail = |name| Rule { state: Some(state.to_owned()), ..Rule::example(name) };
        let world = world(vec![trail("trail"), trail("bare")], Reading::NoData);
        assert_eq!(found(&CHECK, world, "{}").await, BARE);
    }

    #[tokio::test]
    async fn a_rule_is_measured_by_its_name_and_that_of_a_bus_of_ones_own() {
        let other = Rule { id: "orders/off".to_owned(), bus: "orders".to_owned(), ..disabled("off") };
        let world = world(vec![disabled("off"), other], Reading::NoData).answering(|it: &MetricQuery| {
            let name = || ("RuleName", "off".to_owned());
            assert_eq!(it.series, [vec![name()], vec![("EventBusName", "orders".to_owned()), name()]]);
            Ok(vec![Reading::NoData; 2])
        });
        assert_eq!(found(&CHECK, world, "{}").await, format!("{OFF}\norders/{OFF}"));
    }

    #[tokio::test]
    async fn a_rule_costs_nothing_and_a_silent_one_is_not_called_for_deletion() {
        let rules = vec![disabled("off"), Rule::example("rare")];
        let found = findings(&CHECK, world(rules, Reading::NoData), SILENT).await;
        let amounts: Vec<_> =
            found.iter().map(|it| (it.estimated_monthly_savings, it.action_type.as_deref())).collect();
        assert_eq!(amounts, [(Some(dec!(0)), Some("Delete")), (None, None)]);
        assert!(found.iter().all(|it| it.estimated_monthly_cost == Some(dec!(0)) && it.price_basis.is_some()));
    }

    #[tokio::test]
    async fn targets_that_may_not_be_read_are_a_problem_and_no_finding() {
        let blind = world(vec![Rule::example("bare"), disabled("off")], Reading::NoData)
            .unanswered::<Targets>(Class::AccessDenied);
        let (judged, problems) = outcome(&CHECK, blind, "{}").await;
        let ids: Vec<_> = judged.expect("judged").into_iter().map(|it| it.resource_id).collect();
        assert_eq!((ids, problems.len()), (vec!["off".to_owned()], 1));
    }

    #[tokio::test]
    async fn nothing_is_found_where_rules_or_metrics_may_not_be_read() {
        let world = || world(vec![disabled("off")], Reading::NoData);
        is_blind_without::<EventBus>(&CHECK, world()).await;
        for blind in
            [world().unanswered::<Rules>(Class::AccessDenied), world().unanswered::<MetricQuery>(Class::AccessDenied)]
        {
            assert_eq!(outcome(&CHECK, blind, "{}").await.0.expect_err("blind").class, Class::AccessDenied);
        }
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(vec![disabled("off"), Rule::example("on")], Reading::NoData), "{}").await;
    }
}

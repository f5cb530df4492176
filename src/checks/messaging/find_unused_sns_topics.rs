//! SNS topics that reach nobody.

use futures::future::join_all;
use rust_decimal::prelude::ToPrimitive;

use crate::{
    aws::{
        alarms::Alarm,
        metrics::{MetricQuery, Reading, Statistic},
        prices::Quote,
        problem::Problem,
        sns::{Subscribed, Subscribers, Topic},
    },
    check::prelude::*,
};

check! {
    /// Finds SNS topics that nobody subscribes to.
    ///
    /// AWS bills messages and not topics: a topic without subscribers costs nothing until somebody publishes to it, and then
    /// its messages are billed and reach nobody. No amount is given for these, as AWS bills by size and kind. Not reported are
    /// topics with a subscriber, confirmed or asked for, however silent; topics that archive their messages; and silent topics
    /// that an alarm names. AWS does not say when a topic was created, so that a new one looks unused, nor which
    /// budgets, buckets or Auto Scaling groups name it.
    title: "Unused SNS topics",
    scope: Regional,
    needs: [Topic, Subscribers, MetricQuery, Alarm],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// How many days to look back for messages that were published.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let topics = cx.all::<Topic>().await?;
    let lonely = join_all(topics.iter().map(|it| without_subscribers(cx, it))).await;
    let lonely: Vec<&Topic> = lonely.into_iter().flatten().collect();
    let published = cx.ask(messages(&params, &lonely)).await?;
    let mut findings = Vec::new();
    for (topic, published) in lonely.into_iter().zip(published.iter()) {
        match published {
            Reading::Value(count) => findings.push(in_vain(cx, &params, topic, *count)),
            Reading::NoData | Reading::Zero if !is_named_by_alarm(cx, topic).await? => {
                findings.push(silent(cx, &params, topic));
            }
            Reading::NoData | Reading::Zero | Reading::Unknown => {}
        }
    }
    Ok(findings)
}

async fn without_subscribers<'a>(cx: &Cx, topic: &'a Topic) -> Option<&'a Topic> {
    let Subscribed { confirmed, pending, is_archived } =
        *cx.ask_or_note(Subscribers { topic: topic.arn.clone() }).await?;
    (confirmed == Some(0) && pending == Some(0) && !is_archived).then_some(topic)
}

/// SNS sends this metric only when something is published.
///
/// Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html>.
fn messages(params: &Params, topics: &[&Topic]) -> MetricQuery {
    MetricQuery {
        namespace: "AWS/SNS",
        metric: "NumberOfMessagesPublished",
        statistic: Statistic::Sum,
        days: params.lookback_days,
        region: None,
        series: topics.iter().map(|it| vec![("TopicName", it.name().to_owned())]).collect(),
    }
}

async fn is_named_by_alarm(cx: &Cx, topic: &Topic) -> Result<bool, Problem> {
    let alarms = cx.all::<Alarm>().await?;
    Ok(alarms.iter().any(|it| it.actions.contains(&topic.arn)))
}

fn silent(cx: &Cx, params: &Params, topic: &Topic) -> Finding {
    cx.finding(topic)
        .because(format!("no subscriber, and nothing published in {} days", params.lookback_days))
        .action(ActionType::Delete)
        .saves(Some(Quote::free("no charge for a topic without messages")))
        .fact("lookback_days", params.lookback_days)
}

/// Whoever publishes believes that somebody listens: what to do is not for a scan to say.
fn in_vain(cx: &Cx, params: &Params, topic: &Topic, published: f64) -> Finding {
    cx.finding(topic)
        .because(format!("no subscriber: what was published in {} days reached nobody", params.lookback_days))
        .fact("lookback_days", params.lookback_days)
        .fact("published_messages", published.to_i64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{problem::Class, store::Store},
        check::testing::{asks_all_it_needs, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// Topics by name without subscribers, what was published to each, and no alarm.
    fn world(names: &[&str], reading: fn(&str) -> Reading) -> Store {
        Store::world()
            .with(names.iter().map(|it| Topic::example(it)).collect())
            .with(Vec::<Alarm>::new())
            .answering(|_: &Subscribers| Ok(Subscribed::nobody()))
            .answering(move |it: &MetricQuery| Ok(it.series.iter().map(|it| reading(&it[0].1)).collect()))
    }

    fn silent(names: &[&str]) -> Store {
        world(names, |_| Reading::NoData)
    }

    const ONE: &str = "arn:aws:sns:eu-west-1:111122223333:one: no subscriber, and nothing published in 90 days";

    #[tokio::test]
    async fn a_topic_without_subscribers_is_found_silent_or_not_and_an_unknown_reading_says_nothing() {
        let world = world(&["one", "zero", "busy", "unknown"], |name| match name {
            "one" => Reading::NoData,
            "zero" => Reading::Zero,
            "busy" => Reading::Value(7.0),
            _ => Reading::Unknown,
        });
        let arn = "arn:aws:sns:eu-west-1:111122223333";
        let lines = format!(
            "{ONE}\n{arn}:zero: no subscriber, and nothing published in 90 days\n\
             {arn}:busy: no subscriber: what was published in 90 days reached nobody"
        );
        assert_eq!(found(&CHECK, world, "{}").await, lines);
    }

    #[tokio::test]
    async fn any_subscriber_or_an_archive_or_an_unknown_number_takes_the_finding_away() {
        let nobody = Subscribed::nobody();
        for said in [
            Subscribed { confirmed: Some(1), ..nobody },
            Subscribed { confirmed: None, ..nobody },
            Subscribed { pending: Some(1), ..nobody },
            Subscribed { pending: None, ..nobody },
            Subscribed { is_archived: true, ..nobody },
        ] {
            let world = silent(&["one"]).answering(move |_: &Subscribers| Ok(said));
            assert_eq!(found(&CHECK, world, "{}").await, "", "{said:?}");
        }
    }

    #[tokio::test]
    async fn a_topic_that_an_alarm_names_is_found_only_when_messages_are_lost() {
        let alarm = |name: &str| vec![Alarm { actions: vec![Topic::example(name).arn] }];
        let world = silent(&["one", "named"]).with(alarm("named"));
        assert_eq!(found(&CHECK, world, "{}").await, ONE);
        let busy = self::world(&["named"], |_| Reading::Value(1.0)).with(alarm("named"));
        assert!(found(&CHECK, busy, "{}").await.ends_with("reached nobody"));
    }

    #[tokio::test]
    async fn a_silent_topic_saves_nothing_and_lost_messages_have_no_amount() {
        let world = world(&["one", "busy"], |name| if name == "busy" { Reading::Value(7.0) } else { Reading::Zero });
        let found = findings(&CHECK, world, "{}").await;
        let savings: Vec<_> =
            found.iter().map(|it| (it.estimated_monthly_savings, it.action_type.as_deref())).collect();
        assert_eq!(savings, [(Some(dec!(0)), Some("Delete")), (None, None)]);
        assert_eq!(found[1].attributes["published_messages"], 7);
    }

    #[tokio::test]
    async fn subscribers_that_may_not_be_read_are_a_problem_and_no_finding() {
        let blind = silent(&["one"]).unanswered::<Subscribers>(Class::AccessDenied);
        let (unread, problems) = outcome(&CHECK, blind, "{}").await;
        assert_eq!((unread.expect("judged").len(), problems.len()), (0, 1));
    }

    #[tokio::test]
    async fn nothing_is_found_where_topics_alarms_or_metrics_may_not_be_read() {
        is_blind_without::<Topic>(&CHECK, silent(&[])).await;
        is_blind_without::<Alarm>(&CHECK, silent(&["one"])).await;
        let blind = silent(&["one"]).unanswered::<MetricQuery>(Class::AccessDenied);
        assert_eq!(outcome(&CHECK, blind, "{}").await.0.expect_err("blind").class, Class::AccessDenied);
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, silent(&["one"]), "{}").await;
    }
}

//! SQS queues that no message passes through.

use futures::future::join_all;
use rust_decimal::prelude::ToPrimitive;

use crate::{
    aws::{
        metrics::{MetricQuery, Reading, Statistic},
        prices::{self, Quote},
        problem::Problem,
        sqs::{DeadLetterSources, Queue, QueueState, State},
    },
    check::prelude::*,
};

check! {
    /// Finds SQS queues that no message passed through.
    ///
    /// AWS bills requests and not queues: an unused queue costs only what those pay who ask it for messages in vain, and the
    /// amount is the most that can be, since the first million requests of a month are free. Long polling asks less often.
    /// Dead-letter queues are idle by design and left out: those that other queues send to, that allow it, or that have
    /// `dlq` or `dead letter` in their name. Those of SNS subscriptions, Lambda functions and EventBridge rules have to be
    /// told by their names, as SQS knows nothing of them. Fine to ignore for a queue that waits for rare messages.
    title: "Unused SQS queues",
    scope: Regional,
    needs: [Queue, QueueState, MetricQuery, DeadLetterSources],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only queues without a message for at least this many days. Younger ones are not judged.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90 }
    }
}

/// What a queue in use has.
const MESSAGES: [&str; 2] = ["NumberOfMessagesSent", "NumberOfMessagesReceived"];

/// A queue that may be unused, what SQS says of it, and its age.
type Seen<'a> = (&'a Queue, State, i64);

async fn run(cx: &Cx, params: Params) -> Outcome {
    let queues = cx.all::<Queue>().await?;
    let others = queues.iter().filter(|it| !is_named_for_dead_letters(it));
    let empty = join_all(others.map(|it| empty(cx, &params, it))).await;
    let silent = silent(cx, &params, empty.into_iter().flatten().collect()).await?;
    let unused = join_all(silent.into_iter().map(|it| not_for_dead_letters(cx, it))).await;
    let unused: Vec<Seen<'_>> = unused.into_iter().flatten().collect();
    let asked = cx.ask(sums(&params, "NumberOfEmptyReceives", &unused)).await?;
    Ok(unused.iter().zip(asked.iter()).map(|(it, asked)| report(cx, &params, it, *asked)).collect())
}

fn is_named_for_dead_letters(queue: &Queue) -> bool {
    let name: String = queue.name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    name.contains("dlq") || name.contains("deadletter")
}

/// A queue that is old enough to be judged, holds nothing and is not set up for dead letters.
async fn empty<'a>(cx: &Cx, params: &Params, queue: &'a Queue) -> Option<Seen<'a>> {
    let state = cx.ask_or_note(QueueState { url: queue.url.clone() }).await?;
    let days = cx.days_since(state.created)?;
    let is_empty = state.messages == Some(0) && !state.takes_dead_letters;
    (is_empty && days >= params.lookback_days).then(|| (queue, State::clone(&state), days))
}

/// The queues that no message came to or left. SQS stops its metrics some hours after the last use, so silence means none.
///
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>.
async fn silent<'a>(cx: &Cx, params: &Params, queues: Vec<Seen<'a>>) -> Result<Vec<Seen<'a>>, Problem> {
    cx.winnow(queues, MESSAGES, |metric, left| sums(params, metric, left), |_, it| it.is_idle()).await
}

async fn not_for_dead_letters<'a>(cx: &Cx, it: Seen<'a>) -> Option<Seen<'a>> {
    let sources = cx.ask_or_note(DeadLetterSources { url: it.0.url.clone() }).await?;
    (*sources == 0).then_some(it)
}

fn sums(params: &Params, metric: &'static str, queues: &[Seen<'_>]) -> MetricQuery {
    MetricQuery {
        namespace: "AWS/SQS",
        metric,
        statistic: Statistic::Sum,
        days: params.lookback_days,
        region: None,
        series: queues.iter().map(|(it, ..)| vec![("QueueName", it.name.clone())]).collect(),
    }
}

fn report(cx: &Cx, params: &Params, (queue, state, days): &Seen<'_>, asked_in_vain: Reading) -> Finding {
    let lookback = params.lookback_days;
    let reason = match asked_in_vain {
        Reading::Value(_) => {
            format!("no message in {lookback} days, yet it is asked for some; created {days} days ago")
        }
        _ => format!("no message in {lookback} days; created {days} days ago"),
    };
    let empty_receives = match asked_in_vain {
        Reading::Value(count) => count.to_i64(),
        Reading::Zero | Reading::NoData => Some(0),
        Reading::Unknown => None,
    };
    cx.finding(*queue)
        .because(reason)
        .action(ActionType::Delete)
        .saves(empty_receives.map(|it| quote(params, queue, it)))
        .fact("lookback_days", lookback)
        .fact("age_days", *days)
        .fact("empty_receives", empty_receives)
        .fact("wait_time_seconds", state.wait_time_seconds)
}

fn quote(params: &Params, queue: &Queue, empty_receives: i64) -> Quote {
    if empty_receives == 0 {
        return Quote::free("no charge for a queue that nobody asks");
    }
    prices::sqs_requests(empty_receives, params.lookback_days, queue.is_fifo())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{problem::Class, store::Store},
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// Queues by name, of which each metric says the same, with nothing in them and no dead letters.
    fn world(names: &[&str], reading: fn(&str, &str) -> Reading) -> Store {
        Store::world()
            .with(names.iter().map(|it| Queue::example(it)).collect())
            .answering(|_: &QueueState| Ok(State::example()))
            .answering(move |it: &MetricQuery| {
                Ok(it.series.iter().map(|series| reading(it.metric, &series[0].1)).collect())
            })
            .answering(|_: &DeadLetterSources| Ok(0))
    }

    fn silent(names: &[&str]) -> Store {
        world(names, |_, _| Reading::NoData)
    }

    fn name_of(url: &str) -> &str {
        url.rsplit('/').next().expect("a name")
    }

    #[tokio::test]
    async fn a_queue_without_messages_is_found() {
        let world = world(&["silent", "zero"], |_, name| if name == "zero" { Reading::Zero } else { Reading::NoData });
        let lines = "silent: no message in 90 days; created 200 days ago\n\
                     zero: no message in 90 days; created 200 days ago";
        assert_eq!(found(&CHECK, world, "{}").await, lines);
    }

    #[tokio::test]
    async fn messages_either_way_or_an_unknown_reading_are_enough_to_say_nothing() {
        for (wanted, other) in [
            ("NumberOfMessagesSent", Reading::Value(1.0)),
            ("NumberOfMessagesSent", Reading::Unknown),
            ("NumberOfMessagesReceived", Reading::Value(1.0)),
            ("NumberOfMessagesReceived", Reading::Unknown),
        ] {
            let world = silent(&["queue"]).answering(move |it: &MetricQuery| {
                let reading = if it.metric == wanted { other } else { Reading::Zero };
                Ok(vec![reading; it.series.len()])
            });
            assert_eq!(found(&CHECK, world, "{}").await, "", "{wanted} {other:?}");
        }
    }

    #[tokio::test]
    async fn the_youngest_that_is_judged_is_exactly_as_old_as_the_look_back() {
        let world = silent(&["old", "new", "undated"]).answering(|it: &QueueState| {
            let created = match name_of(&it.url) {
                "old" => days_ago(30),
                "new" => days_ago(29),
                _ => None,
            };
            Ok(State { created, ..State::example() })
        });
        let found = found(&CHECK, world, r#"{"lookback_days": 30}"#).await;
        assert_eq!(found, "old: no message in 30 days; created 30 days ago");
    }

    #[tokio::test]
    async fn a_queue_that_holds_messages_or_may_hold_some_is_not_found_and_not_measured() {
        let world = silent(&["full", "unknown"])
            .answering(|it: &QueueState| {
                let messages = if name_of(&it.url) == "full" { Some(1) } else { None };
                Ok(State { messages, ..State::example() })
            })
            .answering(|it: &MetricQuery| {
                assert!(it.series.is_empty(), "asked for {:?}", it.series);
                Ok(Vec::new())
            });
        assert_eq!(found(&CHECK, world, "{}").await, "");
    }

    #[tokio::test]
    async fn dead_letter_queues_are_left_out_by_their_sources_their_policy_and_their_names() {
        let names = ["orders-DLQ", "orders_dead_letter.fifo", "DeadLetters", "sourced", "allowing", "plain"];
        let world = silent(&names)
            .answering(|it: &QueueState| {
                Ok(State { takes_dead_letters: name_of(&it.url) == "allowing", ..State::example() })
            })
            .answering(|it: &DeadLetterSources| Ok(usize::from(name_of(&it.url) == "sourced")));
        assert_eq!(found(&CHECK, world, "{}").await, "plain: no message in 90 days; created 200 days ago");
    }

    #[tokio::test]
    async fn requests_in_vain_are_what_it_costs_at_most() {
        let world = world(&["standard", "ordered.fifo", "left", "unknown"], |metric, name| match (metric, name) {
            ("NumberOfEmptyReceives", "standard" | "ordered.fifo") => Reading::Value(9_000_000.0),
            ("NumberOfEmptyReceives", "unknown") => Reading::Unknown,
            _ => Reading::NoData,
        });
        let found = findings(&CHECK, world, "{}").await;
        let savings: Vec<_> = found.iter().map(|it| it.estimated_monthly_savings).collect();
        // 100,000 a day are 3.0417 million in a month of 730 hours.
        assert_eq!(savings, [Some(dec!(1.2167)), Some(dec!(1.5208)), Some(dec!(0)), None]);
        assert!(found[0].price_basis.as_ref().is_some_and(|it| it.contains("upper bound")));
        let reason = "no message in 90 days, yet it is asked for some; created 200 days ago";
        assert_eq!((found[0].reason.as_str(), &found[0].attributes["empty_receives"]), (reason, &9_000_000.into()));
    }

    #[tokio::test]
    async fn a_queue_that_may_not_be_read_is_a_problem_and_no_finding() {
        let blind = silent(&["queue"]).unanswered::<QueueState>(Class::AccessDenied);
        let (unread, problems) = outcome(&CHECK, blind, "{}").await;
        assert_eq!((unread.expect("judged").len(), problems.len()), (0, 1));
        let blind = silent(&["queue"]).unanswered::<DeadLetterSources>(Class::AccessDenied);
        let (unread, problems) = outcome(&CHECK, blind, "{}").await;
        assert_eq!((unread.expect("judged").len(), problems.len()), (0, 1));
    }

    #[tokio::test]
    async fn nothing_is_found_where_queues_or_metrics_may_not_be_read() {
        is_blind_without::<Queue>(&CHECK, silent(&[])).await;
        let blind = silent(&["queue"]).unanswered::<MetricQuery>(Class::AccessDenied);
        assert_eq!(outcome(&CHECK, blind, "{}").await.0.expect_err("blind").class, Class::AccessDenied);
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, silent(&["queue"]), "{}").await;
    }
}

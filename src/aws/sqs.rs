//! Amazon SQS: queues, what is in them, and whose dead letters they take.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, SQS},
    problem::Problem,
};

static LIST_QUEUES: Action = Action::new(&SQS, "ListQueues");
static GET_QUEUE_ATTRIBUTES: Action = Action::new(&SQS, "GetQueueAttributes");
static LIST_SOURCES: Action = Action::new(&SQS, "ListDeadLetterSourceQueues");

/// The most queues in one page. Without a size AWS gives no token and leaves out what follows
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html>, read Oct 2026).
const PAGE: i32 = 1000;

/// An SQS queue. The listing says nothing more of it.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    /// By which AWS's API names it.
    pub(crate) url: String,
}

impl Queue {
    /// Whether it keeps the order of messages.
    pub(crate) fn is_fifo(&self) -> bool {
        self.name.strip_suffix(".fifo").is_some()
    }
}

impl Resource for Queue {
    const TYPE: &'static str = "AWS::SQS::Queue";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("sqs", &self.name)
    }
}

impl Declared for Queue {
    const NAME: &'static str = "sqs::Queue";
    const ACTIONS: &'static [&'static Action] = &[&LIST_QUEUES];
}

impl Collect for Queue {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut queues = Vec::new();
        let send = |token| at.sqs().list_queues().max_results(PAGE).set_next_token(token).send();
        at.pages(&LIST_QUEUES, send, |page| {
            queues.extend(page.queue_urls().iter().filter_map(|it| queue(it)));
            page.next_token
        })
        .await?;
        Ok(queues)
    }
}

/// The name is the last part of the URL.
fn queue(url: &str) -> Option<Queue> {
    let name = url.rsplit('/').next().filter(|it| !it.is_empty())?;
    Some(Queue { name: name.to_owned(), url: url.to_owned() })
}

/// How a queue is set up and what is in it.
#[derive(Debug)]
pub(crate) struct QueueState {
    pub(crate) url: String,
}

/// What SQS says of a queue.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) created: Option<Timestamp>,
    /// Messages that wait, are being worked on or are delayed.
    pub(crate) messages: Option<i64>,
    /// How long a request for messages waits for one, unless it says otherwise.
    pub(crate) wait_time_seconds: Option<i64>,
    /// Whether it is set up to take the dead letters of other queues.
    pub(crate) takes_dead_letters: bool,
}

impl Declared for QueueState {
    const NAME: &'static str = "sqs::QueueState";
    const ACTIONS: &'static [&'static Action] = &[&GET_QUEUE_ATTRIBUTES];
}

/// The counts of messages in a queue.
const MESSAGES: [Name; 3] = [
    Name::ApproximateNumberOfMessages,
    Name::ApproximateNumberOfMessagesNotVisible,
    Name::ApproximateNumberOfMessagesDelayed,
];

impl Question for QueueState {
    type Answer = State;

    async fn ask(&self, at: &Place) -> Result<State, Problem> {
        let others = [Name::CreatedTimestamp, Name::ReceiveMessageWaitTimeSeconds, Name::RedriveAllowPolicy];
        let names: Vec<Name> = MESSAGES.into_iter().chain(others).collect();
        let send = || {
            let call = at.sqs().get_queue_attributes().queue_url(&self.url);
            call.set_attribute_names(Some(names.clone())).send()
        };
        let answer = at.call(&GET_QUEUE_ATTRIBUTES, send).await?;
        Ok(state(answer.attributes().unwrap_or(&HashMap::new())))
    }
}

fn state(said: &HashMap<Name, String>) -> State {
    let number = |name: &Name| said.get(name).and_then(|it| it.parse::<i64>().ok());
    State {
        created: number(&Name::CreatedTimestamp).and_then(|it| Timestamp::from_second(it).ok()),
        messages: MESSAGES.iter().map(number).sum(),
        wait_time_seconds: number(&Name::ReceiveMessageWaitTimeSeconds),
        takes_dead_letters: said.get(&Name::RedriveAllowPolicy).is_some_and(|it| allows_some(it)),
    }
}

/// Whether a redrive allow policy lets any queue send its dead letters. One that cannot be read may.
fn allows_some(policy: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    policy["redrivePermission"] != "denyAll"
}

/// How many queues send their dead letters to a queue.
#[derive(Debug)]
pub(crate) struct DeadLetterSources {
    /// The queue that takes them.
    pub(crate) url: String,
}

impl Declared for DeadLetterSources {
    const NAME: &'static str = "sqs::DeadLetterSources";
    const ACTIONS: &'static [&'static Action] = &[&LIST_SOURCES];
}

impl Question for DeadLetterSources {
    type Answer = usize;

    async fn ask(&self, at: &Place) -> Result<usize, Problem> {
        let mut sources = 0;
        let send = |token| {
            let call = at.sqs().list_dead_letter_source_queues().queue_url(&self.url);
            call.max_results(PAGE).set_next_token(token).send()
        };
        at.pages(&LIST_SOURCES, send, |page| {
            sources += page.queue_urls().len();
            page.next_token
        })
        .await?;
        Ok(sources)
    }
}

#[cfg(test)]
impl Queue {
    /// A queue.
    pub(crate) fn example(name: &str) -> Self {
        Self { name: name.to_owned(), url: format!("https://sqs.eu-west-1.amazonaws.com/111122223333/{name}") }
    }
}

#[cfg(test)]
impl State {
    /// That of an empty queue that is 200 days old.
    pub(crate) fn example() -> Self {
        Self {
            created: crate::check::testing::days_ago(200),
            messages: Some(0),
            wait_time_seconds: Some(0),
            takes_dead_letters: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered, collected, json_denied},
    };

    const ONE: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/one";

    #[tokio::test]
    async fn every_page_of_queues_is_read_also_past_an_empty_one() {
        let queues = collected::<Queue>(vec![
            Reply::ok(r#""MaxResults":1000"#, format!(r#"{{"QueueUrls": ["{ONE}"], "NextToken": "t1"}}"#)),
            Reply::ok(r#""NextToken":"t1""#, r#"{"NextToken": "t2"}"#),
            Reply::ok(r#""NextToken":"t2""#, r#"{"QueueUrls": ["https://x/111122223333/two.fifo"]}"#),
        ])
        .await
        .expect("collected");
        let [one, two] = queues.as_slice() else { panic!("two queues, not {queues:?}") };
        assert_eq!((one.name.as_str(), one.url.as_str(), one.is_fifo()), ("one", ONE, false));
        assert_eq!((two.name.as_str(), two.is_fifo()), ("two.fifo", true));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = collected::<Queue>(vec![json_denied("ListQueues")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "sqs:ListQueues"));
    }

    async fn state_of(attributes: &str) -> Result<State, Problem> {
        let reply = Reply::ok(r#""QueueUrl":"https://sqs"#, format!(r#"{{"Attributes": {{{attributes}}}}}"#));
        answered(QueueState { url: ONE.to_owned() }, vec![reply]).await.0
    }

    #[tokio::test]
    async fn messages_count_in_whatever_state_they_are_and_all_counts_are_needed() {
        let counts = r#""ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "2""#;
        let all = format!(
            r#"{counts}, "ApproximateNumberOfMessagesDelayed": "4", "CreatedTimestamp": "1767225600",
            "ReceiveMessageWaitTimeSeconds": "20""#
        );
        let state = state_of(&all).await.expect("answered");
        assert_eq!((state.messages, state.wait_time_seconds), (Some(7), Some(20)));
        assert_eq!(state.created.map(|it| it.to_string()).as_deref(), Some("2026-01-01T00:00:00Z"));
        let state = state_of(counts).await.expect("answered");
        assert_eq!((state.messages, state.created, state.wait_time_seconds), (None, None, None));
    }

    #[tokio::test]
    async fn a_queue_says_whether_it_takes_dead_letters() {
        for (permission, takes) in [("allowAll", true), ("byQueue", true), ("denyAll", false)] {
            let policy = format!(r#""RedriveAllowPolicy": "{{\"redrivePermission\": \"{permission}\"}}""#);
            assert_eq!(state_of(&policy).await.expect("answered").takes_dead_letters, takes, "{permission}");
        }
        assert!(!state_of("").await.expect("answered").takes_dead_letters);
    }

    #[tokio::test]
    async fn denied_attributes_are_a_problem_and_not_an_empty_queue() {
        let replies = vec![json_denied("GetQueueAttributes")];
        let problem = answered(QueueState { url: ONE.to_owned() }, replies).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "sqs:GetQueueAttributes"));
    }

    #[tokio::test]
    async fn sources_are_counted_over_all_pages_also_past_an_empty_one() {
        let replies = vec![
            Reply::ok("ListDeadLetterSourceQueues", r#"{"queueUrls": [], "NextToken": "t1"}"#),
            Reply::ok(r#""NextToken":"t1""#, r#"{"queueUrls": ["https://x/1/a"], "NextToken": "t2"}"#),
            Reply::ok(r#""NextToken":"t2""#, r#"{"queueUrls": ["https://x/1/b"]}"#),
        ];
        assert_eq!(answered(DeadLetterSources { url: ONE.to_owned() }, replies).await.0, Ok(2));
    }

    #[tokio::test]
    async fn denied_sources_are_a_problem_and_not_none() {
        let replies = vec![json_denied("ListDeadLetterSourceQueues")];
        let problem = answered(DeadLetterSources { url: ONE.to_owned() }, replies).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "sqs:ListDeadLetterSourceQueues"));
    }
}

//! Amazon `CloudWatch` Logs: log groups, and when an event last came to one.

use aws_sdk_cloudwatchlogs::types::OrderBy;
use jiff::Timestamp;

use super::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, LOGS},
    problem::Problem,
};

static DESCRIBE_LOG_GROUPS: Action = Action::new(&LOGS, "DescribeLogGroups");
static DESCRIBE_LOG_STREAMS: Action = Action::new(&LOGS, "DescribeLogStreams");

/// The most log groups in one page
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>, read Oct 2026).
const PAGE: i32 = 50;

/// A log group.
#[derive(Clone, Debug)]
pub(crate) struct LogGroup {
    pub(crate) name: String,
    pub(crate) arn: Option<String>,
    pub(crate) created: Option<Timestamp>,
    /// After how many days log events are removed; `None` when they never are.
    pub(crate) retention_days: Option<i64>,
    /// The retention policy of the account that applies here, where one does.
    pub(crate) retention_policy: Option<String>,
    /// Before compression.
    pub(crate) stored_bytes: Option<i64>,
    /// `STANDARD`, `INFREQUENT_ACCESS` or `DELIVERY`.
    pub(crate) class: Option<String>,
    /// Whether somebody has seen to it that it cannot be deleted.
    pub(crate) deletion_protected: Option<bool>,
}

impl LogGroup {
    /// Whether it only passes on log events, and keeps each for a day whatever its retention.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html> (read Oct 2026).
    pub(crate) fn is_for_delivery(&self) -> bool {
        self.class.as_deref() == Some("DELIVERY")
    }
}

impl Resource for LogGroup {
    const TYPE: &'static str = "AWS::Logs::LogGroup";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, at: &At) -> Option<String> {
        self.arn.clone().or_else(|| at.arn("logs", &format!("log-group:{}", self.name)))
    }
}

impl Declared for LogGroup {
    const NAME: &'static str = "logs::LogGroup";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_LOG_GROUPS];
}

impl Collect for LogGroup {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut groups = Vec::new();
        let send = |token| at.cloudwatchlogs().describe_log_groups().limit(PAGE).set_next_token(token).send();
        at.pages(&DESCRIBE_LOG_GROUPS, send, |page| {
            groups.extend(page.log_groups().iter().filter_map(log_group));
            page.next_token
        })
        .await?;
        Ok(groups)
    }
}

fn log_group(it: &aws_sdk_cloudwatchlogs::types::LogGroup) -> Option<LogGroup> {
    Some(LogGroup {
        name: it.log_group_name()?.to_owned(),
        arn: it.log_group_arn().map(str::to_owned),
        created: time(it.creation_time()),
        retention_days: it.retention_in_days().map(i64::from),
        retention_policy: it.retention_policy_name().map(str::to_owned),
        stored_bytes: it.stored_bytes(),
        class: it.log_group_class().map(|it| it.as_str().to_owned()),
        deletion_protected: it.deletion_protection_enabled(),
    })
}

/// Milliseconds since 1970 as a time.
fn time(milliseconds: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds?).ok()
}

/// When an event last came to a log group, as its streams tell. AWS may be an hour late with it.
#[derive(Debug)]
pub(crate) struct LastEvent {
    pub(crate) group: String,
}

impl Declared for LastEvent {
    const NAME: &'static str = "logs::LastEvent";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_LOG_STREAMS];
}

impl Question for LastEvent {
    /// `None` when no stream holds an event.
    type Answer = Option<Timestamp>;

    async fn ask(&self, at: &Place) -> Result<Option<Timestamp>, Problem> {
        let mut last = None;
        let send = |token| {
            at.cloudwatchlogs()
                .describe_log_streams()
                .log_group_name(&self.group)
                .order_by(OrderBy::LastEventTime)
                .descending(true)
                .limit(1)
                .set_next_token(token)
                .send()
        };
        at.pages(&DESCRIBE_LOG_STREAMS, send, |page| {
            let newest = page.log_streams().first();
            last = newest.and_then(|it| time(it.last_event_timestamp().max(it.last_ingestion_time())));
            // The first stream is the one with the newest event: the others need not be read.
            let is_found = newest.is_some();
            page.next_token.filter(|_| !is_found)
        })
        .await?;
        Ok(last)
    }
}

#[cfg(test)]
impl LogGroup {
    /// A standard log group of 100 GiB, 200 days old, that keeps log events for 30 days.
    pub(crate) fn example(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arn: None,
            created: crate::check::testing::days_ago(200),
            retention_days: Some(30),
            retention_policy: None,
            stored_bytes: Some(100 << 30),
            class: Some("STANDARD".to_owned()),
            deletion_protected: Some(false),
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

    #[tokio::test]
    async fn every_page_of_log_groups_is_read_also_past_an_empty_one() {
        let one = r#"{"logGroups": [{"logGroupName": "one", "creationTime": 1767225600000, "retentionInDays": 14,
            "metricFilterCount": 0, "arn": "arn:aws:logs:eu-west-1:111122223333:log-group:one:*", "storedBytes": 5,
            "logGroupArn": "arn:aws:logs:eu-west-1:111122223333:log-group:one", "logGroupClass": "STANDARD"}],
            "nextToken": "t1"}"#;
        let two = r#"{"logGroups": [{"logGroupName": "two", "retentionPolicyName": "all", "deletionProtectionEnabled": true,
            "logGroupClass": "DELIVERY"}]}"#;
        let groups = collected::<LogGroup>(vec![
            Reply::ok(r#""limit":50"#, one),
            Reply::ok(r#""nextToken":"t1""#, r#"{"logGroups": [], "nextToken": "t2"}"#),
            Reply::ok(r#""nextToken":"t2""#, two),
        ])
        .await
        .expect("collected");
        let [one, two] = groups.as_slice() else { panic!("two log groups, not {groups:?}") };
        assert_eq!((one.name.as_str(), two.name.as_str()), ("one", "two"));
        assert_eq!(one.created.map(|it| it.to_string()).as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!((one.retention_days, one.stored_bytes, one.is_for_delivery()), (Some(14), Some(5), false));
        assert_eq!(one.arn.as_deref(), Some("arn:aws:logs:eu-west-1:111122223333:log-group:one"));
        assert_eq!((one.deletion_protected, two.deletion_protected), (None, Some(true)));
        assert_eq!((two.created, two.retention_days, two.stored_bytes), (None, None, None));
        assert_eq!((two.retention_policy.as_deref(), two.is_for_delivery()), (Some("all"), true));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = collected::<LogGroup>(vec![json_denied("DescribeLogGroups")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "logs:DescribeLogGroups"));
    }

    async fn last_event(replies: Vec<Reply>) -> Result<Option<Timestamp>, Problem> {
        answered(LastEvent { group: "one".to_owned() }, replies).await.0
    }

    #[tokio::test]
    async fn the_last_event_is_that_of_the_first_stream_also_past_an_empty_page() {
        let streams = r#"{"logStreams": [{"logStreamName": "s", "creationTime": 1, "lastEventTimestamp": 1767225600000,
            "lastIngestionTime": 1767225601000}], "nextToken": "t2"}"#;
        let last = last_event(vec![
            Reply::ok(r#""descending":true"#, r#"{"logStreams": [], "nextToken": "t1"}"#),
            Reply::ok(r#""nextToken":"t1""#, streams),
        ]);
        let last = last.await.expect("answered");
        assert_eq!(last.map(|it| it.to_string()).as_deref(), Some("2026-01-01T00:00:01Z"));
    }

    #[tokio::test]
    async fn a_log_group_without_streams_or_events_has_no_last_event() {
        for streams in ["", r#"{"logStreamName": "s", "creationTime": 1}"#] {
            let body = format!(r#"{{"logStreams": [{streams}]}}"#);
            assert_eq!(last_event(vec![Reply::ok(r#""logGroupName":"one""#, body)]).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn a_denied_last_event_is_a_problem_and_not_silence() {
        let problem = last_event(vec![json_denied("DescribeLogStreams")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "logs:DescribeLogStreams"));
    }
}

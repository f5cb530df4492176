//! Amazon `CloudWatch` alarms, and what they set off.

use aws_sdk_cloudwatch::types::AlarmType;

use super::{
    Collect, Declared, Place,
    action::{Action, CLOUDWATCH},
    problem::Problem,
};

static DESCRIBE_ALARMS: Action = Action::new(&CLOUDWATCH, "DescribeAlarms");

/// The most alarms in one page
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>, read Oct 2026).
const PAGE: i32 = 100;

/// An alarm on a metric or on other alarms.
#[derive(Clone, Debug)]
pub(crate) struct Alarm {
    /// ARNs of what it sets off in any of its states.
    pub(crate) actions: Vec<String>,
}

impl Declared for Alarm {
    const NAME: &'static str = "alarms::Alarm";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_ALARMS];
}

impl Collect for Alarm {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut alarms = Vec::new();
        // Without types AWS lists only those on metrics.
        let types = Some(vec![AlarmType::MetricAlarm, AlarmType::CompositeAlarm]);
        let send = |token| {
            let call = at.cloudwatch().describe_alarms().set_alarm_types(types.clone());
            call.max_records(PAGE).set_next_token(token).send()
        };
        at.pages(&DESCRIBE_ALARMS, send, |page| {
            let on_metrics = page.metric_alarms().iter();
            alarms.extend(
                on_metrics.map(|it| alarm([it.alarm_actions(), it.ok_actions(), it.insufficient_data_actions()])),
            );
            let on_alarms = page.composite_alarms().iter();
            alarms.extend(
                on_alarms.map(|it| alarm([it.alarm_actions(), it.ok_actions(), it.insufficient_data_actions()])),
            );
            page.next_token
        })
        .await?;
        Ok(alarms)
    }
}

fn alarm(actions: [&[String]; 3]) -> Alarm {
    Alarm { actions: actions.concat() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, collected},
    };
    use aws_smithy_cbor::Encoder;

    const ASKED: &str = "operation/DescribeAlarms";

    /// A page with alarms of one kind, each with one action.
    fn page(kind: &str, actions: &[(&str, &str)], token: Option<&str>) -> Reply {
        let mut body = Encoder::new(Vec::new());
        body.begin_map().str(kind).array(actions.len());
        for (field, arn) in actions {
            body.map(2).str("AlarmName").str("one").str(field).array(1).str(arn);
        }
        if let Some(token) = token {
            body.str("NextToken").str(token);
        }
        body.end();
        Reply::ok(ASKED, body.into_writer()).header("smithy-protocol", "rpc-v2-cbor")
    }

    #[tokio::test]
    async fn every_page_of_alarms_is_read_also_past_an_empty_one_and_every_action_counts() {
        let alarms = collected::<Alarm>(vec![
            page("MetricAlarms", &[("AlarmActions", "a"), ("OKActions", "b")], Some("t1")),
            page("MetricAlarms", &[], Some("t2")),
            page("CompositeAlarms", &[("InsufficientDataActions", "c")], None),
        ])
        .await
        .expect("collected");
        assert_eq!(alarms.iter().flat_map(|it| &it.actions).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let mut body = Encoder::new(Vec::new());
        body.map(2).str("__type").str("com.amazonaws.cloudwatch#AccessDenied");
        body.str("message").str("no identity-based policy allows it");
        let reply = Reply::ok(ASKED, body.into_writer()).status(403).header("smithy-protocol", "rpc-v2-cbor");
        let problem = collected::<Alarm>(vec![reply]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "cloudwatch:DescribeAlarms"));
    }
}

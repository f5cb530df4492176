//! Amazon SNS: topics, and how many subscribers each has.

use super::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, SNS},
    problem::Problem,
};

static LIST_TOPICS: Action = Action::new(&SNS, "ListTopics");
static GET_TOPIC_ATTRIBUTES: Action = Action::new(&SNS, "GetTopicAttributes");

/// An SNS topic. AWS does not say when it was created.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) arn: String,
}

impl Topic {
    /// The last part of the ARN, by which metrics name it.
    pub(crate) fn name(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or(&self.arn)
    }
}

impl Resource for Topic {
    const TYPE: &'static str = "AWS::SNS::Topic";

    fn id(&self) -> &str {
        &self.arn
    }

    fn arn(&self, _: &At) -> Option<String> {
        Some(self.arn.clone())
    }
}

impl Declared for Topic {
    const NAME: &'static str = "sns::Topic";
    const ACTIONS: &'static [&'static Action] = &[&LIST_TOPICS];
}

impl Collect for Topic {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut topics = Vec::new();
        let send = |token| at.sns().list_topics().set_next_token(token).send();
        at.pages(&LIST_TOPICS, send, |page| {
            topics.extend(page.topics().iter().filter_map(|it| Some(Topic { arn: it.topic_arn()?.to_owned() })));
            page.next_token
        })
        .await?;
        Ok(topics)
    }
}

/// Who gets what is published to a topic, subscribers of other accounts included.
#[derive(Debug)]
pub(crate) struct Subscribers {
    /// The topic, by its ARN.
    pub(crate) topic: String,
}

/// What SNS says of the subscribers of a topic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscribed {
    pub(crate) confirmed: Option<i64>,
    /// Asked for and not yet confirmed.
    pub(crate) pending: Option<i64>,
    /// Whether messages are kept to be sent again.
    pub(crate) is_archived: bool,
}

impl Declared for Subscribers {
    const NAME: &'static str = "sns::Subscribers";
    const ACTIONS: &'static [&'static Action] = &[&GET_TOPIC_ATTRIBUTES];
}

impl Question for Subscribers {
    type Answer = Subscribed;

    async fn ask(&self, at: &Place) -> Result<Subscribed, Problem> {
        let send = || at.sns().get_topic_attributes().topic_arn(&self.topic).send();
        let answer = at.call(&GET_TOPIC_ATTRIBUTES, send).await?;
        let said = |name: &str| answer.attributes().and_then(|it| it.get(name)).map(String::as_str);
        let number = |name: &str| said(name).and_then(|it| it.parse().ok());
        Ok(Subscribed {
            confirmed: number("SubscriptionsConfirmed"),
            pending: number("SubscriptionsPending"),
            is_archived: said("ArchivePolicy").is_some_and(|it| !matches!(it.trim(), "" | "{}")),
        })
    }
}

#[cfg(test)]
impl Topic {
    /// A topic of Ireland.
    pub(crate) fn example(name: &str) -> Self {
        Self { arn: format!("arn:aws:sns:eu-west-1:111122223333:{name}") }
    }
}

#[cfg(test)]
impl Subscribed {
    /// Nobody.
    pub(crate) fn nobody() -> Self {
        Self { confirmed: Some(0), pending: Some(0), is_archived: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered, collected},
    };

    fn page(arns: &[&str], token: &str) -> String {
        let topics: Vec<_> = arns.iter().map(|it| format!("<member><TopicArn>{it}</TopicArn></member>")).collect();
        let topics = topics.concat();
        format!(
            "<ListTopicsResponse><ListTopicsResult><Topics>{topics}</Topics>{token}</ListTopicsResult></ListTopicsResponse>"
        )
    }

    /// SNS has a word of its own.
    fn denied(asked: &'static str) -> Reply {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no identity-based policy \
                    allows it</Message></Error><RequestId>r</RequestId></ErrorResponse>";
        Reply::ok(asked, body).status(403)
    }

    #[tokio::test]
    async fn every_page_of_topics_is_read_also_past_an_empty_one() {
        let topics = collected::<Topic>(vec![
            Reply::ok("Action=ListTopics", page(&["arn:aws:sns:eu-west-1:1:one"], "<NextToken>t1</NextToken>")),
            Reply::ok("NextToken=t1", page(&[], "<NextToken>t2</NextToken>")),
            Reply::ok("NextToken=t2", page(&["arn:aws:sns:eu-west-1:1:two.fifo"], "")),
        ])
        .await
        .expect("collected");
        assert_eq!(topics.iter().map(Topic::name).collect::<Vec<_>>(), ["one", "two.fifo"]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = collected::<Topic>(vec![denied("ListTopics")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "sns:ListTopics"));
    }

    fn subscribers() -> Subscribers {
        Subscribers { topic: "arn:aws:sns:eu-west-1:1:one".to_owned() }
    }

    #[tokio::test]
    async fn subscribers_are_numbers_or_unknown() {
        let entry = |(name, value): &(&str, &str)| format!("<entry><key>{name}</key><value>{value}</value></entry>");
        let ask = |attributes: &[(&str, &str)]| {
            let body = format!(
                "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes>{}</Attributes></GetTopicAttributesResult>\
                 </GetTopicAttributesResponse>",
                attributes.iter().map(entry).collect::<String>()
            );
            answered(subscribers(), vec![Reply::ok("TopicArn=arn", body)])
        };
        let all = [("SubscriptionsConfirmed", "2"), ("SubscriptionsPending", "1"), ("ArchivePolicy", "{}")];
        let said = ask(&all).await.0.expect("answered");
        assert_eq!((said.confirmed, said.pending, said.is_archived), (Some(2), Some(1), false));
        let archived = [("ArchivePolicy", r#"{"MessageRetentionPeriod":"30"}"#)];
        let said = ask(&archived).await.0.expect("answered");
        assert_eq!((said.confirmed, said.pending, said.is_archived), (None, None, true));
    }

    #[tokio::test]
    async fn denied_subscribers_are_a_problem_and_not_nobody() {
        let (answer, _) = answered(subscribers(), vec![denied("GetTopicAttributes")]).await;
        let problem = answer.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "sns:GetTopicAttributes"));
    }
}

//! AWS Config: whether one place knows what every account of the organization has.

use super::{
    Declared, Place, Question,
    action::{Action, CONFIG},
    problem::{Class, Problem},
};

static DESCRIBE_CONFIGURATION_AGGREGATORS: Action = Action::new(&CONFIG, "DescribeConfigurationAggregators");

/// Why no aggregator in the account and the region of the place takes in the whole organization; `None` when one does.
///
/// Another account or region may have one: aggregators are of one account and region
/// (<https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationAggregators.html>, read Nov 2026).
#[derive(Debug)]
pub(crate) struct OrganizationAggregator;

impl Declared for OrganizationAggregator {
    const NAME: &'static str = "aws_config::OrganizationAggregator";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_CONFIGURATION_AGGREGATORS];
}

impl Question for OrganizationAggregator {
    type Answer = Option<Problem>;

    async fn ask(&self, at: &Place) -> Result<Option<Problem>, Problem> {
        let mut is_there = false;
        let send = |token| at.config().describe_configuration_aggregators().set_next_token(token).send();
        at.pages(&DESCRIBE_CONFIGURATION_AGGREGATORS, send, |page| {
            is_there |=
                page.configuration_aggregators().iter().any(|it| it.organization_aggregation_source().is_some());
            page.next_token
        })
        .await?;
        let problem = || {
            let (account, region) = (&at.at.account, &at.at.region);
            let text =
                format!("AWS Config has no aggregator of the whole organization in {region} of account {account}");
            Problem::new(Class::NotEnrolled, &DESCRIBE_CONFIGURATION_AGGREGATORS, text)
        };
        Ok((!is_there).then(problem))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::replies::{Reply, answered};

    fn page(asked: &'static str, aggregators: &Value, token: Option<&str>) -> Reply {
        Reply::ok(asked, json!({"ConfigurationAggregators": aggregators, "NextToken": token}).to_string())
    }

    fn of_organization() -> Value {
        let source = json!({"RoleArn": "arn:aws:iam::111122223333:role/aggregator", "AllAwsRegions": true});
        json!({"ConfigurationAggregatorName": "all", "OrganizationAggregationSource": source})
    }

    fn of_accounts() -> Value {
        let sources = json!([{"AccountIds": ["111122223333"], "AllAwsRegions": true}]);
        json!({"ConfigurationAggregatorName": "some", "AccountAggregationSources": sources})
    }

    #[tokio::test]
    async fn an_aggregator_of_the_organization_is_looked_for_on_every_page() {
        let replies = vec![
            page("DescribeConfigurationAggregators", &json!([of_accounts()]), Some("t1")),
            page("t1", &json!([]), Some("t2")),
            page("t2", &json!([of_organization()]), None),
        ];
        assert_eq!(answered(OrganizationAggregator, replies).await.0, Ok(None));
    }

    #[tokio::test]
    async fn one_of_some_accounts_is_none_of_the_organization() {
        let replies = vec![page("DescribeConfigurationAggregators", &json!([of_accounts()]), None)];
        let problem = answered(OrganizationAggregator, replies).await.0.expect("answered").expect("there is none");
        assert_eq!(problem.class, Class::NotEnrolled);
    }

    #[tokio::test]
    async fn a_denied_question_is_a_problem_and_not_an_absence() {
        let body = json!({"__type": "AccessDeniedException", "Message": "not authorized"}).to_string();
        let denied = vec![Reply::ok("DescribeConfigurationAggregators", body).status(400)];
        let problem = answered(OrganizationAggregator, denied).await.0.expect_err("denied");
        let expected = (Class::AccessDenied, "config:DescribeConfigurationAggregators");
        assert_eq!((problem.class, problem.action.as_str()), expected);
    }
}

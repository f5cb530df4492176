//! AWS Cost Optimization Hub: what AWS itself recommends, for all accounts in one answer.

use aws_sdk_costoptimizationhub::types::{AccountEnrollmentStatus, EnrollmentStatus, Filter, ResourceType};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{
    At, Declared, Place, Question, Resource, Tags,
    action::{Action, COST_OPTIMIZATION_HUB},
    problem::{Class, Problem},
    store, timestamp,
};

static LIST_ENROLLMENT_STATUSES: Action = Action::new(&COST_OPTIMIZATION_HUB, "ListEnrollmentStatuses");
static LIST_RECOMMENDATIONS: Action = Action::new(&COST_OPTIMIZATION_HUB, "ListRecommendations");

/// Whether the account takes part in Cost Optimization Hub, without which there are no recommendations to read. That it
/// does not is a problem; that its member accounts do not is one for who asks about them.
#[derive(Debug)]
pub(crate) struct Enrollment;

impl Declared for Enrollment {
    const NAME: &'static str = "cost_optimization_hub::Enrollment";
    const ACTIONS: &'static [&'static Action] = &[&LIST_ENROLLMENT_STATUSES];
}

impl Question for Enrollment {
    /// Why the member accounts are missing, when they are.
    type Answer = Option<Problem>;

    async fn ask(&self, at: &Place) -> Result<Option<Problem>, Problem> {
        let there = at.global();
        let (mut active, mut members) = (false, None);
        let is_active = |it: &AccountEnrollmentStatus| {
            it.status() == Some(&EnrollmentStatus::Active) && it.account_id().is_none_or(|it| it == at.at.account)
        };
        let send = |token| there.costoptimizationhub().list_enrollment_statuses().set_next_token(token).send();
        there
            .pages(&LIST_ENROLLMENT_STATUSES, send, |page| {
                active |= page.items().iter().any(is_active);
                members = members.or(page.include_member_accounts());
                page.next_token
            })
            .await?;
        let problem = |text| Problem::new(Class::NotEnrolled, &LIST_ENROLLMENT_STATUSES, text);
        if !active {
            return Err(problem(
                "Cost Optimization Hub is off in this account; turn it on in its console or with aws cost-optimization-hub \
                 update-enrollment-status --status Active --include-member-accounts; recommendations follow within a day",
            ));
        }
        Ok((members == Some(false)).then(|| {
            problem(
                "Cost Optimization Hub is on without the member accounts, so theirs are missing; add them with aws \
                 cost-optimization-hub update-enrollment-status --status Active --include-member-accounts",
            )
        }))
    }
}

/// What AWS recommends for some types of resources, in its own words: the best one for each resource.
#[derive(Debug)]
pub(crate) struct Recommendations {
    /// For example `Ec2Instance`.
    pub(crate) resource_types: &'static [&'static str],
}

/// One recommendation.
#[derive(Clone, Debug)]
pub(crate) struct Recommendation {
    pub(crate) resource_id: String,
    /// The `CloudFormation` type, or Cost Optimization Hub's own word where that is not known.
    pub(crate) resource_type: Option<String>,
    pub(crate) arn: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    /// `Rightsize`, `Stop`, ...
    pub(crate) action: Option<String>,
    /// What there is, for example `m5.large`.
    pub(crate) current: Option<String>,
    /// What there should be.
    pub(crate) recommended: Option<String>,
    pub(crate) monthly_cost: Option<Decimal>,
    pub(crate) monthly_savings: Option<Decimal>,
    pub(crate) savings_percent: Option<f64>,
    pub(crate) currency: Option<String>,
    pub(crate) effort: Option<String>,
    pub(crate) restart_needed: Option<bool>,
    pub(crate) rollback_possible: Option<bool>,
    /// `ComputeOptimizer` or `CostExplorer`.
    pub(crate) source: Option<String>,
    pub(crate) lookback_days: Option<i64>,
    pub(crate) refreshed: Option<Timestamp>,
    pub(crate) tags: Option<Tags>,
}

impl Resource for Recommendation {
    const TYPE: &'static str = "recommendation";

    fn resource_type(&self) -> &str {
        self.resource_type.as_deref().unwrap_or(Self::TYPE)
    }

    fn id(&self) -> &str {
        &self.resource_id
    }

    fn arn(&self, _at: &At) -> Option<String> {
        self.arn.clone()
    }

    fn tags(&self) -> Option<&Tags> {
        self.tags.as_ref()
    }

    fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }
}

impl Declared for Recommendations {
    const NAME: &'static str = "cost_optimization_hub::Recommendations";
    const ACTIONS: &'static [&'static Action] = &[&LIST_RECOMMENDATIONS];
}

impl Question for Recommendations {
    type Answer = Vec<Recommendation>;

    fn bytes(&self, answer: &Vec<Recommendation>) -> usize {
        answer.len() * (size_of::<Recommendation>() + store::OWNED_BYTES)
    }

    async fn ask(&self, at: &Place) -> Result<Vec<Recommendation>, Problem> {
        let there = at.global();
        let types = self.resource_types.iter().map(|it| ResourceType::from(*it)).collect();
        let filter = Filter::builder().set_resource_types(Some(types)).build();
        let send = |token| {
            there
                .costoptimizationhub()
                .list_recommendations()
                .filter(filter.clone())
                .include_all_recommendations(false)
                .max_results(1000)
                .set_next_token(token)
                .send()
        };
        let mut recommendations = Vec::new();
        there
            .pages(&LIST_RECOMMENDATIONS, send, |page| {
                recommendations.extend(page.items().iter().filter_map(recommendation));
                page.next_token
            })
            .await?;
        at.note_all(&there);
        Ok(recommendations)
    }
}

fn recommendation(it: &aws_sdk_costoptimizationhub::types::Recommendation) -> Option<Recommendation> {
    let text = |it: Option<&str>| it.filter(|it| !it.is_empty()).map(str::to_owned);
    let tag = |it: &aws_sdk_costoptimizationhub::types::Tag| Some((text(it.key())?, it.value()?.to_owned()));
    Some(Recommendation {
        resource_id: text(it.resource_id()).or_else(|| text(it.recommendation_id()))?,
        resource_type: it.current_resource_type().map(|it| cloudformation_type(it).to_owned()),
        arn: text(it.resource_arn()),
        account: text(it.account_id()),
        region: text(it.region()),
        action: text(it.action_type()),
        current: text(it.current_resource_summary()),
        recommended: text(it.recommended_resource_summary()),
        monthly_cost: it.estimated_monthly_cost().and_then(|it| Decimal::try_from(it).ok()),
        monthly_savings: it.estimated_monthly_savings().and_then(|it| Decimal::try_from(it).ok()),
        savings_percent: it.estimated_savings_percentage(),
        currency: text(it.currency_code()),
        effort: text(it.implementation_effort()),
        restart_needed: it.restart_needed(),
        rollback_possible: it.rollback_possible(),
        source: it.source().map(|it| it.as_str().to_owned()),
        lookback_days: it.recommendation_lookback_period_in_days().map(i64::from),
        refreshed: timestamp(it.last_refresh_timestamp()),
        tags: it.tags.as_ref().map(|it| it.iter().filter_map(tag).collect()),
    })
}

fn cloudformation_type(resource_type: &str) -> &str {
    match resource_type {
        "Ec2Instance" => "AWS::EC2::Instance",
        other => other,
    }
}

#[cfg(test)]
impl Recommendation {
    /// An instance of a linked account that could be smaller.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            resource_id: id.to_owned(),
            resource_type: Some("AWS::EC2::Instance".to_owned()),
            arn: Some(format!("arn:aws:ec2:us-east-2:444455556666:instance/{id}")),
            account: Some("444455556666".to_owned()),
            region: Some("us-east-2".to_owned()),
            action: Some("Rightsize".to_owned()),
            current: Some("m5.xlarge".to_owned()),
            recommended: Some("m5.large".to_owned()),
            monthly_cost: Some(Decimal::from(140)),
            monthly_savings: Some(Decimal::from(70)),
            savings_percent: Some(50.0),
            currency: Some("USD".to_owned()),
            effort: Some("Medium".to_owned()),
            restart_needed: Some(true),
            rollback_possible: Some(true),
            source: Some("ComputeOptimizer".to_owned()),
            lookback_days: Some(14),
            refreshed: crate::check::testing::days_ago(1),
            tags: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replies::{Reply, answered, json_denied};
    use rust_decimal_macros::dec;

    const INSTANCES: Recommendations = Recommendations { resource_types: &["Ec2Instance"] };

    #[tokio::test]
    async fn every_page_of_recommendations_is_read() {
        let one = r#"{"items": [{"resourceId": "i-1", "currentResourceType": "Ec2Instance", "accountId": "444455556666",
            "region": "us-east-2", "actionType": "Rightsize", "currentResourceSummary": "m5.xlarge",
            "recommendedResourceSummary": "m5.large", "estimatedMonthlyCost": 140.16, "estimatedMonthlySavings": 70.08,
            "estimatedSavingsPercentage": 50.0, "currencyCode": "USD", "implementationEffort": "Medium",
            "restartNeeded": true, "rollbackPossible": false, "source": "ComputeOptimizer",
            "recommendationLookbackPeriodInDays": 14, "lastRefreshTimestamp": 1795305600,
            "tags": [{"key": "team", "value": "web"}]}], "nextToken": "t1"}"#;
        let two = r#"{"items": [{"recommendationId": "r-2", "currentResourceType": "Ec2Novelty", "resourceArn": ""}]}"#;
        let replies = vec![
            Reply::ok(r#""resourceTypes":["Ec2Instance"]},"includeAllRecommendations":false,"maxResults":1000"#, one),
            Reply::ok(r#""nextToken":"t1""#, two),
        ];
        let answer = answered(INSTANCES, replies).await.0.expect("answered");
        let [one, two] = answer.as_slice() else { panic!("two recommendations, not {answer:?}") };
        assert_eq!((one.resource_id.as_str(), one.resource_type()), ("i-1", "AWS::EC2::Instance"));
        assert_eq!((one.monthly_cost, one.monthly_savings), (Some(dec!(140.16)), Some(dec!(70.08))));
        assert_eq!((one.restart_needed, one.rollback_possible, one.lookback_days), (Some(true), Some(false), Some(14)));
        assert_eq!(one.refreshed.map(|it| it.to_string()).as_deref(), Some("2026-11-22T00:00:00Z"));
        assert_eq!(one.tags.as_ref().and_then(|it| it.get("team")).map(String::as_str), Some("web"));
        assert_eq!((two.resource_id.as_str(), two.resource_type()), ("r-2", "Ec2Novelty"));
        assert_eq!((two.monthly_cost, two.monthly_savings, &two.arn, &two.tags), (None, None, &None, &None));
    }

    #[tokio::test]
    async fn an_empty_page_is_not_the_end() {
        let replies = vec![
            Reply::ok("cost-optimization-hub.us-east-1.", r#"{"items": [], "nextToken": "t1"}"#),
            Reply::ok(r#""nextToken":"t1""#, r#"{"items": [{"resourceId": "i-1"}]}"#),
        ];
        assert_eq!(answered(INSTANCES, replies).await.0.expect("answered").len(), 1);
    }

    #[tokio::test]
    async fn denied_recommendations_are_a_problem_and_not_none() {
        let problem = answered(INSTANCES, vec![json_denied("ListRecommendations")]).await.0.expect_err("denied");
        let action = "cost-optimization-hub:ListRecommendations";
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, action));
    }

    /// The class of the problem instead of an answer, or else why the members are missing.
    async fn enrollment(body: &str) -> Result<Option<Class>, Class> {
        let (answer, _) = answered(Enrollment, vec![Reply::ok("ListEnrollmentStatuses", body)]).await;
        answer.map(|it| it.map(|it| it.class)).map_err(|it| it.class)
    }

    #[tokio::test]
    async fn only_an_account_that_says_it_is_active_is_enrolled() {
        let own = |status: &str| format!(r#"{{"items": [{{"accountId": "111122223333", "status": "{status}"}}]}}"#);
        assert_eq!(enrollment(&own("Active")).await, Ok(None));
        assert_eq!(enrollment(&own("Inactive")).await, Err(Class::NotEnrolled));
        assert_eq!(enrollment(r#"{"items": []}"#).await, Err(Class::NotEnrolled));
        let other = r#"{"items": [{"accountId": "444455556666", "status": "Active"}]}"#;
        assert_eq!(enrollment(other).await, Err(Class::NotEnrolled));
    }

    #[tokio::test]
    async fn members_that_are_left_out_are_told() {
        let body = |members| format!(r#"{{"items": [{{"status": "Active"}}], "includeMemberAccounts": {members}}}"#);
        assert_eq!(enrollment(&body(true)).await, Ok(None));
        assert_eq!(enrollment(&body(false)).await, Ok(Some(Class::NotEnrolled)));
    }

    #[tokio::test]
    async fn the_way_to_enroll_is_told_in_full() {
        let reply = Reply::ok("ListEnrollmentStatuses", r#"{"items": []}"#);
        let problem = answered(Enrollment, vec![reply]).await.0.expect_err("not enrolled");
        assert!(problem.message.ends_with("recommendations follow within a day"), "{}", problem.message);
    }
}

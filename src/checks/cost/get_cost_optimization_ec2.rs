//! What AWS recommends for EC2 instances.

use jiff::tz::TimeZone;

use crate::{
    aws::{
        compute_optimizer::OptIn,
        cost_optimization_hub::{Enrollment, Recommendation, Recommendations},
    },
    check::prelude::*,
};

check! {
    /// Returns what AWS's Cost Optimization Hub recommends for EC2 instances.
    ///
    /// The amounts are AWS's own. Of several recommendations for one instance only one is returned, as AWS does by default
    /// (`includeAllRecommendations` is false), so that savings can be added up. They rest on use in the past: fine to ignore
    /// for an instance that waits for a peak, or whose memory AWS cannot see. Where Cost Optimization Hub is off, or Compute
    /// Optimizer, from which it takes these recommendations, that is a problem in the answer; neither is turned on from here.
    title: "AWS's recommendations for EC2",
    scope: Payer,
    needs: [Enrollment, OptIn, Recommendations],
    params: NoParams,
}

async fn run(cx: &Cx, _: NoParams) -> Outcome {
    if let Some(missing) = cx.ask_or_note(OptIn).await {
        let members = missing.members.clone().filter(|_| !cx.is_alone());
        missing.account.clone().into_iter().chain(members).for_each(|it| cx.note(it));
    }
    let members_missing = cx.ask(Enrollment).await?;
    if let Some(problem) = members_missing.as_ref().clone().filter(|_| !cx.is_alone()) {
        cx.note(problem);
    }
    let recommendations = cx.ask(Recommendations { resource_types: &["Ec2Instance"] }).await?;
    let concerned = recommendations.iter().filter(|it| it.region.as_deref().is_none_or(|it| cx.concerns(it)));
    Ok(concerned.map(|it| report(cx, it)).collect())
}

fn report(cx: &Cx, it: &Recommendation) -> Finding {
    let finding = cx
        .finding(it)
        .because(reason(it))
        .fact("current", it.current.as_deref())
        .fact("recommended", it.recommended.as_deref())
        .fact("savings_percent", it.savings_percent);
    let finding = match &it.action {
        Some(word) => finding.action(ActionType::AsAwsSays(word.clone())),
        None => finding,
    };
    Finding {
        implementation_effort: it.effort.clone(),
        restart_needed: it.restart_needed,
        rollback_possible: it.rollback_possible,
        source: it.source.clone(),
        // A number without a currency is not an amount.
        estimated_monthly_cost: it.currency.as_ref().and(it.monthly_cost),
        estimated_monthly_savings: it.currency.as_ref().and(it.monthly_savings),
        currency: it.currency.as_ref().unwrap_or(&finding.currency).clone(),
        price_basis: Some(basis(it)),
        ..finding
    }
}

fn reason(it: &Recommendation) -> String {
    let action = it.action.as_deref().unwrap_or("a change");
    let change = match (&it.current, &it.recommended) {
        (Some(current), Some(recommended)) if current != recommended => format!(": {current} to {recommended}"),
        (Some(current), _) => format!(": {current}"),
        (None, _) => String::new(),
    };
    let saves = it.savings_percent.map_or_else(String::new, |percent| format!("; saves {percent:.1}%"));
    format!("AWS recommends {action}{change}{saves}")
}

fn basis(it: &Recommendation) -> String {
    let lookback = it.lookback_days.map(|days| format!("look-back {days} days"));
    let refreshed = it.refreshed.map(|time| format!("refreshed {}", time.to_zoned(TimeZone::UTC).date()));
    let known = [Some("Cost Optimization Hub".to_owned()), lookback, refreshed];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{
            compute_optimizer::Missing,
            problem::{Class, Problem},
            store::Store,
        },
        check::testing::{asks_all_it_needs, findings, found, outcome, problems_when},
    };
    use rust_decimal_macros::dec;

    fn world(recommendations: Vec<Recommendation>) -> Store {
        let world = Store::world().answering(|_: &Enrollment| Ok(None)).answering(|_: &OptIn| Ok(Missing::default()));
        world.answering(move |it: &Recommendations| {
            assert_eq!(it.resource_types, ["Ec2Instance"]);
            Ok(recommendations.clone())
        })
    }

    #[tokio::test]
    async fn nothing_is_returned_where_aws_recommends_nothing() {
        assert_eq!(found(&CHECK, world(vec![]), "{}").await, "");
    }

    #[tokio::test]
    async fn a_recommendation_is_passed_on_with_its_own_account_region_and_words() {
        let findings = findings(&CHECK, world(vec![Recommendation::example("i-1")]), "{}").await;
        let [it] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
        assert_eq!(it.reason, "AWS recommends Rightsize: m5.xlarge to m5.large; saves 50.0%");
        assert_eq!((it.account_id.as_str(), it.region.as_str()), ("444455556666", "us-east-2"));
        assert_eq!(it.resource_type, "AWS::EC2::Instance");
        assert_eq!(it.resource_arn.as_deref(), Some("arn:aws:ec2:us-east-2:444455556666:instance/i-1"));
        assert_eq!((it.estimated_monthly_cost, it.estimated_monthly_savings), (Some(dec!(140)), Some(dec!(70))));
        assert_eq!(
            (it.action_type.as_deref(), it.implementation_effort.as_deref()),
            (Some("Rightsize"), Some("Medium"))
        );
        assert_eq!((it.restart_needed, it.rollback_possible), (Some(true), Some(true)));
        assert_eq!(it.price_basis.as_deref(), Some("Cost Optimization Hub, look-back 14 days, refreshed 2026-11-21"));
    }

    #[tokio::test]
    async fn what_aws_leaves_out_stays_unknown() {
        let bare = Recommendation {
            action: None,
            current: None,
            savings_percent: None,
            monthly_savings: None,
            lookback_days: None,
            refreshed: None,
            ..Recommendation::example("i-1")
        };
        let stop = Recommendation {
            action: Some("Stop".to_owned()),
            recommended: None,
            currency: None,
            ..Recommendation::example("i-2")
        };
        let findings = findings(&CHECK, world(vec![bare, stop]), "{}").await;
        let reasons: Vec<_> = findings.iter().map(|it| it.reason.as_str()).collect();
        assert_eq!(reasons, ["AWS recommends a change", "AWS recommends Stop: m5.xlarge; saves 50.0%"]);
        assert_eq!((&findings[0].action_type, findings[0].estimated_monthly_savings), (&None, None));
        assert_eq!(findings[0].price_basis.as_deref(), Some("Cost Optimization Hub"));
        assert_eq!((findings[1].estimated_monthly_cost, findings[1].estimated_monthly_savings), (None, None));
    }

    #[tokio::test]
    async fn an_account_that_is_not_enrolled_has_a_problem_and_not_nothing_to_save() {
        for class in [Class::NotEnrolled, Class::AccessDenied] {
            let off = world(vec![Recommendation::example("i-1")]).unanswered::<Enrollment>(class);
            assert_eq!(outcome(&CHECK, off, "{}").await.0.expect_err("blind").class, class);
        }
        let denied = world(vec![]).unanswered::<Recommendations>(Class::AccessDenied);
        assert_eq!(outcome(&CHECK, denied, "{}").await.0.expect_err("blind").class, Class::AccessDenied);
    }

    #[tokio::test]
    async fn missing_members_are_a_problem_for_who_asks_about_them() {
        let without_members = || {
            let missing = Problem { class: Class::NotEnrolled, action: String::new(), message: String::new() };
            world(vec![]).answering(move |_: &Enrollment| Ok(Some(missing.clone())))
        };
        assert_eq!(problems_when(&CHECK, without_members(), false).await, [Class::NotEnrolled]);
        assert_eq!(problems_when(&CHECK, without_members(), true).await, []);
    }

    #[tokio::test]
    async fn what_compute_optimizer_does_not_watch_is_a_problem_beside_what_there_is() {
        let problem = || Problem { class: Class::NotEnrolled, action: String::new(), message: String::new() };
        let off = || {
            let missing = Missing { account: Some(problem()), members: None };
            world(vec![Recommendation::example("i-1")]).answering(move |_: &OptIn| Ok(missing.clone()))
        };
        assert_eq!(problems_when(&CHECK, off(), true).await, [Class::NotEnrolled]);
        assert_eq!(findings(&CHECK, off(), "{}").await.len(), 1, "what there is stands");
        let without_members = || {
            let missing = Missing { account: None, members: Some(problem()) };
            world(vec![]).answering(move |_: &OptIn| Ok(missing.clone()))
        };
        assert_eq!(problems_when(&CHECK, without_members(), false).await, [Class::NotEnrolled]);
        assert_eq!(problems_when(&CHECK, without_members(), true).await, []);
        let denied = world(vec![]).unanswered::<OptIn>(Class::AccessDenied);
        assert_eq!(problems_when(&CHECK, denied, true).await, [Class::AccessDenied], "unknown is not on");
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(vec![]), "{}").await;
    }
}

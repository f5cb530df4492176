//! AWS Cost Optimization Hub.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::COST_OPTIMIZATION_HUB,
    simulator::{
        answer::{Protocol, Refusal},
        world::Advice,
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "cost-optimization-hub",
    names: &COST_OPTIMIZATION_HUB,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "ThrottlingException"),
        invalid: "ValidationException",
        wrong_token: "ValidationException",
    },
    is_global: true,
    operations: &[
        Operation::new("ListEnrollmentStatuses", list_enrollment_statuses),
        Operation::new("ListRecommendations", list_recommendations),
    ],
};

#[expect(clippy::unnecessary_wraps, reason = "what every operation returns")]
fn list_enrollment_statuses(cx: &Context<'_>) -> Result<Value, Refusal> {
    let own = json!({"accountId": cx.call.account, "status": "Active"});
    Ok(json!({"items": [own], "includeMemberAccounts": true}))
}

fn list_recommendations(cx: &Context<'_>) -> Result<Value, Refusal> {
    let wanted = cx.call.input["filter"]["resourceTypes"].as_array();
    let all = match wanted {
        Some(types) if !types.iter().any(|it| it == "Ec2Instance") => Vec::new(),
        _ => cx.world.advice(),
    };
    let most = cx.call.number("maxResults").unwrap_or(100).min(1000);
    let (page, next) = cx.page(all, cx.call.text("nextToken"), most)?;
    let now = cx.world.now;
    let items: Vec<_> = page.iter().map(|it| recommendation(it, now)).collect();
    Ok(json!({"items": items, "nextToken": next}))
}

fn recommendation(it: &Advice, now: i64) -> Value {
    json!({
        "recommendationId": it.id,
        "accountId": it.account,
        "region": it.region,
        "resourceId": it.instance,
        "resourceArn": format!("arn:aws:ec2:{}:{}:instance/{}", it.region, it.account, it.instance),
        "currentResourceType": "Ec2Instance",
        "recommendedResourceType": "Ec2Instance",
        "estimatedMonthlySavings": it.savings,
        "estimatedSavingsPercentage": it.savings / it.cost * 100.0,
        "estimatedMonthlyCost": it.cost,
        "currencyCode": "USD",
        "implementationEffort": "High",
        "restartNeeded": true,
        "actionType": "MigrateToGraviton",
        "rollbackPossible": true,
        "currentResourceSummary": it.current,
        "recommendedResourceSummary": it.better,
        "lastRefreshTimestamp": now,
        "recommendationLookbackPeriodInDays": 14,
        "source": "ComputeOptimizer",
        "tags": [],
    })
}

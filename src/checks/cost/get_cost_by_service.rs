//! What each account was billed for each service.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date, tz::TimeZone};
use serde::Serialize;

use crate::{
    aws::cost_explorer::{CostAndUsage, ServiceCost},
    check::{prelude::*, refused},
};

check! {
    /// Returns what each linked account was billed for each service.
    ///
    /// One line for each account and service, over the whole period: credits and refunds are negative lines, and tax and
    /// support are services of their own, so that the lines add up to the bill. Without dates it is the whole month before
    /// this one. A bill that is still open is marked as estimated. AWS charges 0.01 USD for each page of the answer.
    title: "Cost by service",
    scope: Payer,
    needs: [CostAndUsage],
    params: Params,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Written {
    /// The first day, as YYYY-MM-DD in UTC. Without it: the first day of the month before that of `end_date`.
    start_date: Option<String>,
    /// The day after the last one, as YYYY-MM-DD in UTC; any day after tomorrow counts as tomorrow. Without it: today, or
    /// tomorrow when the period begins today; without both, the first day of this month.
    end_date: Option<String>,
    /// How reservations, savings plans and discounts are counted.
    cost_metric: CostMetric,
}

/// The name of a cost metric in Cost Explorer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
enum CostMetric {
    #[default]
    #[serde(rename = "UnblendedCost")]
    Unblended,
    #[serde(rename = "AmortizedCost")]
    Amortized,
    #[serde(rename = "NetUnblendedCost")]
    NetUnblended,
    #[serde(rename = "NetAmortizedCost")]
    NetAmortized,
    #[serde(rename = "BlendedCost")]
    Blended,
}

impl CostMetric {
    fn name(self) -> &'static str {
        match self {
            Self::Unblended => "UnblendedCost",
            Self::Amortized => "AmortizedCost",
            Self::NetUnblended => "NetUnblendedCost",
            Self::NetAmortized => "NetAmortizedCost",
            Self::Blended => "BlendedCost",
        }
    }
}

/// The parameters, once they make sense.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(with = "Written")]
pub(crate) struct Params {
    start: Option<Date>,
    end: Option<Date>,
    metric: CostMetric,
}

impl TryFrom<Written> for Params {
    type Error = String;

    fn try_from(it: Written) -> Result<Self, String> {
        let start = it.start_date.map(|it| date("start_date", &it)).transpose()?;
        let end = it.end_date.map(|it| date("end_date", &it)).transpose()?;
        match (start, end) {
            (Some(start), Some(end)) if start >= end => Err(format!("start_date {start} is not before end_date {end}")),
            _ => Ok(Self { start, end, metric: it.cost_metric }),
        }
    }
}

fn date(name: &str, text: &str) -> Result<Date, String> {
    Date::strptime("%Y-%m-%d", text).map_err(|_| format!("{name} is not a day such as 2026-10-31: {text}"))
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let today = cx.now().to_zoned(TimeZone::UTC).date();
    let (start, end) = period(&params, today).map_err(|it| refused(&it))?;
    let metric = params.metric.name();
    let lines = cx.ask(CostAndUsage { start, end, metric }).await?;
    let costs = summed(&lines).into_iter().filter(|it| !it.amount.is_zero());
    let report = |it: ServiceCost| {
        cx.finding(&it)
            .because(format!("{metric} {start} to {end}"))
            .billed(it.amount, &it.currency)
            .fact("start_date", start.to_string())
            .fact("end_date", end.to_string())
            .fact("cost_metric", metric)
            .fact("estimated", it.estimated)
    };
    Ok(costs.map(report).collect())
}

/// The first day and the day after the last. Cost Explorer knows nothing of later days than today, and no empty period.
fn period(params: &Params, today: Date) -> Result<(Date, Date), String> {
    let ends = |it: jiff::Error| it.to_string();
    let tomorrow = today.tomorrow().map_err(ends)?;
    let end = match (params.start, params.end) {
        (_, Some(end)) => end.min(tomorrow),
        (Some(start), None) if start == today => tomorrow,
        (Some(_), None) => today,
        (None, None) => today.first_of_month(),
    };
    let month_before = end.first_of_month().checked_sub(1.month()).map_err(ends)?;
    let start = params.start.unwrap_or(month_before);
    if start >= end {
        return Err(format!("start_date {start} is in the future"));
    }
    Ok((start, end))
}

/// The months of each account and service as one line.
fn summed(lines: &[ServiceCost]) -> Vec<ServiceCost> {
    let mut sums: BTreeMap<_, ServiceCost> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry((&line.account, &line.service, &line.currency));
        sum.and_modify(|it| {
            it.amount += line.amount;
            it.estimated |= line.estimated;
        })
        .or_insert_with(|| line.clone());
    }
    sums.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{problem::Class, store::Store},
        check::testing::{asks_all_it_needs, findings, found, outcome},
    };
    use rust_decimal::Decimal;
    use rust_decimal_macros::dec;

    fn line(account: &str, service: &str, amount: Decimal) -> ServiceCost {
        ServiceCost { amount, ..ServiceCost::example(account, service) }
    }

    fn world(lines: Vec<ServiceCost>) -> Store {
        Store::world().answering(move |_: &CostAndUsage| Ok(lines.clone()))
    }

    #[tokio::test]
    async fn nothing_is_returned_where_nothing_was_billed() {
        assert_eq!(found(&CHECK, world(vec![]), "{}").await, "");
    }

    #[tokio::test]
    async fn months_are_summed_exactly_and_only_an_exact_zero_is_left_out() {
        let lines = vec![
            line("1", "Amazon EC2", dec!(0.1)),
            line("2", "Amazon EC2", dec!(7)),
            ServiceCost { estimated: true, ..line("1", "Amazon EC2", dec!(0.2000000001)) },
            line("1", "Tax", dec!(3)),
            line("1", "Tax", dec!(-3)),
            line("1", "Refund", dec!(-4.5)),
            line("1", "Tiny", dec!(0.00000001)),
        ];
        let findings = findings(&CHECK, world(lines), "{}").await;
        let costs: Vec<_> = findings
            .iter()
            .map(|it| {
                (it.account_id.as_str(), it.resource_id.as_str(), it.billed_cost, it.attributes["estimated"] == true)
            })
            .collect();
        let expected = [
            ("1", "Amazon EC2", Some(dec!(0.3000000001)), true),
            ("1", "Refund", Some(dec!(-4.5)), false),
            ("1", "Tiny", Some(dec!(0.00000001)), false),
            ("2", "Amazon EC2", Some(dec!(7)), false),
        ];
        assert_eq!(costs, expected);
        let it = &findings[0];
        assert_eq!((it.region.as_str(), &it.resource_arn, it.estimated_monthly_cost), ("global", &None, None));
        assert_eq!(it.reason, "UnblendedCost 2026-10-01 to 2026-11-01");
    }

    #[tokio::test]
    async fn two_currencies_are_never_added() {
        let lines = vec![
            line("1", "Amazon EC2", dec!(1)),
            ServiceCost { currency: "CNY".to_owned(), ..line("1", "Amazon EC2", dec!(2)) },
        ];
        let findings = findings(&CHECK, world(lines), "{}").await;
        let amounts: Vec<_> = findings.iter().map(|it| (it.currency.as_str(), it.billed_cost)).collect();
        assert_eq!(amounts, [("CNY", Some(dec!(2))), ("USD", Some(dec!(1)))]);
    }

    #[tokio::test]
    async fn the_metric_asked_for_is_the_one_returned() {
        let world = Store::world().answering(|it: &CostAndUsage| Ok(vec![ServiceCost::example("1", it.metric)]));
        let found = found(&CHECK, world, r#"{"cost_metric": "NetAmortizedCost"}"#).await;
        assert_eq!(found, "NetAmortizedCost: NetAmortizedCost 2026-10-01 to 2026-11-01");
    }

    #[test]
    fn what_is_left_out_of_the_period_is_derived() {
        let day = |it: &str| date("a day", it).expect("a day");
        let period = |start: Option<&str>, end: Option<&str>, today: &str| {
            let params = Params { start: start.map(day), end: end.map(day), metric: CostMetric::Unblended };
            period(&params, day(today)).map_or_else(|it| it, |(start, end)| format!("{start} {end}"))
        };
        assert_eq!(period(None, None, "2026-11-22"), "2026-10-01 2026-11-01");
        assert_eq!(period(None, None, "2026-01-01"), "2025-12-01 2026-01-01");
        assert_eq!(period(Some("2026-11-01"), None, "2026-11-22"), "2026-11-01 2026-11-22");
        assert_eq!(period(Some("2026-11-01"), None, "2026-11-01"), "2026-11-01 2026-11-02");
        assert_eq!(period(None, Some("2026-09-15"), "2026-11-22"), "2026-08-01 2026-09-15");
        assert_eq!(period(Some("2026-11-01"), Some("2026-12-01"), "2026-11-22"), "2026-11-01 2026-11-23");
        assert_eq!(period(Some("2026-11-23"), None, "2026-11-22"), "start_date 2026-11-23 is in the future");
        assert_eq!(
            period(Some("2027-01-01"), Some("2027-02-01"), "2026-11-22"),
            "start_date 2027-01-01 is in the future"
        );
    }

    #[tokio::test]
    async fn parameters_that_make_no_sense_are_refused_before_anything_is_asked() {
        for (params, message) in [
            (r#"{"start_date": "October"}"#, "start_date is not a day such as 2026-10-31: October"),
            (r#"{"end_date": "2026-02-30"}"#, "end_date is not a day such as 2026-10-31: 2026-02-30"),
            (
                r#"{"start_date": "2026-11-01", "end_date": "2026-11-01"}"#,
                "start_date 2026-11-01 is not before end_date 2026-11-01",
            ),
            (r#"{"start_date": "2026-12-01"}"#, "start_date 2026-12-01 is in the future"),
        ] {
            let world = Store::world().answering(|_: &CostAndUsage| panic!("asked"));
            let problem = outcome(&CHECK, world, params).await.0.expect_err("refused");
            assert_eq!((problem.action.as_str(), problem.message.as_str()), ("orgscan:ReadParameters", message));
        }
    }

    #[test]
    fn the_schema_is_that_of_the_parameters_as_written() {
        let schema = CHECK.schema();
        let names: Vec<_> = schema["properties"].as_object().expect("properties").keys().collect();
        assert_eq!(names, ["cost_metric", "end_date", "start_date"]);
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["cost_metric"]["default"], "UnblendedCost");
    }

    #[tokio::test]
    async fn a_bill_that_may_not_be_read_is_a_problem() {
        let world = Store::world().unanswered::<CostAndUsage>(Class::AccessDenied);
        assert_eq!(outcome(&CHECK, world, "{}").await.0.expect_err("denied").class, Class::AccessDenied);
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(vec![]), "{}").await;
    }
}

//! AWS Cost Explorer: what was billed. AWS charges for each page of an answer.

use std::str::FromStr;

use aws_sdk_costexplorer::types::{
    DateInterval, Granularity, Group, GroupDefinition, GroupDefinitionType, ResultByTime,
};
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{
    At, Declared, Place, Question, Resource,
    action::{Action, COST_EXPLORER},
    problem::{Class, Problem},
};

static GET_COST_AND_USAGE: Action = Action::new(&COST_EXPLORER, "GetCostAndUsage").charged();

/// What each linked account was billed for each service, month by month.
#[derive(Debug)]
pub(crate) struct CostAndUsage {
    /// The first day.
    pub(crate) start: Date,
    /// The day after the last.
    pub(crate) end: Date,
    /// For example `UnblendedCost`.
    pub(crate) metric: &'static str,
}

/// A line of a bill: what a linked account was billed for a service. Credits and refunds are negative.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServiceCost {
    pub(crate) account: String,
    pub(crate) service: String,
    pub(crate) amount: Decimal,
    pub(crate) currency: String,
    /// Whether the bill is still open.
    pub(crate) estimated: bool,
}

impl Resource for ServiceCost {
    const TYPE: &'static str = "service";

    fn id(&self) -> &str {
        &self.service
    }

    fn arn(&self, _at: &At) -> Option<String> {
        None
    }

    fn region(&self) -> Option<&str> {
        Some("global")
    }

    fn account(&self) -> Option<&str> {
        Some(&self.account)
    }
}

impl Declared for CostAndUsage {
    const NAME: &'static str = "cost_explorer::CostAndUsage";
    const ACTIONS: &'static [&'static Action] = &[&GET_COST_AND_USAGE];
}

impl Question for CostAndUsage {
    /// One for each month, account and service.
    type Answer = Vec<ServiceCost>;

    fn bytes(&self, answer: &Vec<ServiceCost>) -> usize {
        answer.iter().map(|it| size_of::<ServiceCost>() + it.account.len() + it.service.len() + it.currency.len()).sum()
    }

    async fn ask(&self, at: &Place) -> Result<Vec<ServiceCost>, Problem> {
        let there = at.global();
        let (start, end) = (self.start.to_string(), self.end.to_string());
        let invalid = |it| Problem::new(Class::InvalidExchange, &GET_COST_AND_USAGE, format!("{it:?}"));
        let period = DateInterval::builder().start(start).end(end).build().map_err(invalid)?;
        let by = |key| GroupDefinition::builder().r#type(GroupDefinitionType::Dimension).key(key).build();
        let send = |token| {
            there
                .costexplorer()
                .get_cost_and_usage()
                .time_period(period.clone())
                .granularity(Granularity::Monthly)
                .metrics(self.metric)
                .group_by(by("LINKED_ACCOUNT"))
                .group_by(by("SERVICE"))
                .set_next_page_token(token)
                .send()
        };
        let mut lines = Vec::new();
        there
            .pages(&GET_COST_AND_USAGE, send, |page| {
                for month in page.results_by_time() {
                    lines.extend(month.groups().iter().map(|it| self.line(month, it)));
                }
                page.next_page_token
            })
            .await?;
        at.note_all(&there);
        lines.into_iter().collect()
    }
}

impl CostAndUsage {
    /// A sum that lacks a line would be wrong, so a line that cannot be read is a problem.
    fn line(&self, month: &ResultByTime, group: &Group) -> Result<ServiceCost, Problem> {
        let read = || {
            let [account, service] = group.keys() else { return None };
            let value = group.metrics()?.get(self.metric)?;
            Some(ServiceCost {
                account: account.clone(),
                service: service.clone(),
                amount: value.amount().and_then(decimal)?,
                currency: value.unit()?.to_owned(),
                estimated: month.estimated(),
            })
        };
        read().ok_or_else(|| {
            let text = format!("a line without account, service, amount or currency: {group:?}");
            Problem::new(Class::InvalidExchange, &GET_COST_AND_USAGE, text)
        })
    }
}

/// Cost Explorer writes tiny amounts with an exponent.
fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

#[cfg(test)]
impl ServiceCost {
    /// A closed bill of 10 USD.
    pub(crate) fn example(account: &str, service: &str) -> Self {
        Self {
            account: account.to_owned(),
            service: service.to_owned(),
            amount: Decimal::TEN,
            currency: "USD".to_owned(),
            estimated: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replies::{Reply, answered, json_denied};
    use jiff::civil::date;
    use rust_decimal_macros::dec;

    fn question() -> CostAndUsage {
        CostAndUsage { start: date(2026, 9, 1), end: date(2026, 11, 1), metric: "UnblendedCost" }
    }

    fn page(months: &str, token: Option<&str>) -> String {
        let token = token.map(|it| format!(r#", "NextPageToken": "{it}""#)).unwrap_or_default();
        format!(r#"{{"ResultsByTime": [{months}]{token}}}"#)
    }

    fn month(estimated: bool, groups: &str) -> String {
        format!(r#"{{"Estimated": {estimated}, "Groups": [{groups}]}}"#)
    }

    fn group(service: &str, amount: &str) -> String {
        format!(
            r#"{{"Keys": ["444455556666", "{service}"], "Metrics": {{"UnblendedCost": {{"Amount": "{amount}", "Unit": "EUR"}}}}}}"#
        )
    }

    #[tokio::test]
    async fn every_page_of_every_month_is_read() {
        let (one, two) = (month(false, &group("Amazon EC2", "12.3456789012")), month(true, &group("Tax", "-1.5E-7")));
        let asked = r#""TimePeriod":{"Start":"2026-09-01","End":"2026-11-01"}"#;
        let replies =
            vec![Reply::ok(asked, page(&one, Some("t1"))), Reply::ok(r#""NextPageToken":"t1""#, page(&two, None))];
        let (lines, _) = answered(question(), replies).await;
        let line = |service, amount, estimated| ServiceCost {
            amount,
            currency: "EUR".to_owned(),
            estimated,
            ..ServiceCost::example("444455556666", service)
        };
        let expected = vec![line("Amazon EC2", dec!(12.3456789012), false), line("Tax", dec!(-0.00000015), true)];
        assert_eq!(lines, Ok(expected));
    }

    #[tokio::test]
    async fn an_empty_page_is_not_the_end() {
        let month = month(false, &group("Amazon EC2", "1"));
        let replies = vec![
            Reply::ok("GetCostAndUsage", page("", Some("t1"))),
            Reply::ok(r#""NextPageToken":"t1""#, page(&month, None)),
        ];
        assert_eq!(answered(question(), replies).await.0.expect("answered").len(), 1);
    }

    #[tokio::test]
    async fn the_answer_is_grouped_by_account_and_service_in_one_region() {
        let grouped = r#""GroupBy":[{"Type":"DIMENSION","Key":"LINKED_ACCOUNT"},{"Type":"DIMENSION","Key":"SERVICE"}]"#;
        assert_eq!(answered(question(), vec![Reply::ok(grouped, page("", None))]).await.0, Ok(vec![]));
        assert_eq!(answered(question(), vec![Reply::ok("ce.us-east-1.", page("", None))]).await.0, Ok(vec![]));
    }

    #[tokio::test]
    async fn a_line_that_cannot_be_read_is_a_problem_and_not_left_out() {
        let short = r#"{"Keys": ["444455556666"], "Metrics": {}}"#;
        for bad in [group("Tax", "n/a"), short.to_owned()] {
            let months = month(false, &format!("{}, {bad}", group("Amazon EC2", "1")));
            let answer = answered(question(), vec![Reply::ok("GetCostAndUsage", page(&months, None))]).await.0;
            assert_eq!(answer.expect_err("unreadable").class, Class::InvalidExchange);
        }
    }

    #[tokio::test]
    async fn a_denied_bill_is_a_problem_and_not_an_empty_one() {
        let (answer, _) = answered(question(), vec![json_denied("GetCostAndUsage")]).await;
        let problem = answer.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "ce:GetCostAndUsage"));
    }
}

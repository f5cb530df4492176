//! Log groups that keep every log event for ever.

use crate::{
    aws::{logs::LogGroup, prices},
    check::prelude::*,
};

check! {
    /// Finds CloudWatch log groups that keep every log event for ever.
    ///
    /// AWS bills what a log group stores by the month. Without a retention period nothing is ever removed, so that the bill
    /// grows with every log event. The cost is that of what is stored now, at most: AWS bills compressed bytes and says how
    /// many there were before. No savings are given, as they depend on the retention period that is chosen. Log groups of the
    /// class `DELIVERY` are left out: they keep an event for a day. Fine to ignore where a rule wants logs to be kept for
    /// ever; archives in S3 are cheaper.
    title: "Log groups without retention",
    scope: Regional,
    needs: [LogGroup],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only log groups that store at least this many GiB; 0 for all that store anything.
    #[schemars(range(min = 0, max = 1_000_000))]
    min_stored_gib: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_stored_gib: 1 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let groups = cx.all::<LogGroup>().await?;
    let endless = groups.iter().filter(|it| it.retention_days.is_none() && !it.is_for_delivery());
    Ok(endless.filter_map(|it| judge(cx, &params, it)).collect())
}

fn judge(cx: &Cx, params: &Params, group: &LogGroup) -> Option<Finding> {
    let stored_bytes = group.stored_bytes.filter(|it| *it > 0 && *it >> 30 >= params.min_stored_gib)?;
    let age = cx.days_since(group.created);
    let reason = age.map_or_else(
        || "log events never expire".to_owned(),
        |days| format!("log events never expire; created {days} days ago"),
    );
    Some(
        cx.finding(group)
            .because(reason)
            .costs(Some(prices::log_storage(stored_bytes)))
            .fact("stored_bytes", stored_bytes)
            .fact("age_days", age)
            .fact("log_class", group.class.as_deref())
            .fact("retention_policy", group.retention_policy.as_deref()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::store::Store,
        check::testing::{asks_all_it_needs, findings, found, is_blind_without},
    };
    use rust_decimal_macros::dec;

    const GIB: i64 = 1 << 30;

    /// A log group without retention that stores so many bytes.
    fn endless(name: &str, stored_bytes: i64) -> LogGroup {
        LogGroup { retention_days: None, stored_bytes: Some(stored_bytes), ..LogGroup::example(name) }
    }

    #[tokio::test]
    async fn only_the_log_group_without_retention_is_found() {
        let undated = LogGroup { created: None, ..endless("undated", GIB) };
        let world = Store::world().with(vec![endless("endless", GIB), LogGroup::example("expiring"), undated]);
        let lines = "endless: log events never expire; created 200 days ago\nundated: log events never expire";
        assert_eq!(found(&CHECK, world, "{}").await, lines);
    }

    #[tokio::test]
    async fn the_smallest_that_counts_stores_exactly_as_much_as_asked() {
        let unknown = LogGroup { stored_bytes: None, ..endless("unknown", 0) };
        let groups = vec![endless("enough", 2 * GIB), endless("less", 2 * GIB - 1), endless("empty", 0), unknown];
        let ids = |params| {
            let world = Store::world().with(groups.clone());
            async move { findings(&CHECK, world, params).await.into_iter().map(|it| it.resource_id).collect::<Vec<_>>() }
        };
        assert_eq!(ids(r#"{"min_stored_gib": 2}"#).await, ["enough"]);
        assert_eq!(ids("{}").await, ["enough", "less"]);
        assert_eq!(ids(r#"{"min_stored_gib": 0}"#).await, ["enough", "less"]);
        let tiny = Store::world().with(vec![endless("tiny", 1), endless("empty", 0)]);
        let found = found(&CHECK, tiny, r#"{"min_stored_gib": 0}"#).await;
        assert_eq!(found, "tiny: log events never expire; created 200 days ago");
    }

    #[tokio::test]
    async fn a_log_group_that_only_delivers_is_left_out() {
        let delivery = LogGroup { class: Some("DELIVERY".to_owned()), ..endless("delivery", GIB) };
        let unsaid = LogGroup { class: None, ..endless("unsaid", GIB) };
        let world = Store::world().with(vec![delivery, unsaid]);
        assert_eq!(found(&CHECK, world, "{}").await, "unsaid: log events never expire; created 200 days ago");
    }

    #[tokio::test]
    async fn money_is_what_is_stored_at_most_and_nothing_is_said_of_savings() {
        let found = findings(&CHECK, Store::world().with(vec![endless("endless", 500 * GIB)]), "{}").await;
        let [it] = found.as_slice() else { panic!("one finding, not {found:?}") };
        assert_eq!((it.estimated_monthly_cost, it.estimated_monthly_savings), (Some(dec!(15)), None));
        assert!(it.price_basis.as_ref().is_some_and(|it| it.contains("upper bound")), "{:?}", it.price_basis);
        assert_eq!(it.action_type, None);
    }

    #[tokio::test]
    async fn nothing_is_found_where_log_groups_may_not_be_listed() {
        is_blind_without::<LogGroup>(&CHECK, Store::world()).await;
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, Store::world().with(vec![endless("endless", GIB)]), "{}").await;
    }
}

//! Hosted zones of Route 53 that nobody asks for anything, or that have nothing to answer.

use futures::future::join_all;

use crate::{
    aws::{
        metrics::{MetricQuery, Statistic},
        prices,
        route53::{HostedZone, VpcsOfZone},
    },
    check::prelude::*,
};

check! {
    /// Finds Route 53 hosted zones that got no query, hold no record of their own or answer in no VPC.
    ///
    /// AWS bills each hosted zone by the month: 0.50 USD for each of the first 25, 0.10 USD for each further one.
    /// Public zones are judged by their DNS queries. Private zones have no metrics: one is reported when it holds only
    /// its NS and SOA records, or when no VPC is associated with it; as VPCs may use it through a Route 53 Profile,
    /// which is not seen here, no saving is put on the latter. Zones that another service made, such as AWS Cloud Map,
    /// are left out. AWS does not say how old a zone is: a new one that nobody has asked yet looks unused. In an
    /// account with more than 25 zones each is priced as one of the further ones, which is the least that disappears.
    /// Fine to ignore for a zone that waits for a launch, that holds records for a rare renewal of certificates, or,
    /// when private, that hides a public domain from a VPC. Before you delete a public zone, end its delegation at the
    /// registrar or in the parent zone: others may take over a domain that points to no zone.
    title: "Unused Route 53 hosted zones",
    scope: Account,
    needs: [HostedZone, MetricQuery, VpcsOfZone],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report public zones with records only without a query for this many days.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90 }
    }
}

/// The records that each zone has: NS and SOA.
const OWN_RECORDS: i64 = 2;

async fn run(cx: &Cx, params: Params) -> Outcome {
    let zones = cx.all::<HostedZone>().await?;
    let own = zones.iter().filter(|it| it.linked_service.is_none());
    let (empty, full): (Vec<_>, Vec<_>) = own.partition(|it| it.records.is_some_and(|it| it <= OWN_RECORDS));
    let of_kind = |private| full.iter().copied().filter(|it| it.private == Some(private)).collect::<Vec<_>>();
    let (silent, apart) = (silent(cx, &params, of_kind(false)).await, apart(cx, of_kind(true)).await);

    let quote = |it: &HostedZone| prices::hosted_zone(zones.len(), it.records);
    let empty = empty.into_iter().map(|it| {
        report(cx, it, "holds only its NS and SOA records".to_owned()).action(ActionType::Delete).saves(Some(quote(it)))
    });
    let silent = silent.into_iter().map(|it| {
        let reason = format!("no query in {} days{}", params.lookback_days, holding(it));
        report(cx, it, reason).action(ActionType::Delete).saves(Some(quote(it)))
    });
    let apart = apart.into_iter().map(|it| {
        let reason = format!("associated with no VPC, unless through a Route 53 Profile{}", holding(it));
        report(cx, it, reason).costs(Some(quote(it)))
    });
    Ok(empty.chain(silent).chain(apart).collect())
}

/// Of public zones, those without a query. Route 53 sends the metric when there are queries
/// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-hosted-zones-with-cloudwatch.html>, read Nov
/// 2026).
async fn silent<'a>(cx: &Cx, params: &Params, zones: Vec<&'a HostedZone>) -> Vec<&'a HostedZone> {
    let query = MetricQuery {
        namespace: "AWS/Route53",
        metric: "DNSQueries",
        statistic: Statistic::Sum,
        days: params.lookback_days,
        region: None,
        series: zones.iter().map(|it| vec![("HostedZoneId", it.id.clone())]).collect(),
    };
    let Some(queries) = cx.ask_or_note(query).await else { return Vec::new() };
    zones.into_iter().zip(queries.iter()).filter(|(_, it)| it.is_idle()).map(|(zone, _)| zone).collect()
}

/// Of private zones, those that no VPC is associated with.
async fn apart<'a>(cx: &Cx, zones: Vec<&'a HostedZone>) -> Vec<&'a HostedZone> {
    let vpcs = join_all(zones.iter().map(|it| cx.ask_or_note(VpcsOfZone { zone: it.id.clone() }))).await;
    zones.into_iter().zip(vpcs).filter(|(_, vpcs)| vpcs.as_deref() == Some(&0)).map(|(zone, _)| zone).collect()
}

fn holding(zone: &HostedZone) -> String {
    zone.records.map_or_else(String::new, |it| format!("; holds {it} records"))
}

fn report(cx: &Cx, zone: &HostedZone, reason: String) -> Finding {
    cx.finding(zone)
        .because(reason)
        .fact("domain_name", zone.name.as_str())
        .fact("private", zone.private)
        .fact("record_count", zone.records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{
            metrics::Reading,
            problem::{Class, Problem},
            store::Store,
        },
        check::testing::{asks_all_it_needs, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// Zones, what CloudWatch says of each by id, and private ones that no VPC is associated with when `apart`.
    fn world(zones: Vec<HostedZone>) -> Store {
        Store::world()
            .with(zones)
            .answering(|it: &MetricQuery| {
                assert_eq!(
                    (it.namespace, it.metric, it.days, it.region.as_deref()),
                    ("AWS/Route53", "DNSQueries", 90, None)
                );
                Ok(it.series.iter().map(|it| reading(&it[0].1)).collect())
            })
            .answering(|it: &VpcsOfZone| match it.zone.as_str() {
                "sealed" => Err(Problem { class: Class::AccessDenied, action: String::new(), message: String::new() }),
                "apart" => Ok(0),
                _ => Ok(1),
            })
    }

    fn reading(id: &str) -> Reading {
        match id {
            "zero" => Reading::Zero,
            "busy" => Reading::Value(1.0),
            "unknown" => Reading::Unknown,
            _ => Reading::NoData,
        }
    }

    fn private(id: &str) -> HostedZone {
        HostedZone { private: Some(true), ..HostedZone::example(id) }
    }

    fn holds(zone: HostedZone, records: Option<i64>) -> HostedZone {
        HostedZone { records, ..zone }
    }

    #[tokio::test]
    async fn nothing_is_found_where_there_is_nothing() {
        assert_eq!(found(&CHECK, world(vec![]), "{}").await, "");
    }

    #[tokio::test]
    async fn a_public_zone_is_judged_by_its_queries() {
        let mut zones = ["silent", "zero", "busy", "unknown"].map(HostedZone::example).to_vec();
        zones.push(holds(HostedZone::example("uncounted"), None));
        zones.push(HostedZone { private: None, ..HostedZone::example("of no known kind") });
        let lines = "silent: no query in 90 days; holds 12 records\n\
                     zero: no query in 90 days; holds 12 records\n\
                     uncounted: no query in 90 days";
        assert_eq!(found(&CHECK, world(zones), "{}").await, lines);
    }

    #[tokio::test]
    async fn a_zone_without_records_of_its_own_is_found_whatever_is_asked_of_it() {
        let zones = vec![
            holds(HostedZone::example("busy"), Some(2)),
            holds(private("parked"), Some(2)),
            holds(HostedZone { private: None, ..HostedZone::example("bare") }, Some(2)),
            holds(private("one record"), Some(3)),
        ];
        let reason = "holds only its NS and SOA records";
        let lines = format!("busy: {reason}\nparked: {reason}\nbare: {reason}");
        assert_eq!(found(&CHECK, world(zones), "{}").await, lines);
    }

    #[tokio::test]
    async fn a_private_zone_without_a_vpc_is_found_and_no_saving_is_put_on_it() {
        let findings = findings(&CHECK, world(vec![private("apart"), private("joined")]), "{}").await;
        let [it] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
        assert_eq!(it.reason, "associated with no VPC, unless through a Route 53 Profile; holds 12 records");
        assert_eq!((it.estimated_monthly_cost, it.estimated_monthly_savings), (Some(dec!(0.5)), None));
        assert_eq!((it.action_type.as_deref(), it.attributes["private"].as_bool()), (None, Some(true)));
    }

    #[tokio::test]
    async fn a_zone_of_another_service_is_left_out() {
        let of_service = |zone| HostedZone { linked_service: Some(String::new()), ..zone };
        let zones = vec![of_service(HostedZone::example("silent")), of_service(holds(private("apart"), Some(2)))];
        assert_eq!(found(&CHECK, world(zones), "{}").await, "");
    }

    #[tokio::test]
    async fn beyond_25_zones_each_is_priced_as_one_of_the_last() {
        for (count, price, bound) in [(25, dec!(0.5), "upper bound"), (26, dec!(0.1), "lower bound")] {
            let zones = (0..count).map(|it| HostedZone::example(if it == 0 { "silent" } else { "busy" })).collect();
            let findings = findings(&CHECK, world(zones), "{}").await;
            let [it] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
            assert_eq!((it.estimated_monthly_cost, it.estimated_monthly_savings), (Some(price), Some(price)));
            assert!(it.price_basis.as_ref().is_some_and(|it| it.contains(bound)), "{it:?}");
            assert_eq!((it.region.as_str(), it.action_type.as_deref()), ("global", Some("Delete")));
        }
    }

    #[tokio::test]
    async fn what_cannot_be_seen_hides_itself_and_not_the_rest() {
        let zones = || vec![HostedZone::example("silent"), private("sealed"), private("apart")];
        let ids = |findings: Vec<Finding>| findings.into_iter().map(|it| it.resource_id).collect::<Vec<_>>();
        let (sealed, problems) = outcome(&CHECK, world(zones()), "{}").await;
        assert_eq!((ids(sealed.expect("judged")), problems.len()), (vec!["silent".to_owned(), "apart".to_owned()], 1));
        let unmeasured = world(zones()).unanswered::<MetricQuery>(Class::AccessDenied);
        let (unmeasured, problems) = outcome(&CHECK, unmeasured, "{}").await;
        assert_eq!((ids(unmeasured.expect("judged")), problems.len()), (vec!["apart".to_owned()], 2));
    }

    #[tokio::test]
    async fn nothing_is_found_where_zones_may_not_be_listed() {
        is_blind_without::<HostedZone>(&CHECK, world(vec![])).await;
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(vec![HostedZone::example("silent"), private("apart")]), "{}").await;
    }
}

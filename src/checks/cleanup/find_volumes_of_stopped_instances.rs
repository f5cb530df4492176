//! Volumes whose instances are all stopped for long.

use std::collections::HashMap;

use crate::{
    aws::{
        ec2::{Instance, Volume},
        prices,
    },
    check::prelude::*,
};

check! {
    /// Finds EBS volumes that are attached to nothing but instances stopped for long.
    ///
    /// AWS bills a volume in full while its instance is stopped. A snapshot keeps the same data for less, and a volume can be
    /// made from it again; the savings given are those of the volume, and what the snapshot costs comes off them. Volumes of
    /// instances that belong to Auto Scaling groups or AWS services are left out, and of those that AWS does not say when they
    /// stopped. The same volumes are counted in the savings of find_unused_ec2_instances: do not add the two. Fine to ignore
    /// for what must start within minutes.
    title: "Volumes of stopped instances",
    scope: Regional,
    needs: [Volume, Instance],
    within: "find_unused_ec2_instances",
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only volumes whose instances have all been stopped for at least this many days.
    #[schemars(range(min = 1, max = 3650))]
    min_stopped_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_stopped_days: 30 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let volumes = cx.all::<Volume>().await?;
    let instances = cx.all::<Instance>().await?;
    let instances: HashMap<&str, &Instance> = instances.iter().map(|it| (it.id.as_str(), it)).collect();
    Ok(volumes.iter().filter_map(|it| judge(cx, &params, it, &instances)).collect())
}

fn judge(cx: &Cx, params: &Params, volume: &Volume, instances: &HashMap<&str, &Instance>) -> Option<Finding> {
    let days = stopped_days(cx, volume, instances).filter(|it| *it >= params.min_stopped_days)?;
    let quote = prices::ebs_volume(&volume.volume_type, volume.size_gib, volume.iops, volume.throughput_mibps);
    Some(
        cx.finding(volume)
            .because(format!("attached to {}, stopped for {days} days", volume.instance_ids.join(" and ")))
            .action(ActionType::Delete)
            .saves(quote.map(|it| it.at_most("a snapshot of it would be billed instead")))
            .fact("instance_ids", volume.instance_ids.clone())
            .fact("stopped_days", days)
            .fact("size_gib", volume.size_gib)
            .fact("volume_type", volume.volume_type.as_str())
            .fact("iops", volume.iops),
    )
}

/// For how many days all instances of a volume have been stopped. `None` when one is not, is managed or is not known, and
/// for a volume that is attached to nothing.
fn stopped_days(cx: &Cx, volume: &Volume, instances: &HashMap<&str, &Instance>) -> Option<i64> {
    let days = |id: &String| {
        let instance = instances.get(id.as_str()).filter(|it| it.is_stopped() && !it.is_managed())?;
        cx.days_since(instance.stopped)
    };
    volume.instance_ids.iter().map(days).collect::<Option<Vec<_>>>()?.into_iter().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::store::Store,
        check::testing::{asks_all_it_needs, findings, found, is_blind_without},
    };
    use rust_decimal_macros::dec;

    fn world(instance: Instance) -> Store {
        Store::world().with(vec![Volume::of("vol-1", "i-1")]).with(vec![instance])
    }

    #[tokio::test]
    async fn a_volume_of_an_instance_stopped_for_exactly_as_long_is_found_with_its_price() {
        let findings = findings(&CHECK, world(Instance::stopped("i-1", 30)), "{}").await;
        assert_eq!(findings[0].reason, "attached to i-1, stopped for 30 days");
        assert_eq!(findings[0].estimated_monthly_savings, Some(dec!(8.0)));
        assert!(findings[0].price_basis.as_deref().is_some_and(|it| it.contains("upper bound")));
    }

    #[tokio::test]
    async fn an_instance_that_runs_was_stopped_lately_is_managed_or_tells_no_time_keeps_its_volumes() {
        let unknown = Instance { stopped: None, ..Instance::stopped("i-1", 90) };
        let managed = Instance { service_managed: true, ..Instance::stopped("i-1", 90) };
        let other = Instance::stopped("i-2", 90);
        for instance in [Instance::example("i-1"), Instance::stopped("i-1", 29), unknown, managed, other] {
            assert_eq!(found(&CHECK, world(instance.clone()), "{}").await, "", "{instance:?}");
        }
    }

    #[tokio::test]
    async fn a_volume_of_two_instances_is_found_when_both_are_stopped_and_by_the_later() {
        let shared = || Volume { instance_ids: vec!["i-1".to_owned(), "i-2".to_owned()], ..Volume::example("vol-1") };
        let both = vec![Instance::stopped("i-1", 400), Instance::stopped("i-2", 40)];
        let reason = found(&CHECK, Store::world().with(vec![shared()]).with(both), "{}").await;
        assert_eq!(reason, "vol-1: attached to i-1 and i-2, stopped for 40 days");
        let one = vec![Instance::stopped("i-1", 400), Instance::example("i-2")];
        assert_eq!(found(&CHECK, Store::world().with(vec![shared()]).with(one), "{}").await, "");
    }

    #[tokio::test]
    async fn a_volume_that_is_attached_to_nothing_is_another_tools() {
        let world = Store::world().with(vec![Volume::detached("vol-1")]).with(vec![Instance::stopped("i-1", 90)]);
        assert_eq!(found(&CHECK, world, "{}").await, "");
    }

    #[tokio::test]
    async fn without_any_one_list_nothing_is_said() {
        is_blind_without::<Volume>(&CHECK, world(Instance::stopped("i-1", 90))).await;
        is_blind_without::<Instance>(&CHECK, world(Instance::stopped("i-1", 90))).await;
    }

    #[tokio::test]
    async fn it_asks_all_it_needs() {
        asks_all_it_needs(&CHECK, world(Instance::stopped("i-1", 90)), "{}").await;
    }
}

//! EBS volumes that are attached to nothing.

use crate::{
    aws::{ec2::Volume, prices},
    check::prelude::*,
};

check! {
    /// Finds EBS volumes that are attached to no instance.
    ///
    /// AWS bills a volume for its provisioned size, IOPS and throughput whether or not anything uses it. A volume kept as
    /// a deliberate copy is cheaper as a snapshot. AWS does not say since when a volume is detached: the age given is that
    /// of the volume.
    title: "Unused EBS volumes",
    scope: Regional,
    needs: [Volume],
    params: Params,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only volumes created at least this many days ago.
    #[schemars(range(min = 0, max = 3650))]
    min_age_days: i64,
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let volumes = cx.all::<Volume>().await?;
    let idle = volumes.iter().filter(|it| it.is_available());
    Ok(idle.filter_map(|it| judge(cx, &params, it)).collect())
}

fn judge(cx: &Cx, params: &Params, volume: &Volume) -> Option<Finding> {
    let age = cx.days_since(volume.created);
    if params.min_age_days > 0 && age? < params.min_age_days {
        return None;
    }
    let reason = age.map_or_else(
        || "attached to nothing".to_owned(),
        |days| format!("attached to nothing; created {days} days ago"),
    );
    let quote = prices::ebs_volume(&volume.volume_type, volume.size_gib, volume.iops, volume.throughput_mibps);
    Some(
        cx.finding(volume)
            .because(reason)
            .action(ActionType::Delete)
            .saves(quote)
            .fact("size_gib", volume.size_gib)
            .fact("volume_type", volume.volume_type.as_str())
            .fact("iops", volume.iops)
            .fact("throughput_mibps", volume.throughput_mibps)
            .fact("age_days", age),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::store::Store,
        check::testing::{days_ago, findings, found, is_blind_without},
    };
    use rust_decimal_macros::dec;

    #[tokio::test]
    async fn only_the_detached_volume_is_found() {
        let world = Store::world().with(vec![Volume::detached("vol-1"), Volume::example("vol-2")]);
        assert_eq!(found(&CHECK, world, "{}").await, "vol-1: attached to nothing; created 200 days ago");
    }

    #[tokio::test]
    async fn the_youngest_that_counts_is_exactly_as_old_as_asked() {
        let at = |id, days| Volume { created: days_ago(days), ..Volume::detached(id) };
        let unknown = Volume { created: None, ..Volume::detached("vol-3") };
        let world = Store::world().with(vec![at("vol-1", 30), at("vol-2", 29), unknown]);
        let found = found(&CHECK, world, r#"{"min_age_days": 30}"#).await;
        assert_eq!(found, "vol-1: attached to nothing; created 30 days ago");
    }

    #[tokio::test]
    async fn money_counts_what_is_provisioned() {
        let fast = Volume { iops: Some(5000), volume_type: "io2".to_owned(), ..Volume::detached("vol-1") };
        let odd = Volume { volume_type: "gp9".to_owned(), ..Volume::detached("vol-2") };
        let savings: Vec<_> = findings(&CHECK, Store::world().with(vec![fast, odd]), "{}")
            .await
            .iter()
            .map(|it| it.estimated_monthly_savings)
            .collect();
        assert_eq!(savings, [Some(dec!(337.5)), None]);
    }

    #[tokio::test]
    async fn nothing_is_found_where_volumes_may_not_be_listed() {
        is_blind_without::<Volume>(&CHECK, Store::world()).await;
    }
}

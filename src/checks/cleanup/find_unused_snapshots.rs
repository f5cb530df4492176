//! EBS snapshots that nothing is made from.

use std::collections::HashSet;

use crate::{
    aws::{
        auto_scaling::LaunchConfiguration,
        ec2::{Image, LaunchTemplate, Snapshot, Volume},
        prices,
    },
    check::prelude::*,
};

check! {
    /// Finds old EBS snapshots that no AMI, volume or launch template is made from.
    ///
    /// AWS bills a snapshot for the blocks that only it holds, for as long as it is kept. Deregistering an AMI leaves its
    /// snapshots behind: these are named as such. Snapshots of AWS Backup and Data Lifecycle Manager are left out, as those
    /// delete them in time. A snapshot that is the backup of a volume, or must be kept by law, is fine to ignore; the
    /// archive tier may be cheaper for it. Copies in other accounts that were made from it do not depend on it. One that is
    /// shared by name with an account of the scan is left out when a volume or template there is made from it, and its reason
    /// says otherwise whether all accounts were seen; what only accounts that were not seen may use cannot be told.
    title: "Unused EBS snapshots",
    scope: Regional,
    needs: [Snapshot, Image, Volume, LaunchTemplate, LaunchConfiguration],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only snapshots made at least this many days ago.
    #[schemars(range(min = 1, max = 3650))]
    min_age_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_age_days: 90 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let listed = cx.all::<Snapshot>().await?;
    let (shared, snapshots): (Vec<&Snapshot>, Vec<&Snapshot>) = listed.iter().partition(|it| it.is_of_another);
    let images = cx.all::<Image>().await?;
    let volumes = cx.all::<Volume>().await?;
    let templates = cx.all::<LaunchTemplate>().await?;
    let configurations = cx.all::<LaunchConfiguration>().await?;
    let used: HashSet<&str> = (images.iter().flat_map(|it| &it.snapshot_ids))
        .chain(volumes.iter().filter_map(|it| it.snapshot_id.as_ref()))
        .chain(templates.iter().flat_map(|it| &it.versions).flat_map(|it| &it.snapshot_ids))
        .chain(configurations.iter().flat_map(|it| &it.snapshot_ids))
        .map(String::as_str)
        .collect();
    // Volumes name snapshots that are gone for long: only of those that are shared does it matter.
    cx.uses(shared.iter().map(|it| it.id.as_str()).filter(|it| used.contains(it)));
    cx.may_use(shared.iter().map(|it| it.id.as_str()));
    let known: HashSet<&str> = images.iter().map(|it| it.id.as_str()).collect();
    let idle =
        snapshots.into_iter().filter(|it| it.is_completed() && !it.is_managed() && !used.contains(it.id.as_str()));
    Ok(idle.filter_map(|it| judge(cx, &params, it, &known)).collect())
}

fn judge(cx: &Cx, params: &Params, snapshot: &Snapshot, images: &HashSet<&str>) -> Option<Finding> {
    let age = cx.days_since(snapshot.started).filter(|it| *it >= params.min_age_days)?;
    let orphan = snapshot.made_for_image().filter(|it| !images.contains(it));
    let reason = match orphan {
        Some(image) => format!("left over from {image}, which is gone, and used by nothing else; made {age} days ago"),
        None => format!("no AMI, volume or launch template is made from it; made {age} days ago"),
    };
    Some(
        cx.finding(snapshot)
            .because(reason)
            .action(ActionType::Delete)
            .saves(prices::ebs_snapshots([(snapshot.storage_tier.as_deref(), snapshot.size_bytes())]))
            .fact("full_size_bytes", snapshot.full_size_bytes)
            .fact("volume_size_gib", snapshot.volume_size_gib)
            .fact("volume_id", snapshot.volume_id.as_deref())
            .fact("storage_tier", snapshot.storage_tier.as_deref())
            .fact("description", snapshot.description.as_deref())
            .fact("age_days", age),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::store::Store,
        check::{
            Facts,
            testing::{days_ago, facts, findings, found, is_blind_without},
        },
    };
    use rust_decimal_macros::dec;

    /// A world where nothing refers to the given snapshots.
    fn world(snapshots: Vec<Snapshot>) -> Store {
        Store::world()
            .with(snapshots)
            .with(Vec::<Image>::new())
            .with(Vec::<Volume>::new())
            .with(Vec::<LaunchTemplate>::new())
            .with(Vec::<LaunchConfiguration>::new())
    }

    #[tokio::test]
    async fn only_the_snapshot_that_nothing_is_made_from_is_found() {
        let all = ["snap-0", "snap-1", "snap-2", "snap-3", "snap-4"].map(Snapshot::example).to_vec();
        let named = |id: &str| vec![id.to_owned()];
        let mut template = LaunchTemplate::of("ami-1");
        template.versions[0].snapshot_ids = named("snap-3");
        let world = world(all)
            .with(vec![Image { snapshot_ids: named("snap-1"), ..Image::example("ami-1") }])
            .with(vec![Volume { snapshot_id: Some("snap-2".to_owned()), ..Volume::example("vol-1") }])
            .with(vec![template])
            .with(vec![LaunchConfiguration { snapshot_ids: named("snap-4"), ..LaunchConfiguration::of("ami-1") }]);
        let expected = "snap-0: no AMI, volume or launch template is made from it; made 200 days ago";
        assert_eq!(found(&CHECK, world, "{}").await, expected);
    }

    #[tokio::test]
    async fn a_snapshot_whose_image_is_gone_is_named_as_left_over() {
        let made_for = |id: &str, image: &str| Snapshot {
            description: Some(format!("Created by CreateImage(i-1) for {image}")),
            ..Snapshot::example(id)
        };
        let world = world(vec![made_for("snap-1", "ami-1"), made_for("snap-2", "ami-2")])
            .with(vec![Image { snapshot_ids: vec!["snap-2".to_owned()], ..Image::example("ami-2") }]);
        let expected = "snap-1: left over from ami-1, which is gone, and used by nothing else; made 200 days ago";
        assert_eq!(found(&CHECK, world, "{}").await, expected);
    }

    #[tokio::test]
    async fn the_youngest_that_counts_is_exactly_as_old_as_asked() {
        let at = |id, started| Snapshot { started, ..Snapshot::example(id) };
        let snapshots = vec![at("snap-1", days_ago(90)), at("snap-2", days_ago(89)), at("snap-3", None)];
        let findings = findings(&CHECK, world(snapshots), "{}").await;
        assert_eq!(findings.iter().map(|it| it.resource_id.as_str()).collect::<Vec<_>>(), ["snap-1"]);
    }

    #[tokio::test]
    async fn what_has_a_manager_or_is_not_complete_is_left_alone() {
        let managed =
            |key: &str| Snapshot { tags: [(key.to_owned(), "x".to_owned())].into(), ..Snapshot::example("snap-1") };
        let state = |state: Option<&str>| Snapshot { state: state.map(str::to_owned), ..Snapshot::example("snap-2") };
        let snapshots = vec![
            managed("aws:backup:source-resource"),
            managed("aws:dlm:lifecycle-policy-id"),
            state(Some("pending")),
            state(None),
        ];
        assert_eq!(found(&CHECK, world(snapshots), "{}").await, "");
    }

    #[tokio::test]
    async fn money_is_a_bound_by_full_size_and_tier() {
        let standard = Snapshot::example("snap-1");
        let archive = Snapshot { storage_tier: Some("archive".to_owned()), ..Snapshot::example("snap-2") };
        let by_volume = Snapshot { full_size_bytes: None, ..Snapshot::example("snap-3") };
        let unknown = Snapshot { full_size_bytes: None, volume_size_gib: None, ..Snapshot::example("snap-4") };
        let findings = findings(&CHECK, world(vec![standard, archive, by_volume, unknown]), "{}").await;
        let savings: Vec<_> = findings.iter().map(|it| it.estimated_monthly_savings).collect();
        assert_eq!(savings, [Some(dec!(0.5)), Some(dec!(0.125)), Some(dec!(5)), None]);
        assert!(findings[0].price_basis.as_ref().is_some_and(|it| it.contains("upper bound")));
        assert_eq!(findings[0].resource_arn.as_deref(), Some("arn:aws:ec2:eu-west-1::snapshot/snap-1"));
    }

    #[tokio::test]
    async fn what_others_share_is_told_and_not_found() {
        let of_another = |id: &str| Snapshot { is_of_another: true, ..Snapshot::example(id) };
        let made_from = |id: &str| Volume { snapshot_id: Some(id.to_owned()), ..Volume::example("vol-1") };
        let world = || {
            let snapshots = vec![of_another("snap-1"), of_another("snap-2"), Snapshot::example("snap-3")];
            world(snapshots).with(vec![made_from("snap-1"), made_from("snap-gone"), made_from("snap-3")])
        };
        assert_eq!(found(&CHECK, world(), "{}").await, "");
        let ids = |ids: &[&str]| ids.iter().map(|it| (*it).to_owned()).collect();
        let expected = Facts { used: ids(&["snap-1"]), shared: ids(&["snap-1", "snap-2"]) };
        assert_eq!(facts(&CHECK, world(), "{}").await, expected);
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_listed() {
        let world = || world(vec![Snapshot::example("snap-1")]);
        is_blind_without::<Snapshot>(&CHECK, world()).await;
        is_blind_without::<Image>(&CHECK, world()).await;
        is_blind_without::<Volume>(&CHECK, world()).await;
        is_blind_without::<LaunchTemplate>(&CHECK, world()).await;
        is_blind_without::<LaunchConfiguration>(&CHECK, world()).await;
    }
}

//! Machine images that nothing launches.

use std::collections::{HashMap, HashSet};

use crate::{
    aws::{
        auto_scaling::LaunchConfiguration,
        ec2::{Image, Instance, LaunchPermissions, LaunchTemplate, Snapshot, SpotFleetRequest, SpotInstanceRequest},
        prices::{self, Quote},
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds old AMIs that no instance, launch template, launch configuration or spot request uses.
    ///
    /// An AMI itself is free; AWS bills its snapshots for as long as it is registered. To save, deregister it and then delete
    /// the snapshots. AMIs of AWS Backup and Data Lifecycle Manager are left out, as those remove them in time, and so are
    /// public ones. One that is shared with other accounts is left out when any account of the scan uses it; the reason says
    /// whether all that may use it were seen. Services that keep the id in settings of their own cannot be seen; the time of
    /// the last launch, where AWS says it, covers most of these. A golden image kept for disaster recovery is fine to ignore.
    title: "Unused AMIs",
    scope: Regional,
    needs: [
        Image,
        Snapshot,
        Instance,
        LaunchTemplate,
        LaunchConfiguration,
        SpotFleetRequest,
        SpotInstanceRequest,
        LaunchPermissions,
    ],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only AMIs made at least this many days ago, and launched from at least this many days ago or never.
    #[schemars(range(min = 1, max = 3650))]
    min_age_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_age_days: 90 }
    }
}

/// The group in the launch permissions of a public image.
const EVERYONE: &str = "all";

async fn run(cx: &Cx, params: Params) -> Outcome {
    let images = cx.all::<Image>().await?;
    let snapshots = cx.all::<Snapshot>().await?;
    let snapshots: HashMap<&str, &Snapshot> = snapshots.iter().map(|it| (it.id.as_str(), it)).collect();
    let references = references(cx).await?;
    let unresolved = references.iter().filter(|it| !it.starts_with("ami-")).count();
    let used: HashSet<&str> = references.iter().map(String::as_str).collect();
    let own: HashSet<&str> = images.iter().map(|it| it.id.as_str()).collect();
    cx.uses(used.difference(&own).copied().filter(|it| it.starts_with("ami-")));
    let idle = images.iter().filter(|it| it.is_available() && !it.is_managed() && !used.contains(it.id.as_str()));
    let mut findings = Vec::new();
    for image in idle.filter(|it| it.public != Some(true)) {
        let Some(finding) = judge(cx, &params, image, unresolved) else { continue };
        let permissions = cx.ask(LaunchPermissions { image_id: image.id.clone() }).await?;
        let others: Vec<&str> = permissions.iter().map(String::as_str).filter(|it| *it != finding.account_id).collect();
        let finding = finding.saves(quote(image, &snapshots));
        match others.as_slice() {
            [] => findings.push(finding),
            others if others.contains(&EVERYONE) => {}
            others => findings.push(finding.shared_with(others)),
        }
    }
    Ok(findings)
}

/// Every image that something here launches, by id or by the parameter that holds the id. Auto Scaling groups and EC2 fleets
/// launch by template or configuration, and so name none of their own.
async fn references(cx: &Cx) -> Result<Vec<String>, Problem> {
    let instances = cx.all::<Instance>().await?;
    let templates = cx.all::<LaunchTemplate>().await?;
    let configurations = cx.all::<LaunchConfiguration>().await?;
    let fleets = cx.all::<SpotFleetRequest>().await?;
    let requests = cx.all::<SpotInstanceRequest>().await?;
    let images = (instances.iter().filter(|it| !it.is_terminated()).filter_map(|it| it.image_id.as_ref()))
        .chain(templates.iter().flat_map(|it| &it.versions).filter_map(|it| it.image_id.as_ref()))
        .chain(configurations.iter().filter_map(|it| it.image_id.as_ref()))
        .chain(fleets.iter().filter(|it| !it.has_ended()).flat_map(|it| &it.image_ids))
        .chain(requests.iter().filter(|it| !it.has_ended()).filter_map(|it| it.image_id.as_ref()));
    Ok(images.cloned().collect())
}

fn judge(cx: &Cx, params: &Params, image: &Image, unresolved: usize) -> Option<Finding> {
    let age = cx.days_since(image.created).filter(|it| *it >= params.min_age_days)?;
    let launched = cx.days_since(image.last_launched);
    if launched.is_some_and(|it| it < params.min_age_days) {
        return None;
    }
    let history = launched
        .map_or_else(|| "no launch from it is known".to_owned(), |days| format!("last launched from {days} days ago"));
    let doubt = match unresolved {
        0 => String::new(),
        1 => "; 1 reference names its AMI by a parameter and may mean it".to_owned(),
        count => format!("; {count} references name their AMI by a parameter and may mean it"),
    };
    Some(
        cx.finding(image)
            .because(format!("nothing here refers to it; made {age} days ago; {history}{doubt}"))
            .action(ActionType::Delete)
            .fact("name", image.name.as_deref())
            .fact("snapshot_ids", image.snapshot_ids.clone())
            .fact("age_days", age)
            .fact("last_launched_days_ago", launched)
            .fact("unresolved_references", (unresolved > 0).then_some(unresolved)),
    )
}

/// What the snapshots behind an image cost. `None` when one of them is not known, or when there are none: then the image is
/// stored in S3, at a size that AWS does not say.
fn quote(image: &Image, snapshots: &HashMap<&str, &Snapshot>) -> Option<Quote> {
    let behind = image.snapshot_ids.iter().map(|it| snapshots.get(it.as_str()).copied());
    let behind: Vec<&Snapshot> = behind.collect::<Option<_>>()?;
    if behind.is_empty() {
        return None;
    }
    prices::ebs_snapshots(behind.iter().map(|it| (it.storage_tier.as_deref(), it.size_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{Declared, problem::Class, store::Store},
        check::{
            NOT_CERTAIN,
            testing::{days_ago, facts, findings, found, is_blind_without, outcome},
        },
    };
    use rust_decimal_macros::dec;

    /// A world where nothing refers to the given images and nobody else may launch them.
    fn world(images: Vec<Image>) -> Store {
        let snapshots: Vec<_> = images.iter().flat_map(|it| &it.snapshot_ids).map(|it| Snapshot::example(it)).collect();
        Store::world()
            .with(images)
            .with(snapshots)
            .with(Vec::<Instance>::new())
            .with(Vec::<LaunchTemplate>::new())
            .with(Vec::<LaunchConfiguration>::new())
            .with(Vec::<SpotFleetRequest>::new())
            .with(Vec::<SpotInstanceRequest>::new())
            .answering(|_: &LaunchPermissions| Ok(Vec::new()))
    }

    #[tokio::test]
    async fn only_the_image_that_nothing_refers_to_is_found() {
        let images = ["ami-0", "ami-1", "ami-2", "ami-3", "ami-4", "ami-5"].map(Image::idle).to_vec();
        let world = world(images)
            .with(vec![Instance::of("ami-1")])
            .with(vec![LaunchTemplate::of("ami-2")])
            .with(vec![LaunchConfiguration::of("ami-3")])
            .with(vec![SpotFleetRequest::of("ami-4")])
            .with(vec![SpotInstanceRequest::of("ami-5")]);
        let expected = "ami-0: nothing here refers to it; made 200 days ago; no launch from it is known";
        assert_eq!(found(&CHECK, world, "{}").await, expected);
    }

    #[tokio::test]
    async fn what_has_ended_refers_to_nothing() {
        let ended = |state: &str| Some(state.to_owned());
        let world = world(vec![Image::idle("ami-1"), Image::idle("ami-2"), Image::idle("ami-3")])
            .with(vec![Instance { state: ended("terminated"), ..Instance::of("ami-1") }])
            .with(vec![SpotFleetRequest { state: ended("cancelled"), ..SpotFleetRequest::of("ami-2") }])
            .with(vec![SpotInstanceRequest { state: ended("closed"), ..SpotInstanceRequest::of("ami-3") }]);
        assert_eq!(findings(&CHECK, world, "{}").await.len(), 3);
    }

    #[tokio::test]
    async fn a_stopped_instance_still_uses_its_image() {
        let stopped = Instance { state: Some("stopped".to_owned()), ..Instance::of("ami-1") };
        let unknown = Instance { state: None, ..Instance::of("ami-2") };
        let world = world(vec![Image::idle("ami-1"), Image::idle("ami-2")]).with(vec![stopped, unknown]);
        assert_eq!(found(&CHECK, world, "{}").await, "");
    }

    #[tokio::test]
    async fn the_youngest_that_counts_is_exactly_as_old_as_asked() {
        let at = |id, created| Image { created, ..Image::idle(id) };
        let images = vec![at("ami-1", days_ago(90)), at("ami-2", days_ago(89)), at("ami-3", None)];
        let expected = "ami-1: nothing here refers to it; made 90 days ago; no launch from it is known";
        assert_eq!(found(&CHECK, world(images), "{}").await, expected);
    }

    #[tokio::test]
    async fn a_launch_counts_when_it_is_younger_than_asked() {
        let launched = |id, days| Image { last_launched: days_ago(days), ..Image::idle(id) };
        let world = world(vec![launched("ami-1", 90), launched("ami-2", 89), Image::example("ami-3")]);
        let expected = "ami-1: nothing here refers to it; made 200 days ago; last launched from 90 days ago";
        assert_eq!(found(&CHECK, world, "{}").await, expected);
    }

    #[tokio::test]
    async fn a_reference_by_parameter_leaves_a_doubt_that_is_said() {
        let templates = vec![LaunchTemplate::of("resolve:ssm:/golden"), LaunchTemplate::of("ami-9")];
        let findings = findings(&CHECK, world(vec![Image::idle("ami-1")]).with(templates), "{}").await;
        assert!(findings[0].reason.ends_with("; 1 reference names its AMI by a parameter and may mean it"));
        assert_eq!(findings[0].attributes.get("unresolved_references"), Some(&1.into()));
    }

    #[tokio::test]
    async fn what_is_shared_is_found_and_not_certain_until_the_others_were_seen() {
        let with = |accounts: &'static [&str]| {
            let world = world(vec![Image::idle("ami-1")])
                .answering(move |_: &LaunchPermissions| Ok(accounts.iter().map(|it| (*it).to_owned()).collect()));
            findings(&CHECK, world, "{}")
        };
        let shared = with(&["444455556666", "111122223333"]).await;
        assert!(shared[0].reason.ends_with(NOT_CERTAIN), "{}", shared[0].reason);
        assert_eq!(shared[0].attributes["shared_with"], serde_json::json!(["444455556666"]));
        let own = with(&["111122223333"]).await;
        assert!(own[0].reason.ends_with("no launch from it is known"), "{}", own[0].reason);
        assert_eq!(with(&["444455556666", EVERYONE]).await.len(), 0);
    }

    #[tokio::test]
    async fn what_is_launched_here_of_other_accounts_is_told() {
        let world = world(vec![Image::idle("ami-1")])
            .with(vec![Instance::of("ami-1"), Instance::of("ami-2")])
            .with(vec![LaunchTemplate::of("ami-3"), LaunchTemplate::of("resolve:ssm:/golden")]);
        let used: Vec<_> = facts(&CHECK, world, "{}").await.used.into_iter().collect();
        assert_eq!(used, ["ami-2", "ami-3"]);
    }

    #[tokio::test]
    async fn what_is_public_managed_or_not_available_is_left_alone() {
        let public = Image { public: Some(true), ..Image::idle("ami-1") };
        let named = Image { name: Some("AwsBackup_i-1".to_owned()), ..Image::idle("ami-2") };
        let tags = [("aws:backup:source-resource".to_owned(), "x".to_owned())].into();
        let tagged = Image { tags, ..Image::idle("ami-3") };
        let disabled = Image { state: Some("disabled".to_owned()), ..Image::idle("ami-4") };
        let unknown = Image { state: None, ..Image::idle("ami-5") };
        let world = world(vec![public, named, tagged, disabled, unknown, Image::idle("ami-6")]);
        let expected = "ami-6: nothing here refers to it; made 200 days ago; no launch from it is known";
        assert_eq!(found(&CHECK, world, "{}").await, expected);
    }

    #[tokio::test]
    async fn money_is_the_sum_of_all_snapshots_or_unknown() {
        let of = |id: &str, snapshots: &[&str]| Image {
            snapshot_ids: snapshots.iter().map(|it| (*it).to_owned()).collect(),
            ..Image::idle(id)
        };
        let images = vec![of("ami-1", &["snap-1", "snap-2"]), of("ami-2", &["snap-3"]), of("ami-3", &[])];
        let world = world(images).with(vec![Snapshot::example("snap-1"), Snapshot::example("snap-2")]);
        let findings = findings(&CHECK, world, "{}").await;
        let savings: Vec<_> = findings.iter().map(|it| it.estimated_monthly_savings).collect();
        assert_eq!(savings, [Some(dec!(1)), None, None]);
        assert!(findings[0].price_basis.as_ref().is_some_and(|it| it.contains("upper bound")));
        assert_eq!(findings[0].resource_arn.as_deref(), Some("arn:aws:ec2:eu-west-1::image/ami-1"));
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_listed() {
        let world = || world(vec![Image::idle("ami-1")]);
        is_blind_without::<Image>(&CHECK, world()).await;
        is_blind_without::<Snapshot>(&CHECK, world()).await;
        is_blind_without::<Instance>(&CHECK, world()).await;
        is_blind_without::<LaunchTemplate>(&CHECK, world()).await;
        is_blind_without::<LaunchConfiguration>(&CHECK, world()).await;
        is_blind_without::<SpotFleetRequest>(&CHECK, world()).await;
        is_blind_without::<SpotInstanceRequest>(&CHECK, world()).await;
    }

    #[tokio::test]
    async fn nothing_is_found_where_launch_permissions_may_not_be_read() {
        let world = world(vec![Image::idle("ami-1")]).answering(|_: &LaunchPermissions| {
            Err(Problem::new(Class::AccessDenied, LaunchPermissions::ACTIONS[0], "not authorized"))
        });
        let problem = outcome(&CHECK, world, "{}").await.0.expect_err("nothing may rest on it");
        assert_eq!(problem.class, Class::AccessDenied);
    }
}

//! Launch templates that nothing launches from.

use std::collections::HashSet;

use crate::{
    aws::{
        auto_scaling::AutoScalingGroup,
        ec2::{Fleet, Instance, LaunchTemplate, SpotFleetRequest},
        prices::Quote,
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds launch templates that no instance, Auto Scaling group, EC2 fleet or spot fleet uses.
    ///
    /// A launch template is free of charge: what an unused one costs is care, and it keeps the AMIs and snapshots that its
    /// versions name from being found unused. Templates that a service or controller made for itself are left out: those of
    /// EKS, AWS Batch, Karpenter and service-linked roles. A template of your own that is given to an EKS node group, to AWS
    /// Batch or to Image Builder cannot be told from here, since EKS and Batch launch from copies; where such copies are, the
    /// reason says so. Fine to ignore for a template that people launch from by hand.
    title: "Unused launch templates",
    scope: Regional,
    needs: [LaunchTemplate, Instance, AutoScalingGroup, Fleet, SpotFleetRequest],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only templates whose newest version was made at least this many days ago.
    #[schemars(range(min = 0, max = 3650))]
    min_age_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_age_days: 90 }
    }
}

/// The tag that EC2 itself puts on an instance, with the id of the template it was launched from
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>, read Oct 2026).
const LAUNCHED_FROM: &str = "aws:ec2launchtemplate:id";

async fn run(cx: &Cx, params: Params) -> Outcome {
    let templates = cx.all::<LaunchTemplate>().await?;
    let references = references(cx).await?;
    let used: HashSet<&str> = references.iter().map(String::as_str).collect();
    let is_used =
        |it: &LaunchTemplate| used.contains(it.id.as_str()) || it.name.as_deref().is_some_and(|it| used.contains(it));
    let copies = templates.iter().filter(|it| may_be_copied_from_another(it)).count();
    let idle = templates.iter().filter(|it| !is_made_by_a_service(it) && !is_used(it));
    Ok(idle.filter_map(|it| judge(cx, &params, it, copies)).collect())
}

/// The ids and names of all templates that something here launches from.
async fn references(cx: &Cx) -> Result<Vec<String>, Problem> {
    let instances = cx.all::<Instance>().await?;
    let groups = cx.all::<AutoScalingGroup>().await?;
    let fleets = cx.all::<Fleet>().await?;
    let requests = cx.all::<SpotFleetRequest>().await?;
    let instances = instances.iter().filter(|it| !it.is_terminated());
    let references = (instances.filter_map(|it| it.tags.get(LAUNCHED_FROM)))
        .chain(groups.iter().flat_map(|it| &it.launch_templates))
        .chain(fleets.iter().filter(|it| !it.has_ended()).flat_map(|it| &it.launch_templates))
        .chain(requests.iter().filter(|it| !it.has_ended()).flat_map(|it| &it.launch_templates));
    Ok(references.cloned().collect())
}

/// Whether EKS or AWS Batch made the template, maybe as a copy of one of the customer's.
///
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html> and
/// <https://docs.aws.amazon.com/batch/latest/userguide/launch-templates.html> (read Oct 2026).
fn may_be_copied_from_another(it: &LaunchTemplate) -> bool {
    let tagged = |start: &str| it.tags.keys().any(|key| key.starts_with(start));
    let named = |start: &str| it.name.as_deref().is_some_and(|it| it.starts_with(start));
    tagged("eks:") || tagged("AWSBatchServiceTag") || named("eks-") || named("Batch-lt-")
}

/// Whether a service or a controller made the template for itself, and will remove it.
fn is_made_by_a_service(it: &LaunchTemplate) -> bool {
    let by_role = it.created_by.as_deref().is_some_and(|it| it.contains(":assumed-role/AWSServiceRoleFor"));
    let by_karpenter = it.tags.keys().any(|key| key.starts_with("karpenter."));
    it.operator.is_some() || by_role || by_karpenter || may_be_copied_from_another(it)
}

fn judge(cx: &Cx, params: &Params, template: &LaunchTemplate, copies: usize) -> Option<Finding> {
    let age = cx.days_since(template.changed()).filter(|it| *it >= params.min_age_days)?;
    let doubt = match copies {
        0 => "",
        _ => "; EKS or AWS Batch launches from copies here, one of which may be made from it",
    };
    Some(
        cx.finding(template)
            .because(format!("nothing here launches from it; last changed {age} days ago{doubt}"))
            .action(ActionType::Delete)
            .saves(Some(Quote::free("no charge for a launch template")))
            .fact("name", template.name.as_deref())
            .fact("versions", template.versions.len())
            .fact("last_changed_days", age)
            .fact("created_by", template.created_by.as_deref()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::store::Store,
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without},
    };
    use rust_decimal_macros::dec;

    /// A world where nothing launches from the given templates.
    fn world(templates: Vec<LaunchTemplate>) -> Store {
        Store::world()
            .with(templates)
            .with(Vec::<Instance>::new())
            .with(Vec::<AutoScalingGroup>::new())
            .with(Vec::<Fleet>::new())
            .with(Vec::<SpotFleetRequest>::new())
    }

    fn templates(ids: &[&str]) -> Vec<LaunchTemplate> {
        ids.iter().map(|it| LaunchTemplate::example(it)).collect()
    }

    fn launched_from(id: &str) -> Instance {
        Instance { tags: [(LAUNCHED_FROM.to_owned(), id.to_owned())].into(), ..Instance::example("i-1") }
    }

    fn spot(template: &str) -> SpotFleetRequest {
        SpotFleetRequest { launch_templates: vec![template.to_owned()], ..SpotFleetRequest::of("ami-9") }
    }

    const UNUSED: &str = "nothing here launches from it; last changed 200 days ago";

    #[tokio::test]
    async fn only_the_template_that_nothing_launches_from_is_found() {
        let world = world(templates(&["lt-0", "lt-1", "lt-2", "lt-3", "lt-4", "lt-5"]))
            .with(vec![launched_from("lt-1")])
            .with(vec![AutoScalingGroup::of("lt-2"), AutoScalingGroup::of("name of lt-5")])
            .with(vec![Fleet::of("lt-3")])
            .with(vec![spot("lt-4")]);
        assert_eq!(found(&CHECK, world, "{}").await, format!("lt-0: {UNUSED}"));
    }

    #[tokio::test]
    async fn what_has_ended_launches_nothing_and_what_is_stopped_still_does() {
        let state = |state: &str| Some(state.to_owned());
        let world = world(templates(&["lt-1", "lt-2", "lt-3", "lt-4"]))
            .with(vec![
                Instance { state: state("terminated"), ..launched_from("lt-1") },
                Instance { state: state("stopped"), ..launched_from("lt-4") },
            ])
            .with(vec![Fleet { state: state("deleted"), ..Fleet::of("lt-2") }])
            .with(vec![SpotFleetRequest { state: state("cancelled"), ..spot("lt-3") }]);
        let ids: Vec<_> = findings(&CHECK, world, "{}").await.into_iter().map(|it| it.resource_id).collect();
        assert_eq!(ids, ["lt-1", "lt-2", "lt-3"]);
    }

    #[tokio::test]
    async fn the_newest_version_gives_the_age_and_the_youngest_that_counts_is_exactly_as_old_as_asked() {
        let at = |id: &str, times: [Option<jiff::Timestamp>; 2]| {
            let mut it = LaunchTemplate::example(id);
            it.versions.push(it.versions[0].clone());
            it.versions.iter_mut().zip(times).for_each(|(version, created)| version.created = created);
            it
        };
        let old = days_ago(200);
        let all = vec![
            at("lt-1", [old, days_ago(90)]),
            at("lt-2", [days_ago(89), old]),
            at("lt-3", [old, None]),
            LaunchTemplate { versions: Vec::new(), ..LaunchTemplate::example("lt-4") },
        ];
        let expected = "lt-1: nothing here launches from it; last changed 90 days ago";
        assert_eq!(found(&CHECK, world(all), "{}").await, expected);
    }

    #[tokio::test]
    async fn what_a_service_made_for_itself_is_left_alone() {
        let named = |name: &str| LaunchTemplate { name: Some(name.to_owned()), ..LaunchTemplate::example("lt-1") };
        let tagged = |key: &str| LaunchTemplate {
            tags: [(key.to_owned(), "x".to_owned())].into(),
            ..LaunchTemplate::example("lt-1")
        };
        let role = "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForAmazonEKSNodegroup/EKS";
        let made = [
            named("eks-0ac7f1b2"),
            named("Batch-lt-7d4d1b2c"),
            tagged("eks:nodegroup-name"),
            tagged("AWSBatchServiceTag"),
            tagged("karpenter.k8s.aws/cluster"),
            LaunchTemplate { operator: Some("x.amazonaws.com".to_owned()), ..LaunchTemplate::example("lt-1") },
            LaunchTemplate { created_by: Some(role.to_owned()), ..LaunchTemplate::example("lt-1") },
        ];
        for it in made {
            assert_eq!(found(&CHECK, world(vec![it.clone()]), "{}").await, "", "{it:?}");
        }
    }

    #[tokio::test]
    async fn where_copies_are_the_reason_says_so() {
        let copy = LaunchTemplate { name: Some("eks-0ac7f1b2".to_owned()), ..LaunchTemplate::example("lt-2") };
        let world = world(vec![LaunchTemplate::example("lt-1"), copy]);
        let doubt = "; EKS or AWS Batch launches from copies here, one of which may be made from it";
        assert_eq!(found(&CHECK, world, "{}").await, format!("lt-1: {UNUSED}{doubt}"));
    }

    #[tokio::test]
    async fn a_template_is_free_and_says_so() {
        let findings = findings(&CHECK, world(templates(&["lt-1"])), "{}").await;
        assert_eq!(findings[0].estimated_monthly_savings, Some(dec!(0)));
        assert_eq!(findings[0].price_basis.as_deref(), Some("no charge for a launch template"));
        let arn = "arn:aws:ec2:eu-west-1:111122223333:launch-template/lt-1";
        assert_eq!(findings[0].resource_arn.as_deref(), Some(arn));
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_listed() {
        let world = || world(templates(&["lt-1"]));
        is_blind_without::<LaunchTemplate>(&CHECK, world()).await;
        is_blind_without::<Instance>(&CHECK, world()).await;
        is_blind_without::<AutoScalingGroup>(&CHECK, world()).await;
        is_blind_without::<Fleet>(&CHECK, world()).await;
        is_blind_without::<SpotFleetRequest>(&CHECK, world()).await;
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(templates(&["lt-1"])), "{}").await;
    }
}

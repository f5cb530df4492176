//! Resources that lack tags which the organization requires.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    aws::{
        Collect, Resource, Tags,
        ec2::{Address, Instance, NatGateway, Snapshot, Volume},
        lambda::Function,
        tagging::TaggedResource,
    },
    check::prelude::*,
};

check! {
    /// Finds resources that lack one or more of the required tags.
    ///
    /// What bears no tag of an owner or cost center can be charged to nobody, and nobody cleans it up. Volumes, snapshots,
    /// instances, Elastic IP addresses, NAT gateways and Lambda functions are all looked at; of everything else only what has
    /// tags or once had, as AWS's tagging service knows no other. It also lists some things for a while after they were deleted. A key counts
    /// when it is present, with any value; upper and lower case differ. Resources that AWS services make for themselves and
    /// that cannot be tagged are fine to ignore.
    title: "Untagged resources",
    scope: Regional,
    needs: [Volume, Snapshot, Instance, Address, NatGateway, Function, TaggedResource],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// The keys of the tags that every resource must have, with any value. Upper and lower case differ.
    #[schemars(length(min = 1), inner(length(min = 1, max = 128)))]
    required_tags: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self { required_tags: ["Environment", "Owner", "CostCenter"].map(str::to_owned).to_vec() }
    }
}

/// The kinds whose own listings are read, as ARNs spell them. Those listings show also what was never tagged, and no more
/// than what still exists, so the tagging service is not heard about these kinds.
const LISTED: &[&str] =
    &["ec2:elastic-ip", "ec2:instance", "ec2:natgateway", "ec2:snapshot", "ec2:volume", "lambda:function"];

async fn run(cx: &Cx, params: Params) -> Outcome {
    let required: BTreeSet<&str> = params.required_tags.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    findings.extend(lacking::<Volume>(cx, &required, |_| true).await?);
    findings.extend(lacking::<Snapshot>(cx, &required, |it| !it.is_of_another).await?);
    findings.extend(lacking::<Instance>(cx, &required, |it| !it.is_terminated()).await?);
    findings.extend(lacking::<Address>(cx, &required, |it| it.service_managed.is_none()).await?);
    findings.extend(lacking::<NatGateway>(cx, &required, NatGateway::is_available).await?);
    findings.extend(functions(cx, &required).await?);
    findings.extend(others(cx, &required).await?);
    let mut seen = BTreeSet::new();
    findings.retain(|it| seen.insert(it.resource_id.clone()));
    Ok(findings)
}

/// Findings about a kind whose own listing carries the tags.
async fn lacking<T: Collect + Resource>(cx: &Cx, required: &BTreeSet<&str>, exists: fn(&T) -> bool) -> Outcome {
    let things = cx.all::<T>().await?;
    Ok(things.iter().filter(|it| exists(it)).filter_map(|it| judge(cx, required, it)).collect())
}

/// Findings about Lambda functions. Their listing carries no tags: the tagging service has those of all functions that have
/// or once had any, so a function that it does not know has none.
async fn functions(cx: &Cx, required: &BTreeSet<&str>) -> Outcome {
    let functions = cx.all::<Function>().await?;
    let tagged = cx.all::<TaggedResource>().await?;
    let tags: BTreeMap<&str, &Tags> = tagged.iter().map(|it| (it.arn.as_str(), &it.tags)).collect();
    let judged = functions.iter().filter_map(|it| {
        let tags = tags.get(it.arn.as_deref()?).copied().cloned().unwrap_or_default();
        lacking_tags(cx, required, it, &tags).map(|finding| Finding { tags: Some(tags), ..finding })
    });
    Ok(judged.collect())
}

/// Findings about all kinds that have no listing of their own here.
async fn others(cx: &Cx, required: &BTreeSet<&str>) -> Outcome {
    let things = cx.all::<TaggedResource>().await?;
    let others = things.iter().filter(|it| !LISTED.contains(&it.kind().as_str()));
    let findings = others.filter_map(|it| Some(Finding { resource_type: it.kind(), ..judge(cx, required, it)? }));
    Ok(findings.collect())
}

fn judge<R: Resource>(cx: &Cx, required: &BTreeSet<&str>, it: &R) -> Option<Finding> {
    lacking_tags(cx, required, it, it.tags()?)
}

fn lacking_tags<R: Resource>(cx: &Cx, required: &BTreeSet<&str>, it: &R, tags: &Tags) -> Option<Finding> {
    let missing: Vec<&str> = required.iter().copied().filter(|key| !tags.contains_key(*key)).collect();
    let noun = match missing.len() {
        0 => return None,
        1 => "tag",
        _ => "tags",
    };
    let mut finding = cx.finding(it).because(format!("lacks the {noun} {}", missing.join(", ")));
    // Mixed kinds have no id in common but the ARN.
    if let Some(arn) = &finding.resource_arn {
        finding.resource_id.clone_from(arn);
    }
    Some(finding.fact("missing_tags", missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::store::Store,
        check::testing::{findings, found, is_blind_without},
    };

    /// Tags with the given keys and no values.
    fn tags(keys: &[&str]) -> Tags {
        keys.iter().map(|it| ((*it).to_owned(), String::new())).collect()
    }

    fn world() -> Store {
        Store::world()
            .with(Vec::<Volume>::new())
            .with(Vec::<Snapshot>::new())
            .with(Vec::<Instance>::new())
            .with(Vec::<Address>::new())
            .with(Vec::<NatGateway>::new())
            .with(Vec::<Function>::new())
            .with(Vec::<TaggedResource>::new())
    }

    #[tokio::test]
    async fn where_nothing_is_nothing_is_found() {
        assert_eq!(found(&CHECK, world(), "{}").await, "");
    }

    #[tokio::test]
    async fn only_what_lacks_a_required_tag_is_found() {
        let with = |id, keys| Volume { tags: tags(keys), ..Volume::example(id) };
        let all = with("vol-1", &["Environment", "Owner", "CostCenter"]);
        let some = with("vol-2", &["Environment", "owner", "CostCenter"]);
        let few = with("vol-3", &["Environment"]);
        let expected = "arn:aws:ec2:eu-west-1:111122223333:volume/vol-2: lacks the tag Owner\n\
                        arn:aws:ec2:eu-west-1:111122223333:volume/vol-3: lacks the tags CostCenter, Owner";
        assert_eq!(found(&CHECK, world().with(vec![all, some, few]), "{}").await, expected);
    }

    #[tokio::test]
    async fn every_kind_is_judged_and_none_twice() {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:orders";
        let volume = "arn:aws:ec2:eu-west-1:111122223333:volume/vol-1";
        let world = world()
            .with(vec![Volume::example("vol-1")])
            .with(vec![Snapshot::example("snap-1"), Snapshot { is_of_another: true, ..Snapshot::example("snap-2") }])
            .with(vec![Instance::example("i-1")])
            .with(vec![Address::example("eipalloc-1")])
            .with(vec![NatGateway::example("nat-1")])
            .with([queue, queue, volume].map(TaggedResource::example).to_vec());
        let findings = findings(&CHECK, world, r#"{"required_tags": ["Owner"]}"#).await;
        let said: Vec<_> = findings.iter().map(|it| (it.resource_type.as_str(), it.resource_id.as_str())).collect();
        let expected = [
            ("AWS::EC2::Volume", volume),
            ("AWS::EC2::Snapshot", "arn:aws:ec2:eu-west-1::snapshot/snap-1"),
            ("AWS::EC2::Instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"),
            ("AWS::EC2::EIP", "arn:aws:ec2:eu-west-1:111122223333:elastic-ip/eipalloc-1"),
            ("AWS::EC2::NatGateway", "arn:aws:ec2:eu-west-1:111122223333:natgateway/nat-1"),
            ("sqs", queue),
        ];
        assert_eq!(said, expected);
    }

    #[tokio::test]
    async fn a_function_that_the_tagging_service_does_not_know_has_no_tag() {
        let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}");
        let function = |name: &str| Function { arn: Some(arn(name)), ..Function::example(name) };
        let known = |name: &str, keys| TaggedResource { arn: arn(name), tags: tags(keys) };
        let world = world()
            .with(vec![function("never"), function("owned"), function("some"), Function::example("unknown")])
            .with(vec![known("owned", &["Owner"]), known("some", &["Team"]), known("gone", &["Team"])]);
        let expected = format!("{}: lacks the tag Owner\n{}: lacks the tag Owner", arn("never"), arn("some"));
        assert_eq!(found(&CHECK, world, r#"{"required_tags": ["Owner"]}"#).await, expected);
    }

    #[tokio::test]
    async fn what_is_gone_or_a_services_own_is_left_alone() {
        let instance = Instance { state: Some("terminated".to_owned()), ..Instance::example("i-1") };
        let gateway = NatGateway { state: Some("deleted".to_owned()), ..NatGateway::example("nat-1") };
        let address = Address { service_managed: Some("alb".to_owned()), ..Address::example("eipalloc-1") };
        let listed = TaggedResource::example("arn:aws:ec2:eu-west-1:111122223333:instance/i-1");
        let world = world().with(vec![instance]).with(vec![gateway]).with(vec![address]).with(vec![listed]);
        assert_eq!(found(&CHECK, world, "{}").await, "");
    }

    #[tokio::test]
    async fn nothing_is_found_where_any_kind_may_not_be_listed() {
        is_blind_without::<Volume>(&CHECK, world()).await;
        is_blind_without::<Snapshot>(&CHECK, world()).await;
        is_blind_without::<Instance>(&CHECK, world()).await;
        is_blind_without::<Address>(&CHECK, world()).await;
        is_blind_without::<NatGateway>(&CHECK, world()).await;
        is_blind_without::<Function>(&CHECK, world()).await;
        is_blind_without::<TaggedResource>(&CHECK, world()).await;
    }
}

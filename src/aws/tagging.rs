//! AWS Resource Groups Tagging API: resources of many services that have tags, or once had.

use std::collections::BTreeMap;

use super::{
    At, Collect, Declared, Place, Question, Resource, Tags,
    action::{Action, TAGGING},
    problem::Problem,
    store::OWNED_BYTES,
};

static GET_RESOURCES: Action = Action::new(&TAGGING, "GetResources");

/// A resource that has tags or once had. What was never tagged is not listed.
#[derive(Clone, Debug)]
pub(crate) struct TaggedResource {
    pub(crate) arn: String,
    pub(crate) tags: Tags,
}

impl TaggedResource {
    /// Service and kind as the ARN spells them, `ec2:vpc`; the service alone where the ARN names no kind, `sqs`.
    pub(crate) fn kind(&self) -> String {
        let service = self.part(2).unwrap_or_default();
        let resource = self.part(5).unwrap_or_default().trim_start_matches('/');
        match resource.split_once([':', '/']) {
            Some((kind, _)) => format!("{service}:{kind}"),
            None => service.to_owned(),
        }
    }

    /// A part of the ARN: 2 the service, 3 the region, 5 the resource.
    fn part(&self, index: usize) -> Option<&str> {
        self.arn.splitn(6, ':').nth(index)
    }
}

impl Resource for TaggedResource {
    /// The types of `CloudFormation` cannot be told from ARNs: what is found says its own [`TaggedResource::kind`].
    const TYPE: &'static str = "tagged resource";

    fn id(&self) -> &str {
        &self.arn
    }

    fn arn(&self, _: &At) -> Option<String> {
        Some(self.arn.clone())
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }

    /// Global resources are listed with one region and belong to none. The ARN of a bucket names no region either, yet a
    /// bucket is listed in its own.
    fn region(&self) -> Option<&str> {
        (self.part(3) == Some("") && self.part(2) != Some("s3")).then_some("global")
    }
}

impl Declared for TaggedResource {
    const NAME: &'static str = "tagging::TaggedResource";
    const ACTIONS: &'static [&'static Action] = &[&GET_RESOURCES];
}

impl Collect for TaggedResource {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut resources = Vec::new();
        let send = |token| at.tagging().get_resources().resources_per_page(100).set_pagination_token(token).send();
        at.pages(&GET_RESOURCES, send, |page| {
            resources.extend(page.resource_tag_mapping_list().iter().filter_map(resource));
            page.pagination_token
        })
        .await?;
        Ok(resources)
    }
}

fn resource(it: &aws_sdk_resourcegroupstagging::types::ResourceTagMapping) -> Option<TaggedResource> {
    Some(TaggedResource {
        arn: it.resource_arn()?.to_owned(),
        tags: it.tags().iter().map(|it| (it.key().to_owned(), it.value().to_owned())).collect(),
    })
}

/// The most ARNs that one call takes
/// (<https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>, read Nov 2026).
const ARNS: usize = 100;

/// The tags of some resources of one region. What the tagging service does not know, as it was never tagged or is of a kind
/// that the service does not cover, is not in the answer.
#[derive(Debug)]
pub(crate) struct TagsOf {
    pub(crate) region: String,
    pub(crate) arns: Vec<String>,
}

impl Declared for TagsOf {
    const NAME: &'static str = "tagging::TagsOf";
    const ACTIONS: &'static [&'static Action] = &[&GET_RESOURCES];
}

impl Question for TagsOf {
    type Answer = BTreeMap<String, Tags>;

    fn bytes(&self, answer: &BTreeMap<String, Tags>) -> usize {
        answer.len() * (size_of::<(String, Tags)>() + OWNED_BYTES)
    }

    async fn ask(&self, at: &Place) -> Result<BTreeMap<String, Tags>, Problem> {
        let at = at.in_region(&self.region);
        let mut tags = BTreeMap::new();
        for arns in self.arns.chunks(ARNS) {
            let send = || at.tagging().get_resources().set_resource_arn_list(Some(arns.to_vec())).send();
            let page = at.call(&GET_RESOURCES, send).await?;
            let known = page.resource_tag_mapping_list().iter().filter_map(resource);
            tags.extend(known.map(|it| (it.arn, it.tags)));
        }
        Ok(tags)
    }
}

#[cfg(test)]
impl TaggedResource {
    /// A resource without any tag left.
    pub(crate) fn example(arn: &str) -> Self {
        Self { arn: arn.to_owned(), tags: Tags::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered, collected, json_denied},
    };

    #[tokio::test]
    async fn tags_are_asked_for_a_hundred_resources_at_a_time() {
        let known = |arn: &str| {
            let tags = r#"[{"Key": "Owner", "Value": "web"}]"#;
            format!(r#"{{"ResourceTagMappingList": [{{"ResourceARN": "{arn}", "Tags": {tags}}}]}}"#)
        };
        let arns = (0..101).map(|it| format!("arn:{it:03}")).collect();
        let question = TagsOf { region: "eu-west-1".to_owned(), arns };
        let replies = vec![Reply::ok("arn:099", known("arn:007")), Reply::ok(r#"["arn:100"]"#, known("arn:100"))];
        let tags = answered(question, replies).await.0.expect("answered");
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["arn:007", "arn:100"]);
        assert_eq!(tags["arn:007"].get("Owner").map(String::as_str), Some("web"));
    }

    #[tokio::test]
    async fn every_page_of_resources_is_read_also_past_an_empty_one() {
        let one = r#"{"PaginationToken": "t1", "ResourceTagMappingList": [
            {"ResourceARN": "arn:aws:sqs:eu-west-1:111122223333:q", "Tags": [{"Key": "Owner", "Value": ""}]}]}"#;
        let two = r#"{"PaginationToken": "t2", "ResourceTagMappingList": []}"#;
        let three =
            r#"{"PaginationToken": "", "ResourceTagMappingList": [{"ResourceARN": "arn:aws:s3:::b", "Tags": []}]}"#;
        let resources = collected::<TaggedResource>(vec![
            Reply::ok("GetResources", one),
            Reply::ok(r#""PaginationToken":"t1""#, two),
            Reply::ok(r#""PaginationToken":"t2""#, three),
        ])
        .await
        .expect("collected");
        let arns: Vec<_> = resources.iter().map(|it| it.arn.as_str()).collect();
        assert_eq!(arns, ["arn:aws:sqs:eu-west-1:111122223333:q", "arn:aws:s3:::b"]);
        assert_eq!(resources[0].tags.get("Owner").map(String::as_str), Some(""));
        assert!(resources[1].tags.is_empty());
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = collected::<TaggedResource>(vec![json_denied("GetResources")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "tag:GetResources"));
    }

    #[test]
    fn the_kind_is_what_the_arn_says() {
        let kind = |arn| TaggedResource::example(arn).kind();
        assert_eq!(kind("arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1"), "ec2:vpc");
        assert_eq!(kind("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f"), "logs:log-group");
        assert_eq!(kind("arn:aws:apigateway:eu-west-1::/restapis/abc"), "apigateway:restapis");
        assert_eq!(kind("arn:aws:sqs:eu-west-1:111122223333:orders"), "sqs");
        assert_eq!(kind("arn:aws:s3:::bucket"), "s3");
    }

    #[test]
    fn what_has_no_region_is_global_except_a_bucket() {
        let region = |arn| TaggedResource::example(arn).region().map(str::to_owned);
        assert_eq!(region("arn:aws:cloudfront::111122223333:distribution/E1").as_deref(), Some("global"));
        assert_eq!(region("arn:aws:s3:::bucket"), None);
        assert_eq!(region("arn:aws:sqs:eu-west-1:111122223333:orders"), None);
    }
}

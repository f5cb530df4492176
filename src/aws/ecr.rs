//! Amazon ECR: repositories and the images in them.

use aws_smithy_runtime_api::client::result::SdkError;
use jiff::Timestamp;

use super::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, ECR},
    problem::Problem,
    store::OWNED_BYTES,
    timestamp,
};

static DESCRIBE_REPOSITORIES: Action = Action::new(&ECR, "DescribeRepositories");
static DESCRIBE_IMAGES: Action = Action::new(&ECR, "DescribeImages");
static GET_REPOSITORY_POLICY: Action = Action::new(&ECR, "GetRepositoryPolicy");

/// The most repositories and images on a page
/// (<https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html>, read Oct 2026).
const PAGE: i32 = 1000;

/// A private repository.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// What images of it are called by: `111122223333.dkr.ecr.eu-west-1.amazonaws.com/web`.
    pub(crate) uri: String,
}

impl Declared for Repository {
    const NAME: &'static str = "ecr::Repository";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_REPOSITORIES];
}

impl Collect for Repository {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut repositories = Vec::new();
        let send = |token| at.ecr().describe_repositories().max_results(PAGE).set_next_token(token).send();
        at.pages(&DESCRIBE_REPOSITORIES, send, |page| {
            repositories.extend(page.repositories().iter().filter_map(repository));
            page.next_token
        })
        .await?;
        Ok(repositories)
    }
}

fn repository(it: &aws_sdk_ecr::types::Repository) -> Option<Repository> {
    Some(Repository {
        name: it.repository_name()?.to_owned(),
        arn: it.repository_arn()?.to_owned(),
        uri: it.repository_uri()?.to_owned(),
    })
}

/// An image of a repository, or something that is kept like one.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// The name of the repository, `@`, and the digest.
    pub(crate) id: String,
    /// The ARN of the repository: an image has none of its own.
    pub(crate) repository_arn: String,
    /// `sha256:...`
    pub(crate) digest: String,
    pub(crate) tags: Vec<String>,
    /// The sum of its layers, compressed, those that other images share included.
    pub(crate) size_bytes: Option<i64>,
    pub(crate) pushed: Option<Timestamp>,
    /// When it was last pulled, to a day. `None` when that was never recorded.
    pub(crate) pulled: Option<Timestamp>,
    pub(crate) media_type: Option<String>,
    /// The digest of the image that it is attached to, as a signature is.
    pub(crate) subject: Option<String>,
    /// `ACTIVE`, `ARCHIVED`, `ACTIVATING`.
    pub(crate) status: Option<String>,
}

impl Image {
    /// Whether it is a list of images, one for each platform.
    pub(crate) fn is_index(&self) -> bool {
        self.media_type.as_deref().is_some_and(|it| it.contains("manifest.list") || it.contains("image.index"))
    }

    /// Whether it is attached to another image, as signatures are: by its subject, or by tags that are made of a digest.
    pub(crate) fn is_attached(&self) -> bool {
        self.subject.is_some() || (!self.tags.is_empty() && self.tags.iter().all(|it| it.starts_with("sha256-")))
    }
}

impl Resource for Image {
    /// CloudFormation has no type for an image; this one has the form of the others.
    const TYPE: &'static str = "AWS::ECR::Image";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, _: &At) -> Option<String> {
        Some(self.repository_arn.clone())
    }
}

/// All images of a repository.
#[derive(Debug)]
pub(crate) struct Images {
    pub(crate) repository: String,
    pub(crate) arn: String,
}

impl Declared for Images {
    const NAME: &'static str = "ecr::Images";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_IMAGES];
}

impl Question for Images {
    type Answer = Vec<Image>;

    fn bytes(&self, answer: &Vec<Image>) -> usize {
        answer.len() * (size_of::<Image>() + OWNED_BYTES)
    }

    async fn ask(&self, at: &Place) -> Result<Vec<Image>, Problem> {
        let mut images = Vec::new();
        let send = |token| {
            let asked = at.ecr().describe_images().repository_name(&self.repository);
            asked.max_results(PAGE).set_next_token(token).send()
        };
        at.pages(&DESCRIBE_IMAGES, send, |page| {
            images.extend(page.image_details().iter().filter_map(|it| self.image(it)));
            page.next_token
        })
        .await?;
        Ok(images)
    }
}

impl Images {
    fn image(&self, it: &aws_sdk_ecr::types::ImageDetail) -> Option<Image> {
        let digest = it.image_digest()?.to_owned();
        Some(Image {
            id: format!("{}@{digest}", self.repository),
            repository_arn: self.arn.clone(),
            digest,
            tags: it.image_tags().to_vec(),
            size_bytes: it.image_size_in_bytes(),
            pushed: timestamp(it.image_pushed_at()),
            pulled: timestamp(it.last_recorded_pull_time()),
            media_type: it.image_manifest_media_type().map(str::to_owned),
            subject: it.subject_manifest_digest().map(str::to_owned),
            status: it.image_status().map(|it| it.as_str().to_owned()),
        })
    }
}

/// Whether a repository has a policy of its own, and so is shared with other accounts or with a service such as Lambda.
#[derive(Debug)]
pub(crate) struct HasPolicy {
    pub(crate) repository: String,
}

impl Declared for HasPolicy {
    const NAME: &'static str = "ecr::HasPolicy";
    const ACTIONS: &'static [&'static Action] = &[&GET_REPOSITORY_POLICY];
}

impl Question for HasPolicy {
    type Answer = bool;

    async fn ask(&self, at: &Place) -> Result<bool, Problem> {
        // To have no policy is an answer, which AWS gives as an error.
        let send = async || match at.ecr().get_repository_policy().repository_name(&self.repository).send().await {
            Err(SdkError::ServiceError(it)) if it.err().is_repository_policy_not_found_exception() => Ok(false),
            answer => answer.map(|_| true),
        };
        at.call(&GET_REPOSITORY_POLICY, send).await
    }
}

#[cfg(test)]
impl Repository {
    pub(crate) fn example(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arn: format!("arn:aws:ecr:eu-west-1:111122223333:repository/{name}"),
            uri: format!("111122223333.dkr.ecr.eu-west-1.amazonaws.com/{name}"),
        }
    }
}

#[cfg(test)]
impl Image {
    /// An image of 1 GiB, pushed 200 days ago, never pulled, in the repository `web`.
    pub(crate) fn example(digest: &str) -> Self {
        Self {
            id: format!("web@{digest}"),
            repository_arn: Repository::example("web").arn,
            digest: digest.to_owned(),
            tags: vec![format!("tag-of-{digest}")],
            size_bytes: Some(1 << 30),
            pushed: crate::check::testing::days_ago(200),
            pulled: None,
            media_type: Some("application/vnd.oci.image.manifest.v1+json".to_owned()),
            subject: None,
            status: Some("ACTIVE".to_owned()),
        }
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
    async fn every_page_of_repositories_is_read_also_past_an_empty_one() {
        let item = |name: &str| {
            format!(r#"{{"repositoryName": "{name}", "repositoryArn": "arn:{name}", "repositoryUri": "uri/{name}"}}"#)
        };
        let repositories = collected::<Repository>(vec![
            Reply::ok("DescribeRepositories", format!(r#"{{"repositories": [{}], "nextToken": "t1"}}"#, item("one"))),
            Reply::ok("t1", r#"{"repositories": [], "nextToken": "t2"}"#),
            Reply::ok("t2", format!(r#"{{"repositories": [{}]}}"#, item("two"))),
        ])
        .await
        .expect("collected");
        let found: Vec<_> = repositories.iter().map(|it| (it.name.as_str(), it.uri.as_str())).collect();
        assert_eq!(found, [("one", "uri/one"), ("two", "uri/two")]);
    }

    fn images() -> Images {
        Images { repository: "web".to_owned(), arn: "arn:web".to_owned() }
    }

    #[tokio::test]
    async fn every_page_of_images_is_read_also_past_an_empty_one() {
        let one = r#"{"imageDetails": [{"imageDigest": "sha256:1", "imageTags": ["v1"], "imageSizeInBytes": 5,
            "imagePushedAt": 1777629600, "lastRecordedPullTime": 1777629600.5, "imageStatus": "ARCHIVED",
            "imageManifestMediaType": "application/vnd.oci.image.index.v1+json"}], "nextToken": "t1"}"#;
        let two = r#"{"imageDetails": [{"imageDigest": "sha256:2", "subjectManifestDigest": "sha256:1"},
            {"imageDigest": "sha256:3", "imageTags": ["sha256-1.sig"]}]}"#;
        let replies = vec![
            Reply::ok(r#""repositoryName":"web""#, one),
            Reply::ok("t1", r#"{"imageDetails": [], "nextToken": "t2"}"#),
            Reply::ok("t2", two),
        ];
        let images = answered(images(), replies).await.0.expect("answered");
        let [one, two, three] = images.as_slice() else { panic!("three images, not {images:?}") };
        assert_eq!(
            (one.id.as_str(), one.repository_arn.as_str(), one.size_bytes),
            ("web@sha256:1", "arn:web", Some(5))
        );
        assert_eq!(one.pushed.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert!(one.pulled > one.pushed && one.is_index() && !one.is_attached());
        assert_eq!((one.status.as_deref(), two.pulled, two.size_bytes), (Some("ARCHIVED"), None, None));
        assert!(two.is_attached() && three.is_attached() && !two.is_index());
    }

    #[tokio::test]
    async fn to_have_no_policy_is_an_answer_and_a_denial_is_not() {
        let policy = || HasPolicy { repository: "web".to_owned() };
        let found = vec![Reply::ok("GetRepositoryPolicy", r#"{"policyText": "{}"}"#)];
        assert_eq!(answered(policy(), found).await.0, Ok(true));
        let none =
            Reply::ok("GetRepositoryPolicy", r#"{"__type": "RepositoryPolicyNotFoundException", "message": "none"}"#)
                .status(400)
                .header("x-amzn-errortype", "RepositoryPolicyNotFoundException");
        assert_eq!(answered(policy(), vec![none]).await.0, Ok(false));
        let problem = answered(policy(), vec![json_denied("GetRepositoryPolicy")]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "ecr:GetRepositoryPolicy"));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = collected::<Repository>(vec![json_denied("DescribeRepositories")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "ecr:DescribeRepositories"));
        let problem = answered(images(), vec![json_denied("DescribeImages")]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "ecr:DescribeImages"));
    }
}

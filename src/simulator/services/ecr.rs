//! Amazon ECR.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::ECR,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::{Pushed, Repository},
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "ecr",
    names: &ECR,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "ThrottlingException"),
        invalid: "InvalidParameterException",
        wrong_token: "InvalidParameterException",
    },
    is_global: false,
    operations: &[
        Operation::new("DescribeRepositories", describe_repositories),
        Operation::new("DescribeImages", describe_images),
        Operation::new("GetRepositoryPolicy", get_repository_policy),
    ],
};

/// A page of a list under its own name.
fn list(cx: &Context<'_>, name: &str, all: Vec<Value>) -> Result<Value, Refusal> {
    let most = cx.call.number("maxResults").unwrap_or(100).min(1000);
    let (page, next) = cx.page(all, cx.call.text("nextToken"), most)?;
    Ok(json!({name: page, "nextToken": next}))
}

fn describe_repositories(cx: &Context<'_>) -> Result<Value, Refusal> {
    let (account, region) = (&cx.call.account, &cx.call.region);
    let repository = |it: Repository| {
        json!({
            "repositoryName": it.name,
            "repositoryArn": format!("arn:aws:ecr:{region}:{account}:repository/{}", it.name),
            "repositoryUri": format!("{account}.dkr.ecr.{region}.amazonaws.com/{}", it.name),
            "registryId": account,
        })
    };
    list(cx, "repositories", cx.place().repositories().into_iter().map(repository).collect())
}

/// The repository that a call is about.
fn repository(cx: &Context<'_>) -> Result<Repository, Refusal> {
    let name = cx.call.text("repositoryName").unwrap_or_default();
    cx.place().repositories().into_iter().find(|it| it.name == name).ok_or_else(|| {
        let text = format!("The repository with name '{name}' does not exist in the registry");
        cx.call.service.refusal(Denial::Other(400, "RepositoryNotFoundException", text))
    })
}

fn describe_images(cx: &Context<'_>) -> Result<Value, Refusal> {
    let repository = repository(cx)?;
    let image = |it: &Pushed| {
        json!({
            "registryId": cx.call.account,
            "repositoryName": repository.name,
            "imageDigest": it.digest,
            "imageTags": [it.tag],
            "imageSizeInBytes": it.size_bytes,
            "imagePushedAt": it.pushed,
            "lastRecordedPullTime": it.pulled,
            "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
            "subjectManifestDigest": it.subject,
            "imageStatus": "ACTIVE",
        })
    };
    list(cx, "imageDetails", repository.images.iter().map(image).collect())
}

fn get_repository_policy(cx: &Context<'_>) -> Result<Value, Refusal> {
    let repository = repository(cx)?;
    if repository.shared {
        let text =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}"#;
        return Ok(json!({"repositoryName": repository.name, "policyText": text}));
    }
    let text = format!("Repository policy does not exist for the repository with name '{}'", repository.name);
    Err(cx.call.service.refusal(Denial::Other(400, "RepositoryPolicyNotFoundException", text)))
}

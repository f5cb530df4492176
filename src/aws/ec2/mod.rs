//! Amazon EC2, with EBS and VPC: plain structs, and one collector for each list call.

mod address;
mod fleet;
mod image;
mod instance;
mod internet_gateway;
mod launch_template;
mod nat_gateway;
mod network_interface;
mod security_group;
mod snapshot;
mod spot;
mod volume;
mod vpc_endpoint;

pub(crate) use self::{
    address::Address,
    fleet::Fleet,
    image::{Image, LaunchPermissions},
    instance::Instance,
    internet_gateway::{InternetGateway, Vpc},
    launch_template::LaunchTemplate,
    nat_gateway::{NatGateway, RouteTable},
    network_interface::NetworkInterface,
    security_group::{Permission, SecurityGroup},
    snapshot::Snapshot,
    spot::{SpotFleetRequest, SpotInstanceRequest},
    volume::Volume,
    vpc_endpoint::VpcEndpoint,
};

use super::{At, Tags, said};

fn tags_of(tags: &[aws_sdk_ec2::types::Tag]) -> Tags {
    tags.iter().filter_map(|it| Some((it.key()?.to_owned(), it.value().unwrap_or_default().to_owned()))).collect()
}

/// The ARN of an image or a snapshot, which names no account.
#[expect(clippy::unnecessary_wraps, reason = "what `Resource::arn` returns")]
fn arn_without_account(at: &At, resource: &str) -> Option<String> {
    Some(format!("arn:{}:ec2:{}::{resource}", at.partition, at.region))
}

/// Whether AWS Backup or Data Lifecycle Manager made the thing and will delete it when its time has come. Both mark what
/// they make with system tags, which nobody else can set.
fn has_manager(tags: &Tags) -> bool {
    tags.keys().any(|it| it.starts_with("aws:backup:") || it.starts_with("aws:dlm:"))
}

#[cfg(test)]
mod testing {
    use crate::aws::{
        Collect,
        problem::Class,
        replies::{collected, ec2_denied},
    };

    /// A page as EC2 answers it: the operation, its list, the items, the token of the next page.
    pub(super) fn page(operation: &str, list: &str, items: &str, token: Option<&str>) -> String {
        let token = token.map(|it| format!("<nextToken>{it}</nextToken>")).unwrap_or_default();
        format!("<{operation}Response><requestId>r</requestId><{list}>{items}</{list}>{token}</{operation}Response>")
    }

    /// That a collector whose first call is denied reports that, and no empty list.
    pub(super) async fn is_a_problem_when_denied<T: Collect + std::fmt::Debug>(operation: &'static str) {
        let problem = collected::<T>(vec![ec2_denied(operation)]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action), (Class::AccessDenied, format!("ec2:{operation}")));
    }
}

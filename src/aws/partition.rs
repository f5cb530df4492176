//! Partitions and regions: what is where, before AWS is asked.
//!
//! Source: the endpoint partition table of the AWS SDK (aws-sdk-sts 1.124) and
//! <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html> (read Oct 2026).

/// One partition.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) name: &'static str,
    /// The region of the endpoints of global services.
    pub(crate) global: &'static str,
    /// Regions that are enabled in every account.
    pub(crate) default_regions: &'static [&'static str],
    /// Regions that an account must opt in to.
    pub(crate) opt_in_regions: &'static [&'static str],
}

pub(crate) static PARTITIONS: &[Partition] = &[
    Partition {
        name: "aws",
        global: "us-east-1",
        default_regions: &[
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
            "ca-central-1",
            "eu-central-1",
            "eu-north-1",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "sa-east-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
        opt_in_regions: &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-south-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-west-1",
            "eu-central-2",
            "eu-south-1",
            "eu-south-2",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "mx-central-1",
        ],
    },
    Partition {
        name: "aws-cn",
        global: "cn-northwest-1",
        default_regions: &["cn-north-1", "cn-northwest-1"],
        opt_in_regions: &[],
    },
    Partition {
        name: "aws-us-gov",
        global: "us-gov-west-1",
        default_regions: &["us-gov-east-1", "us-gov-west-1"],
        opt_in_regions: &[],
    },
    Partition { name: "aws-eusc", global: "eusc-de-east-1", default_regions: &["eusc-de-east-1"], opt_in_regions: &[] },
];

/// A partition by its name in ARNs; an unknown one is taken for the commercial one.
pub(crate) fn named(name: &str) -> &'static Partition {
    PARTITIONS.iter().find(|it| it.name == name).unwrap_or(&PARTITIONS[0])
}

/// The partition of a region.
pub(crate) fn of_region(region: &str) -> &'static Partition {
    let prefix = |it: &Partition| match it.name {
        "aws-cn" => region.starts_with("cn-"),
        "aws-us-gov" => region.starts_with("us-gov-"),
        "aws-eusc" => region.starts_with("eusc-"),
        _ => false,
    };
    PARTITIONS.iter().find(|it| prefix(it)).unwrap_or(&PARTITIONS[0])
}

/// The region of a partition's global services.
pub(crate) fn global_region(partition: &str) -> &'static str {
    named(partition).global
}

/// The region whose STS endpoint is asked: the configured one where every account has it, else the partition's global one.
///
/// `AssumeRole` fails when the endpoint's region is not enabled in the target account
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html>, read Oct 2026).
pub(crate) fn home_region(configured: &str) -> &'static str {
    let partition = of_region(configured);
    partition.default_regions.iter().find(|it| **it == configured).copied().unwrap_or(partition.global)
}

/// Whether any partition has the region.
pub(crate) fn is_region(name: &str) -> bool {
    PARTITIONS.iter().any(|it| it.default_regions.contains(&name) || it.opt_in_regions.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_region_is_one_that_every_account_has() {
        assert_eq!(home_region("eu-west-1"), "eu-west-1");
        assert_eq!(home_region("me-central-1"), "us-east-1");
        assert_eq!(home_region("us-gov-east-1"), "us-gov-east-1");
        assert_eq!(home_region("cn-north-1"), "cn-north-1");
    }

    #[test]
    fn there_are_34_commercial_regions() {
        assert_eq!(PARTITIONS[0].default_regions.len() + PARTITIONS[0].opt_in_regions.len(), 34);
    }
}

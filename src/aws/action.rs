//! What an AWS call is called: by the SDK, by IAM, and in the table of limits.

/// An AWS service, named as the three worlds name it.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// The service id in the SDK's own metadata, for example `Cost Explorer`.
    pub sdk: &'static str,
    /// The IAM prefix, for example `ce`.
    pub iam: &'static str,
    /// The name in `limits.json`, for example `costexplorer`.
    pub limits: &'static str,
}

/// One AWS operation that orgscan may call.
///
/// Declared once, beside the collector that calls it. Permissions, pace, counters, charges and the read-only gate all
/// derive from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Action {
    /// The service that answers.
    pub service: &'static Service,
    /// The operation as the SDK names it, for example `DescribeVolumes`.
    pub operation: &'static str,
    /// The IAM action, prefix included, where it is not simply prefix and operation.
    iam: Option<&'static str>,
    /// Whether AWS charges for each request of this operation.
    pub charged_per_request: bool,
}

impl Action {
    /// An operation whose IAM action bears the same name and which AWS answers free of charge.
    #[must_use]
    pub const fn new(service: &'static Service, operation: &'static str) -> Self {
        Self { service, operation, iam: None, charged_per_request: false }
    }

    /// The same operation, permitted by an IAM action of another name.
    #[must_use]
    pub const fn permitted_by(mut self, iam: &'static str) -> Self {
        self.iam = Some(iam);
        self
    }

    /// The same operation, for which AWS charges by the request.
    #[must_use]
    pub const fn charged(mut self) -> Self {
        self.charged_per_request = true;
        self
    }

    /// The IAM action that permits this operation, for example `s3:ListAllMyBuckets`.
    #[must_use]
    pub fn iam(&self) -> String {
        match self.iam {
            Some(iam) => iam.to_owned(),
            None => format!("{}:{}", self.service.iam, self.operation),
        }
    }
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident = $sdk:literal, $iam:literal, $limits:literal;)*) => {
        $($(#[$doc])* pub(crate) static $name: Service = Service { sdk: $sdk, iam: $iam, limits: $limits };)*
    };
}

services! {
    /// AWS Account Management.
    ACCOUNT = "Account", "account", "account";
    /// Amazon EC2 Auto Scaling.
    AUTO_SCALING = "Auto Scaling", "autoscaling", "autoscaling";
    /// AWS CloudFormation.
    CLOUDFORMATION = "CloudFormation", "cloudformation", "cloudformation";
    /// Amazon CloudFront.
    CLOUDFRONT = "CloudFront", "cloudfront", "cloudfront";
    /// Amazon CloudWatch.
    CLOUDWATCH = "CloudWatch", "cloudwatch", "cloudwatch";
    /// AWS Compute Optimizer.
    COMPUTE_OPTIMIZER = "Compute Optimizer", "compute-optimizer", "computeoptimizer";
    /// AWS Config.
    CONFIG = "Config Service", "config", "config";
    /// AWS Cost Explorer.
    COST_EXPLORER = "Cost Explorer", "ce", "costexplorer";
    /// AWS Cost Optimization Hub.
    COST_OPTIMIZATION_HUB = "Cost Optimization Hub", "cost-optimization-hub", "costoptimizationhub";
    /// Elastic Load Balancing, Classic Load Balancers.
    CLASSIC_LOAD_BALANCING = "Elastic Load Balancing", "elasticloadbalancing", "elasticloadbalancing";
    /// Amazon EC2, with EBS and VPC.
    EC2 = "EC2", "ec2", "ec2";
    /// Amazon ECR.
    ECR = "ECR", "ecr", "ecr";
    /// Amazon ECS.
    ECS = "ECS", "ecs", "ecs";
    /// Amazon `EventBridge`.
    EVENTBRIDGE = "EventBridge", "events", "eventbridge";
    /// AWS Identity and Access Management.
    IAM = "IAM", "iam", "iam";
    /// AWS Lambda.
    LAMBDA = "Lambda", "lambda", "lambda";
    /// Elastic Load Balancing, all other load balancers.
    LOAD_BALANCING = "Elastic Load Balancing v2", "elasticloadbalancing", "elasticloadbalancingv2";
    /// Amazon CloudWatch Logs.
    LOGS = "CloudWatch Logs", "logs", "logs";
    /// AWS Organizations.
    ORGANIZATIONS = "Organizations", "organizations", "organizations";
    /// Amazon Route 53.
    ROUTE53 = "Route 53", "route53", "route53";
    /// Amazon S3.
    S3 = "S3", "s3", "s3";
    /// Amazon SNS.
    SNS = "SNS", "sns", "sns";
    /// Amazon SQS.
    SQS = "SQS", "sqs", "sqs";
    /// AWS Security Token Service.
    STS = "STS", "sts", "sts";
    /// AWS Resource Groups Tagging API.
    TAGGING = "Resource Groups Tagging API", "tag", "resourcegroupstagging";
}

//! Lambda functions, and what `CloudWatch` says of everything.

use super::{
    Place, Tags,
    draw::{Draw, Fate},
};

/// How many days the check of functions looks back.
const OLD: i64 = 90;

/// A Lambda function.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) fate: Fate,
    pub(crate) runtime: &'static str,
    pub(crate) memory_mib: i64,
    pub(crate) architecture: &'static str,
    /// Execution environments that are kept ready.
    pub(crate) provisioned: i64,
    pub(crate) modified: i64,
    pub(crate) tags: Tags,
}

/// What a metric is, day after day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Series {
    /// There has never been a datapoint.
    Silent,
    /// The same value each day.
    Steady(f64),
}

impl Place<'_> {
    /// The functions here.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut draw = self.draw("functions");
        let count = self.count(&mut draw, 8.0);
        (0..count).map(|number| self.function(&mut draw, number)).collect()
    }

    fn function(&self, draw: &mut Draw, number: usize) -> Function {
        let fate = draw.fate([30, 15, 55, 0]);
        let provisioned = if draw.chance(0.08) { draw.between(1, 10) } else { 0 };
        Function {
            name: format!(
                "{}-{number}",
                draw.one_of(&["resize-image", "send-mail", "nightly-report", "webhook", "etl"])
            ),
            fate,
            runtime: draw.one_of(&["python3.13", "nodejs22.x", "java21", "provided.al2023"]),
            memory_mib: draw.one_of(&[128, 256, 512, 1024, 2048]),
            architecture: draw.one_of(&["x86_64", "arm64"]),
            provisioned,
            modified: self.days_ago(draw.age(fate, OLD)),
            tags: draw.tags(),
        }
    }

    /// What a metric of something here is. What is not known is silent, as with `CloudWatch`.
    pub(crate) fn series(&self, namespace: &str, metric: &str, dimensions: &[(String, String)]) -> Series {
        let of = |name: &str| dimensions.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
        let found = match namespace {
            "AWS/EC2" => of("InstanceId").and_then(|it| self.activity_of(metric, it)),
            "AWS/Lambda" => of("FunctionName").and_then(|it| self.invocations(it)),
            "AWS/PrivateLinkEndpoints" => self.passing(|it| of(it).map(str::to_owned)),
            "AWS/Logs" => of("LogGroupName").and_then(|it| self.log_events(it)),
            _ if of("TargetGroup").is_some() => of("TargetGroup").and_then(|it| self.targets(it)),
            "AWS/ApplicationELB" => of("LoadBalancer").and_then(|it| self.balanced("application", metric, it)),
            "AWS/NetworkELB" => of("LoadBalancer").and_then(|it| self.balanced("network", metric, it)),
            "AWS/GatewayELB" => of("LoadBalancer").and_then(|it| self.balanced("gateway", metric, it)),
            "AWS/ELB" => of("LoadBalancerName").and_then(|it| self.balanced("classic", metric, it)),
            "AWS/Events" => of("RuleName").and_then(|it| self.triggers(it, of("EventBusName"))),
            "AWS/SNS" => of("TopicName").and_then(|it| self.publications(it)),
            "AWS/SQS" => of("QueueName").and_then(|it| self.messages(metric, it)),
            "AWS/ECS" => of("ClusterName").and_then(|it| self.utilization(it, of("ServiceName"))),
            "AWS/NATGateway" => of("NatGatewayId").and_then(|it| self.traffic(it)),
            "AWS/Route53" => of("HostedZoneId").and_then(|it| self.queries(it)),
            "AWS/S3" => of("BucketName").and_then(|it| self.storage(metric, it, of("StorageType"), of("FilterId"))),
            "AWS/CloudFront" => of("DistributionId").and_then(|it| self.viewers(it)),
            _ => None,
        };
        found.unwrap_or(Series::Silent)
    }

    /// An instance says nothing while it is stopped.
    fn activity_of(&self, metric: &str, id: &str) -> Option<Series> {
        let instance = self.instances().into_iter().find(|it| it.id == id && it.running)?;
        let (cpu, bytes) = if instance.fate == Fate::Waste { (1.5, 2e5) } else { (45.0, 8e8) };
        Some(Series::Steady(if metric == "CPUUtilization" { cpu } else { bytes }))
    }

    /// Lambda is silent about functions that are not invoked.
    fn invocations(&self, name: &str) -> Option<Series> {
        let function = self.functions().into_iter().find(|it| it.name == name)?;
        Some(if function.fate == Fate::Used { Series::Steady(240.0) } else { Series::Silent })
    }

    /// A NAT gateway says zero while nothing passes.
    fn traffic(&self, id: &str) -> Option<Series> {
        let gateway = self.gateways().into_iter().find(|it| it.id == id)?;
        Some(Series::Steady(if gateway.fate == Fate::Used { 5e6 } else { 0.0 }))
    }
}

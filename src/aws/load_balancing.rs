//! Elastic Load Balancing: load balancers of all generations, target groups and what is registered in them.

use jiff::Timestamp;

use super::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, CLASSIC_LOAD_BALANCING, LOAD_BALANCING},
    problem::Problem,
    said, timestamp,
};

static DESCRIBE_LOAD_BALANCERS: Action = Action::new(&LOAD_BALANCING, "DescribeLoadBalancers");
static DESCRIBE_CLASSIC: Action = Action::new(&CLASSIC_LOAD_BALANCING, "DescribeLoadBalancers");
static DESCRIBE_TARGET_GROUPS: Action = Action::new(&LOAD_BALANCING, "DescribeTargetGroups");
static DESCRIBE_TARGET_HEALTH: Action = Action::new(&LOAD_BALANCING, "DescribeTargetHealth");

/// The most things in one page
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html>, read Oct 2026).
const PAGE: i32 = 400;

/// An Application, Network or Gateway Load Balancer.
#[derive(Clone, Debug)]
pub(crate) struct LoadBalancer {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// `application`, `network` or `gateway`.
    pub(crate) kind: Option<String>,
    /// `internet-facing` or `internal`.
    pub(crate) scheme: Option<String>,
    /// `active` when it is in service.
    pub(crate) state: Option<String>,
    pub(crate) vpc_id: Option<String>,
    pub(crate) zones: Vec<String>,
    pub(crate) created: Option<Timestamp>,
}

impl LoadBalancer {
    /// Whether it is in service.
    pub(crate) fn is_active(&self) -> bool {
        self.state.as_deref() == Some("active")
    }

    /// What CloudWatch calls it: the end of its ARN, `app/name/50dc6c495c0c9188`.
    pub(crate) fn dimension(&self) -> Option<&str> {
        self.arn.split_once(":loadbalancer/").map(|(_, it)| it)
    }
}

impl Resource for LoadBalancer {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::LoadBalancer";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, _: &At) -> Option<String> {
        Some(self.arn.clone())
    }
}

impl Declared for LoadBalancer {
    const NAME: &'static str = "load_balancing::LoadBalancer";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_LOAD_BALANCERS];
}

impl Collect for LoadBalancer {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut balancers = Vec::new();
        let send = |token| at.load_balancing().describe_load_balancers().page_size(PAGE).set_marker(token).send();
        at.pages(&DESCRIBE_LOAD_BALANCERS, send, |page| {
            balancers.extend(page.load_balancers().iter().filter_map(load_balancer));
            page.next_marker
        })
        .await?;
        Ok(balancers)
    }
}

fn load_balancer(it: &aws_sdk_elasticloadbalancingv2::types::LoadBalancer) -> Option<LoadBalancer> {
    Some(LoadBalancer {
        arn: it.load_balancer_arn()?.to_owned(),
        name: it.load_balancer_name()?.to_owned(),
        kind: it.r#type().map(|it| it.as_str().to_owned()),
        scheme: it.scheme().map(|it| it.as_str().to_owned()),
        state: it.state().and_then(|it| it.code()).map(|it| it.as_str().to_owned()),
        vpc_id: said(it.vpc_id()),
        zones: it.availability_zones().iter().filter_map(|it| said(it.zone_name())).collect(),
        created: timestamp(it.created_time()),
    })
}

/// A Classic Load Balancer.
#[derive(Clone, Debug)]
pub(crate) struct ClassicLoadBalancer {
    pub(crate) name: String,
    /// `internet-facing` or `internal`.
    pub(crate) scheme: Option<String>,
    pub(crate) vpc_id: Option<String>,
    pub(crate) zones: Vec<String>,
    /// How many instances are registered, healthy or not.
    pub(crate) instances: usize,
    pub(crate) created: Option<Timestamp>,
}

impl Resource for ClassicLoadBalancer {
    const TYPE: &'static str = "AWS::ElasticLoadBalancing::LoadBalancer";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("elasticloadbalancing", &format!("loadbalancer/{}", self.name))
    }
}

impl Declared for ClassicLoadBalancer {
    const NAME: &'static str = "load_balancing::ClassicLoadBalancer";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_CLASSIC];
}

impl Collect for ClassicLoadBalancer {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut balancers = Vec::new();
        let send =
            |token| at.classic_load_balancing().describe_load_balancers().page_size(PAGE).set_marker(token).send();
        at.pages(&DESCRIBE_CLASSIC, send, |page| {
            balancers.extend(page.load_balancer_descriptions().iter().filter_map(classic));
            page.next_marker
        })
        .await?;
        Ok(balancers)
    }
}

fn classic(it: &aws_sdk_elasticloadbalancing::types::LoadBalancerDescription) -> Option<ClassicLoadBalancer> {
    Some(ClassicLoadBalancer {
        name: it.load_balancer_name()?.to_owned(),
        scheme: said(it.scheme()),
        vpc_id: said(it.vpc_id()),
        zones: it.availability_zones().to_vec(),
        instances: it.instances().len(),
        created: timestamp(it.created_time()),
    })
}

/// A target group. AWS does not say when it was made.
#[derive(Clone, Debug)]
pub(crate) struct TargetGroup {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// `instance`, `ip`, `lambda` or `alb`.
    pub(crate) target_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) port: Option<i64>,
    pub(crate) vpc_id: Option<String>,
    /// The load balancers that send something to it.
    pub(crate) load_balancer_arns: Vec<String>,
}

impl TargetGroup {
    /// What CloudWatch calls it: the end of its ARN, `targetgroup/name/50dc6c495c0c9188`.
    pub(crate) fn dimension(&self) -> Option<&str> {
        self.arn.rsplit(':').next().filter(|it| it.starts_with("targetgroup/"))
    }

    /// What CloudWatch calls it and each of its load balancers. `None` where an ARN is of another form.
    pub(crate) fn dimensions(&self) -> Option<Vec<(String, String)>> {
        let pair = |balancer: &String| {
            let (_, balancer) = balancer.split_once(":loadbalancer/")?;
            Some((self.dimension()?.to_owned(), balancer.to_owned()))
        };
        self.load_balancer_arns.iter().map(pair).collect()
    }
}

impl Resource for TargetGroup {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::TargetGroup";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, _: &At) -> Option<String> {
        Some(self.arn.clone())
    }
}

impl Declared for TargetGroup {
    const NAME: &'static str = "load_balancing::TargetGroup";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_TARGET_GROUPS];
}

impl Collect for TargetGroup {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut groups = Vec::new();
        let send = |token| at.load_balancing().describe_target_groups().page_size(PAGE).set_marker(token).send();
        at.pages(&DESCRIBE_TARGET_GROUPS, send, |page| {
            groups.extend(page.target_groups().iter().filter_map(target_group));
            page.next_marker
        })
        .await?;
        Ok(groups)
    }
}

fn target_group(it: &aws_sdk_elasticloadbalancingv2::types::TargetGroup) -> Option<TargetGroup> {
    Some(TargetGroup {
        arn: it.target_group_arn()?.to_owned(),
        name: it.target_group_name()?.to_owned(),
        target_type: it.target_type().map(|it| it.as_str().to_owned()),
        protocol: it.protocol().map(|it| it.as_str().to_owned()),
        port: it.port().map(i64::from),
        vpc_id: said(it.vpc_id()),
        load_balancer_arns: it.load_balancer_arns().to_vec(),
    })
}

/// How many targets are registered in a target group, whatever their health.
#[derive(Debug)]
pub(crate) struct RegisteredTargets {
    pub(crate) target_group_arn: String,
}

impl Declared for RegisteredTargets {
    const NAME: &'static str = "load_balancing::RegisteredTargets";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_TARGET_HEALTH];
}

impl Question for RegisteredTargets {
    type Answer = usize;

    /// AWS gives all targets of a group at once.
    async fn ask(&self, at: &Place) -> Result<usize, Problem> {
        let send = || at.load_balancing().describe_target_health().target_group_arn(&self.target_group_arn).send();
        let health = at.call(&DESCRIBE_TARGET_HEALTH, send).await?;
        Ok(health.target_health_descriptions().len())
    }
}

#[cfg(test)]
impl TargetGroup {
    /// A group of addresses, used by load balancers with these ends of ARNs.
    pub(crate) fn example(name: &str, balancers: &[&str]) -> Self {
        let arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333";
        Self {
            arn: format!("{arn}:targetgroup/{name}/0123456789abcdef"),
            name: name.to_owned(),
            target_type: Some("ip".to_owned()),
            protocol: Some("HTTP".to_owned()),
            port: Some(80),
            vpc_id: Some("vpc-1".to_owned()),
            load_balancer_arns: balancers.iter().map(|it| format!("{arn}:loadbalancer/{it}")).collect(),
        }
    }
}

#[cfg(test)]
impl LoadBalancer {
    /// An internal load balancer of a kind in two zones, 200 days old.
    pub(crate) fn example(name: &str, kind: &str) -> Self {
        let short = match kind {
            "application" => "app",
            "network" => "net",
            _ => "gwy",
        };
        Self {
            arn: format!(
                "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/{short}/{name}/0123456789abcdef"
            ),
            name: name.to_owned(),
            kind: Some(kind.to_owned()),
            scheme: Some("internal".to_owned()),
            state: Some("active".to_owned()),
            vpc_id: Some("vpc-1".to_owned()),
            zones: vec!["eu-west-1a".to_owned(), "eu-west-1b".to_owned()],
            created: crate::check::testing::days_ago(200),
        }
    }
}

#[cfg(test)]
impl ClassicLoadBalancer {
    /// An internal load balancer of one instance, 200 days old.
    pub(crate) fn example(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            scheme: Some("internal".to_owned()),
            vpc_id: Some("vpc-1".to_owned()),
            zones: vec!["eu-west-1a".to_owned()],
            instances: 1,
            created: crate::check::testing::days_ago(200),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered, collected},
    };

    /// A page as the query protocol answers it: the operation, its list, the members, the marker of the next page.
    fn page(operation: &str, list: &str, members: &str, marker: Option<&str>) -> String {
        let marker = marker.map(|it| format!("<NextMarker>{it}</NextMarker>")).unwrap_or_default();
        format!(
            "<{operation}Response><{operation}Result><{list}>{members}</{list}>{marker}</{operation}Result></{operation}Response>"
        )
    }

    async fn is_a_problem_when_denied<T: Collect + std::fmt::Debug>(operation: &'static str) {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no identity-based policy allows \
                    it</Message></Error><RequestId>r</RequestId></ErrorResponse>";
        let problem = collected::<T>(vec![Reply::ok(operation, body).status(403)]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action), (Class::AccessDenied, format!("elasticloadbalancing:{operation}")));
    }

    #[tokio::test]
    async fn every_page_of_load_balancers_is_read_also_past_an_empty_one() {
        let one = "<member><LoadBalancerArn>arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/one/50dc</LoadBalancerArn>\
                   <LoadBalancerName>one</LoadBalancerName><Type>application</Type><Scheme>internet-facing</Scheme>\
                   <State><Code>active</Code></State><VpcId>vpc-1</VpcId><CreatedTime>2026-05-01T10:00:00.123Z</CreatedTime>\
                   <AvailabilityZones><member><ZoneName>eu-west-1a</ZoneName></member><member/></AvailabilityZones></member>";
        let two = "<member><LoadBalancerArn>odd</LoadBalancerArn><LoadBalancerName>two</LoadBalancerName>\
                   <State><Code>provisioning</Code></State></member>";
        let list = |members, marker| page("DescribeLoadBalancers", "LoadBalancers", members, marker);
        let balancers = collected::<LoadBalancer>(vec![
            Reply::ok("Version=2015-12-01&PageSize=400", list(one, Some("m1"))),
            Reply::ok("Marker=m1", list("", Some("m2"))),
            Reply::ok("Marker=m2", list(two, None)),
        ])
        .await
        .expect("collected");
        let [one, two] = balancers.as_slice() else { panic!("two, not {balancers:?}") };
        assert_eq!((one.name.as_str(), two.name.as_str()), ("one", "two"));
        assert_eq!((one.dimension(), two.dimension()), (Some("app/one/50dc"), None));
        assert!(one.is_active() && !two.is_active());
        assert_eq!((one.zones.as_slice(), one.kind.as_deref()), (&["eu-west-1a".to_owned()][..], Some("application")));
        assert_eq!(one.created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00.123Z"));
        assert_eq!((two.created, two.kind.as_deref(), two.scheme.as_deref()), (None, None, None));
    }

    #[tokio::test]
    async fn every_page_of_classic_load_balancers_is_read_also_past_an_empty_one() {
        let one = "<member><LoadBalancerName>one</LoadBalancerName><Scheme>internal</Scheme><VPCId>vpc-1</VPCId>\
                   <Instances><member><InstanceId>i-1</InstanceId></member><member><InstanceId>i-2</InstanceId></member></Instances>\
                   <AvailabilityZones><member>eu-west-1a</member></AvailabilityZones>\
                   <CreatedTime>2026-05-01T10:00:00Z</CreatedTime></member>";
        let two = "<member><LoadBalancerName>two</LoadBalancerName></member>";
        let list = |members, marker| page("DescribeLoadBalancers", "LoadBalancerDescriptions", members, marker);
        let balancers = collected::<ClassicLoadBalancer>(vec![
            Reply::ok("Version=2012-06-01&", list(one, Some("m1"))),
            Reply::ok("Marker=m1", list("", Some("m2"))),
            Reply::ok("Marker=m2", list(two, None)),
        ])
        .await
        .expect("collected");
        let said: Vec<_> = balancers.iter().map(|it| (it.name.as_str(), it.instances, it.zones.len())).collect();
        assert_eq!(said, [("one", 2, 1), ("two", 0, 0)]);
        assert_eq!(balancers[0].created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!((balancers[1].created, balancers[1].vpc_id.as_deref()), (None, None));
    }

    #[tokio::test]
    async fn every_page_of_target_groups_is_read_also_past_an_empty_one() {
        let one = "<member><TargetGroupArn>arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/one/73e2</TargetGroupArn>\
                   <TargetGroupName>one</TargetGroupName><Protocol>HTTP</Protocol><Port>80</Port><TargetType>ip</TargetType>\
                   <VpcId>vpc-1</VpcId><LoadBalancerArns>\
                   <member>arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/50dc</member>\
                   </LoadBalancerArns></member>";
        let two = "<member><TargetGroupArn>odd</TargetGroupArn><TargetGroupName>two</TargetGroupName>\
                   <LoadBalancerArns><member>odd</member></LoadBalancerArns></member>";
        let list = |members, marker| page("DescribeTargetGroups", "TargetGroups", members, marker);
        let groups = collected::<TargetGroup>(vec![
            Reply::ok("Action=DescribeTargetGroups", list(one, Some("m1"))),
            Reply::ok("Marker=m1", list("", Some("m2"))),
            Reply::ok("Marker=m2", list(two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(
            groups.iter().map(|it| (it.name.as_str(), it.port)).collect::<Vec<_>>(),
            [("one", Some(80)), ("two", None)]
        );
        assert_eq!(groups[0].dimensions(), Some(vec![("targetgroup/one/73e2".to_owned(), "app/web/50dc".to_owned())]));
        assert_eq!(groups[1].dimensions(), None);
    }

    #[tokio::test]
    async fn the_targets_of_a_group_are_counted_whatever_their_health() {
        let ask = || RegisteredTargets { target_group_arn: "arn:1".to_owned() };
        let two = "<member><TargetHealth><State>unhealthy</State></TargetHealth></member><member/>";
        for (members, count) in [(two, 2), ("", 0)] {
            let body = page("DescribeTargetHealth", "TargetHealthDescriptions", members, None);
            let (answer, problems) = answered(ask(), vec![Reply::ok("TargetGroupArn=arn%3A1", body)]).await;
            assert_eq!((answer, problems), (Ok(count), vec![]));
        }
        let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        let (answer, _) = answered(ask(), vec![Reply::ok("DescribeTargetHealth", body).status(403)]).await;
        assert_eq!(answer.expect_err("denied").class, Class::AccessDenied);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<TargetGroup>("DescribeTargetGroups").await;
        is_a_problem_when_denied::<LoadBalancer>("DescribeLoadBalancers").await;
        is_a_problem_when_denied::<ClassicLoadBalancer>("DescribeLoadBalancers").await;
    }
}

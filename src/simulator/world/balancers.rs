//! Load balancers and target groups.

use super::{
    Place, Series,
    draw::{Draw, Fate},
};

/// How many days the check of load balancers looks back.
const OLD: i64 = 30;

/// A load balancer of any kind.
#[derive(Clone, Debug)]
pub(crate) struct Balancer {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) fate: Fate,
    /// `application`, `network`, `gateway` or `classic`.
    pub(crate) kind: &'static str,
    pub(crate) scheme: &'static str,
    pub(crate) created: i64,
}

/// A target group.
#[derive(Clone, Debug)]
pub(crate) struct TargetGroup {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) fate: Fate,
    /// The load balancer that uses it.
    pub(crate) balancer: Option<String>,
    /// How many targets are registered now.
    pub(crate) targets: usize,
    /// Whether an Auto Scaling group registers its instances in it.
    pub(crate) is_scaled: bool,
}

impl Place<'_> {
    /// The target groups here. Where there is no load balancer for addresses none is used by one.
    pub(crate) fn target_groups(&self) -> Vec<TargetGroup> {
        let mut draw = self.draw("target-groups");
        let count = self.count(&mut draw, 2.0);
        let balancers = self.balancers().into_iter().filter(|it| matches!(it.kind, "application" | "network"));
        let arns: Vec<_> = balancers.map(|it| it.arn).collect();
        (0..count).flat_map(|number| self.target_groups_of(&mut draw, number, &arns)).collect()
    }

    /// A target group; two where it is one half of a pair of which the other half is in use.
    fn target_groups_of(&self, draw: &mut Draw, number: usize, balancers: &[String]) -> Vec<TargetGroup> {
        let fate = draw.fate([40, 0, 35, 25]);
        let balancer = balancers.get(number % balancers.len().max(1)).cloned();
        let word = ["cart", "mail", "login", "search", "orders", "stock", "media", "chat"][number % 8];
        let group = |name: String| TargetGroup {
            arn: self.arn("elasticloadbalancing", &format!("targetgroup/{name}/{:016x}", self.world.digest(&[&name]))),
            name,
            fate,
            balancer: None,
            targets: 0,
            is_scaled: false,
        };
        let one = group(format!("{word}x{number}"));
        match fate {
            Fate::Waste if draw.chance(0.5) => vec![TargetGroup { balancer, ..one }],
            Fate::Waste | Fate::Young => vec![one],
            Fate::Used => vec![TargetGroup { balancer, targets: 2, ..one }],
            Fate::Kept if balancer.is_some() && draw.chance(0.4) => {
                let blue = TargetGroup { balancer, targets: 1, ..group(format!("{word}x{number}-blue")) };
                vec![blue, group(format!("{word}x{number}-green"))]
            }
            Fate::Kept => vec![TargetGroup { is_scaled: true, ..one }],
        }
    }

    /// AWS counts the targets of a group while there are any.
    pub(super) fn targets(&self, dimension: &str) -> Option<Series> {
        let group = self.target_groups().into_iter().find(|it| it.arn.ends_with(&format!(":{dimension}")))?;
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let targets = group.targets as f64;
        Some(if group.targets > 0 { Series::Steady(targets) } else { Series::Silent })
    }

    /// The load balancers here.
    pub(crate) fn balancers(&self) -> Vec<Balancer> {
        let mut draw = self.draw("balancers");
        let count = self.count(&mut draw, 2.0);
        (0..count).map(|number| self.balancer(&mut draw, number)).collect()
    }

    fn balancer(&self, draw: &mut Draw, number: usize) -> Balancer {
        let fate = draw.fate([35, 15, 50, 0]);
        let kind = draw.one_of(&["application", "application", "network", "network", "gateway", "classic"]);
        let name = format!("{}-{number}", draw.one_of(&["web", "api", "ingress", "internal"]));
        let short = match kind {
            "application" => "app",
            "network" => "net",
            _ => "gwy",
        };
        let digest = self.world.digest(&["balancer", &self.account, &self.region, &name]);
        Balancer {
            arn: self.arn("elasticloadbalancing", &format!("loadbalancer/{short}/{name}/{digest:016x}")),
            name,
            fate,
            kind,
            scheme: if kind == "gateway" { "internal" } else { draw.one_of(&["internal", "internet-facing"]) },
            created: self.days_ago(draw.age(fate, OLD)),
        }
    }

    /// Classic and Application Load Balancers are silent while nobody asks; the others say zero. One in use has only some
    /// of the metrics above zero: here those of bytes.
    pub(super) fn balanced(&self, kind: &str, metric: &str, dimension: &str) -> Option<Series> {
        let is_it = |it: &Balancer| match kind {
            "classic" => it.name == dimension,
            _ => it.arn.ends_with(&format!(":loadbalancer/{dimension}")),
        };
        let balancer = self.balancers().into_iter().find(|it| it.kind == kind && is_it(it))?;
        let is_silent = matches!(kind, "application" | "classic");
        Some(match metric {
            "ProcessedBytes" | "EstimatedProcessedBytes" if balancer.fate == Fate::Used => Series::Steady(7e6),
            _ if is_silent => Series::Silent,
            _ => Series::Steady(0.0),
        })
    }
}

//! Load balancers.

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

impl Place<'_> {
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

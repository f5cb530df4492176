//! ECS clusters with their services and tasks, and the task definitions these are started from.

use super::{
    Place, Series,
    draw::{Draw, Fate},
};

/// How many days the checks of services and task definitions look back.
const OLD: i64 = 90;
/// How many revisions of a family are kept whatever their age.
const NEWEST: usize = 10;

/// An ECS cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) fate: Fate,
    pub(crate) container_instances: usize,
    pub(crate) services: Vec<Service>,
    /// What the tasks that no service started were started from.
    pub(crate) tasks: Vec<String>,
    /// What a rule starts here, when its time has come.
    pub(crate) scheduled: Vec<String>,
}

/// A service of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) fate: Fate,
    pub(crate) desired: usize,
    pub(crate) running: usize,
    /// The revision it starts tasks from.
    pub(crate) definition: String,
    pub(crate) created: i64,
}

/// All revisions of a task definition, numbered from one.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) fate: Fate,
    /// When each was registered, in seconds.
    pub(crate) registered: Vec<i64>,
}

impl Cluster {
    /// The tasks that run here, each by the revision it was started from.
    pub(crate) fn running(&self) -> Vec<String> {
        let of_services = self.services.iter().flat_map(|it| std::iter::repeat_n(it.definition.clone(), it.running));
        of_services.chain(self.tasks.iter().cloned()).collect()
    }
}

impl Place<'_> {
    /// The task definitions here. Of those that look old and are not, the first revision is in use.
    pub(crate) fn families(&self) -> Vec<Family> {
        let mut draw = self.draw("families");
        let count = self.count(&mut draw, 1.5);
        (0..count).map(|number| self.family(&mut draw, number)).collect()
    }

    fn family(&self, draw: &mut Draw, number: usize) -> Family {
        let fate = draw.fate([30, 20, 30, 20]);
        let (revisions, newest, step) = match fate {
            Fate::Waste => (NEWEST + 3, draw.between(5, 60), 20),
            Fate::Young => (NEWEST + 3, 2, 6),
            Fate::Used => (NEWEST, OLD, 20),
            Fate::Kept => (NEWEST + 1, OLD, 20),
        };
        let ages = (0..revisions).rev().map(|it| newest + step * i64::try_from(it).unwrap_or_default());
        Family {
            name: format!("{}-{number}", draw.one_of(&["web", "worker", "report", "import"])),
            fate,
            registered: ages.map(|days| self.days_ago(days)).collect(),
        }
    }

    /// The clusters here: one that uses what is in use of the task definitions, and some more.
    pub(crate) fn clusters(&self) -> Vec<Cluster> {
        let mut draw = self.draw("clusters");
        let count = self.count(&mut draw, 1.2);
        let pinned = self.families().into_iter().filter(|it| it.fate == Fate::Kept).map(|it| format!("{}:1", it.name));
        let pinned: Vec<_> = pinned.collect();
        let pinning = (!pinned.is_empty()).then(|| self.pinning(&mut draw, pinned));
        pinning.into_iter().chain((0..count).map(|number| self.cluster(&mut draw, number))).collect()
    }

    /// A cluster where these revisions are in use, each in another way.
    fn pinning(&self, draw: &mut Draw, pinned: Vec<String>) -> Cluster {
        let mut cluster = Cluster::new("pinned".to_owned(), Fate::Used);
        for (number, definition) in pinned.into_iter().enumerate() {
            match draw.between(0, 2) {
                0 => cluster.tasks.push(definition),
                1 => cluster.scheduled.push(definition),
                _ => cluster.services.push(Service {
                    name: format!("pinned-{number}"),
                    fate: Fate::Used,
                    desired: 1,
                    running: 1,
                    definition,
                    created: self.days_ago(300),
                }),
            }
        }
        cluster
    }

    fn cluster(&self, draw: &mut Draw, number: usize) -> Cluster {
        let fate = draw.fate([35, 0, 45, 20]);
        let mut cluster = Cluster::new(format!("cluster-{number}"), fate);
        match fate {
            Fate::Waste if draw.chance(0.4) => cluster.container_instances = 2,
            Fate::Waste | Fate::Young => {}
            // Instances on which tasks come and go, tasks that come at night, and what AWS Batch keeps for itself.
            Fate::Kept => match draw.between(0, 2) {
                0 => cluster.container_instances = 3,
                1 => cluster.scheduled.push("nightly".to_owned()),
                _ => cluster.name = format!("AWSBatch-jobs-{number}"),
            },
            Fate::Used => {
                cluster.tasks.push(format!("task-{number}:1"));
                let services = draw.between(1, 3);
                cluster.services = (0..services).map(|number| self.service(draw, number)).collect();
            }
        }
        cluster
    }

    fn service(&self, draw: &mut Draw, number: i64) -> Service {
        let fate = draw.fate([25, 15, 45, 15]);
        let desired = if fate == Fate::Used { 2 } else { draw.one_of(&[0, 0, 2]) };
        Service {
            name: format!("service-{number}"),
            fate,
            desired: if fate == Fate::Kept { 0 } else { desired },
            running: if fate == Fate::Used { desired } else { 0 },
            definition: format!("service-{number}:1"),
            created: self.days_ago(draw.age(fate, OLD)),
        }
    }

    /// ECS speaks of a cluster while it has container instances, and of a service while it has tasks, which one that is
    /// scaled to none for the night had during the day.
    pub(super) fn utilization(&self, cluster: &str, service: Option<&str>) -> Option<Series> {
        let cluster = self.clusters().into_iter().find(|it| it.name == cluster)?;
        let Some(service) = service else {
            let share = if cluster.fate == Fate::Waste { 0.0 } else { 35.0 };
            return (cluster.container_instances > 0).then_some(Series::Steady(share));
        };
        let service = cluster.services.into_iter().find(|it| it.name == service)?;
        matches!(service.fate, Fate::Used | Fate::Kept).then_some(Series::Steady(12.0))
    }
}

impl Cluster {
    fn new(name: String, fate: Fate) -> Self {
        Self { name, fate, container_instances: 0, services: Vec::new(), tasks: Vec::new(), scheduled: Vec::new() }
    }
}

//! Instances, volumes, snapshots and images, and how they hang together.

use super::{
    Place, Tags,
    draw::{Draw, Fate},
};

/// How many days the checks of images and snapshots look back.
const OLD: i64 = 90;

/// How many days the check of instances looks back, and how long it lets one be stopped.
const IDLE: i64 = 14;
const STOPPED: i64 = 30;

/// An image that AWS offers to everyone.
pub(super) const PUBLIC_IMAGE: &str = "ami-0abcdef1234567890";

/// A machine image.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) fate: Fate,
    /// When it was made, in seconds.
    pub(crate) created: i64,
    /// When it was last launched.
    pub(crate) launched: Option<i64>,
    /// The account that it is shared with. It uses what is kept for it, and not what is wasted.
    pub(crate) shared_with: Option<String>,
    /// The snapshot behind it.
    pub(crate) snapshot: String,
    pub(crate) size_gib: i64,
    pub(crate) tags: Tags,
}

/// An instance.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) image: String,
    /// Waste when it is stopped for long, or runs and does nothing.
    pub(crate) fate: Fate,
    pub(crate) running: bool,
    pub(crate) launched: i64,
    /// When it was stopped.
    pub(crate) stopped: Option<i64>,
    pub(crate) tags: Tags,
}

/// A volume.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) fate: Fate,
    pub(crate) size_gib: i64,
    pub(crate) volume_type: &'static str,
    pub(crate) iops: Option<i64>,
    /// The instance it is attached to.
    pub(crate) instance: Option<String>,
    /// Whether that has been stopped for long.
    pub(crate) of_stopped: bool,
    pub(crate) created: i64,
    pub(crate) tags: Tags,
}

/// A snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) fate: Fate,
    pub(crate) volume: String,
    pub(crate) size_gib: i64,
    pub(crate) description: String,
    /// The account that it is shared with. It uses what is kept for it, and not what is wasted.
    pub(crate) shared_with: Option<String>,
    pub(crate) started: i64,
    pub(crate) tags: Tags,
}

impl Place<'_> {
    /// The images of the account here.
    pub(crate) fn images(&self) -> Vec<Image> {
        let mut draw = self.draw("images");
        let count = self.count(&mut draw, 4.0);
        (0..count).map(|number| self.image(&mut draw, number)).collect()
    }

    fn image(&self, draw: &mut Draw, number: usize) -> Image {
        let fate = draw.fate([35, 15, 40, 10]);
        let age = draw.age(fate, OLD);
        let borrower = self.borrower();
        let managed = fate == Fate::Kept && (draw.chance(0.5) || borrower.is_none());
        let shared = fate == Fate::Kept && !managed || fate == Fate::Waste && draw.chance(0.2);
        let launched = match fate {
            Fate::Used => Some(self.days_ago(draw.between(0, 30))),
            Fate::Waste => draw.chance(0.5).then(|| self.days_ago(draw.between(OLD, age))),
            Fate::Young | Fate::Kept => None,
        };
        let mut tags = draw.tags();
        if managed {
            tags.push(("aws:backup:source-resource", self.id("i", number)));
        }
        Image {
            id: self.id("ami", number),
            name: format!("{}-{number}", draw.one_of(&["golden", "web", "builder", "worker"])),
            fate,
            created: self.days_ago(age),
            launched,
            shared_with: borrower.filter(|_| shared),
            snapshot: self.id("snap", number),
            size_gib: draw.one_of(&[8, 16, 30, 50, 100]),
            tags,
        }
    }

    /// The account that may use what this one shares: the next, where it runs and has the region.
    fn borrower(&self) -> Option<String> {
        let (_, next) = self.world.neighbours(&self.account)?;
        let has_region = || self.world.regions(&next.id).iter().any(|it| *it == self.region);
        (!next.suspended && has_region()).then_some(next.id)
    }

    /// The same region of the account that shares with this one.
    pub(crate) fn lender(&self) -> Option<Place<'_>> {
        let (before, _) = self.world.neighbours(&self.account)?;
        let has_region = || self.world.regions(&before.id).iter().any(|it| *it == self.region);
        (!before.suspended && has_region()).then(|| self.world.place(&before.id, &self.region))
    }

    /// The images of another account that are launched here.
    pub(super) fn borrowed_images(&self) -> Vec<String> {
        let images = self.lender().map(|it| it.images()).unwrap_or_default().into_iter();
        images.filter(|it| it.shared_with.is_some() && it.fate == Fate::Kept).map(|it| it.id).collect()
    }

    /// The snapshots of another account that are shared with this one.
    pub(crate) fn lent_snapshots(&self) -> Vec<Snapshot> {
        let snapshots = self.lender().map(|it| it.snapshots()).unwrap_or_default();
        snapshots.into_iter().filter(|it| it.shared_with.is_some()).collect()
    }

    /// Those of its images that something here launches.
    pub(super) fn launched_images(&self) -> Vec<String> {
        self.images().into_iter().filter(|it| it.fate == Fate::Used).map(|it| it.id).collect()
    }

    /// The instances here. They run the images that are in use, in turn; where there are none, a public one.
    pub(crate) fn instances(&self) -> Vec<Instance> {
        let mut draw = self.draw("instances");
        let count = self.count(&mut draw, 6.0);
        let images = self.launched_images();
        let image = |number: usize| images.get(number % images.len().max(1)).map_or(PUBLIC_IMAGE, String::as_str);
        (0..count).map(|number| self.instance(&mut draw, number, image(number).to_owned())).collect()
    }

    fn instance(&self, draw: &mut Draw, number: usize, image: String) -> Instance {
        let running = draw.chance(0.75);
        let fate = draw.fate([30, 20, 50, 10]);
        // What is stopped and in use stands by, and its tags say so.
        let (launched, stopped) = match (running, fate) {
            (true, fate) => (draw.age(fate, IDLE), None),
            (false, Fate::Young) => (draw.between(STOPPED, 400), Some(draw.between(1, STOPPED - 1))),
            (false, _) => (draw.between(500, 900), Some(draw.between(STOPPED, 400))),
        };
        let mut tags = draw.tags();
        match fate {
            Fate::Kept => tags.push(("aws:autoscaling:groupName", "workers".to_owned())),
            Fate::Used if !running => tags.push(("purpose", "standby".to_owned())),
            _ => {}
        }
        let (launched, stopped) = (self.days_ago(launched), stopped.map(|it| self.days_ago(it)));
        Instance { id: self.id("i", number), image, fate, running, launched, stopped, tags }
    }

    /// The volumes here: one for each instance, and some that are attached to nothing.
    pub(crate) fn volumes(&self) -> Vec<Volume> {
        let mut draw = self.draw("volumes");
        let instances = self.instances();
        let loose = self.count(&mut draw, 3.0);
        let attached = instances.into_iter().map(Some);
        let all = attached.chain(std::iter::repeat_n(None, loose)).enumerate();
        all.map(|(number, on)| self.volume(&mut draw, number, on)).collect()
    }

    fn volume(&self, draw: &mut Draw, number: usize, on: Option<Instance>) -> Volume {
        let volume_type = draw.one_of(&["gp3", "gp3", "gp2", "io2", "st1"]);
        let size_gib = match volume_type {
            "st1" => draw.one_of(&[500, 1000, 2000]),
            _ => draw.one_of(&[8, 20, 50, 100, 200, 500]),
        };
        let iops = match volume_type {
            "gp3" => Some(3000),
            "io2" => Some(draw.one_of(&[1000, 4000, 8000])),
            _ => None,
        };
        let of_stopped = on
            .as_ref()
            .is_some_and(|it| it.stopped.is_some_and(|at| at <= self.days_ago(STOPPED)) && it.fate != Fate::Kept);
        let (instance, created) = match on {
            Some(it) => (Some(it.id), it.launched),
            None => (None, self.days_ago(draw.between(1, 700))),
        };
        let fate = if instance.is_some() { Fate::Used } else { Fate::Waste };
        Volume {
            id: self.id("vol", number),
            fate,
            size_gib,
            volume_type,
            iops,
            instance,
            of_stopped,
            created,
            tags: draw.tags(),
        }
    }

    /// The snapshots here: one behind each image, and some that were made by hand or by a plan.
    pub(crate) fn snapshots(&self) -> Vec<Snapshot> {
        let mut draw = self.draw("snapshots");
        let images = self.images();
        let more = self.count(&mut draw, 6.0);
        let behind = images.iter().map(|it| Snapshot {
            id: it.snapshot.clone(),
            fate: Fate::Used,
            volume: self.id("vol", 0),
            size_gib: it.size_gib,
            description: format!("Created by CreateImage({}) for {}", self.id("i", 0), it.id),
            shared_with: None,
            started: it.created,
            tags: it.tags.clone(),
        });
        let behind: Vec<_> = behind.collect();
        let first = behind.len();
        let loose = (0..more).map(|number| self.loose_snapshot(&mut draw, first + number));
        behind.into_iter().chain(loose).collect()
    }

    fn loose_snapshot(&self, draw: &mut Draw, number: usize) -> Snapshot {
        let fate = draw.fate([55, 25, 0, 20]);
        let mut tags = draw.tags();
        let borrower = self.borrower();
        let managed = fate == Fate::Kept && (draw.chance(0.5) || borrower.is_none());
        let shared = fate == Fate::Kept && !managed || fate == Fate::Waste && draw.chance(0.2);
        if managed {
            tags.push(("aws:backup:source-resource", self.id("vol", number)));
        }
        let description = match fate {
            Fate::Kept if managed => "This snapshot is created by the AWS Backup service.".to_owned(),
            Fate::Waste if draw.chance(0.4) => {
                let (instance, image) = (self.id("i", 900 + number), self.id("ami", 900 + number));
                format!("Created by CreateImage({instance}) for {image}")
            }
            _ => draw.one_of(&["before upgrade", "copy of data", ""]).to_owned(),
        };
        Snapshot {
            id: self.id("snap", number),
            fate,
            volume: self.id("vol", 500 + number),
            size_gib: draw.one_of(&[8, 20, 50, 100, 500]),
            description,
            shared_with: borrower.filter(|_| shared),
            started: self.days_ago(draw.age(fate, OLD)),
            tags,
        }
    }
}

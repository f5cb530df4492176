//! Launch templates, and what launches from them.

use super::{
    Place, Tags,
    draw::{Draw, Fate},
};

/// How many days the check of launch templates looks back.
const OLD: i64 = 90;

/// What launches from a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Launcher {
    /// An Auto Scaling group that names it by itself.
    Group,
    /// An Auto Scaling group that names it in an override.
    Override,
    /// An EC2 fleet.
    Fleet,
    /// A spot fleet request.
    SpotFleet,
    /// Someone by hand: the first instance was launched from it.
    Hand,
}

/// A launch template, with one image for each of its versions.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) fate: Fate,
    pub(crate) launcher: Option<Launcher>,
    pub(crate) images: Vec<String>,
    /// Snapshots that every version makes a volume from.
    pub(crate) snapshots: Vec<String>,
    /// When its versions were made, in seconds.
    pub(crate) changed: i64,
    pub(crate) tags: Tags,
}

impl Place<'_> {
    /// The launch templates here: one with every image in use, so that what no instance runs is referred to as well, and some
    /// with an image that AWS offers to everyone.
    pub(crate) fn templates(&self) -> Vec<Template> {
        let mut draw = self.draw("templates");
        let images = [self.launched_images(), self.borrowed_images()].concat();
        let lent = self.lent_snapshots().into_iter().filter(|it| it.fate == Fate::Kept);
        let snapshots: Vec<_> = lent.map(|it| it.id).collect();
        let by_hand = !self.instances().is_empty();
        let count = self.count(&mut draw, 1.5);
        let workers = Template {
            id: self.id("lt", 0),
            name: "workers".to_owned(),
            fate: Fate::Used,
            launcher: Some(Launcher::Override),
            images: if images.is_empty() { vec![super::PUBLIC_IMAGE.to_owned()] } else { images.clone() },
            snapshots,
            changed: self.days_ago(300),
            tags: Vec::new(),
        };
        let workers = (!images.is_empty() || !workers.snapshots.is_empty()).then_some(workers);
        workers.into_iter().chain((1..=count).map(|number| self.template(&mut draw, number, by_hand))).collect()
    }

    fn template(&self, draw: &mut Draw, number: usize, by_hand: bool) -> Template {
        use Launcher::{Fleet, Group, Hand, Override, SpotFleet};
        let fate = draw.fate([35, 15, 40, 10]);
        let launcher = draw.one_of(&[Group, Override, Fleet, SpotFleet, Hand]);
        // An instance is launched from one template.
        let launcher = if launcher == Hand && !(by_hand && number == 1) { Group } else { launcher };
        let id = self.id("lt", number);
        let word = if fate == Fate::Kept { "eks" } else { draw.one_of(&["web", "batch", "builder", "bastion"]) };
        Template {
            name: format!("{word}-{number}"),
            fate,
            launcher: (fate == Fate::Used).then_some(launcher),
            images: vec![super::PUBLIC_IMAGE.to_owned()],
            snapshots: Vec::new(),
            changed: self.days_ago(draw.age(fate, OLD)),
            tags: if fate == Fate::Kept {
                vec![("eks:nodegroup-name", format!("nodes-{number}"))]
            } else {
                draw.tags()
            },
            id,
        }
    }

    /// The templates here that are launched from in one way.
    pub(crate) fn templates_of(&self, launcher: Launcher) -> Vec<Template> {
        self.templates().into_iter().filter(|it| it.launcher == Some(launcher)).collect()
    }
}

//! Repositories of container images.

use super::{
    Place,
    draw::{Draw, Fate},
};

/// How many days the check of images looks back.
const OLD: i64 = 90;

/// A repository.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    pub(crate) name: String,
    /// Whether other accounts may pull from it.
    pub(crate) shared: bool,
    pub(crate) images: Vec<Pushed>,
}

/// An image that was pushed to a repository.
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    pub(crate) digest: String,
    pub(crate) tag: String,
    pub(crate) fate: Fate,
    pub(crate) size_bytes: i64,
    pub(crate) pushed: i64,
    pub(crate) pulled: Option<i64>,
    /// The image that it is a signature of.
    pub(crate) subject: Option<String>,
}

impl Place<'_> {
    /// The repositories here.
    pub(crate) fn repositories(&self) -> Vec<Repository> {
        let mut draw = self.draw("repositories");
        let count = self.count(&mut draw, 1.0);
        (0..count).map(|number| self.repository(&mut draw, number)).collect()
    }

    fn repository(&self, draw: &mut Draw, number: usize) -> Repository {
        let shared = draw.chance(0.2);
        let name = format!("{}-{number}", draw.one_of(&["web", "worker", "base", "tools"]));
        let count = draw.between(1, 5);
        let images = (0..count).map(|number| self.pushed(draw, &name, number, shared)).collect();
        Repository { name, shared, images }
    }

    fn pushed(&self, draw: &mut Draw, repository: &str, number: i64, shared: bool) -> Pushed {
        let fate = draw.fate([40, 15, 35, 10]);
        let age = draw.age(fate, OLD);
        let digest = |what: &str| {
            let words = [what, &self.account, &self.region, repository, &number.to_string()];
            format!("sha256:{:016x}{:048x}", self.world.digest(&words), number)
        };
        let pulled = match fate {
            Fate::Used => Some(draw.between(0, 30)),
            Fate::Waste => draw.chance(0.5).then(|| draw.between(OLD, age)),
            Fate::Young | Fate::Kept => None,
        };
        Pushed {
            digest: digest("image"),
            tag: format!("v{number}"),
            // In a shared repository nothing is known to be unused.
            fate: if shared && fate == Fate::Waste { Fate::Kept } else { fate },
            size_bytes: draw.between(20, 900) << 20,
            pushed: self.days_ago(age),
            pulled: pulled.map(|days| self.days_ago(days)),
            subject: (fate == Fate::Kept).then(|| digest("subject")),
        }
    }
}

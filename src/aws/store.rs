//! What has been asked already: per target for a scan, and shared by scans for a few minutes.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::OnceCell;

use super::{Collect, Declared, Place, Question, problem::Problem};

/// How long an answer may serve scans that follow.
const KEPT_FOR: Duration = Duration::from_mins(5);
/// What keeping an answer takes, in bytes, also when it is empty: its place in the cache and the queues of that. Measured
/// with a hundred thousand of them.
const ANSWER_BYTES: usize = 600;
/// What a listed thing is taken to own beside itself, in bytes: ids and a map of some tags. Measured with three tags.
pub(crate) const OWNED_BYTES: usize = 900;

/// An answer: the value, and what could not be seen while it was made.
#[derive(Clone)]
pub(crate) struct Answer {
    value: Arc<dyn Any + Send + Sync>,
    pub(crate) problems: Arc<[Problem]>,
    bytes: u32,
}

impl Answer {
    fn of<Q: Question>(question: &Q, value: Q::Answer, problems: Vec<Problem>) -> Self {
        let bytes = question.bytes(&value).saturating_add(ANSWER_BYTES);
        Self { value: Arc::new(value), problems: problems.into(), bytes: u32::try_from(bytes).unwrap_or(u32::MAX) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    question: TypeId,
    words: String,
}

impl Key {
    fn of<Q: Question>(question: &Q) -> Self {
        Self { question: TypeId::of::<Q>(), words: question.words() }
    }
}

/// Answers that scans share for a few minutes: bounded in memory, each asked once however many wait for it.
///
/// `None` where nothing is kept, since no scan follows.
pub(crate) struct SharedAnswers(Option<moka::future::Cache<(Arc<str>, Key), Answer>>);

impl SharedAnswers {
    /// Answers that take so many bytes of memory at most, roughly.
    pub(crate) fn holding(most_bytes: u64) -> Self {
        let cache = moka::future::Cache::builder()
            .max_capacity(most_bytes)
            .weigher(|(place, key): &(Arc<str>, Key), answer: &Answer| {
                let names = u32::try_from(place.len() + key.words.len()).unwrap_or(u32::MAX);
                answer.bytes.saturating_add(names)
            })
            .time_to_live(KEPT_FOR)
            .build();
        Self((most_bytes > 0).then_some(cache))
    }
}

type Cell = Arc<OnceCell<Result<Answer, Problem>>>;

/// The answers of one target in one scan. A failure is kept too, so that ten checks do not run into it ten times.
pub(crate) struct Store {
    place: Option<Arc<Place>>,
    cells: Mutex<HashMap<Key, Cell>>,
    #[cfg(test)]
    world: HashMap<TypeId, Oracle>,
}

#[cfg(test)]
type Oracle = Arc<dyn Fn(&dyn Any) -> Box<dyn Any + Send + Sync> + Send + Sync>;

impl Store {
    /// An empty store that asks a place.
    pub(crate) fn new(place: Arc<Place>) -> Self {
        Self {
            place: Some(place),
            cells: Mutex::default(),
            #[cfg(test)]
            world: HashMap::new(),
        }
    }

    /// The answer to a question, asked of AWS at most once.
    pub(crate) async fn ask<Q: Question>(&self, question: &Q) -> Result<(Arc<Q::Answer>, Arc<[Problem]>), Problem> {
        let key = Key::of(question);
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(key.clone()).or_default())
        };
        let answer = cell.get_or_init(|| self.fetch(question, key)).await.clone()?;
        let value = answer.value.downcast::<Q::Answer>().expect("the key holds the type of the question");
        Ok((value, answer.problems))
    }

    /// Forgets the answers to a kind of question.
    pub(crate) fn forget<Q: Question>(&self) {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.retain(|it, _| it.question != TypeId::of::<Q>());
    }

    async fn fetch<Q: Question>(&self, question: &Q, key: Key) -> Result<Answer, Problem> {
        #[cfg(test)]
        if let Some(oracle) = self.world.get(&TypeId::of::<Q>()) {
            let value = oracle(question)
                .downcast::<Result<Q::Answer, Problem>>()
                .expect("the oracle answers in the type of the question");
            return value.map(|it| Answer::of(question, it, Vec::new()));
        }
        let Some(place) = &self.place else {
            return Err(Problem::new(super::problem::Class::InvalidExchange, Q::ACTIONS[0], "not in the test's world"));
        };
        let ask = async {
            let place = place.afresh();
            let value = Box::pin(question.ask(&place)).await?;
            Ok(Answer::of(question, value, place.noted()))
        };
        let kept = place.door.answers.0.as_ref().filter(|_| place.trial().is_none());
        let Some(kept) = kept else { return ask.await };
        let shared = (Arc::clone(&place.key), key);
        let asked = kept.try_get_with_by_ref(&shared, ask);
        let answer = asked.await.map_err(|problem: Arc<Problem>| Problem::clone(&problem))?;
        if !answer.problems.is_empty() {
            // What could not be seen this time may be seen next time.
            kept.invalidate(&shared).await;
        }
        Ok(answer)
    }
}

/// All things of a kind in a place: the question behind `cx.all::<T>()`.
pub(crate) struct All<T>(std::marker::PhantomData<fn() -> T>);

impl<T: Collect> std::fmt::Debug for All<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "all {}", T::NAME)
    }
}

impl<T> All<T> {
    pub(crate) fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<T: Collect> Declared for All<T> {
    const NAME: &'static str = T::NAME;
    const ACTIONS: &'static [&'static super::action::Action] = T::ACTIONS;
}

impl<T: Collect> Question for All<T> {
    type Answer = Vec<T>;

    fn bytes(&self, answer: &Vec<T>) -> usize {
        answer.len() * (size_of::<T>() + OWNED_BYTES)
    }

    async fn ask(&self, at: &Place) -> Result<Vec<T>, Problem> {
        T::collect(at).await
    }
}

/// A world for tests of checks: a store filled beforehand.
#[cfg(test)]
impl Store {
    pub(crate) fn world() -> Self {
        Self { place: None, cells: Mutex::default(), world: HashMap::new() }
    }

    /// All things of a kind.
    pub(crate) fn with<T: Collect + Clone>(self, things: Vec<T>) -> Self {
        self.answering(move |_: &All<T>| Ok(things.clone()))
    }

    /// A kind of thing that may not be listed.
    pub(crate) fn denied<T: Collect>(self) -> Self {
        self.answering(|_: &All<T>| {
            Err(Problem::new(super::problem::Class::AccessDenied, T::ACTIONS[0], "not authorized"))
        })
    }

    /// A kind of question that AWS does not answer.
    pub(crate) fn unanswered<Q: Question>(self, class: super::problem::Class) -> Self {
        self.answering(move |_: &Q| Err(Problem::new(class, Q::ACTIONS[0], "not answered")))
    }

    /// Answers to a kind of question.
    pub(crate) fn answering<Q: Question>(
        mut self,
        answer: impl Fn(&Q) -> Result<Q::Answer, Problem> + Send + Sync + 'static,
    ) -> Self {
        let oracle: Oracle = Arc::new(move |question: &dyn Any| {
            Box::new(answer(question.downcast_ref::<Q>().expect("keyed by type"))) as Box<dyn Any + Send + Sync>
        });
        self.world.insert(TypeId::of::<Q>(), oracle);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::ec2::Volume;

    fn volume() -> Volume {
        let tags = [("Name", "some-volume-name"), ("team", "payments"), ("env", "production")];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Volume { tags, ..Volume::example("vol-0123456789abcdef0") }
    }

    #[tokio::test]
    async fn kept_answers_take_no_more_than_they_may() {
        let SharedAnswers(kept) = SharedAnswers::holding(100_000);
        let kept = kept.expect("something is kept");
        for place in 0..1000 {
            let key = Key::of(&All::<Volume>::new());
            let answer = Answer::of(&All::<Volume>::new(), vec![volume(); 3], Vec::new());
            kept.insert((place.to_string().into(), key), answer).await;
        }
        kept.run_pending_tasks().await;
        assert!((10..40).contains(&kept.entry_count()), "{} of about four kilobytes", kept.entry_count());
        assert!(kept.weighted_size() <= 100_000);
    }

    #[test]
    fn a_listed_thing_is_taken_to_own_what_it_owns() {
        let volume = volume();
        let node = 11 * 2 * size_of::<String>();
        let tags: usize = volume.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        let owned = node + tags + volume.id.len() + volume.volume_type.len();
        assert!((owned..2 * owned).contains(&OWNED_BYTES), "{owned}");
    }
}

//! The findings of one check: the last that came in memory, the rest on disk, read one by one in the order of the report.
//!
//! What is on disk is a *run*: findings in order, one a line, a part of the scan's temporary file. Reading merges the runs
//! and what is in memory. So a scan takes the same memory however much it finds.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BinaryHeap},
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Error, ErrorKind, Read, Seek, SeekFrom, Write},
    sync::{Arc, Mutex, PoisonError},
};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq};
use serde_json::{Number, Value};

use crate::check::Finding;

/// How many bytes of findings the checks of a scan hold in memory together, roughly, before they go to disk: about 6,000
/// findings. Each check has an equal share.
pub(super) const MOST_BYTES: usize = 12 * 1024 * 1024;
/// How many runs there are at most on disk before some become one: each takes a buffer while findings are read.
const MOST_RUNS: usize = 64;
/// How many runs, the shortest, become one.
const RUNS_JOINED: usize = 32;
/// How many bytes of a run are read at a time.
const READ_BYTES: usize = 16 * 1024;
/// What a map of some entries takes beside their text: the nodes of the standard library's trees hold eleven.
const MAP_BYTES: usize = 640;

/// Findings that went to disk and cannot be read back. An answer without them would be wrong, so there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read findings back from the temporary folder ({0}); name another with TMPDIR and ask again")]
pub(crate) struct Unreadable(String);

impl From<Unreadable> for io::Error {
    fn from(unreadable: Unreadable) -> Self {
        Self::other(unreadable)
    }
}

/// Largest money first, what has no amount last; then by place, so that the order is total.
pub(super) fn order(a: &Finding, b: &Finding) -> Ordering {
    let amount = |it: &Finding| it.estimated_monthly_savings.or(it.billed_cost);
    let by_amount = amount(b).cmp(&amount(a));
    let by_place = || place(a).cmp(&place(b));
    // Two findings about one thing, for one reason: by all that they say, so that the order of arrival never shows.
    by_amount.then_with(by_place).then_with(|| format!("{a:?}").cmp(&format!("{b:?}")))
}

fn place(it: &Finding) -> [&str; 4] {
    [&it.account_id, &it.region, &it.resource_id, &it.reason]
}

/// How many bytes a finding takes in memory, roughly.
fn weight(it: &Finding) -> usize {
    let texts = [&it.account_id, &it.region, &it.resource_type, &it.resource_id, &it.reason, &it.currency];
    let maybe = [&it.resource_arn, &it.action_type, &it.implementation_effort, &it.source, &it.price_basis];
    let tags = it.tags.iter().flatten().map(|(key, value)| key.len() + value.len());
    let attributes = it.attributes.iter().map(|(name, value)| name.len() + weight_of(value));
    let maps = it.tags.as_ref().map_or(0, BTreeMap::len).div_ceil(8) + it.attributes.len().div_ceil(8);
    size_of::<Finding>()
        + texts.into_iter().chain(maybe.into_iter().flatten()).map(String::len).sum::<usize>()
        + tags.chain(attributes).sum::<usize>()
        + maps * MAP_BYTES
}

fn weight_of(value: &Value) -> usize {
    let owned = match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(weight_of).sum(),
        Value::Object(map) => map.iter().map(|(name, value)| name.len() + MAP_BYTES / 8 + weight_of(value)).sum(),
        _ => 0,
    };
    size_of::<Value>() + owned
}

/// A finding as a line on disk: its JSON, and beside it exactly what JSON rounds.
#[derive(Serialize, Deserialize)]
struct Line<F> {
    finding: F,
    /// Billed, cost and savings as [`Decimal::serialize`] gives them.
    money: [Option<u128>; 3],
    /// The bits of all numbers with a point among the attributes, in order.
    floats: Vec<u64>,
}

fn write_line(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let exact = |it: Decimal| u128::from_le_bytes(it.serialize());
    let Finding { billed_cost, estimated_monthly_cost, estimated_monthly_savings, .. } = finding;
    let money = [billed_cost, estimated_monthly_cost, estimated_monthly_savings].map(|it| it.map(exact));
    let mut floats = Vec::new();
    finding.attributes.values().for_each(|it| take_floats(it, &mut floats));
    serde_json::to_writer(&mut *out, &Line { finding, money, floats })?;
    out.write_all(b"\n")
}

fn read_line(line: &[u8]) -> io::Result<Finding> {
    let Line::<Finding> { mut finding, money, floats } = serde_json::from_slice(line)?;
    let exact = |it: u128| Decimal::deserialize(it.to_le_bytes());
    [finding.billed_cost, finding.estimated_monthly_cost, finding.estimated_monthly_savings] =
        money.map(|it| it.map(exact));
    let mut floats = floats.into_iter();
    finding.attributes.values_mut().for_each(|it| put_floats(it, &mut floats));
    Ok(finding)
}

fn take_floats(value: &Value, into: &mut Vec<u64>) {
    match value {
        Value::Number(number) if number.is_f64() => into.extend(number.as_f64().map(f64::to_bits)),
        Value::Array(list) => list.iter().for_each(|it| take_floats(it, into)),
        Value::Object(map) => map.values().for_each(|it| take_floats(it, into)),
        _ => {}
    }
}

fn put_floats(value: &mut Value, from: &mut impl Iterator<Item = u64>) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(exact) = from.next().and_then(|it| Number::from_f64(f64::from_bits(it))) {
                *number = exact;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|it| put_floats(it, from)),
        Value::Object(map) => map.values_mut().for_each(|it| put_floats(it, from)),
        _ => {}
    }
}

/// The temporary file of a scan: made when first needed, gone with the process, also when that is killed.
pub(super) struct Disk {
    open: fn() -> io::Result<File>,
    file: Option<Arc<Mutex<File>>>,
    end: u64,
    given_up: bool,
}

impl Default for Disk {
    fn default() -> Self {
        Self::opening(tempfile::tempfile)
    }
}

impl Disk {
    /// A disk whose file is made in some way.
    pub(super) fn opening(open: fn() -> io::Result<File>) -> Self {
        Self { open, file: None, end: 0, given_up: false }
    }

    /// Writes findings, which are in order, as a run. `None` when the disk cannot be used: then they stay where they are.
    fn run(&mut self, findings: impl Iterator<Item = io::Result<Finding>>) -> Option<Run> {
        if self.given_up {
            return None;
        }
        match self.written(findings) {
            Ok(run) => Some(run),
            Err(error) => {
                self.given_up = true;
                tracing::warn!(
                    error = %error,
                    "findings cannot go to the temporary folder and stay in memory; set TMPDIR to a folder with room"
                );
                None
            }
        }
    }

    fn written(&mut self, findings: impl Iterator<Item = io::Result<Finding>>) -> io::Result<Run> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(Arc::new(Mutex::new((self.open)()?)))),
        };
        let start = self.end;
        let mut out = BufWriter::with_capacity(READ_BYTES, Part { file: Arc::clone(&file), at: start, end: u64::MAX });
        let mut count = 0;
        for finding in findings {
            write_line(&finding?, &mut out)?;
            count += 1;
        }
        out.flush()?;
        let part = Part { file, at: start, end: out.get_ref().at };
        self.end = part.end;
        Ok(Run::OnDisk { part, findings: count })
    }
}

/// A part of a file, read or written from its start.
#[derive(Clone, Debug)]
struct Part {
    file: Arc<Mutex<File>>,
    at: u64,
    end: u64,
}

impl Part {
    /// Does something at the place where the part begins, and moves that on.
    fn here(&mut self, act: impl FnOnce(&mut File) -> io::Result<usize>) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.at))?;
        let moved = act(&mut file)?;
        self.at += moved as u64;
        Ok(moved)
    }
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(into.len());
        self.here(|file| file.read(&mut into[..most]))
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.here(|file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Findings in order.
#[derive(Clone, Debug)]
enum Run {
    InMemory(Arc<[Finding]>),
    OnDisk { part: Part, findings: usize },
}

impl Run {
    /// Findings that are in no order yet.
    fn sorted(mut findings: Vec<Finding>) -> Self {
        findings.sort_by(order);
        Self::InMemory(findings.into())
    }

    fn findings(&self) -> usize {
        match self {
            Self::InMemory(findings) => findings.len(),
            Self::OnDisk { findings, .. } => *findings,
        }
    }
}

/// The findings of one check.
pub(super) struct Pile {
    /// The last that came, in no order.
    fresh: Vec<Finding>,
    bytes: usize,
    most_bytes: usize,
    runs: Vec<Run>,
}

impl Pile {
    /// A pile that holds so many bytes in memory at most.
    pub(super) fn holding(most_bytes: usize) -> Self {
        Self { fresh: Vec::new(), bytes: 0, most_bytes, runs: Vec::new() }
    }

    /// Another pile that holds as much in memory, with nothing in it.
    pub(super) fn another(&self) -> Self {
        Self::holding(self.most_bytes)
    }

    /// Takes a finding.
    pub(super) fn add(&mut self, finding: Finding, disk: &mut Disk) {
        self.bytes += weight(&finding);
        self.fresh.push(finding);
        if self.bytes > self.most_bytes {
            self.spill(disk);
        }
    }

    /// What is in memory becomes a run: on disk, or in memory where the disk cannot be used.
    fn spill(&mut self, disk: &mut Disk) {
        self.fresh.sort_by(order);
        let run = disk.run(self.fresh.iter().cloned().map(Ok));
        let fresh = std::mem::take(&mut self.fresh);
        self.runs.push(run.unwrap_or_else(|| Run::InMemory(fresh.into())));
        self.bytes = 0;
        if self.runs.len() > MOST_RUNS && !disk.given_up {
            self.join(disk);
        }
    }

    /// Makes one run of the shortest, so that a finding is rewritten a few times only, however many come. What they took
    /// of the file is not used again. Where that fails the runs stay as they are.
    fn join(&mut self, disk: &mut Disk) {
        self.runs.sort_by_key(|it| std::cmp::Reverse(it.findings()));
        let shortest = self.runs.len() - RUNS_JOINED;
        let findings = InOrder::of(&self.runs[shortest..]).map(|it| it.map_err(io::Error::from));
        if let Some(run) = disk.run(findings) {
            self.runs.truncate(shortest);
            self.runs.push(run);
        }
    }

    /// All findings as of now.
    pub(super) fn found(&self, accounts: Arc<BTreeMap<String, Option<String>>>, chosen_only: bool) -> Found {
        let fresh = Run::sorted(self.fresh.clone());
        let runs = self.runs.iter().cloned().chain([fresh]).collect();
        Found { runs, accounts, chosen_only, offset: 0, most: usize::MAX }
    }
}

/// The findings of a report as of a moment: not held, but read one by one as often as needed.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    runs: Vec<Run>,
    /// The accounts of the scan, with their names.
    accounts: Arc<BTreeMap<String, Option<String>>>,
    chosen_only: bool,
    offset: usize,
    most: usize,
}

impl Found {
    /// Only a part of them: from where, and how many at most.
    pub(crate) fn page(&mut self, offset: usize, most: usize) {
        (self.offset, self.most) = (offset, most);
    }

    /// Reads the findings in the order of the report. An error is the last that is said: what was read before it is not
    /// all.
    pub(crate) fn read(&self) -> impl Iterator<Item = Result<Finding, Unreadable>> + use<> {
        let accounts = Arc::clone(&self.accounts);
        let chosen_only = self.chosen_only;
        let named = move |mut finding: Finding| {
            let name = accounts.get(&finding.account_id);
            finding.account_name = name.cloned().flatten();
            (name.is_some() || !chosen_only).then_some(finding)
        };
        let chosen = InOrder::of(&self.runs).filter_map(move |it| it.map(&named).transpose());
        let (mut before, mut left) = (self.offset, self.most);
        // Not `skip` and `take`: an error is never passed over.
        let page = chosen.map_while(move |it| match it {
            Ok(_) if before > 0 => {
                before -= 1;
                Some(None)
            }
            Ok(_) if left == 0 => None,
            it => {
                left = left.saturating_sub(1);
                Some(Some(it))
            }
        });
        page.flatten()
    }
}

impl Serialize for Found {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for finding in self.read() {
            list.serialize_element(&finding.map_err(serde::ser::Error::custom)?)?;
        }
        list.end()
    }
}

/// The next finding of a run, and the rest of it.
struct Head {
    finding: Finding,
    rest: Rest,
}

/// Where the findings of a run are read.
enum Rest {
    InMemory { findings: Arc<[Finding]>, next: usize },
    OnDisk { lines: BufReader<Part>, left: usize },
}

impl Rest {
    fn of(run: &Run) -> Self {
        match run {
            Run::InMemory(findings) => Self::InMemory { findings: Arc::clone(findings), next: 0 },
            Run::OnDisk { part, findings } => {
                Self::OnDisk { lines: BufReader::with_capacity(READ_BYTES, part.clone()), left: *findings }
            }
        }
    }

    fn head(mut self) -> io::Result<Option<Head>> {
        Ok(self.next()?.map(|finding| Head { finding, rest: self }))
    }

    fn next(&mut self) -> io::Result<Option<Finding>> {
        match self {
            Self::InMemory { findings, next } => {
                *next += 1;
                Ok(findings.get(*next - 1).cloned())
            }
            Self::OnDisk { left: 0, .. } => Ok(None),
            Self::OnDisk { lines, left } => {
                *left -= 1;
                let mut line = Vec::new();
                lines.read_until(b'\n', &mut line)?;
                if line.last() != Some(&b'\n') {
                    return Err(Error::new(ErrorKind::UnexpectedEof, "the file is shorter than what was written"));
                }
                read_line(&line).map(Some)
            }
        }
    }
}

impl Ord for Head {
    /// The greatest is read first.
    fn cmp(&self, other: &Self) -> Ordering {
        order(&other.finding, &self.finding)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

/// The findings of several runs in one order. Ends with the first error.
struct InOrder {
    heads: BinaryHeap<Head>,
    /// Runs of which nothing has been read.
    unread: Vec<Rest>,
}

impl InOrder {
    fn of(runs: &[Run]) -> Self {
        Self { heads: BinaryHeap::new(), unread: runs.iter().map(Rest::of).collect() }
    }

    fn step(&mut self) -> io::Result<Option<Finding>> {
        while let Some(run) = self.unread.pop() {
            self.heads.extend(run.head()?);
        }
        let Some(Head { finding, rest }) = self.heads.pop() else { return Ok(None) };
        self.heads.extend(rest.head()?);
        Ok(Some(finding))
    }
}

impl Iterator for InOrder {
    type Item = Result<Finding, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            *self = Self::of(&[]);
        }
        step.map_err(|it| Unreadable(it.to_string())).transpose()
    }
}

#[cfg(test)]
impl Found {
    /// Findings that are in memory.
    pub(crate) fn these(findings: Vec<Finding>) -> Self {
        let runs = vec![Run::sorted(findings)];
        Self { runs, accounts: Arc::default(), chosen_only: false, offset: 0, most: usize::MAX }
    }

    /// Findings that were on disk and are there no more, after some that are.
    pub(crate) fn lost(findings: Vec<Finding>) -> Self {
        let file = Arc::new(Mutex::new(tempfile::tempfile().expect("a file")));
        let part = Part { file, at: 0, end: 100 };
        let found = Self::these(findings);
        Self { runs: [found.runs, vec![Run::OnDisk { part, findings: 1 }]].concat(), ..found }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::testing;

    fn decimal() -> impl Strategy<Value = Decimal> {
        (any::<[u32; 3]>(), any::<bool>(), 0_u32..=28)
            .prop_map(|([low, middle, high], negative, scale)| Decimal::from_parts(low, middle, high, negative, scale))
    }

    fn value() -> impl Strategy<Value = Value> {
        let float = prop::num::f64::ANY.prop_map(|it| Number::from_f64(it).map_or(Value::Null, Value::Number));
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            float,
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    /// Any finding at all. Each field is named, so that a new one is not forgotten here.
    fn any_finding() -> impl Strategy<Value = Finding> {
        let text = || prop::option::of(any::<String>());
        let money = || prop::option::of(decimal());
        let map = prop::collection::btree_map(any::<String>(), any::<String>(), 0..3);
        let attributes = prop::collection::btree_map(any::<String>(), value(), 0..3);
        (
            any::<[String; 6]>(),
            (text(), text(), text(), text(), text()),
            prop::array::uniform3(money()),
            any::<[Option<bool>; 2]>(),
            (prop::option::of(map), attributes),
        )
            .prop_map(|(texts, maybe, money, [restart_needed, rollback_possible], (tags, attributes))| {
                let [account_id, region, resource_type, resource_id, reason, currency] = texts;
                let (resource_arn, action_type, implementation_effort, source, price_basis) = maybe;
                let [billed_cost, estimated_monthly_cost, estimated_monthly_savings] = money;
                Finding {
                    account_id,
                    account_name: None,
                    region,
                    resource_type,
                    resource_id,
                    resource_arn,
                    reason,
                    action_type,
                    implementation_effort,
                    restart_needed,
                    rollback_possible,
                    source,
                    billed_cost,
                    estimated_monthly_cost,
                    estimated_monthly_savings,
                    currency,
                    price_basis,
                    tags,
                    attributes,
                }
            })
    }

    /// A few findings with many that are alike.
    fn findings() -> impl Strategy<Value = Vec<Finding>> {
        let one = (0_u8..3, 0_u8..3, prop::option::of(0_i64..4), prop::option::of(0_i64..3), 0_u8..3);
        let finding = one.prop_map(|(account, id, savings, billed, fact)| Finding {
            account_id: format!("account-{account}"),
            estimated_monthly_savings: savings.map(|it| Decimal::new(it, 1)),
            billed_cost: billed.map(|it| Decimal::new(it, 1)),
            ..testing::finding(&format!("vol-{id}")).fact("share", f64::from(fact) / 3.0)
        });
        prop::collection::vec(finding, 0..150)
    }

    fn piled(findings: &[Finding], most_bytes: usize, disk: &mut Disk) -> Pile {
        let mut pile = Pile::holding(most_bytes);
        for it in findings {
            pile.add(it.clone(), disk);
        }
        pile
    }

    /// All that is read, in words that show every digit.
    fn read(found: &Found) -> Result<Vec<String>, Unreadable> {
        found.read().map(|it| it.map(|it| format!("{it:?}"))).collect()
    }

    fn all(pile: &Pile) -> Found {
        pile.found(Arc::default(), false)
    }

    fn in_order(findings: &[Finding]) -> Vec<String> {
        let mut findings = findings.to_vec();
        findings.sort_by(order);
        findings.iter().map(|it| format!("{it:?}")).collect()
    }

    fn nowhere() -> io::Result<File> {
        Err(Error::other("no space"))
    }

    fn read_only() -> io::Result<File> {
        File::open(tempfile::NamedTempFile::new()?.path())
    }

    /// Enough findings for several runs, and for some to be joined.
    fn many() -> Vec<Finding> {
        (0..200).map(|it| testing::finding(&format!("vol-{}", it * 7919 % 200))).collect()
    }

    proptest! {
        #[test]
        fn a_finding_comes_back_from_disk_as_it_was(finding in any_finding()) {
            let mut line = Vec::new();
            write_line(&finding, &mut line).unwrap();
            prop_assert_eq!(line.iter().position(|it| *it == b'\n'), Some(line.len() - 1), "one line");
            let back = read_line(&line).unwrap();
            prop_assert_eq!(&back, &finding);
            prop_assert_eq!(format!("{back:?}"), format!("{finding:?}"), "every digit");
            let money = |it: &Finding| {
                [it.billed_cost, it.estimated_monthly_cost, it.estimated_monthly_savings].map(|it| it.map(|it| it.serialize()))
            };
            prop_assert_eq!(money(&back), money(&finding), "to the bit");
        }

        #[test]
        fn a_pile_reads_in_the_order_of_the_report(findings in findings(), most_bytes in 0_usize..30_000) {
            let mut disk = Disk::default();
            let pile = piled(&findings, most_bytes, &mut disk);
            prop_assert!(pile.runs.len() <= MOST_RUNS);
            prop_assert!(pile.bytes <= most_bytes);
            let found = all(&pile);
            prop_assert_eq!(read(&found).unwrap(), in_order(&findings));
            prop_assert_eq!(read(&found).unwrap().len(), findings.len(), "it can be read again");
        }

        #[test]
        fn where_the_disk_cannot_be_written_nothing_is_lost(findings in findings(), good_runs in 0_usize..80) {
            let mut disk = Disk::default();
            let (before, after) = findings.split_at(good_runs.min(findings.len()));
            let mut pile = piled(before, 0, &mut disk);
            disk.file = Some(Arc::new(Mutex::new(read_only().unwrap())));
            for it in after {
                pile.add(it.clone(), &mut disk);
            }
            prop_assert_eq!(disk.given_up, !after.is_empty());
            prop_assert_eq!(read(&all(&pile)).unwrap(), in_order(&findings));
        }

        #[test]
        fn a_page_is_a_part_of_the_whole(findings in findings(), offset in 0_usize..160, most in 0_usize..160) {
            let mut found = all(&piled(&findings, 20_000, &mut Disk::default()));
            let whole = read(&found).unwrap();
            found.page(offset, most);
            let page: Vec<_> = whole.into_iter().skip(offset).take(most).collect();
            prop_assert_eq!(read(&found).unwrap(), page);
        }

        #[test]
        fn the_order_is_total(a in any_finding(), b in any_finding()) {
            prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
            prop_assert_eq!(order(&a, &b).is_eq(), format!("{a:?}") == format!("{b:?}"));
        }
    }

    #[test]
    fn what_is_little_makes_no_file() {
        let mut disk = Disk::opening(|| unreachable!("no file is needed"));
        let pile = piled(&many(), MOST_BYTES, &mut disk);
        assert_eq!(read(&all(&pile)).unwrap(), in_order(&many()));
    }

    #[test]
    fn without_a_temporary_folder_nothing_is_lost() {
        let mut disk = Disk::opening(nowhere);
        let pile = piled(&many(), 0, &mut disk);
        assert!(disk.given_up);
        assert_eq!(read(&all(&pile)).unwrap(), in_order(&many()));
    }

    #[test]
    fn runs_that_cannot_be_joined_stay() {
        let mut disk = Disk::default();
        let mut pile = piled(&many()[..MOST_RUNS], 0, &mut disk);
        assert_eq!(pile.runs.len(), MOST_RUNS);
        // The next run can be written, and then there are too many, of which the first cannot be read.
        disk.file.as_ref().unwrap().lock().unwrap().set_len(0).unwrap();
        pile.add(testing::finding("vol-more"), &mut disk);
        assert_eq!((pile.runs.len(), disk.given_up), (MOST_RUNS + 1, true));
        assert!(read(&all(&pile)).is_err());
    }

    #[test]
    fn what_cannot_be_read_back_is_an_error_and_no_shorter_list() {
        for (length, broken) in [(0, false), (1, false), (5_000, false), (u64::MAX, true)] {
            let mut disk = Disk::default();
            let pile = piled(&many(), 20_000, &mut disk);
            let mut file = disk.file.as_ref().unwrap().lock().unwrap();
            file.set_len(disk.end.min(length)).unwrap();
            if broken {
                file.seek(SeekFrom::Start(disk.end / 2)).unwrap();
                file.write_all(b"\n").unwrap();
            }
            drop(file);
            let mut found = all(&pile);
            let said: Vec<_> = found.read().collect();
            assert!(said.last().unwrap().is_err(), "{length} {broken}");
            assert_eq!(said.iter().filter(|it| it.is_err()).count(), 1);
            assert!(serde_json::to_string(&found).is_err());
            // Also where what is broken stands before the page.
            found.page(150, 50);
            assert!(read(&found).is_err());
        }
    }

    #[test]
    fn a_finding_weighs_what_it_owns() {
        let plain = testing::finding("vol-1");
        let text = "x".repeat(10_000);
        let tagged = Finding { tags: Some(BTreeMap::from([("k".to_owned(), text.clone())])), ..plain.clone() };
        let told = plain.clone().fact("list", vec![text.clone()]);
        for heavy in [tagged, told, plain.clone().because(text)] {
            assert!((9_000..12_000).contains(&(weight(&heavy) - weight(&plain))), "{}", weight(&heavy));
        }
        assert!(weight(&plain) > size_of::<Finding>());
    }
}

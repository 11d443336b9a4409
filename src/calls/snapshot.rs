//! Conversation bodies, read with as little work as what changed asks for.
//!
//! Bodies repeat themselves: a snapshot comes again for every change, and participants only accumulate. So the text of
//! the last snapshot is kept beside what was read from it. Of a new text, the prefix and the suffix that are the same are
//! found by comparing bytes, participants that lie wholly inside them are kept as they are, and only those between are
//! parsed. This is exact, not a guess: a JSON parser that has read the same bytes is in the same state, and the parse of
//! the middle must end precisely where the kept tail begins. Where the text differs behind the participants too, what
//! follows the first changed one is read to its end. In any other case the whole text is read.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use serde::de::IgnoredAny;

use super::attribute::AttributeRules;
use super::cursor::Cursor;
use super::drift::Radar;
use super::party::{Party, Recording};
use super::texts::Texts;
use super::tolerant::{List, Object, Reference, Text, Time, YesNo};
use super::topic::Shape;
use super::{flat, nested};
use crate::model::id::ConversationId;
use crate::model::time::UtcMicros;

/// Where a body came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The id of the user or queue whose topic it is.
    pub(crate) subject: &'a str,
    pub(crate) on_queue: bool,
    pub(crate) shape: Shape,
}

/// The body is not JSON, or a member that is used has a wrong type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// What goes with the reading of a body.
pub(crate) struct Reading<'c> {
    /// What may be told of attributes and notes.
    pub(crate) rules: &'c AttributeRules,
    /// Where words that are new are noted.
    pub(crate) radar: &'c mut Radar,
    /// Where participants get their stamps.
    pub(crate) stamps: &'c mut Stamps,
    /// Where texts are kept.
    pub(crate) texts: &'c mut Texts,
}

/// What a body tells of the conversation itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// A secret is being told: nothing of the conversation may be recorded.
    pub(crate) secure_pause: Option<bool>,
    /// The conversation that this one was begun for.
    pub(crate) associated: Option<ConversationId>,
    /// Conversations that were begun for this one.
    pub(crate) consultations: Vec<ConversationId>,
    /// When it ended, as answers to reads tell.
    pub(crate) ended: Option<UtcMicros>,
}

impl Head {
    /// Whether it names other conversations.
    pub(crate) fn has_kin(&self) -> bool {
        self.associated.is_some() || !self.consultations.is_empty()
    }

    /// Reads the value of a member, whose name was just taken.
    fn read(
        &mut self,
        name: &str,
        cursor: &mut Cursor<'_>,
        radar: &mut Radar,
    ) -> Result<(), Unreadable> {
        match name {
            "securePause" => self.secure_pause = cursor.value::<YesNo>()?.0,
            "recordingState" => {
                let word = cursor.value::<Text<'_>>()?;
                // The legs tell of their own; this one is looked at for words that are new.
                radar.word(
                    "conversation.recordingState",
                    word.as_str(),
                    Recording::from_state,
                );
            }
            "associatedConversation" => {
                let other = cursor.value::<Object<Reference<'_>>>()?;
                self.associated = other.0.id.kept_id(None);
            }
            "consultationConversations" => {
                let others = cursor.value::<List<Object<Reference<'_>>>>()?;
                self.consultations.clear();
                let ids = others.0.iter().filter_map(|other| other.0.id.kept_id(None));
                self.consultations.extend(ids);
            }
            "endTime" => self.ended = cursor.value::<Time>()?.0,
            _ => {
                cursor.value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// A conversation as one body shows it.
pub(crate) struct Snapshot {
    pub(crate) conversation: ConversationId,
    head: Head,
    /// What the members before the participants tell of it.
    head_before: Head,
    text: String,
    /// Offsets in `text`: behind the `[` of the participants, and of the `]`.
    array: (usize, usize),
    places: Vec<Place>,
    /// Bytes that the cache counts it with.
    counted: usize,
    /// Whether it was used since the cache last looked for something to drop.
    used: bool,
}

/// Tells a participant as one body showed it from all others, for as long as the program runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

/// Where the stamps come from.
#[derive(Debug, Default)]
pub(crate) struct Stamps(u64);

impl Stamps {
    fn next(&mut self) -> Stamp {
        self.0 += 1;
        Stamp(self.0)
    }
}

#[derive(Debug)]
struct Place {
    start: usize,
    end: usize,
    stamp: Stamp,
    party: Party,
    /// Bytes that it takes. Texts that it shares with others count too.
    bytes: usize,
}

impl Place {
    fn new((start, end): (usize, usize), stamp: Stamp, party: Party) -> Self {
        let bytes = size_of::<Self>() + party.bytes();
        Self {
            start,
            end,
            stamp,
            party,
            bytes,
        }
    }
}

/// Of the text only its length: it is full of what nobody may read in a log.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("conversation", &self.conversation)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    /// What was read elsewhere, without a text of its own.
    pub(crate) fn of(conversation: ConversationId, head: Head, parties: Vec<Party>) -> Self {
        // Nothing is compared with an answer to a read.
        let place = |party| Place::new((0, 0), Stamp::default(), party);
        Self {
            conversation,
            head_before: Head::default(),
            head,
            text: String::new(),
            array: (usize::MAX, 0),
            places: parties.into_iter().map(place).collect(),
            counted: 0,
            used: true,
        }
    }

    /// What it tells of the conversation itself.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Its participants in order.
    pub(crate) fn parties(&self) -> impl ExactSizeIterator<Item = &Party> {
        self.places.iter().map(|place| &place.party)
    }

    /// Their stamps. One that is the same as in the last snapshot has the same.
    pub(crate) fn stamps(&self) -> impl ExactSizeIterator<Item = Stamp> {
        self.places.iter().map(|place| place.stamp)
    }

    /// The stamp of the participant at a place.
    pub(crate) fn stamp(&self, place: usize) -> Option<Stamp> {
        self.places.get(place).map(|place| place.stamp)
    }

    /// Bytes that it takes.
    fn bytes(&self) -> usize {
        self.text.capacity() + self.places.iter().map(|place| place.bytes).sum::<usize>()
    }

    /// Whether any participant takes part by voice, or is to be called back.
    pub(crate) fn has_legs(&self) -> bool {
        (self.places.iter())
            .any(|place| !place.party.legs.is_empty() || !place.party.callbacks.is_empty())
    }

    /// Reads a whole body.
    pub(crate) fn read(
        body: &str,
        shape: Shape,
        reading: &mut Reading<'_>,
    ) -> Result<Self, Unreadable> {
        Self::read_like(body, shape, reading, String::new(), &[])
    }

    /// Reads a whole body. `text` is a buffer to keep it in; with `akin`, participants of the same conversation in another
    /// shape, those read now share what is the same.
    fn read_like(
        body: &str,
        shape: Shape,
        reading: &mut Reading<'_>,
        mut text: String,
        akin: &[Place],
    ) -> Result<Self, Unreadable> {
        let mut cursor = Cursor::new(body, 0);
        let (mut id, mut array, mut places) = (None, None, Vec::new());
        let (mut head, mut head_before) = (Head::default(), Head::default());
        cursor.expect(b'{')?;
        while cursor.peek() != Some(b'}') {
            let name: Text<'_> = cursor.value()?;
            cursor.expect(b':')?;
            match name.as_str() {
                "id" if id.is_none() => id = cursor.value::<Text<'_>>()?.kept_id(None),
                "participants" if array.is_none() => {
                    if cursor.takes(b'[') {
                        let start = cursor.position();
                        read_places(&mut cursor, Goal::WHOLE, akin, shape, reading, &mut places)?;
                        array = Some((start, cursor.position()));
                        head_before = head.clone();
                        cursor.expect(b']')?;
                    } else {
                        cursor.value::<Option<()>>()?;
                    }
                }
                "id" | "participants" => return Err(Unreadable),
                name => head.read(name, &mut cursor, reading.radar)?,
            }
            if !cursor.takes(b',') {
                break;
            }
        }
        cursor.expect(b'}')?;
        if !cursor.is_at_end() {
            return Err(Unreadable);
        }
        let conversation = id.ok_or(Unreadable)?;
        rewrite(&mut text, body);
        Ok(Self {
            conversation,
            head,
            head_before,
            text,
            // Without an array nothing lies inside it, and the next text is read whole.
            array: array.unwrap_or((usize::MAX, 0)),
            places,
            counted: 0,
            used: true,
        })
    }

    /// Becomes what `body` shows, reading only what changed. `Ok(false)`: it must be read whole.
    fn update(
        &mut self,
        body: &str,
        shape: Shape,
        reading: &mut Reading<'_>,
    ) -> Result<bool, Unreadable> {
        let (old, new) = (self.text.as_bytes(), body.as_bytes());
        let prefix = common_prefix(old, new);
        let (array_start, array_end) = self.array;
        if prefix < array_start {
            return Ok(false);
        }
        let suffix = common_suffix(&old[prefix..], &new[prefix..]);
        let tail = old.len() - suffix;
        let first = self.places.partition_point(|place| place.end <= prefix);
        let from = match first {
            0 => array_start,
            _ => self.places[first - 1].end,
        };
        let mut cursor = Cursor::new(body, from);
        let read = if tail > array_end {
            self.read_rest(&mut cursor, first, shape, reading)?
        } else {
            let (longer, shorter) = (new.len(), old.len());
            let moved = |offset: usize| offset + longer - shorter;
            self.read_middle(&mut cursor, (first, tail), moved, shape, reading)?
        };
        if read {
            rewrite(&mut self.text, body);
        }
        Ok(read)
    }

    /// Reads the participants from `first` up to those that lie wholly behind `tail`, which stay.
    fn read_middle(
        &mut self,
        cursor: &mut Cursor<'_>,
        (first, tail): (usize, usize),
        moved: impl Fn(usize) -> usize,
        shape: Shape,
        reading: &mut Reading<'_>,
    ) -> Result<bool, Unreadable> {
        let last = self
            .places
            .partition_point(|place| place.start < tail)
            .max(first);
        let array_end = self.array.1;
        let until = self.places.get(last).map_or(array_end, |place| place.start);
        let goal = Goal {
            first: first == 0,
            until: Some(moved(until)),
            is_array_end: last == self.places.len(),
        };
        let mut middle = Vec::with_capacity(last - first + 1);
        let before = &self.places[first..last];
        if !read_places(cursor, goal, before, shape, reading, &mut middle)? {
            return Ok(false);
        }
        for place in &mut self.places[last..] {
            place.start = moved(place.start);
            place.end = moved(place.end);
        }
        self.array.1 = moved(array_end);
        self.places.splice(first..last, middle);
        Ok(true)
    }

    /// Reads the participants from `first` on, and what follows them.
    fn read_rest(
        &mut self,
        cursor: &mut Cursor<'_>,
        first: usize,
        shape: Shape,
        reading: &mut Reading<'_>,
    ) -> Result<bool, Unreadable> {
        let goal = Goal {
            first: first == 0,
            ..Goal::WHOLE
        };
        let mut rest = Vec::with_capacity(self.places.len() + 1 - first);
        let before = &self.places[first..];
        if !read_places(cursor, goal, before, shape, reading, &mut rest)? {
            return Ok(false);
        }
        let array_end = cursor.position();
        cursor.expect(b']')?;
        let mut head = self.head_before.clone();
        while cursor.takes(b',') && cursor.peek() != Some(b'}') {
            let name: Text<'_> = cursor.value()?;
            cursor.expect(b':')?;
            match name.as_str() {
                // Before the participants there was one already, or the text is another altogether.
                "id" | "participants" => return Ok(false),
                name => head.read(name, cursor, reading.radar)?,
            }
        }
        cursor.expect(b'}')?;
        if !cursor.is_at_end() {
            return Err(Unreadable);
        }
        self.array.1 = array_end;
        self.head = head;
        self.places.splice(first.., rest);
        Ok(true)
    }
}

/// Where the parse of changed participants begins and must end.
struct Goal {
    /// No participant stands before them.
    first: bool,
    /// The offset of the first kept participant behind them, or of the array's end. `None`: wherever the array ends.
    until: Option<usize>,
    is_array_end: bool,
}

impl Goal {
    /// The whole array.
    const WHOLE: Self = Self {
        first: true,
        until: None,
        is_array_end: true,
    };
}

/// Reads participants up to `goal`. `Ok(false)`: the goal was missed.
fn read_places(
    cursor: &mut Cursor<'_>,
    goal: Goal,
    before: &[Place],
    shape: Shape,
    reading: &mut Reading<'_>,
    places: &mut Vec<Place>,
) -> Result<bool, Unreadable> {
    let mut is_first = goal.first;
    loop {
        if cursor.peek() == Some(b']') {
            let is_there = goal.until.is_none_or(|until| until == cursor.position());
            return Ok(goal.is_array_end && is_there);
        }
        if !is_first {
            cursor.expect(b',')?;
        }
        is_first = false;
        cursor.peek();
        let start = cursor.position();
        if let Some(until) = goal.until.filter(|until| start >= *until) {
            return Ok(start == until && !goal.is_array_end);
        }
        let before = before.get(places.len());
        // One that is new has much in common with the one that stands before it: who called whom, the queue, the provider.
        let like = before.or(places.last()).map(|place| &place.party);
        let party = match shape {
            Shape::Nested => cursor
                .value::<nested::Participant<'_>>()?
                .keep(like, reading),
            Shape::Flat => cursor.value::<flat::Participant<'_>>()?.keep(like, reading),
        };
        let party = party.ok_or(Unreadable)?;
        let stamp = match before {
            // What changed is nothing that is used.
            Some(before) if before.party == party => before.stamp,
            _ => reading.stamps.next(),
        };
        places.push(Place::new((start, cursor.position()), stamp, party));
    }
}

/// Writes a body into a buffer, unless that has by far another size.
fn rewrite(text: &mut String, body: &str) {
    if (body.len()..=2 * body.len()).contains(&text.capacity()) {
        text.clear();
        text.push_str(body);
    } else {
        *text = body.to_owned();
    }
}

/// A buffer larger than any usual body is given back.
const LARGEST_SPARE: usize = 64 << 10;

/// Texts are compared in large blocks, which is fastest for what is the same, and within the first block that differs in
/// small ones.
const LARGE: usize = 512;
const SMALL: usize = 16;

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let large = same_blocks::<LARGE>(a, b);
    let small = large + same_blocks::<SMALL>(&a[large..], &b[large..]);
    let rest = a[small..].iter().zip(&b[small..]);
    small + rest.take_while(|(x, y)| x == y).count()
}

/// Bytes at the beginning that are the same, in whole blocks.
fn same_blocks<const BLOCK: usize>(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.as_chunks::<BLOCK>().0.iter().zip(b.as_chunks().0);
    BLOCK * blocks.take_while(|(x, y)| x == y).count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let large = same_blocks_at_end::<LARGE>(a, b);
    let (a, b) = (&a[..a.len() - large], &b[..b.len() - large]);
    let small = same_blocks_at_end::<SMALL>(a, b);
    let (a, b) = (&a[..a.len() - small], &b[..b.len() - small]);
    let rest = a.iter().rev().zip(b.iter().rev());
    large + small + rest.take_while(|(x, y)| x == y).count()
}

/// Bytes at the end that are the same, in whole blocks.
fn same_blocks_at_end<const BLOCK: usize>(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.as_rchunks::<BLOCK>().1.iter().rev();
    let blocks = blocks.zip(b.as_rchunks().1.iter().rev());
    BLOCK * blocks.take_while(|(x, y)| x == y).count()
}

/// The conversation's id, if it is the body's first member and needs no unescaping.
pub(super) fn leading_id(body: &str) -> Option<&str> {
    let mut cursor = Cursor::new(body, 0);
    (cursor.takes(b'{') && cursor.value::<&str>().ok()? == "id" && cursor.takes(b':'))
        .then(|| cursor.value().ok())?
}

/// The last snapshots of conversations in each shape, as many as fit.
pub(crate) struct SnapshotCache {
    pairs: HashMap<ConversationId, [Option<Snapshot>; 2]>,
    /// All that are kept, each once: the clock hand of a second-chance eviction.
    clock: VecDeque<(ConversationId, Shape)>,
    bytes: usize,
    limit: usize,
    /// The text of one that was dropped, for the next to be written into.
    spare: String,
}

/// A snapshot that was read.
pub(crate) enum Decoded<'a> {
    /// The same text as the last of this conversation and shape.
    Unchanged(&'a Snapshot),
    /// Another text, or the first.
    Changed(&'a Snapshot),
}

impl fmt::Debug for SnapshotCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotCache")
            .field("conversations", &self.pairs.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl SnapshotCache {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            pairs: HashMap::new(),
            clock: VecDeque::new(),
            bytes: 0,
            limit,
            spare: String::new(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads `body`, and keeps it for the next one.
    pub(crate) fn decode(
        &mut self,
        body: &str,
        shape: Shape,
        reading: &mut Reading<'_>,
    ) -> Result<Decoded<'_>, Unreadable> {
        let id = leading_id(body);
        let pair = id.and_then(|id| self.pairs.get_mut(id));
        let (known, other) = match (pair, shape) {
            (Some([nested, flat]), Shape::Nested) => (nested.as_mut(), flat.as_ref()),
            (Some([nested, flat]), Shape::Flat) => (flat.as_mut(), nested.as_ref()),
            (None, _) => (None, None),
        };
        let read = match known {
            Some(snapshot) if snapshot.text == body => None,
            Some(snapshot) => {
                let before = snapshot.counted;
                if snapshot.update(body, shape, reading)? {
                    snapshot.used = true;
                    snapshot.counted = snapshot.bytes();
                    self.bytes = self.bytes - before + snapshot.counted;
                    if self.bytes > self.limit {
                        let id = snapshot.conversation.clone();
                        self.make_room(&id, shape);
                    }
                    Some(None)
                } else {
                    let spare = std::mem::take(&mut self.spare);
                    let akin = &snapshot.places;
                    Some(Some(Snapshot::read_like(
                        body, shape, reading, spare, akin,
                    )?))
                }
            }
            None => {
                let spare = std::mem::take(&mut self.spare);
                let akin = other.map_or(&[][..], |other| &other.places);
                Some(Some(Snapshot::read_like(
                    body, shape, reading, spare, akin,
                )?))
            }
        };
        let changed = read.is_some();
        let pair = match read.flatten() {
            Some(snapshot) => {
                let id = self.insert(snapshot, shape);
                self.pairs.get_mut(&id)
            }
            None => id.and_then(|id| self.pairs.get_mut(id)),
        };
        let snapshot = pair
            .and_then(|pair| pair[shape as usize].as_mut())
            .ok_or(Unreadable)?;
        snapshot.used = true;
        Ok(if changed {
            Decoded::Changed(snapshot)
        } else {
            Decoded::Unchanged(snapshot)
        })
    }

    /// Forgets a conversation.
    pub(crate) fn forget(&mut self, conversation: &ConversationId) {
        for snapshot in self
            .pairs
            .remove(conversation)
            .into_iter()
            .flatten()
            .flatten()
        {
            self.bytes -= snapshot.counted;
            self.keep_spare(snapshot.text);
        }
        if self.clock.len() > 64 + 4 * self.pairs.len() {
            self.clock
                .retain(|(conversation, _)| self.pairs.contains_key(conversation));
        }
    }

    fn insert(&mut self, mut snapshot: Snapshot, shape: Shape) -> ConversationId {
        let id = snapshot.conversation.clone();
        snapshot.counted = snapshot.bytes();
        self.bytes += snapshot.counted;
        let pair = self.pairs.entry(id.clone()).or_default();
        match pair[shape as usize].replace(snapshot) {
            Some(former) => self.bytes -= former.counted,
            None => self.clock.push_back((id.clone(), shape)),
        }
        self.make_room(&id, shape);
        id
    }

    fn keep_spare(&mut self, text: String) {
        if text.capacity() <= LARGEST_SPARE {
            self.spare = text;
        }
    }

    /// Drops what was not used for longest, roughly, until the rest fits. The one in use now stays.
    fn make_room(&mut self, in_use: &ConversationId, in_use_as: Shape) {
        let mut passes = 2 * self.clock.len();
        while self.bytes > self.limit && passes > 1 {
            passes -= 1;
            let Some((id, shape)) = self.clock.pop_front() else {
                return;
            };
            let Some(pair) = self.pairs.get_mut(&id) else {
                continue;
            };
            let slot = &mut pair[shape as usize];
            // One that was forgotten and came again stands in the clock twice.
            let is_in_use = id == *in_use && shape == in_use_as;
            match slot {
                None => {}
                Some(snapshot) if snapshot.used || is_in_use => {
                    snapshot.used = false;
                    self.clock.push_back((id, shape));
                }
                Some(snapshot) => {
                    self.bytes -= snapshot.counted;
                    let text = std::mem::take(&mut snapshot.text);
                    *slot = None;
                    if pair.iter().all(Option::is_none) {
                        self.pairs.remove(&id);
                    }
                    self.keep_spare(text);
                }
            }
        }
    }
}

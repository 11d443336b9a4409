//! Conversation bodies, read with as little work as what changed asks for.
//!
//! Bodies repeat themselves: a snapshot comes again for every change, and participants only accumulate. So the text of
//! the last snapshot is kept beside what was read from it. Of a new text, the prefix and the suffix that are the same are
//! found by comparing bytes, participants that lie wholly inside them are kept as they are, and only those between are
//! parsed. This is exact, not a guess: a JSON parser that has read the same bytes is in the same state, and the parse of
//! the middle must end precisely where the kept tail begins; in any other case the whole text is read.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::de::IgnoredAny;

use super::cursor::Cursor;
use super::party::{Party, Text};
use super::topic::Shape;
use super::{flat, nested};
use crate::model::id::ConversationId;

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

/// A conversation as one body shows it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) conversation: ConversationId,
    text: String,
    /// Offsets in `text`: behind the `[` of the participants, and of the `]`.
    array: (usize, usize),
    places: Vec<Place>,
    /// Whether it was used since the cache last looked for something to drop.
    used: bool,
}

#[derive(Debug, Clone)]
struct Place {
    start: usize,
    end: usize,
    party: Arc<Party>,
}

impl Snapshot {
    /// Its participants in order. One that is the same as in the last snapshot is the same `Arc`.
    pub(crate) fn parties(&self) -> impl ExactSizeIterator<Item = &Arc<Party>> {
        self.places.iter().map(|place| &place.party)
    }

    /// Whether any participant takes part by voice.
    pub(crate) fn has_legs(&self) -> bool {
        self.places.iter().any(|place| !place.party.legs.is_empty())
    }

    /// Reads a whole body. `text` is a buffer to keep it in.
    fn read(body: &str, shape: Shape, mut text: String) -> Result<Self, Unreadable> {
        let mut cursor = Cursor::new(body, 0);
        let (mut id, mut array, mut places) = (None, None, Vec::new());
        cursor.expect(b'{')?;
        while cursor.peek() != Some(b'}') {
            let key: Text<'_> = cursor.value()?;
            cursor.expect(b':')?;
            match key.as_str() {
                "id" if id.is_none() => id = cursor.value::<Text<'_>>()?.kept_id(None),
                "participants" if array.is_none() => {
                    if cursor.takes(b'[') {
                        let start = cursor.position();
                        read_places(&mut cursor, None, &[], shape, &mut places)?;
                        array = Some((start, cursor.position()));
                        cursor.expect(b']')?;
                    } else {
                        cursor.value::<Option<()>>()?;
                    }
                }
                "id" | "participants" => return Err(Unreadable),
                _ => {
                    cursor.value::<IgnoredAny>()?;
                }
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
        text.clear();
        text.push_str(body);
        Ok(Self {
            conversation,
            text,
            // Without an array nothing lies inside it, and the next text is read whole.
            array: array.unwrap_or((usize::MAX, 0)),
            places,
            used: true,
        })
    }

    /// Becomes what `body` shows, reading only the participants that changed. `Ok(false)`: it must be read whole.
    fn update(&mut self, body: &str, shape: Shape) -> Result<bool, Unreadable> {
        let (old, new) = (self.text.as_bytes(), body.as_bytes());
        let prefix = common_prefix(old, new);
        let suffix = common_suffix(&old[prefix..], &new[prefix..]);
        let (array_start, array_end) = self.array;
        let tail = old.len() - suffix;
        if prefix < array_start || tail > array_end {
            return Ok(false);
        }
        let moved = |offset: usize| offset + new.len() - old.len();
        let first = self.places.partition_point(|place| place.end <= prefix);
        let last = self
            .places
            .partition_point(|place| place.start < tail)
            .max(first);
        let from = match first {
            0 => array_start,
            _ => self.places[first - 1].end,
        };
        let until = self.places.get(last).map_or(array_end, |place| place.start);

        let mut middle = Vec::with_capacity(last - first + 1);
        let mut cursor = Cursor::new(body, from);
        let goal = Goal {
            first: first == 0,
            until: moved(until),
            is_array_end: last == self.places.len(),
        };
        if !read_places(
            &mut cursor,
            Some(goal),
            &self.places[first..last],
            shape,
            &mut middle,
        )? {
            return Ok(false);
        }
        for place in &mut self.places[last..] {
            place.start = moved(place.start);
            place.end = moved(place.end);
        }
        self.array.1 = moved(array_end);
        self.places.splice(first..last, middle);
        self.text.clear();
        self.text.push_str(body);
        Ok(true)
    }
}

/// Where the parse of a changed middle must end.
struct Goal {
    /// No participant stands before the middle.
    first: bool,
    /// The offset of the first kept participant behind it, or of the array's end.
    until: usize,
    is_array_end: bool,
}

/// Reads participants up to the array's end, or up to `goal`. `Ok(false)`: the goal was missed.
fn read_places(
    cursor: &mut Cursor<'_>,
    goal: Option<Goal>,
    before: &[Place],
    shape: Shape,
    places: &mut Vec<Place>,
) -> Result<bool, Unreadable> {
    let mut is_first = goal.as_ref().is_none_or(|goal| goal.first);
    loop {
        if cursor.peek() == Some(b']') {
            return Ok(goal.is_none_or(|goal| goal.is_array_end && goal.until == cursor.position()));
        }
        if !is_first {
            cursor.expect(b',')?;
        }
        is_first = false;
        cursor.peek();
        let start = cursor.position();
        if let Some(goal) = goal.as_ref().filter(|goal| start >= goal.until) {
            return Ok(start == goal.until && !goal.is_array_end);
        }
        let before = before.get(places.len()).map(|place| &place.party);
        let party = match shape {
            Shape::Nested => cursor
                .value::<nested::Participant<'_>>()?
                .keep(before.map(Arc::as_ref)),
            Shape::Flat => cursor
                .value::<flat::Participant<'_>>()?
                .keep(before.map(Arc::as_ref)),
        };
        let party = party.ok_or(Unreadable)?;
        let party = match before {
            // What changed is nothing that is used.
            Some(before) if **before == party => Arc::clone(before),
            _ => Arc::new(party),
        };
        places.push(Place {
            start,
            end: cursor.position(),
            party,
        });
    }
}

/// A buffer larger than any usual body is given back.
const LARGEST_SPARE: usize = 64 << 10;

const BLOCK: usize = 64;

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let (blocks_a, _) = a.as_chunks::<BLOCK>();
    let (blocks_b, _) = b.as_chunks::<BLOCK>();
    let same = BLOCK
        * blocks_a
            .iter()
            .zip(blocks_b)
            .take_while(|(x, y)| x == y)
            .count();
    same + a[same..]
        .iter()
        .zip(&b[same..])
        .take_while(|(x, y)| x == y)
        .count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let (_, blocks_a) = a.as_rchunks::<BLOCK>();
    let (_, blocks_b) = b.as_rchunks::<BLOCK>();
    let same = BLOCK
        * blocks_a
            .iter()
            .rev()
            .zip(blocks_b.iter().rev())
            .take_while(|(x, y)| x == y)
            .count();
    let (rest_a, rest_b) = (&a[..a.len() - same], &b[..b.len() - same]);
    same + rest_a
        .iter()
        .rev()
        .zip(rest_b.iter().rev())
        .take_while(|(x, y)| x == y)
        .count()
}

/// The conversation's id, if it is the body's first member and needs no unescaping.
fn leading_id(body: &str) -> Option<&str> {
    let mut cursor = Cursor::new(body, 0);
    (cursor.takes(b'{') && cursor.value::<&str>().ok()? == "id" && cursor.takes(b':'))
        .then(|| cursor.value().ok())?
}

/// The last snapshots of conversations in each shape, as many as fit.
#[derive(Debug)]
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
    pub(crate) fn decode(&mut self, body: &str, shape: Shape) -> Result<Decoded<'_>, Unreadable> {
        let known = leading_id(body)
            .and_then(|id| self.pairs.get_mut(id))
            .and_then(|pair| pair[shape as usize].as_mut());
        let read = match known {
            Some(snapshot) if snapshot.text == body => None,
            Some(snapshot) => {
                let before = snapshot.text.len();
                if snapshot.update(body, shape)? {
                    snapshot.used = true;
                    self.bytes = self.bytes - before + body.len();
                    if self.bytes > self.limit {
                        let id = snapshot.conversation.clone();
                        self.make_room(&id, shape);
                    }
                    Some(None)
                } else {
                    Some(Some(Snapshot::read(
                        body,
                        shape,
                        std::mem::take(&mut self.spare),
                    )?))
                }
            }
            None => Some(Some(Snapshot::read(
                body,
                shape,
                std::mem::take(&mut self.spare),
            )?)),
        };
        let changed = read.is_some();
        let pair = match read.flatten() {
            Some(snapshot) => {
                let id = self.insert(snapshot, shape);
                self.pairs.get_mut(&id)
            }
            None => leading_id(body).and_then(|id| self.pairs.get_mut(id)),
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
            self.bytes -= snapshot.text.len();
            self.keep_spare(snapshot.text);
        }
        if self.clock.len() > 64 + 4 * self.pairs.len() {
            self.clock
                .retain(|(conversation, _)| self.pairs.contains_key(conversation));
        }
    }

    fn insert(&mut self, snapshot: Snapshot, shape: Shape) -> ConversationId {
        let id = snapshot.conversation.clone();
        self.bytes += snapshot.text.len();
        let pair = self.pairs.entry(id.clone()).or_default();
        match pair[shape as usize].replace(snapshot) {
            Some(former) => self.bytes -= former.text.len(),
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
                    let text = std::mem::take(&mut snapshot.text);
                    *slot = None;
                    if pair.iter().all(Option::is_none) {
                        self.pairs.remove(&id);
                    }
                    self.bytes -= text.len();
                    self.keep_spare(text);
                }
            }
        }
    }
}

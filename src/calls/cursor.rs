//! A place in a JSON text: walks the outer structure by hand and leaves every value to serde_json.
//!
//! It exists because a snapshot must know *where* each participant stands in its text, which serde does not tell.

use serde::Deserialize;

use super::snapshot::Unreadable;

pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// Bytes before the cursor.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn skip_white_space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
            .count();
    }

    /// The next byte that is not white space, without taking it.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.skip_white_space();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes `byte` if it is next.
    pub(crate) fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes `byte`, which must be next.
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Unreadable> {
        if self.takes(byte) {
            Ok(())
        } else {
            Err(Unreadable)
        }
    }

    /// Takes the next value.
    pub(crate) fn value<T: Deserialize<'a>>(&mut self) -> Result<T, Unreadable> {
        self.skip_white_space();
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            _ => Err(Unreadable),
        }
    }

    /// Whether only white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }
}

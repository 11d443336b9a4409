//! One table of settings: name, type, default, check, help, when it applies. Schema and reference page come from it.
//!
//! Knows: what an operator may write and what it means. Does not know: who uses a value. Input: a JSON document.
//! Output: [`Settings`], or every problem of the document at once.

//! What clients asked: the last requests, and how many there were in each minute.
//!
//! Secrets do not get here: the region replaces channel ids by numbers before, and tokens are numbers anyway.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::oauth::TokenNo;
use crate::time::Time;

/// How many requests are kept whole, and how many counts of a minute; the totals cover all.
const KEPT: usize = 20_000;

#[derive(Debug)]
struct Asked {
    at: Time,
    method: String,
    path: String,
    status: u16,
    token: Option<TokenNo>,
}

/// The log.
#[derive(Debug, Default)]
pub struct RequestLog {
    last: VecDeque<Asked>,
    total: u64,
    per_minute: BTreeMap<(i64, Option<TokenNo>), u64>,
    per_status: BTreeMap<u16, u64>,
}

impl RequestLog {
    /// Notes a request and its answer's status.
    pub fn add(
        &mut self,
        method: &str,
        path: &str,
        status: u16,
        token: Option<TokenNo>,
        now: Time,
    ) {
        self.total += 1;
        *self
            .per_minute
            .entry((now.0.div_euclid(60_000), token))
            .or_insert(0) += 1;
        if self.per_minute.len() > KEPT {
            self.per_minute.pop_first();
        }
        *self.per_status.entry(status).or_insert(0) += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(Asked {
            at: now,
            method: method.to_owned(),
            path: path.to_owned(),
            status,
            token,
        });
    }

    /// Drops the requests before a time, and the counts of minutes that were over; the totals stay.
    pub fn forget(&mut self, before: Time) {
        self.last.retain(|asked| asked.at >= before);
        let minute = before.0.div_euclid(60_000);
        self.per_minute.retain(|(at, _), _| *at >= minute);
    }

    /// The answer of `GET /_sim/requests`.
    #[must_use]
    pub fn listing(&self, tokens_issued: u64) -> Value {
        let per_minute: Vec<Value> = self
            .per_minute
            .iter()
            .map(|((minute, token), count)| {
                json!({ "minute": Time(minute * 60_000).iso(), "token": token.map(|t| t.0), "requests": count })
            })
            .collect();
        let per_status: serde_json::Map<String, Value> = self
            .per_status
            .iter()
            .map(|(status, count)| (status.to_string(), json!(count)))
            .collect();
        let requests: Vec<Value> = self
            .last
            .iter()
            .map(|asked| {
                json!({
                    "time": asked.at.iso(),
                    "method": asked.method,
                    "path": asked.path,
                    "status": asked.status,
                    "token": asked.token.map(|token| token.0),
                })
            })
            .collect();
        json!({
            "total": self.total,
            "tokens_issued": tokens_issued,
            "per_minute": per_minute,
            "per_status": per_status,
            "requests": requests,
        })
    }
}

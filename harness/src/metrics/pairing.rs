//! From events to intervals: begins with ends, and events with responses.

use super::times::{BadInput, Times};
use serde::{Deserialize, Serialize};

/// What a begin means while an interval is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nesting {
    /// It is part of the open interval: that runs from its first begin to the next end.
    #[default]
    First,
    /// A new interval opens inside: the next end closes the innermost one (calls and returns).
    Nested,
}

/// Intervals, and what did not fit into one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Pairs {
    /// Begin and end in cycles, ascending by begin; of nested ones with equal begins the outer first.
    pub intervals: Vec<(u64, u64)>,
    /// Begins while an interval was open.
    pub nested: u64,
    /// Begins without an end: intervals that were open when the run ended.
    pub unmatched_begins: u64,
    /// Ends without a begin.
    pub unmatched_ends: u64,
}

/// Pairs begins with ends. In the same cycle, an end closes what was open before, then a begin opens; an end with
/// nothing open closes an interval that begins in its cycle, of no length.
///
/// # Errors
/// Lists that are not ascending.
pub fn pair(begins: &[u64], ends: &[u64], nesting: Nesting) -> Result<Pairs, BadInput> {
    let (begins, ends) = (Times::new(begins)?.all(), Times::new(ends)?.all());
    let mut pairs = Pairs::default();
    let mut open: Vec<u64> = Vec::new();
    let (mut b, mut e) = (0, 0);
    while b < begins.len() || e < ends.len() {
        let begin_first = match (begins.get(b), ends.get(e)) {
            (Some(begin), Some(end)) => begin < end || (begin == end && open.is_empty()),
            (begin, _) => begin.is_some(),
        };
        if begin_first {
            pairs.nested += u64::from(!open.is_empty());
            if open.is_empty() || nesting == Nesting::Nested {
                open.push(begins[b]);
            }
            b += 1;
        } else {
            match open.pop() {
                Some(begin) => pairs.intervals.push((begin, ends[e])),
                None => pairs.unmatched_ends += 1,
            }
            e += 1;
        }
    }
    pairs.unmatched_begins = open.len() as u64;
    if nesting == Nesting::Nested {
        // They were found by their ends.
        let by_begin = |&(begin, end): &(u64, u64)| (begin, std::cmp::Reverse(end));
        pairs.intervals.sort_by_key(by_begin);
    }
    Ok(pairs)
}

/// Latencies from events to responses.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Latencies {
    /// Event and response in cycles, ascending.
    pub intervals: Vec<(u64, u64)>,
    /// Events after the last response.
    pub unanswered: u64,
    /// Events that the next event came before the response of: both are measured to that response.
    pub overtaken: u64,
    /// Responses after the first to an event.
    pub doubled: u64,
    /// Responses before the first event.
    pub early: u64,
}

/// From each event to the next response, in the same cycle or later. An event that is overtaken by the next one is
/// measured all the same: leaving it out would hide the longest waits.
///
/// # Errors
/// Lists that are not ascending.
pub fn latency(events: &[u64], responses: &[u64]) -> Result<Latencies, BadInput> {
    let (events, responses) = (Times::new(events)?.all(), Times::new(responses)?.all());
    let mut found = Latencies::default();
    let mut answers = 0;
    let mut last = None;
    let mut next = 0;
    for (i, &event) in events.iter().enumerate() {
        while responses.get(next).is_some_and(|&r| r < event) {
            next += 1;
        }
        let Some(&response) = responses.get(next) else {
            found.unanswered = (events.len() - i) as u64;
            break;
        };
        found.intervals.push((event, response));
        let overtaken = events
            .get(i + 1)
            .is_some_and(|&e| e <= response && e > event);
        found.overtaken += u64::from(overtaken);
        if last != Some(next) {
            answers += 1;
            last = Some(next);
        }
    }
    let first = events.first().copied().unwrap_or(u64::MAX);
    found.early = responses.partition_point(|&r| r < first) as u64;
    found.doubled = responses.len() as u64 - found.early - answers;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_and_ends() {
        let p = pair(&[10, 20, 30], &[5, 15, 20, 40], Nesting::First).expect("ascending");
        // 20 begins, and 20 ends it at once; 40 ends 30.
        assert_eq!(p.intervals, [(10, 15), (20, 20), (30, 40)]);
        assert_eq!((p.unmatched_ends, p.unmatched_begins, p.nested), (1, 0, 0));
        let back_to_back = pair(&[10, 20], &[20, 30], Nesting::First).expect("ascending");
        assert_eq!(back_to_back.intervals, [(10, 20), (20, 30)]);
        assert_eq!(back_to_back.nested, 0);
    }

    #[test]
    fn nesting_is_counted_both_ways() {
        let (b, e) = ([10, 20, 50], [30, 40]);
        let first = pair(&b, &e, Nesting::First).expect("ascending");
        assert_eq!(first.intervals, [(10, 30)]);
        assert_eq!(
            (first.nested, first.unmatched_ends, first.unmatched_begins),
            (1, 1, 1)
        );
        let nested = pair(&b, &e, Nesting::Nested).expect("ascending");
        assert_eq!(nested.intervals, [(10, 40), (20, 30)]);
        assert_eq!(
            (
                nested.nested,
                nested.unmatched_ends,
                nested.unmatched_begins
            ),
            (1, 0, 1)
        );
        assert!(pair(&[2, 1], &[], Nesting::First).is_err());
    }

    #[test]
    fn responses_are_matched_and_the_rest_is_counted() {
        let l = latency(&[10, 20, 30, 40, 90], &[5, 10, 12, 35, 50]).expect("ascending");
        assert_eq!(l.intervals, [(10, 10), (20, 35), (30, 35), (40, 50)]);
        assert_eq!(
            (l.unanswered, l.overtaken, l.doubled, l.early),
            (1, 1, 1, 1)
        );
        let none = latency(&[], &[1, 2]).expect("ascending");
        assert_eq!((none.early, none.doubled), (2, 0));
        assert_eq!(latency(&[1, 2], &[]).expect("ascending").unanswered, 2);
    }
}

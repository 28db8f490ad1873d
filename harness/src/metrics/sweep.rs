//! Which n and m are swept: powers of two, and those that were asked for.

use std::collections::BTreeSet;

/// 1, 2, 4, … up to `most`, with those of `more` that do not exceed it, ascending.
#[must_use]
pub fn powers_and(more: &BTreeSet<u64>, most: u64) -> BTreeSet<u64> {
    let powers = (0..u64::BITS).map(|b| 1u64 << b);
    powers
        .take_while(|&n| n <= most)
        .chain(more.iter().copied().filter(|&n| n > 0 && n <= most))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_with_wishes_that_fit() {
        let all = powers_and(&BTreeSet::from([0, 3, 8, 100]), 20);
        assert_eq!(all, BTreeSet::from([1, 2, 3, 4, 8, 16]));
        assert!(powers_and(&BTreeSet::from([1]), 0).is_empty());
        assert_eq!(powers_and(&BTreeSet::new(), u64::MAX).len(), 64);
    }
}

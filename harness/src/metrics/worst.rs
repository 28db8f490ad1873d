//! The few largest of many, with where they are.

use serde::{Deserialize, Serialize};

/// Something that stands out, and where.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Worst<V> {
    /// Which one, as its metric counts them.
    pub index: u64,
    /// At which cycle.
    pub cycle: u64,
    /// Its value, in the metric's unit.
    pub value: V,
}

/// Keeps the `most` items with the largest keys, the largest first; of equal keys the first that came.
#[derive(Debug)]
pub struct Largest<K, T> {
    most: usize,
    kept: Vec<(K, T)>,
}

impl<K: PartialOrd + Copy, T> Largest<K, T> {
    /// None kept yet.
    #[must_use]
    pub fn new(most: usize) -> Largest<K, T> {
        Largest {
            most,
            kept: Vec::with_capacity(most.min(1024) + 1),
        }
    }

    /// Takes it if it is among the largest so far.
    #[inline]
    pub fn offer(&mut self, key: K, item: impl FnOnce() -> T) {
        if self.kept.len() < self.most || self.kept.last().is_some_and(|l| key > l.0) {
            self.insert(key, item());
        }
    }

    fn insert(&mut self, key: K, item: T) {
        let at = self.kept.partition_point(|k| k.0 >= key);
        self.kept.insert(at, (key, item));
        self.kept.truncate(self.most);
    }

    /// What was kept, the largest first.
    pub fn into_items(self) -> impl Iterator<Item = T> {
        self.kept.into_iter().map(|k| k.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_first_and_the_first_of_equals() {
        let mut l = Largest::new(3);
        for (i, key) in [3, 9, 1, 9, 3, 4].into_iter().enumerate() {
            l.offer(key, || i);
        }
        assert_eq!(l.into_items().collect::<Vec<_>>(), [1, 3, 5]);
        let mut none = Largest::new(0);
        none.offer(1, || ());
        assert_eq!(none.into_items().count(), 0);
    }
}

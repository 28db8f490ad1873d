//! A journal of what the host's folder has answered: a run that is repeated from a snapshot gets the same answers, and
//! the folder is left alone.
//!
//! Each operation that looks at the folder or changes it has a running number, which is part of the saved state. One
//! whose number is in the journal is answered from there. The journal grows with what is read from files.

use super::files::{Errno, Folder, OpenFile};

/// What an operation gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    File(OpenFile),
    Bytes(Vec<u8>),
    Length(u64),
    Done,
    Failed(Errno),
}

/// What an operation gives when it succeeds, as it is kept.
pub(super) trait Kept: Sized {
    fn keep(&self) -> Answer;
    /// `None` when it is the answer of another operation.
    fn of(answer: &Answer) -> Option<Self>;
}

macro_rules! kept {
    ($type:ty, $variant:ident) => {
        impl Kept for $type {
            fn keep(&self) -> Answer {
                Answer::$variant(self.clone())
            }
            fn of(answer: &Answer) -> Option<Self> {
                match answer {
                    Answer::$variant(value) => Some(value.clone()),
                    _ => None,
                }
            }
        }
    };
}

kept!(OpenFile, File);
kept!(Vec<u8>, Bytes);
kept!(u64, Length);

impl Kept for () {
    fn keep(&self) -> Answer {
        Answer::Done
    }
    fn of(answer: &Answer) -> Option<()> {
        (*answer == Answer::Done).then_some(())
    }
}

/// The answers to a stretch of operations.
#[derive(Debug, Default)]
struct Journal {
    /// Number of the first operation.
    first: u64,
    answers: Vec<Answer>,
}

impl Journal {
    fn get<T: Kept>(&self, number: u64) -> Option<Result<T, Errno>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        match self.answers.get(index)? {
            Answer::Failed(errno) => Some(Err(*errno)),
            answer => T::of(answer).map(Ok),
        }
    }

    /// Forget operation `number` and what comes behind it.
    fn cut(&mut self, number: u64) {
        let kept = number.saturating_sub(self.first);
        self.answers
            .truncate(usize::try_from(kept).unwrap_or(usize::MAX));
    }

    /// The answer to operation `number`, which was not known or no longer holds.
    fn put(&mut self, number: u64, answer: Answer) {
        self.cut(number);
        if self.first + self.answers.len() as u64 != number {
            // From before the journal, or from another run.
            (self.first, self.answers) = (number, Vec::new());
        }
        self.answers.push(answer);
    }
}

/// The folder, and the journal when one is kept.
#[derive(Debug)]
pub(super) struct Files {
    folder: Folder,
    journal: Option<Journal>,
}

impl Files {
    pub fn new(folder: Folder) -> Files {
        Files {
            folder,
            journal: None,
        }
    }

    pub fn is_given(&self) -> bool {
        self.folder.is_given()
    }

    pub fn keep_journal(&mut self, on: bool) {
        if on {
            self.journal.get_or_insert_default();
        } else {
            self.journal = None;
        }
    }

    /// Forget the answers from operation `number` on.
    pub fn forget_from(&mut self, number: u64) {
        if let Some(journal) = &mut self.journal {
            journal.cut(number);
        }
    }

    /// Operation `number` with the folder, or the answer that it got before. Counts on.
    pub fn ask<T: Kept>(
        &mut self,
        number: &mut u64,
        operation: impl FnOnce(&Folder) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let now = *number;
        *number += 1;
        let Some(journal) = &mut self.journal else {
            return operation(&self.folder);
        };
        if let Some(known) = journal.get(now) {
            return known;
        }
        let result = operation(&self.folder);
        let answer = match &result {
            Ok(value) => value.keep(),
            Err(errno) => Answer::Failed(*errno),
        };
        journal.put(now, answer);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_holds_one_stretch() {
        let mut j = Journal::default();
        j.put(7, Answer::Done);
        j.put(8, Answer::Length(5));
        assert_eq!(j.get::<()>(7), Some(Ok(())));
        assert_eq!(j.get::<u64>(8), Some(Ok(5)));
        assert_eq!(j.get::<()>(8), None, "of another operation");
        assert_eq!(j.get::<()>(6), None);
        assert_eq!(j.get::<()>(9), None);
        j.put(9, Answer::Failed(Errno::NOENT));
        assert_eq!(j.get::<u64>(9), Some(Err(Errno::NOENT)));
        j.put(8, Answer::Done);
        assert_eq!(j.get::<()>(9), None, "what came behind is gone");
        j.put(2, Answer::Done);
        assert_eq!((j.first, j.answers.len()), (2, 1), "before its beginning");
        j.put(4, Answer::Done);
        assert_eq!((j.first, j.answers.len()), (4, 1), "behind a gap");
        j.cut(0);
        assert_eq!(j.get::<()>(4), None);
    }
}

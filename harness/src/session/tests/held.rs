//! Runs under a stand-in for a debugger: what would end them is told to it, and pieces are as good as the whole.

use super::*;
use std::collections::VecDeque;

/// What the debugger does, call by call, while it holds the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Do {
    Go,
    LetGo,
    Kill,
}

/// A machine that comes back after so many cycles, and whose debugger follows a script.
struct Watched {
    machine: Coreless,
    piece: u64,
    script: VecDeque<Do>,
    attached: bool,
    holds: bool,
    told: Vec<(Outcome, Cycles)>,
}

impl Watched {
    fn new(machine: Coreless, script: &[Do]) -> Watched {
        Watched {
            machine,
            piece: 777,
            script: script.iter().copied().collect(),
            attached: !script.is_empty(),
            holds: false,
            told: Vec::new(),
        }
    }
}

impl Runnable for Watched {
    fn run_until(&mut self, limit: Cycles) -> Moved {
        if self.holds {
            match self
                .script
                .pop_front()
                .expect("a script that is long enough")
            {
                Do::Go => self.holds = false,
                Do::LetGo => {
                    self.holds = false;
                    self.attached = false;
                }
                Do::Kill => return Moved::Over(Outcome::Killed),
            }
            return Moved::Waiting;
        }
        let piece = self.machine.now() + self.piece;
        match self.machine.run_until(limit.min(piece)) {
            Moved::Ran(Stop::Limit) if piece < limit => Moved::Partly,
            moved => moved,
        }
    }
    fn moment(&self) -> Moment {
        self.machine.moment()
    }
    fn bus(&mut self) -> &mut Bus {
        self.machine.bus()
    }
    fn give(&mut self, port: u8, bytes: &[u8]) {
        self.machine.give(port, bytes);
    }
    fn end_console(&mut self) {}
    fn finish(&mut self) {}
    fn is_attached(&self) -> bool {
        self.attached
    }
    fn hold(&mut self, outcome: &Outcome) -> bool {
        let takes = self.attached && !self.holds;
        if takes {
            self.holds = true;
            self.told.push((outcome.clone(), self.machine.now()));
        }
        takes
    }
}

fn run_held(machine: &mut Watched, settings: Settings) -> Finished {
    session(machine, settings).run()
}

#[test]
fn a_limit_is_told_as_often_as_it_is_run_into() {
    let mut m = Watched::new(machine(None), &[Do::Go, Do::Go, Do::LetGo]);
    let f = run_held(&mut m, limit("12345cy"));
    let told = (Outcome::Limit, Cycles(12_345));
    assert_eq!(m.told, [told.clone(), told.clone(), told]);
    assert_eq!(
        (f.outcome, m.machine.now()),
        (Outcome::Limit, Cycles(12_345))
    );
    assert_eq!(f.texts[0].kept, b"123456789012");
}

#[test]
fn what_until_waits_for_stops_it_each_time() {
    let text = b"456".to_vec();
    let until = Until::Uart {
        port: None,
        text: text.clone(),
    };
    let on = StopOn::SerialText { port: None, text };
    let settings = Settings {
        until: vec![(until.clone(), on)],
        ..limit("1s")
    };
    let mut m = Watched::new(machine(None), &[Do::Go, Do::LetGo]);
    let f = run_held(&mut m, settings.clone());
    let until = Outcome::Until(until);
    let at = |cycle| (until.clone(), Cycles(cycle));
    assert_eq!(m.told, [at(6000), at(16_000)]);
    assert_eq!((f.outcome, m.machine.now()), at(16_000));

    let mut m = Watched::new(machine(None), &[Do::Kill]);
    let f = run_held(&mut m, settings);
    assert_eq!(
        (f.outcome, m.machine.now()),
        (Outcome::Killed, Cycles(6000))
    );
}

#[test]
fn a_gap_is_told_once_and_ends_the_run_when_nobody_looks() {
    let settings = || Settings {
        strict: true,
        ..limit("90000cy")
    };
    let mut m = Watched::new(machine(None), &[Do::Go, Do::LetGo]);
    let f = run_held(&mut m, settings());
    let told: Vec<&Outcome> = m.told.iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(told, [&Outcome::Unmodelled, &Outcome::Limit]);
    // Nobody looks any more: it is as in any run that has met a gap.
    assert_eq!(f.outcome, Outcome::Unmodelled);

    let mut m = Watched::new(machine(None), &[Do::LetGo]);
    let f = run_held(&mut m, settings());
    assert_eq!(f.outcome, Outcome::Unmodelled);
    assert!(m.machine.now() < Cycles(72_000));
}

#[test]
fn a_sleep_without_end_stands_still() {
    let mut plain = machine(Some(5));
    let _ = run(&mut plain, Settings::default());
    let mut m = Watched::new(machine(Some(5)), &[Do::Go, Do::Go, Do::LetGo]);
    let f = run_held(&mut m, Settings::default());
    let told = (Outcome::Asleep, plain.now());
    assert_eq!(m.told, [told.clone(), told.clone(), told.clone()]);
    assert_eq!((f.outcome, m.machine.now()), told);
}

#[test]
fn a_run_in_pieces_has_the_same_capture() {
    let dir = tempfile::tempdir().expect("tempdir");
    let capture = |name: &str, piece: Option<u64>| {
        let path = dir.path().join(name);
        let file = PendingFile::create(&path).expect("file");
        let writer = Writer::start(file, &header()).expect("starts");
        let mut m = Watched::new(machine(None), &[]);
        m.piece = piece.unwrap_or(u64::MAX >> 1);
        m.bus().probes.attach(ProbeMask::ALL, writer.probe_flush());
        let f = Session {
            capture: Some(writer),
            ..session(&mut m, limit("60ms"))
        }
        .run();
        let writer = f.capture.expect("capture");
        let segments = m.bus().clocks.segments().to_vec();
        let (file, _) = writer.finish(m.machine.now(), &segments).expect("finishes");
        file.commit().expect("committed");
        (std::fs::read(path).expect("a capture"), f.texts)
    };
    let whole = capture("whole", None);
    for piece in [1, 999, 1000, 12_345] {
        assert!(capture("pieces", Some(piece)) == whole, "{piece}");
    }
}

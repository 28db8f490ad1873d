//! Nets: the pins of the chip and what drives them.
//!
//! An edge is an edge of the net, not a register write: a net has drivers (the port, external
//! parts), a strong one wins over pulls, and only a change of the resulting level is an edge.
//!
//! Modelled: strong high and low, open drain, pull-up and pull-down, contention (low wins, counted).
//! Not modelled: analog levels, slew, capacitance: a floating net reads low.

use serde::{Deserialize, Serialize};

/// Handle of a net.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct NetId(pub u16);

/// What one driver does to a net.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Drive {
    /// High impedance.
    #[default]
    Float,
    /// Weak pull to ground.
    PullDown,
    /// Weak pull to the supply.
    PullUp,
    /// Driven low.
    Low,
    /// Driven high.
    High,
}

/// Who drives: the chip's port logic, or a part on the board.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Driver {
    /// The output stage of the port.
    Port,
    /// The pull resistors of the port.
    PortPull,
    /// What is connected outside.
    External,
    /// A stimulus: a generator clipped to the pin, whatever else is connected.
    Stimulus,
}

/// How many drivers a net has.
const DRIVERS: usize = 4;

/// State of a net.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Net {
    drives: [Drive; DRIVERS],
    level: bool,
    /// Someone acts on edges: an interrupt line, a timer input, a part, or who waits for one to end the run. No part
    /// of the state: it follows from who listens.
    #[serde(skip)]
    listened: bool,
    contended: bool,
}

/// All nets of a machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Nets {
    names: Vec<String>,
    nets: Vec<Net>,
}

impl Nets {
    /// Add a net, or find it when the name is known.
    pub fn add(&mut self, name: &str) -> NetId {
        if let Some(id) = self.find(name) {
            return id;
        }
        self.names.push(name.to_owned());
        self.nets.push(Net::default());
        NetId(self.nets.len() as u16 - 1)
    }

    /// The net of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NetId> {
        self.names
            .iter()
            .position(|n| n == name)
            .map(|i| NetId(i as u16))
    }

    /// Name of a net, such as `PA5`.
    #[must_use]
    pub fn name(&self, id: NetId) -> &str {
        &self.names[usize::from(id.0)]
    }

    /// How many nets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nets.len()
    }

    /// Is there no net?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nets.is_empty()
    }

    /// All net names in order of their ids.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The level a reader of the pin sees.
    #[must_use]
    pub fn level(&self, id: NetId) -> bool {
        self.nets[usize::from(id.0)].level
    }

    /// Set one driver; returns the new level if it changed.
    pub fn drive(&mut self, id: NetId, driver: Driver, drive: Drive) -> Option<bool> {
        let net = &mut self.nets[usize::from(id.0)];
        net.drives[driver as usize] = drive;
        let strong_low = net.drives.contains(&Drive::Low);
        let strong_high = net.drives.contains(&Drive::High);
        net.contended |= strong_low && strong_high;
        let level = if strong_low || strong_high {
            !strong_low
        } else {
            net.drives.contains(&Drive::PullUp) && !net.drives.contains(&Drive::PullDown)
        };
        if level == net.level {
            return None;
        }
        net.level = level;
        Some(level)
    }

    /// Was the net ever driven high and low at once?
    #[must_use]
    pub fn was_contended(&self, id: NetId) -> bool {
        self.nets[usize::from(id.0)].contended
    }

    /// Say whether an edge of this net can cause something, so that accesses which move it are made
    /// at an exact instruction boundary.
    pub fn set_listened(&mut self, id: NetId, on: bool) {
        self.nets[usize::from(id.0)].listened = on;
    }

    /// Can an edge of this net cause something?
    #[must_use]
    pub fn is_listened(&self, id: NetId) -> bool {
        self.nets[usize::from(id.0)].listened
    }

    /// The states of all nets, for snapshots.
    pub(crate) fn all(&self) -> &Vec<Net> {
        &self.nets
    }

    /// Take over the states of as many nets.
    pub(crate) fn restore(&mut self, nets: &[Net]) {
        self.nets.copy_from_slice(nets);
    }

    /// Levels and drivers, for hashing and snapshots.
    pub fn states(&self) -> impl Iterator<Item = (bool, [Drive; DRIVERS])> {
        self.nets.iter().map(|n| (n.level, n.drives))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_drivers_win_over_pulls() {
        let mut n = Nets::default();
        let a = n.add("PA0");
        assert_eq!(n.drive(a, Driver::PortPull, Drive::PullUp), Some(true));
        assert_eq!(n.drive(a, Driver::External, Drive::Low), Some(false));
        assert_eq!(n.drive(a, Driver::External, Drive::Float), Some(true));
        assert_eq!(n.drive(a, Driver::Port, Drive::High), None);
        assert!(!n.was_contended(a));
        n.drive(a, Driver::External, Drive::Low);
        assert!(n.was_contended(a));
    }
}

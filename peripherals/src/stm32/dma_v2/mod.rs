//! DMA controller with eight streams (`stm32.dma.v2`, STM32F2/F4/F7), RM0090 chapter 10.
//!
//! Modelled: peripheral-to-memory, memory-to-peripheral and memory-to-memory transfers, channel
//! selection, priorities, all data widths with packing, increments and PINCOS, circular and
//! double-buffer mode, flags and interrupts, transfer errors, disabling in the middle, the check of
//! FIFO threshold against memory burst.
//!
//! Not modelled, or otherwise than the hardware:
//! - The FIFO passes data on as soon as a memory item is complete, whatever its threshold; in direct
//!   mode nothing is preloaded. So FIFO and direct-mode errors (under- and overrun) do not happen.
//! - Bursts are single beats.
//! - The peripheral as flow controller (PFCTRL).
//! - Traffic with the core on the bus matrix: a beat takes the same time whatever the core does.
//!
//! Time: one beat moves one item of the peripheral's width and all its effects come at its end. It
//! takes [`Costs::peripheral_port`] cycles, and [`Costs::memory_port`] cycles for each access of the
//! memory port. The controller does one beat at a time and then chooses again. The costs are
//! *estimates*: AN4031 splits a port's access into arbitration, address computation, bus matrix
//! arbitration, data and synchronisation, a cycle or two each.
//!
//! Request inputs are levels (a USART's `dma_rx`); a device that is not told when its request has been
//! served gives [`REQUEST_PULSE`] instead, which counts for one beat.
//!
//! Parameters: `memory_to_memory` (default false; only DMA2 can), `unreachable` (ranges such as the CCM
//! that give a bus error: `[{ base = 0x1000_0000, size = 0x1_0000 }]`), `peripheral_port_cycles`,
//! `memory_port_cycles`.

mod registers;
mod stream;

use crate::ParameterError;
use emu_core::{Ctx, Device, NoticeKind, Ports, Width};
use serde::{Deserialize, Serialize};
use stream::{Direction, Stream, flag};

/// A request that is taken back by being served, for the outputs of devices that do not know when
/// that is. Zero takes it back unserved.
pub const REQUEST_PULSE: u32 = 2;

const STREAMS: usize = 8;
const CHANNELS: usize = 8;
/// The event at which the beat under way ends.
const BEAT_ENDS: u32 = 0;
/// The event at which the next stream is chosen: in the cycle of what made it necessary, but after all
/// requests that change in that cycle have arrived. (What a beat does to a device's request comes
/// back only when the beat's event is over.)
const CHOOSE: u32 = 1;

/// Parameters in machine files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    memory_to_memory: bool,
    #[serde(default)]
    unreachable: Vec<Range>,
    peripheral_port_cycles: Option<u64>,
    memory_port_cycles: Option<u64>,
}

/// A range of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    base: u32,
    size: u32,
}

impl Range {
    fn contains(self, address: u32) -> bool {
        address.wrapping_sub(self.base) < self.size
    }
}

/// AHB cycles of a beat.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Costs {
    /// Access of the peripheral port: five steps of one cycle (AN4031; estimate).
    peripheral_port: u64,
    /// Each access of the memory port (AN4031; estimate).
    memory_port: u64,
}

/// Makes a `stm32.dma.v2`.
///
/// # Errors
/// [`ParameterError`] for an unknown parameter or a value out of range.
pub fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = crate::parameters(table)?;
    let costs = Costs {
        peripheral_port: p.peripheral_port_cycles.unwrap_or(5),
        memory_port: p.memory_port_cycles.unwrap_or(4),
    };
    if costs.peripheral_port == 0 {
        return Err(ParameterError(
            "`peripheral_port_cycles` must be at least 1".to_owned(),
        ));
    }
    Ok(Box::new(Dma {
        memory_to_memory: p.memory_to_memory,
        unreachable: p.unreachable,
        costs,
        streams: vec![Stream::default(); STREAMS],
        busy: None,
    }))
}

/// The controller.
#[derive(Clone, Serialize, Deserialize)]
struct Dma {
    memory_to_memory: bool,
    unreachable: Vec<Range>,
    costs: Costs,
    streams: Vec<Stream>,
    /// The stream whose beat is under way.
    busy: Option<usize>,
}

impl Dma {
    /// A stream may have become ready: choose one at the end of this cycle, if none is at work.
    fn arbitrate(&self, ctx: &mut Ctx<'_>) {
        if self.busy.is_none() && ctx.due(CHOOSE).is_none() {
            ctx.schedule_in(CHOOSE, 0);
        }
    }

    /// Start the beat of the most urgent stream (RM0090 §10.3.4).
    fn choose(&mut self, ctx: &mut Ctx<'_>) {
        let ready = |s: &Stream| {
            s.is_ready() && (self.memory_to_memory || s.direction() != Direction::MemoryToMemory)
        };
        // The first of those with the highest level wins.
        let winner = (0..STREAMS)
            .filter(|&i| ready(&self.streams[i]))
            .max_by_key(|&i| (self.streams[i].priority(), STREAMS - i));
        if let Some(i) = winner {
            self.busy = Some(i);
            let memory = self.streams[i].memory_accesses_in_beat();
            let cycles = self.costs.peripheral_port + memory * self.costs.memory_port;
            ctx.schedule_in(BEAT_ENDS, cycles);
        }
    }

    fn read_bus(&self, address: u32, width: Width, ctx: &mut Ctx<'_>) -> Option<u32> {
        if self.unreachable.iter().any(|r| r.contains(address)) {
            return None;
        }
        ctx.bus_read(address, width).ok()
    }

    fn write_bus(&self, address: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) -> Option<()> {
        if self.unreachable.iter().any(|r| r.contains(address)) {
            return None;
        }
        ctx.bus_write(address, width, value).ok()
    }

    /// Move one item of stream `i`; `None` on a bus error.
    fn move_item(&mut self, i: usize, ctx: &mut Ctx<'_>) -> Option<()> {
        let (psize, msize) = (self.streams[i].psize(), self.streams[i].msize());
        match self.streams[i].direction() {
            Direction::PeripheralToMemory | Direction::MemoryToMemory => {
                let value = self.read_bus(self.streams[i].peripheral_address(), psize, ctx)?;
                self.streams[i].fifo_push(value, psize);
                self.streams[i].peripheral_done();
                self.drain(i, ctx)?;
            }
            Direction::MemoryToPeripheral => {
                let value = loop {
                    if let Some(value) = self.streams[i].fifo_pop(psize) {
                        break value;
                    }
                    let value = self.read_bus(self.streams[i].memory_address(msize), msize, ctx)?;
                    self.streams[i].memory_done(msize);
                    self.streams[i].fifo_push(value, msize);
                };
                self.write_bus(self.streams[i].peripheral_address(), psize, value, ctx)?;
                self.streams[i].peripheral_done();
            }
        }
        Some(())
    }

    /// Write what is left in the FIFO of a stream that fills memory (RM0090 §10.3.12, FIFO flush).
    fn flush(&mut self, i: usize, ctx: &mut Ctx<'_>) -> Option<()> {
        if self.streams[i].direction() != Direction::MemoryToPeripheral {
            self.streams[i].fifo_pad();
            self.drain(i, ctx)?;
        }
        self.streams[i].fifo_clear();
        Some(())
    }

    /// Write the whole items in the FIFO to memory.
    fn drain(&mut self, i: usize, ctx: &mut Ctx<'_>) -> Option<()> {
        let msize = self.streams[i].msize();
        while let Some(value) = self.streams[i].fifo_pop(msize) {
            self.write_bus(self.streams[i].memory_address(msize), msize, value, ctx)?;
            self.streams[i].memory_done(msize);
        }
        Some(())
    }

    fn beat_ends(&mut self, i: usize, ctx: &mut Ctx<'_>) {
        self.streams[i].acknowledge();
        let mut moved = self.move_item(i, ctx);
        if moved.is_some() && self.streams[i].remaining() == 0 {
            moved = self.flush(i, ctx);
        }
        match moved {
            None => self.streams[i].fail(),
            Some(()) => self.streams[i].count(),
        }
        if self.streams[i].is_stopping() {
            self.stop(i, ctx);
        }
        self.update_irq(i, ctx);
    }

    /// Software has disabled the stream and no beat of it is under way.
    fn stop(&mut self, i: usize, ctx: &mut Ctx<'_>) {
        match self.flush(i, ctx) {
            Some(()) => self.streams[i].stop(flag::TC),
            None => self.streams[i].stop(flag::TC | flag::TE),
        }
    }

    fn update_irq(&mut self, i: usize, ctx: &mut Ctx<'_>) {
        ctx.set_irq(i, self.streams[i].raises_irq());
    }

    fn write_cr(&mut self, i: usize, value: u32, ctx: &mut Ctx<'_>) {
        let outcome = self.streams[i].write_cr(value);
        let complain = |ctx: &mut Ctx<'_>, what: &str| {
            ctx.note(NoticeKind::Misuse, &format!("S{i}CR {what}"));
        };
        match outcome {
            stream::Outcome::Nothing => {}
            stream::Outcome::Locked => {
                complain(
                    ctx,
                    "configuration changed while the stream is enabled (ignored)",
                );
            }
            stream::Outcome::Enabled => {
                if self.streams[i].flow_by_peripheral() {
                    ctx.note(
                        NoticeKind::UnmodelledFeature,
                        "SxCR peripheral flow controller (PFCTRL)",
                    );
                }
                if self.streams[i].direction() == Direction::MemoryToMemory
                    && !self.memory_to_memory
                {
                    complain(
                        ctx,
                        "memory-to-memory on a controller that cannot: nothing moves",
                    );
                }
            }
            stream::Outcome::Disabled => {
                if self.busy == Some(i) {
                    self.streams[i].stop_after_beat();
                } else {
                    self.stop(i, ctx);
                }
            }
        }
    }
}

impl Device for Dma {
    fn ports(&self) -> Ports {
        Ports {
            irqs: (0..STREAMS).map(|s| format!("s{s}")).collect(),
            inputs: (0..STREAMS * CHANNELS)
                .map(|i| format!("s{}.c{}", i / CHANNELS, i % CHANNELS))
                .collect(),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        for s in &mut self.streams {
            s.reset();
        }
        self.busy = None;
        ctx.cancel(BEAT_ENDS);
        ctx.cancel(CHOOSE);
        for i in 0..STREAMS {
            self.update_irq(i, ctx);
        }
    }

    fn read(&mut self, offset: u32, width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        width.extract(self.register_value(offset & !3), offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        self.write_register(offset, width, value, ctx);
        if self.streams.iter().any(Stream::is_ready) {
            self.arbitrate(ctx);
        }
    }

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        if tag == CHOOSE {
            self.choose(ctx);
        } else if let Some(i) = self.busy.take() {
            self.beat_ends(i, ctx);
            if self.streams.iter().any(Stream::is_ready) {
                self.arbitrate(ctx);
            }
        }
    }

    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        let (s, c) = (usize::from(port) / CHANNELS, usize::from(port) % CHANNELS);
        if let Some(stream) = self.streams.get_mut(s) {
            stream.request(c, value);
            if stream.is_ready() {
                self.arbitrate(ctx);
            }
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(offset)
    }

    emu_core::device_state!();
}

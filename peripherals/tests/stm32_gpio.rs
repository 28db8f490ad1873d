//! GPIO ports, SYSCFG and EXTI.

#![allow(clippy::unwrap_used)]

mod stm32_bench;

use emu_core::{Access, Bus, DeviceId, Drive, NetId, Width};
use stm32_bench::*;

const A: u32 = 0x4002_0000;
const B: u32 = 0x4002_0400;
const MODER: u32 = 0x00;
const OTYPER: u32 = 0x04;
const PUPDR: u32 = 0x0C;
const IDR: u32 = 0x10;
const ODR: u32 = 0x14;
const BSRR: u32 = 0x18;
const LCKR: u32 = 0x1C;
const AFRL: u32 = 0x20;
const SYSCFG: u32 = 0x4001_3800;
const EXTI: u32 = 0x4001_3C00;
const USART: u32 = 0x4000_4400;
const PORT_A: &str = "port = \"A\"";

fn nets(b: &mut Bus) {
    for port in ['A', 'B'] {
        for pin in 0..16 {
            b.nets.add(&format!("P{port}{pin}"));
        }
    }
}

fn net(b: &Bus, name: &str) -> NetId {
    b.nets.find(name).unwrap()
}

fn level(b: &Bus, name: &str) -> bool {
    b.nets.level(net(b, name))
}

fn port() -> (Bus, DeviceId) {
    let mut b = bus();
    nets(&mut b);
    let id = add(&mut b, "GPIOA", "stm32.gpio.v2", PORT_A, A);
    reset(&mut b);
    (b, id)
}

#[test]
fn reset_values() {
    let mut b = bus();
    nets(&mut b);
    add(&mut b, "GPIOA", "stm32.gpio.v2", PORT_A, A);
    add(&mut b, "GPIOB", "stm32.gpio.v2", "port = \"B\"", B);
    add(&mut b, "GPIOC", "stm32.gpio.v2", "port = \"C\"", B + 0x400);
    reset(&mut b);
    assert_eq!(r(&mut b, A), 0xA800_0000);
    assert_eq!(r(&mut b, A + PUPDR), 0x6400_0000);
    assert_eq!(r(&mut b, B), 0x280);
    assert_eq!(r(&mut b, B + 8), 0xC0);
    assert_eq!(r(&mut b, B + PUPDR), 0x100);
    assert_eq!(r(&mut b, B + 0x400), 0);
    // PA13 and PA15 are pulled up, PA14 down.
    assert_eq!(r(&mut b, A + IDR), 0xA000);
    assert_eq!(b.register_name(A + BSRR), "GPIOA.BSRR");
    assert!(peripherals::create("stm32.gpio.v2", "port = \"a\"".parse().unwrap()).is_err());
}

#[test]
fn set_and_reset() {
    let (mut b, _) = port();
    w(&mut b, A, 0xA800_0000 | 1 << 10); // PA5
    w(&mut b, A + BSRR, 1 << 5 | 1 << 6);
    assert!(level(&b, "PA5"));
    assert!(!level(&b, "PA6"), "PA6 is an input");
    assert_eq!(r(&mut b, A + ODR), 0x60);
    assert_eq!(r(&mut b, A + IDR) & 0x60, 0x20);
    b.write(A + BSRR + 2, Width::Half, 1 << 5).unwrap();
    assert!(!level(&b, "PA5"));
    // Set wins over reset.
    w(&mut b, A + BSRR, 1 << 5 | 1 << 21);
    assert!(level(&b, "PA5"));
    b.write(A + ODR, Width::Byte, 0).unwrap();
    assert!(!level(&b, "PA5"));
    // There is no BRR on F4, unless the machine says so.
    w(&mut b, A + 0x28, 1);
    assert!(misused(&b, "reserved"));
}

#[test]
fn brr_by_parameter() {
    let mut b = bus();
    nets(&mut b);
    add(
        &mut b,
        "GPIOA",
        "stm32.gpio.v2",
        "port = \"A\"\nbrr = true\nmoder = 1",
        A,
    );
    reset(&mut b);
    w(&mut b, A + BSRR, 1);
    assert!(level(&b, "PA0"));
    w(&mut b, A + 0x28, 1);
    assert!(!level(&b, "PA0"));
}

#[test]
fn open_drain_with_pull_up() {
    let (mut b, _) = port();
    w(&mut b, A, 1 << 10);
    w(&mut b, A + OTYPER, 1 << 5);
    w(&mut b, A + BSRR, 1 << 5);
    assert!(!level(&b, "PA5"), "nobody pulls");
    w(&mut b, A + PUPDR, 1 << 10);
    assert!(level(&b, "PA5"));
    // Someone outside holds it low: the port reads it, without contention.
    let n = net(&b, "PA5");
    b.drive_external(n, Drive::Low);
    assert_eq!(r(&mut b, A + IDR) & 0x20, 0);
    assert!(!b.nets.was_contended(n));
    b.drive_external(n, Drive::Float);
    assert_eq!(r(&mut b, A + IDR) & 0x20, 0x20);
    w(&mut b, A + BSRR, 1 << 21);
    assert!(!level(&b, "PA5"));
}

#[test]
fn inputs_and_analog() {
    let (mut b, _) = port();
    let n = net(&b, "PA0");
    b.drive_external(n, Drive::High);
    assert_eq!(r(&mut b, A + IDR) & 1, 1);
    w(&mut b, A, 0xA800_0003);
    assert_eq!(r(&mut b, A + IDR) & 1, 0, "analog reads 0");
    w(&mut b, A + PUPDR, 1 << 2);
    assert!(level(&b, "PA1"));
    w(&mut b, A, 0xA800_000C);
    assert!(!level(&b, "PA1"), "analog has no pull");
}

#[test]
fn the_lock_freezes_the_configuration() {
    let (mut b, _) = port();
    w(&mut b, A + AFRL, 0x0070_0000);
    for v in [1 << 16 | 1 << 5, 1 << 5, 1 << 16 | 1 << 5] {
        w(&mut b, A + LCKR, v);
    }
    assert_eq!(r(&mut b, A + LCKR), 1 << 16 | 1 << 5);
    w(&mut b, A, 0x0000_0500); // PA4 and PA5
    w(&mut b, A + AFRL, 0);
    w(&mut b, A + OTYPER, 0x30);
    assert_eq!(r(&mut b, A), 0x0000_0100);
    assert_eq!(r(&mut b, A + AFRL), 0x0070_0000);
    assert_eq!(r(&mut b, A + OTYPER), 0x10);
    // ODR is not part of the configuration; a reset ends the lock.
    w(&mut b, A + ODR, 0x30);
    assert_eq!(r(&mut b, A + ODR), 0x30);
    b.reset_devices(emu_core::ResetCause::Software);
    w(&mut b, A, 0x0000_0500);
    assert_eq!(r(&mut b, A), 0x0000_0500);
}

#[test]
fn alternate_functions_in_both_directions() {
    let mut b = bus();
    nets(&mut b);
    let gpio = add(&mut b, "GPIOA", "stm32.gpio.v2", PORT_A, A);
    let usart = add(&mut b, "USART2", "stm32.usart.v1", "", USART);
    let pin = |p: usize, af: usize| p * 16 + af;
    b.connect(usart, 0, gpio, pin(2, 7)); // TX on PA2
    b.connect(gpio, pin(3, 7), usart, 0); // RX on PA3
    reset(&mut b);
    w(&mut b, USART + 8, 0x8B);
    w(&mut b, USART + 0xC, 1 << 13 | 1 << 3 | 1 << 2);
    assert!(!level(&b, "PA2"), "not yet in its function");
    w(&mut b, A + AFRL, 7 << 8 | 7 << 12);
    w(&mut b, A, 0xA800_0000 | 2 << 4 | 2 << 6);
    assert!(level(&b, "PA2"), "idle line");
    // PA3 is an input of the peripheral: nobody drives it here.
    let rx = net(&b, "PA3");
    b.drive_external(rx, Drive::High);
    assert!(!b.nets.was_contended(rx));
    assert!(b.nets.is_listened(rx));
    wait(&mut b, 2000);
    // 0x55 by hand on PA3.
    for i in 0..10 {
        let up = i == 9 || i > 0 && 0x55 >> (i - 1) & 1 != 0;
        b.drive_external(rx, if up { Drive::High } else { Drive::Low });
        wait(&mut b, 139);
    }
    assert_eq!(r(&mut b, USART + 4), 0x55);
    w(&mut b, USART + 4, 0);
    assert!(!level(&b, "PA2"), "start bit");
    // Back to an input: the line and the listener are let go.
    w(&mut b, A, 0xA800_0000);
    assert!(!b.nets.is_listened(rx));
}

#[test]
fn accesses_that_need_an_exact_boundary() {
    let mut b = bus();
    nets(&mut b);
    add(&mut b, "GPIOA", "stm32.gpio.v2", PORT_A, A);
    add(&mut b, "EXTI", "stm32.exti", "", EXTI);
    reset(&mut b);
    w(&mut b, A, 1 << 10);
    assert_eq!(b.access_kind(A + BSRR, true), Access::Plain);
    assert_eq!(b.access_kind(A + ODR, true), Access::Plain);
    assert_eq!(b.access_kind(A + MODER, true), Access::Sync);
    assert_eq!(b.access_kind(A + IDR, false), Access::Plain);
    // An interrupt on PA5 makes stores to it exact, one on PA6 does not.
    w(&mut b, EXTI, 1 << 6);
    w(&mut b, EXTI + 8, 1 << 6 | 1 << 5);
    assert_eq!(b.access_kind(A + BSRR, true), Access::Plain);
    w(&mut b, EXTI, 1 << 5);
    assert_eq!(b.access_kind(A + BSRR, true), Access::Sync);
    w(&mut b, EXTI, 0);
    assert_eq!(b.access_kind(A + BSRR, true), Access::Plain);
}

fn exti() -> Bus {
    let mut b = bus();
    nets(&mut b);
    let syscfg = add(&mut b, "SYSCFG", "stm32.syscfg.f4", "", SYSCFG);
    let exti = add(&mut b, "EXTI", "stm32.exti", "", EXTI);
    add(&mut b, "GPIOA", "stm32.gpio.v2", PORT_A, A);
    add(&mut b, "GPIOB", "stm32.gpio.v2", "port = \"B\"", B);
    for i in 0..4 {
        b.connect(syscfg, i, exti, i);
    }
    reset(&mut b);
    b
}

#[test]
fn edges_become_interrupts() {
    let mut b = exti();
    let (pa0, pb0) = (net(&b, "PA0"), net(&b, "PB0"));
    w(&mut b, EXTI, 1);
    w(&mut b, EXTI + 8, 1);
    b.drive_external(pa0, Drive::High);
    assert!(b.system.line(16));
    assert_eq!(r(&mut b, EXTI + 0x14), 1);
    w(&mut b, EXTI + 0x14, 1);
    assert!(!b.system.line(16));
    b.drive_external(pa0, Drive::Low);
    assert_eq!(r(&mut b, EXTI + 0x14), 0, "rising only");
    // Line 0 from port B, both edges.
    w(&mut b, SYSCFG + 8, 1);
    w(&mut b, EXTI + 0xC, 1);
    b.drive_external(pa0, Drive::High);
    assert_eq!(r(&mut b, EXTI + 0x14), 0);
    for d in [Drive::High, Drive::Low] {
        b.drive_external(pb0, d);
        assert_eq!(r(&mut b, EXTI + 0x14), 1);
        w(&mut b, EXTI + 0x14, 1);
    }
    // Masked: nothing is remembered.
    w(&mut b, EXTI, 0);
    b.drive_external(pb0, Drive::High);
    w(&mut b, EXTI, 1);
    assert_eq!(r(&mut b, EXTI + 0x14), 0);
}

#[test]
fn an_output_pin_can_interrupt_and_groups_share_a_line() {
    let mut b = exti();
    w(&mut b, A, 1 << 26); // PA13
    w(&mut b, EXTI, 1 << 13 | 1 << 7);
    w(&mut b, EXTI + 8, 1 << 13);
    w(&mut b, A + BSRR, 1 << 29);
    w(&mut b, A + BSRR, 1 << 13);
    let line15_10 = 16 + 6;
    assert!(b.system.line(line15_10));
    w(&mut b, EXTI + 0x14, 1 << 13);
    assert!(!b.system.line(line15_10));
    // Software trigger: once, until PR clears it.
    w(&mut b, EXTI + 0x10, 1 << 7);
    assert!(b.system.line(16 + 5));
    assert_eq!(r(&mut b, EXTI + 0x10), 1 << 7);
    w(&mut b, EXTI + 0x14, 1 << 7);
    assert_eq!(r(&mut b, EXTI + 0x10), 0);
    assert!(!b.system.line(16 + 5));
}

#[test]
fn events_wake_without_an_interrupt() {
    let mut b = exti();
    let pa0 = net(&b, "PA0");
    w(&mut b, EXTI + 4, 1);
    w(&mut b, EXTI + 8, 1);
    b.system.event = false;
    b.drive_external(pa0, Drive::High);
    assert!(b.system.event);
    assert_eq!(r(&mut b, EXTI + 0x14), 0);
    assert!(!b.system.line(16));
}

#[test]
fn internal_lines() {
    let mut b = bus();
    let exti = add(&mut b, "EXTI", "stm32.exti", "", EXTI);
    let source = add(&mut b, "SYSCFG", "stm32.syscfg.f4", "", SYSCFG);
    let line17 = input("stm32.exti", "", "line17");
    b.connect(source, 3, exti, line17); // EXTICR4 as a stand-in
    reset(&mut b);
    w(&mut b, EXTI, 1 << 17);
    w(&mut b, EXTI + 8, 1 << 17);
    w(&mut b, SYSCFG + 0x14, 1);
    assert_eq!(r(&mut b, EXTI + 0x14), 1 << 17);
    assert!(b.system.line(16 + 8));
}

#[test]
fn syscfg_registers() {
    let mut b = exti();
    w(&mut b, SYSCFG + 0x0C, 0x1_2345);
    assert_eq!(r(&mut b, SYSCFG + 0x0C), 0x2345);
    w(&mut b, SYSCFG + 0x20, 1);
    assert_eq!(r(&mut b, SYSCFG + 0x20), 0x101);
    w(&mut b, SYSCFG, 3);
    assert!(b.notices.unmodelled().any(|n| n.what.contains("MEM_MODE")));
}

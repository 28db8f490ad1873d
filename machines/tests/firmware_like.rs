//! What start-up code does, made on the bus with the real device models.
#![allow(clippy::unwrap_used)]

use emu_core::{Bus, Cycles, Ratio, ResetCause, Width};
use machines::{BuildOptions, MachineSpec};

const UNTIL: &str = "until all device models are in the catalogue";

fn machine(name: &str) -> Bus {
    let spec = MachineSpec::load(name).unwrap_or_else(|e| panic!("{e}"));
    let built = spec.build(&BuildOptions::default());
    let (_, mut bus) = built.unwrap_or_else(|e| panic!("{UNTIL}\n{e}"));
    bus.reset_devices(ResetCause::PowerOn);
    bus
}

fn write(bus: &mut Bus, address: u32, value: u32) {
    bus.write(address, Width::Word, value).unwrap();
}

fn wait(bus: &mut Bus, address: u32, bits: u32) {
    for _ in 0..1000 {
        if bus.read(address, Width::Word).unwrap() & bits == bits {
            return;
        }
        bus.advance_to(Cycles(bus.now.0 + 1000));
    }
    panic!("{} never shows {bits:#x}", bus.register_name(address));
}

const RCC: u32 = 0x4002_3800;
const FLASH_ACR: u32 = 0x4002_3C00;

/// 168 MHz from the 8 MHz crystal, as every STM32F4DISCOVERY example does it.
fn pll_168(bus: &mut Bus) {
    write(bus, RCC, 0x83 | 1 << 16);
    wait(bus, RCC, 1 << 17);
    write(bus, FLASH_ACR, 0x705);
    write(bus, RCC + 0x04, 8 | 336 << 6 | 1 << 22 | 7 << 24);
    write(bus, RCC, 0x83 | 1 << 16 | 1 << 24);
    wait(bus, RCC, 1 << 25);
    write(bus, RCC + 0x08, 5 << 10 | 4 << 13 | 2);
    wait(bus, RCC + 0x08, 2 << 2);
}

#[test]
fn stm32f4discovery_clocks_and_flash() {
    let mut bus = machine("stm32f4discovery");
    pll_168(&mut bus);
    let hz = |bus: &Bus, name: &str| bus.clocks.hz(bus.clocks.find(name).unwrap());
    assert_eq!(hz(&bus, "HCLK"), Ratio::hz(168_000_000));
    assert_eq!(hz(&bus, "HCLK/8"), Ratio::hz(21_000_000));
    assert_eq!(hz(&bus, "PCLK1"), Ratio::hz(42_000_000));
    assert_eq!(hz(&bus, "TIMCLK1"), Ratio::hz(84_000_000));
    assert_eq!(bus.memory_parameter("flash.wait_states"), Some(5));
    // The controller is locked: a store to flash changes nothing.
    let _ = bus.write(0x0800_1000, Width::Word, 0x1234_5678);
    assert_eq!(bus.read(0x0800_1000, Width::Word), Ok(0xFFFF_FFFF));
}

#[test]
fn stm32f4discovery_led_button_and_console() {
    let mut bus = machine("stm32f4discovery");
    // Clocks of GPIOA and GPIOD, of USART2 and SYSCFG.
    write(&mut bus, RCC + 0x30, 1 | 1 << 3);
    write(&mut bus, RCC + 0x40, 1 << 17);
    write(&mut bus, RCC + 0x44, 1 << 14);
    let led = bus.nets.find("PD12").unwrap();
    write(&mut bus, 0x4002_0C00, 1 << 24);
    write(&mut bus, 0x4002_0C18, 1 << 12);
    assert!(bus.nets.level(led));

    // USART2 on PA2: 8 bits at 16 MHz / 139.
    write(&mut bus, 0x4002_0000, 0xA800_0000 | 2 << 4);
    write(&mut bus, 0x4002_0020, 7 << 8);
    write(&mut bus, 0x4000_4408, 139);
    write(&mut bus, 0x4000_440C, 1 << 13 | 1 << 3);
    let tx = bus.nets.find("PA2").unwrap();
    bus.advance_to(Cycles(bus.now.0 + 5000));
    assert!(bus.nets.level(tx), "an idle line is high");
    let start = bus.now.0;
    write(&mut bus, 0x4000_4404, u32::from(b'A'));
    bus.advance_to(Cycles(start + 4 * 139 + 70));
    assert!(!bus.nets.level(tx), "bits 1 to 5 of an A are low");
    bus.advance_to(Cycles(start + 12 * 139));
    let sent: Vec<u8> = (0..bus.serial_ports().len() as u8)
        .flat_map(|p| bus.take_sent(p))
        .collect();
    assert_eq!(sent, b"A");

    // The button is the source of EXTI line 0, IRQ 6.
    write(&mut bus, 0x4001_3C00, 1);
    write(&mut bus, 0x4001_3C08, 1);
    let button = bus.nets.find("PA0").unwrap();
    assert!(!bus.nets.level(button), "pulled down");
    bus.drive_external(button, emu_core::Drive::High);
    assert!(bus.system.is_pending(16 + 6));
}

#[test]
fn bare_cores_send_without_set_up() {
    for name in [
        "cortex-m0",
        "cortex-m0plus",
        "cortex-m3",
        "cortex-m4f",
        "cortex-m7",
        "cortex-m33",
    ] {
        let mut bus = machine(name);
        for byte in *b"hi" {
            write(&mut bus, 0x4000_4404, u32::from(byte));
        }
        bus.advance_to(Cycles(10));
        let port = bus
            .serial_ports()
            .iter()
            .position(|p| p.name == "USART")
            .unwrap();
        assert_eq!(bus.take_sent(port as u8), b"hi", "{name}");
    }
}

#[test]
fn lm3s6965evb_console() {
    let mut bus = machine("lm3s6965evb");
    // RCGC1: UART0; RCGC2: GPIOA. QEMU's firmware often leaves the baud rate alone.
    write(&mut bus, 0x400F_E104, 1);
    write(&mut bus, 0x400F_E108, 1);
    write(&mut bus, 0x4000_C024, 6);
    write(&mut bus, 0x4000_C028, 33);
    write(&mut bus, 0x4000_C02C, 0x70);
    write(&mut bus, 0x4000_C030, 0x301);
    write(&mut bus, 0x4000_C000, u32::from(b'A'));
    bus.advance_to(Cycles(bus.now.0 + 10_000));
    let port = bus
        .serial_ports()
        .iter()
        .position(|p| p.name == "UART0")
        .unwrap();
    assert_eq!(bus.take_sent(port as u8), b"A");
}

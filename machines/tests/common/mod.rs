//! A catalogue of devices that have the ports of the real models and no behaviour.

use emu_core::{Ctx, Device, Ports, Width};
use machines::Catalogue;
use peripherals::{CreateError, ParameterError};
use toml::Table;

/// A device that remembers nothing but the value of each input.
struct Fake {
    ports: Ports,
    inputs: Vec<u32>,
    resets: u32,
}

impl Device for Fake {
    fn ports(&self) -> Ports {
        self.ports.clone()
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {
        self.resets += 1;
    }
    /// Offset 4·n reads input n; offset 0xFC reads how often it was reset.
    fn read(&mut self, offset: u32, _: Width, _: &mut Ctx<'_>) -> u32 {
        if offset == 0xFC {
            return self.resets;
        }
        self.inputs.get(offset as usize / 4).copied().unwrap_or(0)
    }
    /// Offset 4·n gives output n.
    fn write(&mut self, offset: u32, _: Width, value: u32, ctx: &mut Ctx<'_>) {
        ctx.output(offset as usize / 4, value);
    }
    fn input(&mut self, port: u16, value: u32, _: &mut Ctx<'_>) {
        if let Some(input) = self.inputs.get_mut(usize::from(port)) {
            *input = value;
        }
    }
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
    fn load(&mut self, _: &[u8]) -> Result<(), emu_core::device::StateError> {
        Ok(())
    }
}

const MODELS: [&str; 35] = [
    "cortex_m.dwt",
    "cortex_m.fpb",
    "cortex_m.itm",
    "cortex_m.nvic",
    "cortex_m.rom_table",
    "cortex_m.scs",
    "cortex_m.systick",
    "cortex_m.tpiu",
    "ext.button",
    "ext.led",
    "riscv.clint",
    "riscv.plic",
    "sifive.gpio",
    "sifive.uart",
    "stm32.afio.f1",
    "stm32.crc",
    "stm32.dbgmcu",
    "stm32.dma.v2",
    "stm32.exti",
    "stm32.flash.f1",
    "stm32.flash.f4",
    "stm32.gpio.v1",
    "stm32.gpio.v2",
    "stm32.iwdg",
    "stm32.pwr.f4",
    "stm32.rcc.f1",
    "stm32.rcc.f4",
    "stm32.rng",
    "stm32.syscfg.f4",
    "stm32.tim",
    "stm32.uid",
    "stm32.usart.v1",
    "stm32.wwdg",
    "stub.registers",
    "ti.uart",
];

fn names(list: &str) -> Vec<String> {
    list.split_whitespace().map(str::to_owned).collect()
}

fn ports(model: &str, params: &Table) -> Option<Ports> {
    let mut p = Ports::default();
    let text = |key: &str| params.get(key).and_then(|v| v.as_str()).unwrap_or("");
    match model {
        "cortex_m.systick" => p.clocks = names("core ref"),
        "cortex_m.scs" => p.outputs = names("trcena"),
        "cortex_m.dwt" => p.inputs = names("trcena"),
        "cortex_m.itm" => p.serial = true,
        "ext.button" => (p.inputs, p.nets) = (names("pressed"), names("pin")),
        "ext.led" => p.nets = names("pin"),
        "stm32.dma.v2" => {
            p.irqs = (0..8).map(|s| format!("s{s}")).collect();
            p.inputs = (0..64).map(|i| format!("s{}.c{}", i / 8, i % 8)).collect();
        }
        "stm32.exti" => {
            p.irqs = names("line0 line1 line2 line3 line4 line9_5 line15_10");
            p.irqs.extend((16..=22).map(|n| format!("line{n}")));
            p.inputs = names("exticr1 exticr2 exticr3 exticr4");
            p.inputs.extend((16..=22).map(|n| format!("line{n}")));
            let pins = ('A'..='K').flat_map(|c| (0..16).map(move |n| format!("P{c}{n}")));
            p.nets = pins.collect();
        }
        "stm32.afio.f1" => p.outputs = names("exticr1 exticr2 exticr3 exticr4 mapr"),
        "stm32.flash.f1" => (p.irqs, p.clocks) = (names("flash"), names("HCLK SYSCLK")),
        "stm32.flash.f4" => (p.irqs, p.clocks) = (names("flash"), names("HCLK")),
        "stm32.gpio.v1" | "stm32.gpio.v2" => {
            let port = text("port");
            p.nets = (0..16).map(|n| format!("P{port}{n}")).collect();
            let af = |n: &String| (0..16).map(|a| format!("{n}.AF{a}")).collect::<Vec<_>>();
            p.inputs = p.nets.iter().flat_map(af).collect();
            p.outputs = p.inputs.clone();
            if model == "stm32.gpio.v1" {
                p.inputs.push("mapr".to_owned());
            }
        }
        "stm32.iwdg" => p.clocks = names("LSI"),
        "stm32.pwr.f4" => (p.outputs, p.clocks) = (names("dbp"), names("HCLK")),
        "stm32.rcc.f1" => {
            p.irqs = names("rcc");
            p.clocks = names("HSE HSI LSE LSI PLL SYSCLK HCLK PCLK1 PCLK2 TIMCLK1 TIMCLK2 USBCLK");
            for r in ["APB2RSTR", "APB1RSTR"] {
                p.outputs.extend((0..32).map(|n| format!("{r}.{n}")));
            }
        }
        "stm32.rcc.f4" => {
            p.irqs = names("rcc");
            p.inputs = names("dbp");
            p.clocks = names("HSE HSI LSE LSI PLL SYSCLK HCLK PCLK1 PCLK2 TIMCLK1 TIMCLK2 PLL48CK");
            for r in ["AHB1RSTR", "AHB2RSTR", "AHB3RSTR", "APB1RSTR", "APB2RSTR"] {
                p.outputs.extend((0..32).map(|n| format!("{r}.{n}")));
            }
        }
        "stm32.rng" => (p.irqs, p.clocks) = (names("rng"), names("PLL48CK")),
        "stm32.syscfg.f4" => p.outputs = names("exticr1 exticr2 exticr3 exticr4 mem_mode"),
        "stm32.tim" => {
            p.irqs = match text("kind") {
                "advanced" => names("brk up trg_com cc"),
                _ => names("global"),
            };
            p.clocks = names("ker");
            p.inputs = names("CH1 CH2 CH3 CH4 ETR ITR0 ITR1 ITR2 ITR3 BKIN");
            p.outputs =
                names("CH1 CH2 CH3 CH4 TRGO dma_up dma_cc1 dma_cc2 dma_cc3 dma_cc4 dma_trg");
        }
        "stm32.usart.v1" => {
            (p.irqs, p.clocks) = (names("event"), names("ker"));
            p.outputs = names("TX RTS dma_tx dma_rx");
            p.inputs = names("RX CTS");
            p.serial = true;
        }
        "riscv.clint" => (p.irqs, p.clocks) = (names("software timer"), names("rtc")),
        "riscv.plic" => {
            let sources = params.get("sources").and_then(|v| v.as_integer());
            p.irqs = names("external");
            p.inputs = (1..=sources.unwrap_or(52))
                .map(|n| format!("source{n}"))
                .collect();
        }
        "sifive.gpio" => {
            p.nets = (0..32).map(|n| format!("GPIO{n}")).collect();
            p.outputs = (0..32).map(|n| format!("irq{n}")).collect();
        }
        "sifive.uart" => {
            (p.clocks, p.outputs) = (names("ker"), names("irq"));
            p.serial = true;
        }
        "stm32.wwdg" => (p.irqs, p.clocks) = (names("ewi"), names("PCLK1")),
        "ti.gpio" => {
            p.irqs = names("irq");
            p.nets = (0..8).map(|n| format!("P{}{n}", text("port"))).collect();
            p.inputs = p.nets.iter().map(|n| format!("{n}.AF")).collect();
            p.outputs = p.inputs.clone();
        }
        "ti.gptm" => (p.irqs, p.clocks) = (names("timer_a timer_b"), names("ker")),
        "ti.sysctl" => (p.irqs, p.clocks) = (names("irq"), names("IOSC MOSC SYSCLK")),
        "ti.uart" => {
            (p.irqs, p.clocks, p.outputs) = (names("irq"), names("ker"), names("TX"));
            p.serial = true;
        }
        other if MODELS.contains(&other) => {}
        _ => return None,
    }
    Some(p)
}

fn create(model: &str, params: Table) -> Result<Box<dyn Device>, CreateError> {
    let unknown = CreateError::UnknownModel(model.to_owned());
    let ports = ports(model, &params).ok_or(unknown)?;
    if let Some(bad) = params.keys().find(|k| k.starts_with("wrong")) {
        let text = format!("unknown field `{bad}`, expected `kind` or `channels`");
        return Err(ParameterError(text).into());
    }
    let inputs = vec![0; ports.inputs.len()];
    Ok(Box::new(Fake {
        ports,
        inputs,
        resets: 0,
    }))
}

/// The catalogue.
pub fn fake() -> Catalogue {
    Catalogue {
        create,
        models: || MODELS.to_vec(),
    }
}

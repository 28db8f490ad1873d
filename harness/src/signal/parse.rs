//! The grammar of signals: text to [`Signal`] and back.

use super::{Base, Edge, Event, Signal, Source, Stage, Value, Variable};
use std::fmt;
use std::str::FromStr;

/// A text that is no signal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no signal: {reason} (write PA5, PA5.fall, irq:TIM2.enter, fn:NAME, write:VAR, uart:USART2.tx, itm:0, \
     rtt:0, capture:TIM2.1, or an interval as irq:TIM2.assert..PA5.rise)"
)]
pub struct SignalError {
    text: String,
    reason: String,
}

impl FromStr for Signal {
    type Err = SignalError;

    fn from_str(text: &str) -> Result<Signal, SignalError> {
        let fail = |reason: String| SignalError {
            text: text.to_owned(),
            reason,
        };
        let trimmed = text.trim();
        let (name, rest) = match trimmed.split_once('=') {
            Some((name, rest)) if is_name(name) && name != "begin" => (Some(name), rest.trim()),
            _ => (None, trimmed),
        };
        let source = source(rest).map_err(fail)?;
        let name = name.map_or_else(|| source.to_string(), str::to_owned);
        Ok(Signal { name, source })
    }
}

/// The part before `=` is a name when it could not be an event: `write:VAR=5` is none.
fn is_name(text: &str) -> bool {
    let rest = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.' | '/');
    !text.is_empty() && !text.contains("..") && text.chars().all(rest)
}

fn source(text: &str) -> Result<Source, String> {
    if let Some(rest) = text.strip_prefix("begin=") {
        let (begin, end) = rest
            .split_once(",end=")
            .ok_or("after `begin=EVENT` comes `,end=EVENT`")?;
        return Ok(Source::Interval(event(begin)?, event(end)?));
    }
    if let Some((begin, end)) = text.split_once("..") {
        return Ok(Source::Interval(event(begin)?, event(end)?));
    }
    let whole = |prefix: &str| text.strip_prefix(prefix).map(str::trim);
    Ok(match event(text)? {
        Event::Entry(name) if whole("fn:") == Some(&name) => Source::Call(name),
        Event::Exception(name, _) if [whole("irq:"), whole("exc:")].contains(&Some(&*name)) => {
            Source::Handler(name)
        }
        e => Source::Event(e),
    })
}

/// The last `.word` of a name, when it is one of these.
fn suffix<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<(String, T)> {
    let (name, last) = text.rsplit_once('.')?;
    let found = words.iter().find(|(w, _)| w.eq_ignore_ascii_case(last))?;
    Some((name.to_owned(), found.1))
}

const EDGES: [(&str, Edge); 6] = [
    ("rise", Edge::Rise),
    ("rising", Edge::Rise),
    ("fall", Edge::Fall),
    ("falling", Edge::Fall),
    ("both", Edge::Both),
    ("edge", Edge::Both),
];

fn event(text: &str) -> Result<Event, String> {
    let text = text.trim();
    let Some((kind, rest)) = prefix(text) else {
        return match text {
            "" => Err("a part of it is missing".to_owned()),
            "sleep" => Ok(Event::Sleep),
            "wake" => Ok(Event::Wake),
            _ => Ok(match suffix(text, &EDGES) {
                Some((pin, edge)) => Event::Pin(pin, edge),
                None => Event::Bare(text.to_owned()),
            }),
        };
    };
    if rest.is_empty() {
        return Err(format!("after `{kind}:` comes what it is about"));
    }
    match kind {
        "pin" => {
            let (pin, edge) = suffix(rest, &EDGES).unwrap_or((rest.to_owned(), Edge::Rise));
            Ok(Event::Pin(pin, edge))
        }
        "irq" | "exc" => {
            let stages = [
                ("assert", Stage::Assert),
                ("enter", Stage::Enter),
                ("entry", Stage::Enter),
                ("exit", Stage::Exit),
                ("return", Stage::Exit),
            ];
            let (name, stage) = suffix(rest, &stages).unwrap_or((rest.to_owned(), Stage::Enter));
            Ok(Event::Exception(name, stage))
        }
        "fn" => Ok(
            match suffix(rest, &[("entry", true), ("enter", true), ("return", false)]) {
                Some((name, false)) => Event::Return(name),
                Some((name, true)) => Event::Entry(name),
                None => Event::Entry(rest.to_owned()),
            },
        ),
        "addr" => Ok(Event::Address(number(rest)?)),
        "write" => {
            let (name, value) = valued(rest);
            let value = value.map(|v| match number(v) {
                Ok(n) => Value::Number(n),
                Err(_) => Value::Object(v.to_owned()),
            });
            Ok(Event::Write(variable(name)?, value))
        }
        "uart" => {
            let (name, value) = valued(rest);
            let byte = value.map(byte).transpose()?;
            match suffix(name, &[("tx", true), ("rx", false)]) {
                Some((port, true)) => Ok(Event::Tx(port, byte)),
                Some((port, false)) => Ok(Event::Rx(port, byte)),
                None => Err(format!("is it `uart:{name}.tx` or `uart:{name}.rx`?")),
            }
        }
        "itm" => {
            let (port, value) = valued(rest);
            let port = byte(port)?;
            if port > 31 {
                return Err(format!(
                    "there are 32 stimulus ports, 0 to 31, and no {port}"
                ));
            }
            Ok(Event::Itm(port, value.map(number).transpose()?))
        }
        "rtt" => Ok(Event::Rtt(byte(rest)?)),
        "capture" => {
            let (timer, channel) = rest
                .rsplit_once('.')
                .ok_or_else(|| format!("which channel? as in `capture:{rest}.1`"))?;
            let channel = channel.strip_prefix("CH").unwrap_or(channel);
            Ok(Event::Capture(timer.to_owned(), byte(channel)?))
        }
        other => Err(format!("`{other}:` is no kind of event")),
    }
}

/// `kind:rest`, but not the `::` of a path.
fn prefix(text: &str) -> Option<(&str, &str)> {
    let (kind, rest) = text.split_once(':')?;
    (!rest.starts_with(':')).then(|| (kind.trim(), rest.trim()))
}

fn valued(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (text, None),
    }
}

fn variable(text: &str) -> Result<Variable, String> {
    let (place, size) = match text.rsplit_once(':') {
        Some((place, size)) if !place.ends_with(':') => (place, Some(number(size)?)),
        _ => (text, None),
    };
    if size.is_some_and(|s| s == 0 || s > 4096) {
        return Err("a variable has 1 to 4096 bytes".to_owned());
    }
    let (base, offset) = match place.rsplit_once('+') {
        Some((base, offset)) => (base, number(offset)?),
        None => (place, 0),
    };
    let base = match number(base) {
        Ok(address) => Base::Address(address),
        Err(_) if base.is_empty() => return Err("the variable has no name".to_owned()),
        Err(_) => Base::Symbol(base.to_owned()),
    };
    Ok(Variable { base, offset, size })
}

fn number(text: &str) -> Result<u32, String> {
    let plain = text.trim().replace('_', "");
    let parsed = match plain.strip_prefix("0x").or(plain.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => plain.parse(),
    };
    parsed.map_err(|_| format!("`{text}` is no number of 32 bits"))
}

fn byte(text: &str) -> Result<u8, String> {
    u8::try_from(number(text)?).map_err(|_| format!("`{text}` is more than 255"))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Event(e) => e.fmt(f),
            Source::Interval(a, b) => write!(f, "{a}..{b}"),
            Source::Call(name) => write!(f, "fn:{name}"),
            Source::Handler(name) => write!(f, "irq:{name}"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn value(f: &mut fmt::Formatter<'_>, v: Option<impl fmt::Display>) -> fmt::Result {
            v.map_or(Ok(()), |v| write!(f, "={v}"))
        }
        match self {
            Event::Bare(name) => f.write_str(name),
            Event::Pin(pin, Edge::Rise) => write!(f, "{pin}.rise"),
            Event::Pin(pin, Edge::Fall) => write!(f, "{pin}.fall"),
            Event::Pin(pin, Edge::Both) => write!(f, "{pin}.both"),
            Event::Exception(name, Stage::Assert) => write!(f, "irq:{name}.assert"),
            Event::Exception(name, Stage::Enter) => write!(f, "irq:{name}.enter"),
            Event::Exception(name, Stage::Exit) => write!(f, "irq:{name}.exit"),
            Event::Entry(name) => write!(f, "fn:{name}.entry"),
            Event::Return(name) => write!(f, "fn:{name}.return"),
            Event::Address(a) => write!(f, "addr:{a:#010x}"),
            Event::Write(v, None) => write!(f, "write:{v}"),
            Event::Write(v, Some(Value::Number(n))) => write!(f, "write:{v}={n}"),
            Event::Write(v, Some(Value::Object(name))) => write!(f, "write:{v}={name}"),
            Event::Tx(port, b) => write!(f, "uart:{port}.tx").and_then(|()| value(f, *b)),
            Event::Rx(port, b) => write!(f, "uart:{port}.rx").and_then(|()| value(f, *b)),
            Event::Itm(port, v) => write!(f, "itm:{port}").and_then(|()| value(f, *v)),
            Event::Rtt(channel) => write!(f, "rtt:{channel}"),
            Event::Capture(timer, channel) => write!(f, "capture:{timer}.{channel}"),
            Event::Sleep => f.write_str("sleep"),
            Event::Wake => f.write_str("wake"),
        }
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.base {
            Base::Symbol(name) => f.write_str(name)?,
            Base::Address(a) => write!(f, "{a:#010x}")?,
        }
        if self.offset != 0 {
            write!(f, "+{:#x}", self.offset)?;
        }
        self.size.map_or(Ok(()), |s| write!(f, ":{s}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        text.parse::<Signal>().expect(text).source
    }

    #[test]
    fn events_and_intervals() {
        let pin = |edge| Event::Pin("PA5".to_owned(), edge);
        assert_eq!(source("PA5"), Source::Event(Event::Bare("PA5".to_owned())));
        assert_eq!(source("PA5.fall"), Source::Event(pin(Edge::Fall)));
        assert_eq!(source("pin:PA5"), Source::Event(pin(Edge::Rise)));
        assert_eq!(source("fn:gc_pause"), Source::Call("gc_pause".to_owned()));
        assert_eq!(source("irq:TIM2"), Source::Handler("TIM2".to_owned()));
        let assert = Event::Exception("EXTI0".to_owned(), Stage::Assert);
        assert_eq!(
            source("irq:EXTI0.assert..PA5.rise"),
            Source::Interval(assert, pin(Edge::Rise))
        );
        let bare = |n: &str| Event::Bare(n.to_owned());
        assert_eq!(
            source("begin=fn_a,end=fn_b"),
            Source::Interval(bare("fn_a"), bare("fn_b"))
        );
        assert_eq!(
            source("fn:core::ops::drop.return"),
            Source::Event(Event::Return("core::ops::drop".to_owned()))
        );
    }

    #[test]
    fn names_come_first() {
        let s: Signal = "tick = PA5.rise"
            .replace(" = ", "=")
            .parse()
            .expect("named");
        assert_eq!(
            (s.name.as_str(), s.source.to_string().as_str()),
            ("tick", "PA5.rise")
        );
        let s: Signal = "write:state=3".parse().expect("a value, no name");
        assert_eq!(s.name, "write:state=3");
        let s: Signal = "idle=write:pxCurrentTCB=idle_task".parse().expect("both");
        assert_eq!(s.name, "idle");
        assert_eq!(s.source.to_string(), "write:pxCurrentTCB=idle_task");
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in [
            "PA5",
            "PA5.rise",
            "PA5.both",
            "irq:SysTick",
            "irq:SysTick.assert",
            "fn:f",
            "fn:f.entry",
            "fn:f.return",
            "addr:0x08000100",
            "write:v",
            "write:v+0x4:2=7",
            "write:0x20000000:4",
            "uart:USART2.tx=10",
            "uart:USART2.rx",
            "itm:0=1",
            "rtt:1",
            "capture:TIM2.1",
            "sleep..wake",
            "a..b",
            "fn:f.entry..PA5.fall",
        ] {
            let shown = source(text).to_string();
            assert_eq!(source(&shown), source(text), "{text}");
        }
    }

    #[test]
    fn refuses_with_a_reason() {
        for (bad, why) in [
            ("", "missing"),
            ("PA5..", "missing"),
            ("..PA5", "missing"),
            ("fn:", "comes what"),
            ("uart:USART2", ".tx"),
            ("capture:TIM2", "which channel"),
            ("itm:300", "more than 255"),
            ("foo:bar", "no kind of event"),
            ("begin=a", ",end="),
            ("write:v:0", "1 to 4096"),
            ("addr:main", "no number"),
        ] {
            let e = bad.parse::<Signal>().expect_err(bad).to_string();
            assert!(
                e.contains(why) && e.contains("irq:TIM2.assert..PA5.rise"),
                "{bad}: {e}"
            );
        }
    }
}

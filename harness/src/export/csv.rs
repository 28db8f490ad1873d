//! CSV (RFC 4180, with LF): `cycles,time_s,signal,value`, one change a line. Seconds have twelve places.

use super::job::{ExportError, Job};
use std::borrow::Cow;
use std::io::Write;

pub fn write(job: &Job<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    writeln!(out, "cycles,time_s,signal,value")?;
    let timebase = &job.capture.summary.timebase;
    let signals = job.plan.signals.iter();
    let names: Vec<Cow<'_, str>> = signals.map(|s| field(&s.name)).collect();
    for c in job.changes()? {
        let (time, name) = (timebase.decimal_seconds(c.at), &names[c.signal]);
        writeln!(out, "{},{time},{name},{}", c.at, c.value)?;
    }
    Ok(())
}

/// A name as a field: quoted when it has to be (`place.f<int, 2>`).
fn field(name: &str) -> Cow<'_, str> {
    if name.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn fields_are_quoted_when_they_must() {
        let f = super::field;
        assert_eq!(f("exc.SysTick"), "exc.SysTick");
        assert_eq!(f(r#"f<A, "b">"#), r#""f<A, ""b"">""#);
    }
}

//! Metrics against published numbers, and properties that hold for any edges.

use harness::metrics::edges::{EdgeAnalysis, EdgeOptions};
use harness::metrics::name::Metric;
use harness::metrics::rational::Rational;
use harness::metrics::reference::Reference;
use proptest::prelude::*;

fn value(a: &EdgeAnalysis, name: &str) -> f64 {
    let metric: Metric = name.parse().expect(name);
    metric.of_edges(a).expect(name).as_f64()
}

/// The modulus of the generator: fractional frequencies are its numbers over this.
const MODULUS: u64 = 2_147_483_647;

/// The 1000-point test set of NIST SP 1065, section 12.4: as periods, with the modulus as nominal period.
fn nist() -> (Vec<u64>, EdgeAnalysis) {
    let mut n = 1_234_567_890;
    let mut times = vec![0];
    for _ in 0..1000 {
        times.push(times.last().expect("one") + n);
        n = n * 16_807 % MODULUS;
    }
    let options = EdgeOptions {
        reference: Reference::Nominal(Rational::whole(MODULUS)),
        also: [10, 100].into(),
        ..EdgeOptions::default()
    };
    let a = EdgeAnalysis::new(&times, &options).expect("ascending");
    (times, a)
}

#[test]
fn nist_sp_1065_allan_deviations() {
    let (_, a) = nist();
    for (m, published) in [(1, 2.922_319e-1), (10, 9.159_953e-2), (100, 3.241_343e-2)] {
        let ours = value(&a, &format!("adev({m})"));
        assert!((ours / published - 1.0).abs() < 2e-7, "{m}: {ours}");
    }
}

#[test]
fn nist_sp_1065_statistics() {
    let (times, a) = nist();
    let t = MODULUS as f64;
    let near = |ours: f64, published: f64| {
        assert!((ours / published - 1.0).abs() < 2e-7, "{ours} {published}")
    };
    near(value(&a, "period.max") / t, 9.957_453e-1);
    near(value(&a, "period.min") / t, 1.371_760e-3);
    near(value(&a, "period.mean") / t, 4.897_745e-1);
    // The publication divides by one less.
    near(
        value(&a, "period.rms") / t * (1000.0f64 / 999.0).sqrt(),
        2.884_664e-1,
    );
    // Its median lies between the two middle values; the nearest rank is the lower of them.
    let mut periods: Vec<u64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    periods.sort_unstable();
    assert_eq!(value(&a, "period.p50"), periods[499] as f64);
    near((periods[499] + periods[500]) as f64 / 2.0 / t, 4.798_849e-1);
    near(value(&a, "drift"), (4.897_745e-1 - 1.0) * 1e6);
}

#[test]
fn stamps_of_a_long_run_lose_nothing() {
    // 10^12 cycles away, and with periods that are large: the jitter is the same to the last digit.
    let make = |start: u64, period: u64| {
        let jitter = |k: u64| k * k * 7 % 13;
        let times: Vec<u64> = (0..5000).map(|k| start + k * period + jitter(k)).collect();
        let options = EdgeOptions {
            reference: Reference::Nominal(Rational::whole(period)),
            ..EdgeOptions::default()
        };
        EdgeAnalysis::new(&times, &options).expect("ascending")
    };
    let (near, far) = (make(0, 1000), make(1_000_000_000_000, 200_000_000));
    for name in [
        "period.pp",
        "period.rms",
        "c2c.rms",
        "tie.pp",
        "tie.rms",
        "tie.max",
        "mtie(64)",
        "nperiod(16).rms",
    ] {
        assert_eq!(value(&near, name), value(&far, name), "{name}");
    }
    let ratio = value(&near, "adev(4)") / value(&far, "adev(4)");
    assert!((ratio - 200_000.0).abs() < 1e-6, "{ratio}");
}

proptest! {
    /// Whatever the edges are: no panic, and what bounds what.
    #[test]
    fn bounds_hold(
        periods in prop::collection::vec(prop_oneof![0u64..5, 90u64..110, Just(1u64 << 40)], 0..70),
        start in prop_oneof![Just(0u64), Just(u64::MAX - (1 << 50))],
        mean in any::<bool>(),
    ) {
        let mut at = start;
        let mut times = vec![at];
        for p in periods {
            at += p;
            times.push(at);
        }
        let reference = if mean { Reference::Mean } else { Reference::BestFit };
        let options = EdgeOptions { reference, nominal: Some(Rational::whole(100)), ..EdgeOptions::default() };
        let a = EdgeAnalysis::with_falls(&times, &times, &options).expect("ascending");
        let mut wider = Rational::ZERO;
        for m in &a.mtie {
            prop_assert!(m.cycles >= wider, "MTIE grows with its window");
            wider = m.cycles;
        }
        if let Some(tie) = &a.tie {
            prop_assert!(wider <= tie.pp);
            prop_assert!(tie.min <= tie.max && tie.rms <= tie.max.max(-tie.min) * 1.000_001);
            prop_assert_eq!(a.n_period[0].pp, a.period.as_ref().expect("periods").summary.pp);
        }
        for allan in &a.allan {
            prop_assert!(allan.deviation.is_finite());
        }
        let text = serde_json::to_string(&a).expect("JSON");
        prop_assert!(!text.contains("null,null,null,null,null,null,null,null"));
        for name in ["period.pp", "tie.pp", "mtie(4)", "adev(3)", "comb.period", "period.p99.99", "duty.pp"] {
            let metric: Metric = name.parse().expect(name);
            match metric.of_edges(&a) {
                Ok(v) => prop_assert!(v.as_f64().is_finite()),
                Err(e) => prop_assert!(e.to_string().contains(name)),
            }
        }
    }

    /// Budgets are text from users: any text gives a metric that reads back, or an error.
    #[test]
    fn any_text_is_a_metric_or_an_error(text in "[a-z0-9().]{0,14}|(nperiod|mtie|adev|mmu|period)[(.][0-9a-z.)]{0,8}") {
        if let Ok(metric) = text.parse::<Metric>() {
            prop_assert_eq!(metric.to_string().parse::<Metric>(), Ok(metric));
        }
    }
}

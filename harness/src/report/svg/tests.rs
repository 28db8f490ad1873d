use super::*;

const NAMES: Names<'_> = Names {
    title: "PA5: period <T> & more",
    x: "cycles",
    y: "count",
};

fn wave(n: u32) -> Vec<(f64, f64)> {
    (0..n)
        .map(|i| (f64::from(i), f64::from(i * 7919 % 1000)))
        .collect()
}

fn all(points: &[(f64, f64)], bins: &[(i64, u64)]) -> Vec<String> {
    let series = [Series { label: "a", points }, Series { label: "b", points }];
    let bins = [Bins { label: "a", bins }];
    [
        histograms(NAMES, &bins, false),
        histograms(NAMES, &bins, true),
        percentiles(NAMES, &bins, false),
        over_time(NAMES, &series),
        mmu(NAMES, &series),
        lines(NAMES, X::Linear, &series, false),
        lines(NAMES, X::Log2, &series, true),
        lines(NAMES, X::Categories(&["idle", "16 tasks"]), &series, false),
    ]
    .into_iter()
    .map(|r| r.expect("drawn"))
    .collect()
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let (points, bins) = (wave(5000), vec![(16_700, 3), (16_800, 9_000), (16_900, 4)]);
    assert_eq!(all(&points, &bins), all(&points, &bins));
}

#[test]
fn nothing_one_point_and_nonsense_are_drawn() {
    let nonsense = [(f64::NAN, 1.0), (1.0, f64::INFINITY), (0.0, -5.0)];
    for points in [&[][..], &[(3.0, 4.0)], &nonsense] {
        for svg in all(points, &[]) {
            assert!(svg.ends_with("</svg>\n"), "{svg}");
            assert!(!svg.contains("NaN"), "{svg}");
        }
    }
    all(&[], &[(i64::MIN / 4, 1), (i64::MAX / 4, u64::MAX / 2)]);
}

#[test]
fn names_are_escaped() {
    for svg in all(&wave(10), &[(1, 1)]) {
        assert!(svg.contains("PA5: period &lt;T&gt; &amp; more"), "{svg}");
    }
}

#[test]
fn a_picture_does_not_grow_with_the_run() {
    let points = wave(200_000);
    let series = [Series {
        label: "a",
        points: &points,
    }];
    let svg = over_time(NAMES, &series).expect("drawn");
    assert!(svg.len() < 300_000, "{}", svg.len());
}

#[test]
fn each_cycle_has_its_column_when_there_is_room() {
    let bins: Vec<(i64, u64)> = (0..50).map(|i| (16_800 + i, 10)).collect();
    let count = |bins: &[(i64, u64)]| {
        let x = Axis::linear(bins[0].0 as f64, bins[bins.len() - 1].0 as f64);
        frame::columns_of(x, &[Bins { label: "", bins }])[0].clone()
    };
    assert_eq!(count(&bins).len(), 50);
    // No sample is lost where cycles share a column.
    let many: Vec<(i64, u64)> = (0..50_000).map(|i| (i, 2)).collect();
    let columns = count(&many);
    assert!(columns.len() < 400);
    assert_eq!(columns.iter().map(|c| c.2).sum::<u64>(), 100_000);
}

#[test]
fn what_lies_beyond_falls_to_one_of_n() {
    let points = beyond(&[(10, 990), (20, 9), (30, 1)]);
    assert_eq!(points[0], (10.0, 1.0));
    assert_eq!(points[1], (10.0, 0.01));
    assert_eq!(points.last(), Some(&(30.0, 0.001)));
}

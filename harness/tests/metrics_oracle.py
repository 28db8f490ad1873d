#!/usr/bin/env python3
"""Metrics from their definitions, with exact fractions and no shortcuts: an oracle for harness::metrics.

Reads a JSON list of cases on standard input, writes the list of their answers. Exact values are texts ("33601/2"),
floats are numbers, absent ones null. Only the standard library, and nothing of the crate under test.
"""

import cmath
import itertools
import json
import math
import statistics
import sys
from fractions import Fraction


def text(value):
    return None if value is None else str(value)


def root(fraction):
    """The square root of a fraction to more digits than a float has."""
    if fraction == 0:
        return 0.0
    scale = 1 << 400
    return float(Fraction(math.isqrt(int(fraction * scale)), 1 << 200))


def percentile(values, ppm):
    """Nearest rank: the least value with at least this share of all at or below it."""
    for v in sorted(set(values)):
        if Fraction(sum(1 for w in values if w <= v), len(values)) >= Fraction(ppm, 10**6):
            return v
    return max(values)


def summary(values):
    if not values:
        return None
    mean = Fraction(sum(values), len(values))
    variance = sum((v - mean) ** 2 for v in values) / len(values)
    return {
        "count": len(values),
        "min": min(values),
        "max": max(values),
        "pp": max(values) - min(values),
        "mean": text(mean),
        "rms": root(variance),
        "percentiles": [
            [percentile(values, ppm), len(values) * (1 - Fraction(ppm, 10**6)) >= 10]
            for ppm in (500000, 900000, 990000, 999000, 999900)
        ],
    }


def reference(times, kind, nominal):
    n = len(times)
    if kind == "nominal":
        return Fraction(nominal)
    if n < 2:
        return None
    if kind == "mean":
        return Fraction(times[-1] - times[0], n - 1)
    middle_k = Fraction(n - 1, 2)
    middle_t = Fraction(sum(times), n)
    above = sum((k - middle_k) * (t - middle_t) for k, t in enumerate(times))
    return above / sum((k - middle_k) ** 2 for k in range(n))


def tie(times, T, offset):
    x = [t - k * T for k, t in enumerate(times)]
    a = x[0] if offset == "first-edge" else sum(x) / len(x)
    return [v - a for v in x]


def n_period(times, T, n):
    stretches = [times[k + n] - times[k] for k in range(len(times) - n)]
    if not stretches:
        return None
    mean = Fraction(sum(stretches), len(stretches))
    return {
        "least": text(min(stretches) - n * T),
        "greatest": text(max(stretches) - n * T),
        "pp": max(stretches) - min(stretches),
        "rms": root(sum((s - mean) ** 2 for s in stretches) / len(stretches)),
    }


def mtie(x, n):
    windows = [x[i : i + n + 1] for i in range(len(x) - n)]
    return text(max(max(w) - min(w) for w in windows)) if windows else None


def allan(x, T, m):
    terms = [(x[i + 2 * m] - 2 * x[i + m] + x[i]) ** 2 for i in range(len(x) - 2 * m)]
    if not terms or T <= 0:
        return None
    return root(sum(terms) / (2 * m * m * T * T * len(terms)))


def regularity(times, T):
    skipped = doubled = 0
    for a, b in zip(times, times[1:]):
        n = math.floor(Fraction(b - a) / T + Fraction(1, 2))
        skipped += max(n - 1, 0)
        doubled += n == 0
    drift = (Fraction(times[-1] - times[0], len(times) - 1) / T - 1) * 10**6
    return {"skipped": skipped, "doubled": doubled, "drift_ppm": float(drift)}


def amplitudes(x):
    """The definition of the transform, after a line and a Hann window."""
    n = len(x)
    middle = Fraction(n - 1, 2)
    mean = sum(x) / n
    slope = sum((k - middle) * v for k, v in enumerate(x)) / sum((k - middle) ** 2 for k in range(n))
    flat = [float(v - mean - slope * (k - middle)) for k, v in enumerate(x)]
    window = [0.5 - 0.5 * math.cos(2 * math.pi * i / n) for i in range(n)]
    found = []
    for j in range(1, n // 2 + 1):
        terms = [v * w * cmath.exp(-2j * math.pi * (i * j % n) / n) for i, (v, w) in enumerate(zip(flat, window))]
        found.append(2 * abs(complex(math.fsum(t.real for t in terms), math.fsum(t.imag for t in terms))) / sum(window))
    return found


def duty(rises, falls):
    """Each rising edge with the first falling one from it on that no earlier pulse took, and that the next rise is not before."""
    high, whole, unmatched, taken = [], [], 0, -1
    for i, rise in enumerate(rises):
        following = rises[i + 1] if i + 1 < len(rises) else None
        free = [j for j, f in enumerate(falls) if j > taken and f >= rise]
        if not free or (following is not None and falls[free[0]] > following):
            unmatched += following is not None
            continue
        taken = free[0]
        high.append(falls[taken] - rise)
        if following is not None and following > rise:
            whole.append((high[-1], following - rise))
    ratios = [Fraction(h, p) for h, p in whole]
    return {
        "high": summary(high),
        "unmatched": unmatched,
        "min": text(min(ratios, default=None)),
        "max": text(max(ratios, default=None)),
        "mean": text(Fraction(sum(h for h, _ in whole), sum(p for _, p in whole))) if whole else None,
        "pp": text(max(ratios) - min(ratios)) if ratios else None,
    }


def edges(case):
    times = case["times"]
    T = reference(times, case["reference"], case["nominal"])
    periods = [b - a for a, b in zip(times, times[1:])]
    changes = [b - a for a, b in zip(periods, periods[1:])]
    answer = {"reference": text(T), "period": summary(periods), "duty": duty(times, case["falls"])}
    answer["c2c"] = (
        {"max": max(map(abs, changes)), "rms": root(Fraction(sum(c * c for c in changes), len(changes)))} if changes else None
    )
    enough = len(times) >= (2 if case["reference"] == "nominal" else 3)
    answer["tie"] = answer["spectrum"] = None
    answer["mtie"] = answer["allan"] = answer["n_period"] = []
    if T is not None:
        x = tie(times, T, case["offset"]) if times else []
        if enough:
            answer["tie"] = {
                "pp": text(max(x) - min(x)),
                "min": float(min(x)),
                "max": float(max(x)),
                "rms": root(sum(v * v for v in x) / len(x)),
                "worst": float(max(map(abs, x))),
            }
            answer["mtie"] = [mtie(x, n) for n in case["windows"]]
        answer["n_period"] = [n_period(times, T, n) for n in case["windows"]]
        answer["allan"] = [allan(x, T, m) for m in case["windows"]]
        if len(times) >= 16 and T > 0:
            answer["spectrum"] = amplitudes(x)
    answer["regularity"] = regularity(times, Fraction(case["nominal"])) if periods else None
    return answer


def union(intervals):
    """All intervals laid over each other."""
    merged = []
    for begin, end in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([begin, end])
    return merged


def mmu(merged, run, window):
    """Every window there is, one after the other."""
    if not 0 < window <= run[1] - run[0]:
        return None
    most = 0
    for at in range(run[0], run[1] - window + 1):
        most = max(most, sum(max(0, min(e, at + window) - max(b, at)) for b, e in merged))
    return text(1 - Fraction(most, window))


def intervals(case):
    merged = union(case["intervals"])
    covered = sum(e - b for b, e in merged)
    run = case["run"]
    gaps, overlaps = [], 0
    for i in range(1, len(case["intervals"])):
        gap = case["intervals"][i][0] - max(e for _, e in case["intervals"][:i])
        if gap < 0:
            overlaps += 1
        else:
            gaps.append(gap)
    return {
        "durations": summary([e - b for b, e in case["intervals"]]),
        "gaps": summary(gaps),
        "overlaps": overlaps,
        "share": text(Fraction(covered, run[1] - run[0])),
        "mmu": [mmu(merged, run, w) for w in case["windows"]],
    }


def latency(case):
    """Each event with the first response that is not before it."""
    events, responses = case["events"], case["responses"]
    pairs, used = [], set()
    unanswered = overtaken = 0
    for i, e in enumerate(events):
        later = [j for j, r in enumerate(responses) if r >= e]
        if not later:
            unanswered += 1
            continue
        pairs.append([e, responses[later[0]]])
        used.add(later[0])
        following = [f for f in events[i + 1 : i + 2] if e < f <= responses[later[0]]]
        overtaken += bool(following)
    early = sum(1 for r in responses if not events or r < events[0])
    return {
        "intervals": pairs,
        "unanswered": unanswered,
        "overtaken": overtaken,
        "early": early,
        "doubled": len(responses) - len(used) - early,
    }


def mid_ranks(values):
    return [Fraction(2 * sum(1 for w in values if w < v) + sum(1 for w in values if w == v) + 1, 2) for v in values]


def mann_whitney(a, b):
    """U by counting pairs. p over all arrangements when these are few, else by the normal distribution."""
    u = sum((Fraction(1) if y > x else Fraction(1, 2) if y == x else Fraction(0)) for x in a for y in b)
    n, m = len(a), len(b)
    middle = Fraction(n * m, 2)
    both = a + b
    if n + m <= 12:
        ranks = mid_ranks(both)
        far = extreme = 0
        for chosen in itertools.combinations(range(n + m), m):
            other = sum(ranks[i] for i in chosen) - Fraction(m * (m + 1), 2)
            extreme += abs(other - middle) >= abs(u - middle)
            far += 1
        return float(u), extreme / far
    if n + m <= 50:
        return float(u), None
    ties = sum(both.count(v) ** 3 - both.count(v) for v in set(both))
    total = n + m
    variance = Fraction(n * m, 12) * (total + 1 - Fraction(ties, total * (total - 1)))
    return float(u), two_sided(u, middle, variance)


def two_sided(value, middle, variance):
    if variance == 0:
        return 1.0
    z = max(abs(value - middle) - Fraction(1, 2), 0) / Fraction(root(variance))
    return math.erfc(float(z) / math.sqrt(2))


def wilcoxon(differences):
    d = [v for v in differences if v != 0]
    if not d:
        return None
    ranks = mid_ranks([abs(v) for v in d])
    w = sum(r for r, v in zip(ranks, d) if v > 0)
    middle = sum(ranks) / 2
    n = len(d)
    if n <= 12:
        signs = list(itertools.product((0, 1), repeat=n))
        extreme = sum(abs(sum(r for r, s in zip(ranks, sign) if s) - middle) >= abs(w - middle) for sign in signs)
        return float(w), extreme / len(signs)
    if n <= 50:
        return float(w), None
    sizes = [abs(v) for v in d]
    ties = sum(sizes.count(v) ** 3 - sizes.count(v) for v in set(sizes))
    return float(w), two_sided(w, middle, Fraction(n * (n + 1) * (2 * n + 1), 24) - Fraction(ties, 48))


def sign_test(differences):
    plus, minus = sum(v > 0 for v in differences), sum(v < 0 for v in differences)
    n = plus + minus
    if n == 0:
        return None
    tail = sum(math.comb(n, i) for i in range(min(plus, minus) + 1))
    return plus, float(min(Fraction(1), Fraction(2 * tail, 2**n)))


def compare(case):
    a, b = case["first"], case["second"]
    n, m = len(a), len(b)
    # The distance of the two quantile functions, on a grid that both steps fall on.
    grid = n * m
    distance = Fraction(sum(abs(sorted(a)[i // m] - sorted(b)[i // n]) for i in range(grid)), grid)
    answer = {
        "mann_whitney": mann_whitney(a, b),
        "cliffs_delta": sum((y > x) - (y < x) for x in a for y in b) / (n * m),
        "shift": float(statistics.median(y - x for x in a for y in b)),
        "wasserstein": float(distance),
    }
    if n == m:
        d = [y - x for x, y in zip(a, b)]
        answer["wilcoxon"] = wilcoxon(d)
        answer["sign"] = sign_test(d)
        answer["paired_shift"] = float(statistics.median(Fraction(d[i] + d[j], 2) for i in range(n) for j in range(i, n)))
    return answer


def main():
    kinds = {"edges": edges, "intervals": intervals, "latency": latency, "compare": compare}
    json.dump([kinds[case["kind"]](case) for case in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()

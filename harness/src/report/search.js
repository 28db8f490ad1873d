// Finding things in long sorted columns, and what to draw of them.

// How many of `a` are less than `x`.
const below = (a, x) => {
  let lo = 0;
  let hi = a.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (a[mid] < x) lo = mid + 1;
    else hi = mid;
  }
  return lo;
};

// How many of `a` are at most `x`.
const upTo = (a, x) => {
  let lo = 0;
  let hi = a.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (a[mid] <= x) lo = mid + 1;
    else hi = mid;
  }
  return lo;
};

// The same, when at least `from` of them are: quick when it is not many more.
const upToAfter = (a, x, from) => {
  let step = 1;
  let lo = from;
  let hi = from;
  while (hi < a.length && a[hi] <= x) {
    lo = hi + 1;
    hi += step;
    step *= 2;
  }
  hi = Math.min(hi, a.length);
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (a[mid] <= x) lo = mid + 1;
    else hi = mid;
  }
  return lo;
};

// The index of the element of `a` that is nearest to `x`, or -1.
const nearest = (a, x) => {
  const i = below(a, x);
  if (i === a.length) return i - 1;
  return i > 0 && x - a[i - 1] < a[i] - x ? i - 1 : i;
};

// Minima and maxima of blocks of 16, 64, 256, … values.
class Envelope {
  constructor(values) {
    this.values = values;
    this.levels = [];
    let size = 16;
    let lows = values;
    let highs = values;
    let step = size;
    while (lows.length > 256) {
      const n = Math.ceil(lows.length / step);
      const low = new Float64Array(n);
      const high = new Float64Array(n);
      for (let k = 0; k < n; k++) {
        let a = Infinity;
        let b = -Infinity;
        for (let i = k * step; i < Math.min(lows.length, (k + 1) * step); i++) {
          if (lows[i] < a) a = lows[i];
          if (highs[i] > b) b = highs[i];
        }
        low[k] = a;
        high[k] = b;
      }
      this.levels.push({ size, low, high });
      [lows, highs] = [low, high];
      step = 4;
      size *= 4;
    }
  }

  // The coarsest level with at least `wanted` blocks over `count` values; null when the values themselves will do.
  level(count, wanted) {
    let best = null;
    for (const level of this.levels) if (count / level.size >= wanted) best = level;
    return best;
  }

  // The least and largest of values [from, to).
  range(from, to) {
    let low = Infinity;
    let high = -Infinity;
    const take = (lows, highs, i, end) => {
      for (; i < end; i++) {
        if (lows[i] < low) low = lows[i];
        if (highs[i] > high) high = highs[i];
      }
    };
    const level = this.level(to - from, 8);
    if (!level) {
      take(this.values, this.values, from, to);
    } else {
      const first = Math.ceil(from / level.size);
      const last = Math.floor(to / level.size);
      take(this.values, this.values, from, first * level.size);
      take(level.low, level.high, first, last);
      take(this.values, this.values, last * level.size, to);
    }
    return [low, high];
  }
}


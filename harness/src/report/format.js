// Numbers as text.

// Narrow spaces between groups of three digits.
const grouped = (n, digits = 0) => {
  const [whole, fraction] = Math.abs(n).toFixed(digits).split('.');
  const text = whole.replace(/\B(?=(\d{3})+$)/g, '\u202f');
  const tail = (fraction || '').replace(/0+$/, '');
  const zero = !/[1-9]/.test(whole + tail);
  return (n < 0 && !zero ? '\u2212' : '') + text + (tail ? '.' + tail : '');
};

const TIME_UNITS = [['s', 1], ['ms', 1e-3], ['µs', 1e-6], ['ns', 1e-9], ['ps', 1e-12]];
const timeUnit = (seconds) => {
  const size = Math.abs(seconds);
  if (size === 0) return TIME_UNITS[0];
  return TIME_UNITS.find(([, scale]) => size >= scale * 0.99999999) || TIME_UNITS[4];
};

// A time, with so many digits after the point in the unit that fits it.
const timeText = (seconds, digits = 4) => {
  const [unit, scale] = timeUnit(seconds);
  return grouped(seconds / scale, digits) + ' ' + unit;
};

const hzText = (hz) => {
  const [unit, scale] = hz >= 1e6 ? ['MHz', 1e6] : hz >= 1e3 ? ['kHz', 1e3] : ['Hz', 1];
  return grouped(hz / scale, 4) + ' ' + unit;
};

// Steps of 1, 2 or 5 times a power of ten: about `count` of them between `lo` and `hi`.
const niceStep = (lo, hi, count) => {
  const raw = Math.max((hi - lo) / Math.max(count, 1), 1e-15);
  const power = 10 ** Math.floor(Math.log10(raw));
  const rest = raw / power;
  return (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10) * power;
};

const digitsOf = (step) => Math.max(0, Math.min(12, -Math.floor(Math.log10(step) + 1e-9)));

// Ticks [position, text] of a linear axis.
const linearTicks = (lo, hi, count, whole) => {
  let step = niceStep(lo, hi, count);
  if (whole) step = Math.max(1, step);
  const out = [];
  for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + step * 1e-9 && out.length < 100; k++) {
    out.push([k * step, grouped(k * step, digitsOf(step))]);
  }
  return out;
};

// Ticks of an axis of decimal logarithms, at powers of ten; between them when these are few.
const logTicks = (lo, hi) => {
  const out = [];
  const many = hi - lo < 2.2;
  for (let p = Math.floor(lo); p <= Math.ceil(hi); p++) {
    for (const m of many ? [1, 2, 5] : [1]) {
      const at = p + Math.log10(m);
      if (at < lo - 1e-9 || at > hi + 1e-9) continue;
      const n = m * 10 ** p;
      out.push([at, n >= 1e6 || n < 1e-4 ? `${m === 1 ? '' : m + '·'}10${superscript(p)}` : grouped(n, 4)]);
    }
  }
  return out;
};

const superscript = (n) =>
  String(n).replace(/./g, (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)]));

// Cycles of a run as seconds since power-on.
const secondsAt = (clock, cycle) => {
  let i = clock.length - 1;
  while (i > 0 && clock[i][0] > cycle) i--;
  const [from, start, hz] = clock[i];
  return start + (cycle - from) / hz;
};


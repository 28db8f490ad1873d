// Values over an axis, one curve for each run: TIE over time, spectra, mutator share. Where there are more values than pixels
// their envelope is drawn, from the least to the largest.

class Curves extends Plot {
  // series: {run, label, x, y, clock}. shape: {logX, canLog, smallest, xName, xText, yText, fixed: [lo, hi] of y, open}.
  constructor(figure, series, shape) {
    let min = Infinity;
    let max = -Infinity;
    for (const s of series) {
      s.at = shape.logX ? s.x.map((v) => Math.log10(Math.max(v, 1))) : s.x;
      s.envelope = new Envelope(s.y);
      if (s.at.length === 0) continue;
      min = Math.min(min, s.at[0]);
      max = Math.max(max, s.at[s.at.length - 1]);
    }
    super(figure, new View(min, max, shape.smallest));
    this.series = series;
    this.shape = shape;
    this.log = false;
    if (shape.sameClock) this.margin.bottom = 52;
    const box = figure.querySelector('[data-do=log]');
    if (box) {
      box.addEventListener('change', () => {
        this.log = box.checked;
        this.queue();
      });
    }
  }

  // First and end of the values that are seen, with one more on each side.
  seen(s) {
    return [Math.max(0, below(s.at, this.view.lo) - 1), Math.min(s.at.length, upTo(s.at, this.view.hi) + 1)];
  }

  prepare() {
    if (this.shape.fixed) {
      [this.low, this.high] = this.shape.fixed;
      return;
    }
    let low = Infinity;
    let high = -Infinity;
    for (const s of this.series) {
      const [from, to] = this.seen(s);
      const [a, b] = s.envelope.range(from, to);
      low = Math.min(low, a);
      high = Math.max(high, b);
    }
    if (!(low <= high)) [low, high] = [0, 1];
    if (this.log) {
      this.high = Math.log10(Math.max(high, 1e-9)) + 0.2;
      this.low = Math.max(this.high - 6, Math.log10(Math.max(low, 1e-9)) - 0.2);
    } else {
      const room = Math.max((high - low) * 0.06, high === low ? 1 : 0);
      this.low = low === 0 ? 0 : low - room;
      this.high = high + room;
    }
  }

  // Takes values, also on a logarithmic axis.
  y(value, box) {
    const v = this.log ? Math.log10(Math.max(value, 1e-12)) : value;
    return box.bottom - ((v - this.low) / (this.high - this.low)) * (box.bottom - box.top);
  }

  ticks(box) {
    const count = (box.right - box.left) / 110;
    const { lo, hi } = this.view;
    return {
      xTicks: this.shape.logX ? logTicks(lo, hi) : linearTicks(lo, hi, count, this.shape.whole),
      yTicks: this.log
        ? logTicks(this.low, this.high).map(([at, text]) => [10 ** at, text])
        : linearTicks(this.low, this.high, (box.bottom - box.top) / 40, false),
      xName: this.shape.sameClock ? '' : this.shape.xName,
    };
  }

  // A second row of ticks, in time.
  after(ctx, box) {
    const clock = this.shape.sameClock;
    if (!clock) return;
    timeAxis(this, ctx, box, clock, box.bottom + 21);
  }

  paint(ctx, box) {
    for (const s of this.series) {
      const [from, to] = this.seen(s);
      ctx.strokeStyle = ctx.fillStyle = runColour(s.run);
      const width = box.right - box.left;
      const level = to - from > 3 * width ? s.envelope.level(to - from, width) : null;
      if (level) this.band(ctx, box, s, level, from, to);
      else this.line(ctx, box, s, from, to, width);
    }
  }

  band(ctx, box, s, level, from, to) {
    const { size, low, high } = level;
    ctx.globalAlpha = this.series.length > 1 ? 0.6 : 0.85;
    for (let k = Math.floor(from / size); k * size < to; k++) {
      const x = this.x(s.at[k * size], box);
      const next = this.x(s.at[Math.min((k + 1) * size, s.at.length - 1)], box);
      const top = this.y(high[k], box);
      ctx.fillRect(x, top, Math.max(next - x, 1), Math.max(this.y(low[k], box) - top, 1.5));
    }
    ctx.globalAlpha = 1;
  }

  line(ctx, box, s, from, to, width) {
    ctx.lineWidth = 1.5;
    ctx.lineJoin = 'round';
    ctx.globalAlpha = to - from > width / 2 ? 0.75 : 1;
    ctx.beginPath();
    for (let i = from; i < to; i++) ctx.lineTo(this.x(s.at[i], box), this.y(s.y[i], box));
    ctx.stroke();
    ctx.globalAlpha = 1;
    if (to - from > width / 6) return;
    for (let i = from; i < to; i++) {
      ctx.beginPath();
      ctx.arc(this.x(s.at[i], box), this.y(s.y[i], box), 3, 0, 7);
      ctx.fill();
    }
  }

  // The value that is drawn nearest to the pointer: {s, i}, or null.
  find(x, y, box) {
    let best = null;
    let least = Infinity;
    for (const s of this.series) {
      if (s.at.length === 0) continue;
      let from = below(s.at, this.valueAt(x - 6, box));
      let to = upTo(s.at, this.valueAt(x + 6, box));
      if (from === to) {
        from = nearest(s.at, this.valueAt(x, box));
        to = from + 1;
      }
      for (let i = from; i < to; i++) {
        const d = Math.hypot(this.x(s.at[i], box) - x, this.y(s.y[i], box) - y);
        if (d < least) {
          least = d;
          best = { s, i };
        }
      }
    }
    return best;
  }

  tip(x, y, box) {
    const found = this.find(x, y, box);
    if (!found) return null;
    const { s, i } = found;
    return [{ run: s.run, text: s.label }, ...this.shape.tip(s, i)];
  }

  click(at, shift, box) {
    const found = this.shape.open && this.find(at.x, at.y, box);
    if (found) this.shape.open(found.s, found.i);
  }
}

// Ticks in time under an axis of cycles, after a change of the clock too.
const timeAxis = (plot, ctx, box, clock, y) => {
  const { lo, hi } = plot.view;
  const [from, to] = [secondsAt(clock, lo), secondsAt(clock, hi)];
  const [unit, scale] = timeUnit(Math.max(Math.abs(from), Math.abs(to)));
  const step = niceStep(from / scale, to / scale, (box.right - box.left) / 110);
  const digits = digitsOf(step);
  ctx.fillStyle = colours.faint;
  ctx.strokeStyle = colours.faint;
  ctx.textBaseline = 'top';
  ctx.beginPath();
  let free = -Infinity;
  let ticks = 0;
  for (let k = Math.ceil(from / scale / step - 1e-9); k * step <= (to / scale) * (1 + 1e-12) && ticks++ < 100; k++) {
    const x = Math.round(plot.x(cyclesAt(clock, k * step * scale), box)) + 0.5;
    if (x < box.left - 1 || x > box.right + 1) continue;
    ctx.moveTo(x, y - 1);
    ctx.lineTo(x, y + 3);
    free = plot.tickText(ctx, grouped(k * step, digits) + ' ' + unit, x, y + 5, free);
  }
  ctx.stroke();
};

// The inverse of secondsAt.
const cyclesAt = (clock, seconds) => {
  let i = clock.length - 1;
  while (i > 0 && clock[i][1] > seconds) i--;
  const [from, start, hz] = clock[i];
  return from + (seconds - start) * hz;
};


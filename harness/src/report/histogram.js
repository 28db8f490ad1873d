// Overlaid exact histograms. Cycles share a column of pixels only while there are more of them than pixels.

class Histogram extends Plot {
  constructor(figure, series) {
    let min = Infinity;
    let max = -Infinity;
    for (const { bins } of series) {
      if (bins.length === 0) continue;
      min = Math.min(min, bins[0]);
      max = Math.max(max, bins[bins.length - 1]);
    }
    const room = Math.max(2, (max - min) * 0.03);
    super(figure, new View(min - room, max + room, 8));
    this.series = series;
    this.log = false;
    const box = figure.querySelector('[data-do=log]');
    box.addEventListener('change', () => {
      this.log = box.checked;
      this.queue();
    });
    // What is rare is what one looks for: beside what is common it would not be seen.
    const most = Math.max(...series.map(({ counts }) => counts.reduce((a, b) => Math.max(a, b), 0)));
    this.log = box.checked = most > 500;
  }

  // Columns of what is seen: for each run [left edge, width, count], and the largest count.
  prepare(box) {
    const perCycle = (box.right - box.left) / this.view.span;
    this.exact = perCycle >= 1;
    this.max = 1;
    this.columns = this.series.map(({ bins, counts }) => {
      const out = [];
      const end = upTo(bins, this.view.hi + 1);
      let last = -Infinity;
      for (let i = below(bins, this.view.lo - 1); i < end; i++) {
        let x = this.x(bins[i] - 0.5, box);
        if (!this.exact) x = Math.floor(x / 2) * 2;
        if (x === last) out[out.length - 1][2] += counts[i];
        else out.push([x, Math.max(this.exact ? perCycle : 2, 2), counts[i]]);
        last = x;
      }
      for (const column of out) this.max = Math.max(this.max, column[2]);
      return out;
    });
    this.top = this.log ? Math.log10(this.max) + 0.15 : this.max * 1.06;
  }

  y(count, box) {
    const low = this.log ? Math.log10(0.5) : 0;
    const value = this.log ? Math.log10(Math.max(count, 0.5)) : count;
    return box.bottom - ((value - low) / (this.top - low)) * (box.bottom - box.top);
  }

  ticks(box) {
    const powers = () => {
      const ticks = logTicks(0, this.top);
      return ticks.map(([at, text]) => [10 ** at, text]).filter(([n]) => Number.isInteger(Math.round(n * 1e6) / 1e6));
    };
    return {
      xTicks: linearTicks(this.view.lo, this.view.hi, (box.right - box.left) / 90, true),
      yTicks: this.log ? powers() : linearTicks(0, this.top, 5, true),
      xName: this.exact ? 'cycles' : `cycles (${grouped(Math.ceil((2 * this.view.span) / (box.right - box.left)))} to a column)`,
    };
  }

  paint(ctx, box) {
    this.columns.forEach((columns, i) => {
      const { run } = this.series[i];
      ctx.fillStyle = runColour(run);
      ctx.globalAlpha = this.series.length > 1 ? 0.35 : 0.6;
      for (const [x, width, count] of columns) {
        const y = this.y(count, box);
        ctx.fillRect(x, y, width, box.bottom - y);
      }
      ctx.globalAlpha = 1;
      // The outline, so that what lies behind is still told apart.
      for (const [x, width, count] of columns) {
        const y = this.y(count, box);
        ctx.fillRect(x, y, width, 2);
        if (width <= 3) {
          ctx.fillRect(x, y, 1, box.bottom - y);
        } else {
          ctx.fillRect(x, y, 1, box.bottom - y);
          ctx.fillRect(x + width - 1, y, 1, box.bottom - y);
        }
      }
    });
  }

  // The commonest exact value within some pixels of the pointer, else the nearest one.
  tip(x, y, box) {
    const [lo, hi] = [this.valueAt(x - 3, box), this.valueAt(x + 3, box)];
    const lines = [];
    for (const { run, label, bins, counts, clock } of this.series) {
      if (bins.length === 0) continue;
      let best = nearest(bins, this.valueAt(x, box));
      for (let i = below(bins, lo); i < upTo(bins, hi); i++) if (counts[i] > counts[best]) best = i;
      const time = timeText(bins[best] / clock[clock.length - 1][2]);
      lines.push({ run, text: `${label}: ${grouped(bins[best])} cycles (${time}), ${grouped(counts[best])}×` });
    }
    return lines;
  }
}


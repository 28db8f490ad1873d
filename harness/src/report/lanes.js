// Rows of the timeline: where something changes, and how it is drawn.

const ROW = 22;
const NAMES = { signals: 'Signals', pins: 'Pins', tasks: 'Tasks', exceptions: 'Exceptions', sleep: 'Sleep', values: 'Values' };
const MOST_TASKS = 24;

// A row: {name, group, at, value, names, colour, kind}, kind one of level, box, value and tick. `at` are cycles from which
// `value` holds.
class Row {
  constructor(fields) {
    Object.assign(this, fields);
    this.active = null;
  }

  // How long it was not 0, up to each change.
  activeUpTo() {
    if (this.active) return this.active;
    const { at, value } = this;
    const sum = new Float64Array(at.length);
    for (let i = 1; i < at.length; i++) sum[i] = sum[i - 1] + (value[i - 1] ? at[i] - at[i - 1] : 0);
    this.active = sum;
    return sum;
  }

  // Cycles of [0, t) in which it was not 0; i is the index of the last change up to t.
  activeAt(i, t) {
    if (i < 0) return 0;
    return this.activeUpTo()[i] + (this.value[i] ? t - this.at[i] : 0);
  }

  valueText(v) {
    const name = this.names && this.names[v];
    if (name !== undefined) return name;
    if (this.kind === 'level') return v ? 'high' : 'low';
    if (this.kind === 'box') return v ? 'active' : 'idle';
    return grouped(v);
  }

  paint(plot, ctx, box, y) {
    const { lo, hi } = plot.view;
    const { at } = this;
    const from = Math.max(0, upTo(at, lo) - 1);
    const to = upTo(at, hi);
    ctx.fillStyle = ctx.strokeStyle = this.colour();
    const width = box.right - box.left;
    const dense = to - from > 2 * width;
    if (this.kind === 'tick') this.ticks(plot, ctx, box, y, from, to, dense);
    else if (dense) this.columns(plot, ctx, box, y);
    else if (this.kind === 'level') this.wave(plot, ctx, box, y, from, to);
    else this.boxes(plot, ctx, box, y, from, to);
  }

  // For each column of pixels the share of it in which the row is not 0; single changes stay visible. Neighbours that look
  // the same are drawn at once.
  columns(plot, ctx, box, y) {
    const { at } = this;
    let i = upTo(at, plot.view.lo) - 1;
    let start = plot.view.lo;
    let left = box.left;
    let look = 0;
    for (let x = box.left; x < box.right; x++) {
      const end = plot.valueAt(x + 1, box);
      const j = upToAfter(at, end, i + 1) - 1;
      const now = this.look(i, j, start, end);
      if (now !== look) {
        this.column(ctx, left, x, y, look);
        [left, look] = [x, now];
      }
      [i, start] = [j, end];
    }
    this.column(ctx, left, box.right, y, look);
    ctx.globalAlpha = 1;
  }

  // How a column from `start` to `end`, changes i to j, looks: 0 nothing, 1 low, 2 high, else 16 + opacity in sixteenths.
  look(i, j, start, end) {
    const busy = j > i;
    if (this.kind === 'value') return j < 0 ? 0 : busy ? 24 : 20;
    const share = (this.activeAt(j, end) - this.activeAt(i, start)) / (end - start);
    if (busy) return 16 + Math.round(4 + 12 * share);
    if (this.kind === 'level') return j < 0 ? 0 : share > 0 ? 2 : 1;
    return share > 0 ? 32 : 0;
  }

  column(ctx, from, to, y, look) {
    if (look === 0) return;
    ctx.globalAlpha = look < 16 ? 1 : (look - 16) / 16;
    if (look === 1) ctx.fillRect(from, y + ROW - 5, to - from, 1.5);
    else if (look === 2) ctx.fillRect(from, y + 4, to - from, 1.5);
    else ctx.fillRect(from, y + 4, to - from, ROW - 8);
  }

  wave(plot, ctx, box, y, from, to) {
    const { at, value } = this;
    const [high, low] = [y + 4.5, y + ROW - 4.5];
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    for (let i = from; i < to; i++) {
      const x = Math.max(plot.x(at[i], box), box.left - 4);
      const end = i + 1 < at.length ? Math.min(plot.x(at[i + 1], box), box.right + 4) : plot.endX(box);
      const level = value[i] ? high : low;
      ctx.lineTo(x, level);
      ctx.lineTo(end, level);
    }
    ctx.stroke();
    ctx.globalAlpha = 0.18;
    for (let i = from; i < to; i++) {
      if (!value[i]) continue;
      const x = Math.max(plot.x(at[i], box), box.left - 4);
      const end = i + 1 < at.length ? Math.min(plot.x(at[i + 1], box), box.right + 4) : plot.endX(box);
      ctx.fillRect(x, high, end - x, low - high);
    }
    ctx.globalAlpha = 1;
  }

  boxes(plot, ctx, box, y, from, to) {
    const { at, value } = this;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'middle';
    for (let i = from; i < to; i++) {
      if (!value[i] && this.kind === 'box') continue;
      const x = Math.max(plot.x(at[i], box), box.left - 4);
      const end = i + 1 < at.length ? Math.min(plot.x(at[i + 1], box), box.right + 4) : plot.endX(box);
      const named = this.kind === 'value';
      ctx.globalAlpha = named ? 0.25 : 0.85;
      ctx.fillRect(x, y + 4, Math.max(end - x, 1), ROW - 8);
      ctx.globalAlpha = 1;
      if (!named) continue;
      ctx.fillRect(x, y + 4, 1, ROW - 8);
      const left = Math.max(x, box.left) + 4;
      const text = this.valueText(value[i]);
      if (ctx.measureText(text).width + 4 < end - left) {
        ctx.fillStyle = colours.ink;
        ctx.fillText(text, left, y + ROW / 2 + 0.5);
        ctx.fillStyle = this.colour();
      }
    }
  }

  ticks(plot, ctx, box, y, from, to, dense) {
    if (!dense) {
      for (let i = from; i < to; i++) ctx.fillRect(plot.x(this.at[i], box) - 0.5, y + 4, 1.5, ROW - 8);
      return;
    }
    let i = upTo(this.at, plot.view.lo);
    for (let x = box.left; x < box.right; x++) {
      const j = upToAfter(this.at, plot.valueAt(x + 1, box), i);
      ctx.globalAlpha = Math.min(1, 0.3 + (j - i) / 40);
      if (j > i) ctx.fillRect(x, y + 4, 1, ROW - 8);
      i = j;
    }
    ctx.globalAlpha = 1;
  }
}

// A lane that says which of several tasks runs, as one row for each of them; else null.
const taskRows = (lane, fields) => {
  const ids = [];
  const rows = new Map();
  for (const v of lane.value) {
    if (rows.has(v)) continue;
    if (rows.size === MOST_TASKS) return null;
    rows.set(v, { at: [], value: [] });
    ids.push(v);
  }
  // 0 and 1 without names: one task that runs or not.
  if (ids.every((v) => v < 2 && lane.names[v] === undefined)) return null;
  let before;
  for (let i = 0; i < lane.at.length; i++) {
    const now = rows.get(lane.value[i]);
    if (before === now) continue;
    if (before) {
      before.at.push(lane.at[i]);
      before.value.push(0);
    }
    now.at.push(lane.at[i]);
    now.value.push(1);
    before = now;
  }
  ids.sort((a, b) => a - b);
  return ids.map((v) => {
    const name = lane.names[v] ?? (ids.length > 1 && v === 0 ? 'none' : `${lane.name} ${v}`);
    const names = { 0: 'does not run', 1: 'runs' };
    return new Row({ ...fields, name, names, kind: 'box', at: rows.get(v).at, value: rows.get(v).value });
  });
};

// Intervals as changes; those that overlap as one.
const unite = (begins, lengths) => {
  const at = [];
  const value = [];
  let end = -1;
  for (let i = 0; i < begins.length; i++) {
    const stop = begins[i] + lengths[i];
    if (at.length > 0 && begins[i] <= end) {
      if (stop > end) at[at.length - 1] = end = stop;
      continue;
    }
    at.push(begins[i], stop);
    value.push(1, 0);
    end = stop;
  }
  return { at, value };
};

// All rows of a run.
const rowsOf = (data, run) => {
  const rows = [];
  const colourOf = { signals: () => runColour(run), pins: () => runColour(0), tasks: () => runColour(2), exceptions: () => runColour(1), sleep: () => colours.faint, values: () => runColour(4) };
  for (const group of data.signals) {
    for (const s of group.filter((member) => member.run === run)) {
      const fields = { name: s.name, group: 'signals', colour: colourOf.signals };
      if (s.lengths) rows.push(new Row({ ...fields, kind: 'box', ...unite(s.at, s.lengths) }));
      else if (s.at.length > 0) rows.push(new Row({ ...fields, kind: 'tick', at: s.at }));
    }
  }
  for (const lane of data.runs[run].lanes) {
    const fields = { name: lane.name, group: lane.group, names: lane.names, colour: colourOf[lane.group] };
    const split = lane.group === 'tasks' ? taskRows(lane, fields) : null;
    if (split) {
      rows.push(...split);
      continue;
    }
    const most = lane.value.reduce((a, b) => Math.max(a, b), 0);
    const kind = lane.group === 'values' || most > 1 ? 'value' : lane.group === 'pins' ? 'level' : 'box';
    rows.push(new Row({ ...fields, kind, at: lane.at, value: lane.value }));
  }
  return rows;
};


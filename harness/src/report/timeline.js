// Pins, tasks and exceptions over cycles and time, with two markers.

class Timeline extends Plot {
  constructor(figure, data) {
    super(figure, new View(0, 1, 1));
    this.data = data;
    this.margin = { left: 170, right: 14, top: 40, bottom: 8 };
    this.marks = { a: null, b: null };
    this.focus = null;
    this.output = document.getElementById('measure');
    this.chooser = document.getElementById('timeline-run');
    if (this.chooser) {
      this.chooser.addEventListener('change', () => this.show(Number(this.chooser.value)));
    }
    this.show(0);
  }

  show(run) {
    if (this.run === run) return;
    this.run = run;
    if (this.chooser) this.chooser.value = String(run);
    const { clock, cycles } = this.data.runs[run];
    this.clock = clock;
    this.rows = rowsOf(this.data, run);
    let end = cycles;
    for (const { at } of this.rows) if (at.length > 0) end = Math.max(end, at[at.length - 1]);
    this.end = end;
    this.view = new View(0, end * 1.002, 20);
    this.view.changed = () => this.queue();
    this.place();
    this.focus = null;
    this.unmark();
  }

  // Where each row is, with a heading before each group.
  place() {
    let y = 0;
    let group = '';
    for (const row of this.rows) {
      if (row.group !== group) {
        y += 20;
        row.heading = NAMES[row.group];
        group = row.group;
      }
      row.y = y;
      y += ROW;
    }
    this.canvas.style.height = this.margin.top + y + this.margin.bottom + 'px';
  }

  endX(box) {
    return Math.min(this.x(this.end, box), box.right + 4);
  }

  // Show this cycle, with the edge before it and where it should have been.
  jump(run, cycle, around, deviation) {
    this.show(run);
    this.focus = { cycle, due: cycle - deviation };
    this.view.set(cycle - around, cycle + around);
    this.figure.scrollIntoView({ block: 'nearest' });
    this.canvas.focus({ preventScroll: true });
  }

  frame(ctx, box) {
    const { lo, hi } = this.view;
    ctx.fillStyle = colours.plot;
    ctx.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    ctx.strokeStyle = colours.grid;
    ctx.fillStyle = colours.faint;
    ctx.textBaseline = 'top';
    ctx.textAlign = 'left';
    ctx.fillText('cycles', 10, 2);
    ctx.fillText('time', 10, 20);
    ctx.beginPath();
    let free = box.left - 4;
    for (const [value, text] of linearTicks(lo, hi, (box.right - box.left) / 120, true)) {
      const x = Math.round(this.x(value, box)) + 0.5;
      if (x < box.left || x > box.right + 1) continue;
      ctx.moveTo(x, 16);
      ctx.lineTo(x, box.bottom);
      free = this.tickText(ctx, text, x, 2, free);
    }
    ctx.stroke();
    timeAxis(this, ctx, box, this.clock, 15);
    this.labels(ctx, box);
  }

  labels(ctx, box) {
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    for (const row of this.rows) {
      const y = box.top + row.y;
      if (row.heading) {
        ctx.font = '600 11px system-ui, sans-serif';
        ctx.fillStyle = colours.faint;
        ctx.fillText(row.heading.toUpperCase(), 2, y - 8);
        ctx.font = FONT;
      }
      ctx.fillStyle = colours.ink;
      ctx.fillText(shorten(ctx, row.name, box.left - 20), 10, y + ROW / 2 + 0.5);
      ctx.fillStyle = colours.grid;
      ctx.fillRect(0, y + ROW - 0.5, box.right, 0.5);
    }
  }

  paint(ctx, box) {
    if (this.focus) {
      const [x, due] = [this.x(this.focus.cycle, box), this.x(this.focus.due, box)];
      ctx.fillStyle = colours.fail;
      ctx.globalAlpha = 0.16;
      ctx.fillRect(Math.min(x, due), box.top, Math.max(Math.abs(x - due), 1), box.bottom - box.top);
      ctx.globalAlpha = 1;
      ctx.fillRect(x - 0.75, box.top, 1.5, box.bottom - box.top);
    }
    for (const row of this.rows) row.paint(this, ctx, box, box.top + row.y);
    if (this.drag && this.drag.select && this.drag.moved) {
      ctx.fillStyle = colours.accent;
      ctx.globalAlpha = 0.2;
      ctx.fillRect(this.drag.x, box.top, this.pointer.x - this.drag.x, box.bottom - box.top);
      ctx.globalAlpha = 1;
    }
  }

  // Markers go over the axis too.
  after(ctx, box) {
    for (const [name, cycle] of Object.entries(this.marks)) {
      if (cycle === null) continue;
      const x = this.x(cycle, box);
      if (x < box.left - 1 || x > box.right + 1) continue;
      ctx.strokeStyle = ctx.fillStyle = colours.accent;
      ctx.setLineDash(name === 'a' ? [] : [5, 3]);
      ctx.lineWidth = 1.5;
      ctx.beginPath();
      ctx.moveTo(x, box.top - 4);
      ctx.lineTo(x, box.bottom);
      ctx.stroke();
      ctx.setLineDash([]);
      const side = name === 'a' ? -16 : 0;
      ctx.fillRect(x + side, box.top - 4, 16, 15);
      ctx.fillStyle = colours.ground;
      ctx.textAlign = 'center';
      ctx.textBaseline = 'middle';
      ctx.fillText(name.toUpperCase(), x + side + 8, box.top + 4);
    }
    const { dataset } = this.canvas;
    dataset.run = this.run;
    dataset.focus = this.focus ? this.focus.cycle : '';
  }

  rowAt(y, box) {
    return this.rows.find((row) => y >= box.top + row.y && y < box.top + row.y + ROW);
  }

  // The change nearest to the pointer, in the row under it; else the cycle under it.
  snap(at, box) {
    const here = Math.round(this.valueAt(at.x, box));
    const row = this.rowAt(at.y, box);
    if (!row) return here;
    const i = nearest(row.at, here);
    return i >= 0 && Math.abs(this.x(row.at[i], box) - at.x) <= 8 ? row.at[i] : here;
  }

  mark(name, cycle) {
    this.marks[name] = Math.min(Math.max(cycle, 0), this.end);
    this.measure();
  }

  unmark() {
    this.marks = { a: null, b: null };
    this.focus = null;
    this.measure();
  }

  measure() {
    const { a, b } = this.marks;
    const one = (name, c) => (c === null ? '' : `${name} ${grouped(c)} (${timeText(secondsAt(this.clock, c), 9)})`);
    let text = [one('A', a), one('B', b)].filter((t) => t).join(' · ');
    if (a !== null && b !== null) {
      const seconds = secondsAt(this.clock, b) - secondsAt(this.clock, a);
      text += ` · B − A = ${grouped(b - a)} cycles = ${timeText(seconds, 6)}`;
    }
    this.output.textContent = text;
    this.queue();
  }

  click(at, shift, box) {
    if (at.x < box.left) return;
    this.mark(shift ? 'b' : 'a', this.snap(at, box));
  }

  keys() {
    return {
      ...super.keys(),
      ArrowUp: () => this.act('in'),
      ArrowDown: () => this.act('out'),
      a: () => this.act('mark-a'),
      b: () => this.act('mark-b'),
      Escape: () => this.act('unmark'),
    };
  }

  act(name) {
    const box = this.box();
    const middle = Math.round((this.view.lo + this.view.hi) / 2);
    const here = this.pointer && this.pointer.x >= box.left ? this.snap(this.pointer, box) : middle;
    if (name === 'mark-a') this.mark('a', here);
    else if (name === 'mark-b') this.mark('b', here);
    else if (name === 'unmark') this.unmark();
    else super.act(name);
  }

  tip(x, y, box) {
    const row = this.rowAt(y, box);
    if (!row || row.at.length === 0) return null;
    const here = this.valueAt(x, box);
    const at = (c) => `${grouped(c)} (${timeText(secondsAt(this.clock, c), 9)})`;
    if (row.kind === 'tick') {
      const i = nearest(row.at, here);
      const lines = [`${row.name}: edge ${grouped(i)}`, `at ${at(row.at[i])}`];
      if (i > 0) lines.push(`${grouped(row.at[i] - row.at[i - 1])} cycles after the one before`);
      return lines;
    }
    const i = this.change(row, x, box);
    if (i < 0) return [row.name, 'not known yet'];
    const from = row.at[i];
    const to = i + 1 < row.at.length ? row.at[i + 1] : this.end;
    const seconds = secondsAt(this.clock, to) - secondsAt(this.clock, from);
    return [
      `${row.name}: ${row.valueText(row.value[i])}`,
      `from ${at(from)}`,
      `to ${at(to)}`,
      `${grouped(to - from)} cycles (${timeText(seconds)})`,
    ];
  }

  // The change whose value is drawn at x. A box of less than a pixel is drawn as one: it is meant rather than the gap behind it.
  change(row, x, box) {
    const i = upTo(row.at, this.valueAt(x, box)) - 1;
    if (row.kind !== 'box' || (i >= 0 && row.value[i])) return i;
    const near = nearest(row.at, this.valueAt(x, box));
    if (Math.abs(this.x(row.at[near], box) - x) > 2) return i;
    if (row.value[near]) return near;
    return near > 0 && row.value[near - 1] ? near - 1 : i;
  }
}

const shorten = (ctx, text, width) => {
  if (ctx.measureText(text).width <= width) return text;
  let n = text.length;
  while (n > 1 && ctx.measureText(text.slice(0, n) + '…').width > width) n--;
  return text.slice(0, n) + '…';
};


// A canvas with axes, that can be zoomed, panned and asked. What is in it is drawn by those that extend it:
// `paint(ctx, box)`, `ticks(box)` and `tip(x, y, box)`, which gives lines of text or null.

const FONT = '12px system-ui, sans-serif';

class Plot {
  constructor(figure, view) {
    this.figure = figure;
    this.canvas = figure.querySelector('canvas');
    this.ctx = this.canvas.getContext('2d');
    this.view = view;
    this.margin = { left: 72, right: 14, top: 10, bottom: 38 };
    this.pointer = null;
    this.drag = null;
    this.queued = false;
    this.tipBox = document.createElement('div');
    this.tipBox.className = 'tip';
    this.tipBox.hidden = true;
    figure.append(this.tipBox);
    view.changed = () => this.queue();
    this.listen();
  }

  box() {
    const { left, right, top, bottom } = this.margin;
    return { left, top, right: this.width - right, bottom: this.height - bottom };
  }

  x(value, box) {
    return box.left + ((value - this.view.lo) / this.view.span) * (box.right - box.left);
  }

  valueAt(x, box) {
    return this.view.lo + ((x - box.left) / (box.right - box.left)) * this.view.span;
  }

  queue() {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.draw();
    });
  }

  draw() {
    const begin = performance.now();
    const width = this.canvas.clientWidth;
    // In a section that is hidden.
    if (width === 0) return;
    const scale = window.devicePixelRatio || 1;
    this.width = width;
    this.height = this.canvas.clientHeight;
    const [w, h] = [Math.round(this.width * scale), Math.round(this.height * scale)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
    }
    const { ctx } = this;
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    ctx.font = FONT;
    ctx.lineWidth = 1;
    const box = this.box();
    this.prepare(box);
    this.frame(ctx, box);
    ctx.save();
    ctx.beginPath();
    ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    ctx.clip();
    this.paint(ctx, box);
    ctx.restore();
    this.after(ctx, box);
    const { dataset } = this.canvas;
    dataset.from = this.view.lo;
    dataset.to = this.view.hi;
    dataset.drawMs = (performance.now() - begin).toFixed(2);
  }

  prepare() {}

  after() {}

  // Grid, tick texts and names of axes. A tick is [value, text].
  frame(ctx, box) {
    const { xTicks, yTicks, xName } = this.ticks(box);
    ctx.fillStyle = colours.plot;
    ctx.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    ctx.strokeStyle = colours.grid;
    ctx.fillStyle = colours.faint;
    ctx.beginPath();
    ctx.textAlign = 'right';
    ctx.textBaseline = 'middle';
    for (const [value, text] of yTicks) {
      const y = Math.round(this.y(value, box)) + 0.5;
      ctx.moveTo(box.left, y);
      ctx.lineTo(box.right, y);
      // Long numbers are squeezed, so that no sign is lost at the edge.
      ctx.fillText(text, box.left - 6, y, box.left - 8);
    }
    ctx.textBaseline = 'top';
    let free = -Infinity;
    for (const [value, text] of xTicks) {
      const x = Math.round(this.x(value, box)) + 0.5;
      if (x < box.left || x > box.right + 1) continue;
      ctx.moveTo(x, box.top);
      ctx.lineTo(x, box.bottom);
      free = this.tickText(ctx, text, x, box.bottom + 5, free);
    }
    ctx.stroke();
    ctx.textAlign = 'center';
    ctx.fillText(xName, (box.left + box.right) / 2, box.bottom + 21);
  }

  // A text centred at x, kept on the canvas, left out where it would touch the one before.
  tickText(ctx, text, x, y, free) {
    const half = ctx.measureText(text).width / 2;
    const at = Math.min(Math.max(x, half + 2), this.width - half - 2);
    if (at - half < free) return free;
    ctx.textAlign = 'center';
    ctx.fillText(text, at, y);
    return at + half + 8;
  }

  listen() {
    const { canvas } = this;
    const place = (e) => {
      const r = canvas.getBoundingClientRect();
      return { x: e.clientX - r.left, y: e.clientY - r.top };
    };
    canvas.addEventListener('pointerdown', (e) => {
      if (e.button !== 0) return;
      canvas.setPointerCapture(e.pointerId);
      const at = place(e);
      this.drag = { ...at, lo: this.view.lo, hi: this.view.hi, moved: false, select: e.shiftKey };
      this.hideTip();
    });
    canvas.addEventListener('pointermove', (e) => {
      this.pointer = place(e);
      if (!this.drag) {
        this.showTip();
        return;
      }
      const by = this.pointer.x - this.drag.x;
      if (Math.abs(by) > 3) this.drag.moved = true;
      if (!this.drag.moved) return;
      if (this.drag.select) {
        this.queue();
        return;
      }
      const box = this.box();
      const shift = (by / (box.right - box.left)) * (this.drag.hi - this.drag.lo);
      this.view.set(this.drag.lo - shift, this.drag.hi - shift);
    });
    canvas.addEventListener('pointerup', (e) => {
      const { drag } = this;
      this.drag = null;
      if (!drag) return;
      const at = place(e);
      const box = this.box();
      if (!drag.moved) this.click(at, e.shiftKey, box);
      else if (drag.select) {
        const ends = [this.valueAt(drag.x, box), this.valueAt(at.x, box)].sort((a, b) => a - b);
        this.view.set(...ends);
      }
    });
    canvas.addEventListener('pointercancel', () => (this.drag = null));
    canvas.addEventListener('pointerleave', () => {
      this.pointer = null;
      this.hideTip();
    });
    canvas.addEventListener('dblclick', (e) => {
      this.view.zoom(4, this.valueAt(place(e).x, this.box()));
    });
    canvas.addEventListener('wheel', (e) => this.wheel(e, place(e)), { passive: false });
    canvas.addEventListener('keydown', (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const what = this.keys()[e.key];
      if (!what) return;
      e.preventDefault();
      what();
    });
    this.figure.addEventListener('click', (e) => {
      const button = e.target.closest('button[data-do]');
      if (button) this.act(button.dataset.do);
    });
    new ResizeObserver(() => this.queue()).observe(canvas);
  }

  // The page must scroll: only a plot that was clicked, or the Ctrl key, takes the wheel. Sideways always pans.
  wheel(e, at) {
    const pixels = (delta) => delta * (e.deltaMode === 1 ? 16 : e.deltaMode === 2 ? 400 : 1);
    const side = e.shiftKey ? e.deltaX || e.deltaY : e.deltaX;
    if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
      e.preventDefault();
      this.view.pan(pixels(side) / this.width);
    } else if (e.ctrlKey || e.metaKey || document.activeElement === this.canvas) {
      e.preventDefault();
      this.hideTip();
      this.view.zoom(Math.exp(-pixels(e.deltaY) / 300), this.valueAt(at.x, this.box()));
    }
  }

  keys() {
    return {
      ArrowLeft: () => this.act('left'),
      ArrowRight: () => this.act('right'),
      '+': () => this.act('in'),
      '=': () => this.act('in'),
      '-': () => this.act('out'),
      '0': () => this.act('all'),
      Home: () => this.act('all'),
    };
  }

  act(name) {
    const { view } = this;
    if (name === 'left') view.pan(-0.25);
    if (name === 'right') view.pan(0.25);
    if (name === 'in') view.zoom(2);
    if (name === 'out') view.zoom(0.5);
    if (name === 'all') view.all();
  }

  click() {}

  showTip() {
    const box = this.box();
    const { x, y } = this.pointer;
    const inside = x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
    const lines = inside ? this.tip(x, y, box) : null;
    if (!lines) {
      this.hideTip();
      return;
    }
    this.tipBox.replaceChildren(
      ...lines.map((line) => {
        const div = document.createElement('div');
        if (line.run !== undefined) {
          const swatch = document.createElement('i');
          swatch.className = `swatch r${line.run % colours.runs.length}`;
          div.append(swatch);
        }
        div.append(line.text ?? line);
        return div;
      }),
    );
    this.tipBox.hidden = false;
    const left = this.canvas.offsetLeft + x;
    const room = this.canvas.offsetLeft + this.width - this.tipBox.offsetWidth;
    this.tipBox.style.left = Math.max(0, left + 14 < room ? left + 14 : left - this.tipBox.offsetWidth - 14) + 'px';
    this.tipBox.style.top = this.canvas.offsetTop + y + 14 + 'px';
  }

  hideTip() {
    this.tipBox.hidden = true;
  }
}


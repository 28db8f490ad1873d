// Reads the data, makes the plots, and wires up what is around them.

const data = JSON.parse(document.getElementById('data').textContent);
for (const run of data.runs) {
  for (const lane of run.lanes) {
    lazily(lane, 'at', deltas);
    lazily(lane, 'value', (packed) => (typeof packed === 'number' ? alternating(lane.at.length, packed) : deltas(packed)));
  }
}
for (const group of data.signals) {
  for (const s of group) {
    lazily(s, 'at', deltas);
    if (s.lengths) lazily(s, 'lengths', deltas);
    s.label = data.runs[s.run].label;
    s.clock = data.runs[s.run].clock;
  }
}

// The one clock of all these runs, if it is one and never changes: then an axis of cycles is one of time as well.
const sameClock = (group) => {
  const clocks = group.map((s) => s.clock);
  const same = clocks.every((c) => c.length === 1 && c[0][2] === clocks[0][0][2]);
  return same ? clocks[0] : null;
};

const plots = [];
let timeline = null;

const around = (s, index) => {
  const gap = index > 0 ? s.at[index] - s.at[index - 1] : s.at[index + 1] - s.at[index];
  return Number.isFinite(gap) ? gap : 1000;
};

const openEdge = (s, index, deviation) => {
  const cycle = s.at[index];
  if (!timeline || cycle === undefined) return;
  timeline.jump(s.run, cycle, Math.max(around(s, index) * 1.5, Math.abs(deviation) * 2, 50), deviation);
};

const makeCurves = {
  values: (figure, group) => {
    const series = group.map((s) => {
      const y = deltas(s.values, 1000);
      const n = Math.min(y.length, s.at.length);
      return { ...s, source: s, x: s.at.subarray(0, n), y: y.subarray(0, n) };
    });
    const cyclesOf = (v) => `${v > 0 ? '+' : ''}${grouped(v, 3)} cycles`;
    return new Curves(figure, series, {
      smallest: 20,
      whole: true,
      xName: 'cycles',
      sameClock: sameClock(group),
      tip: (s, i) => [
        `${s.lengths ? 'interval' : 'edge'} ${grouped(i)} at ${grouped(s.x[i])}`,
        timeText(secondsAt(s.clock, s.x[i]), 9),
        s.lengths ? `${grouped(s.y[i], 3)} cycles` : cyclesOf(s.y[i]),
      ],
      open: (s, i) => openEdge(s.source, i, s.lengths ? 0 : s.y[i]),
    });
  },
  spectrum: (figure, group) => {
    const series = group.map((s) => ({ ...s, x: doubles(s.hz), y: doubles(s.amplitude) }));
    return new Curves(figure, series, {
      smallest: 0.01,
      xName: 'Hz',
      tip: (s, i) => [hzText(s.x[i]), `${grouped(s.y[i], 6)} cycles`],
    });
  },
  mmu: (figure, group) => {
    const series = group.map((s) => ({ ...s, x: deltas(s.windows), y: doubles(s.share) }));
    const seconds = (s, cycles) => timeText(cycles / s.clock[s.clock.length - 1][2]);
    return new Curves(figure, series, {
      logX: true,
      smallest: 0.2,
      xName: 'window, cycles',
      fixed: [0, 1.02],
      tip: (s, i) => [`window ${grouped(s.x[i])} cycles (${seconds(s, s.x[i])})`, `share ${grouped(s.y[i], 6)}`],
    });
  },
  histogram: (figure, group) => {
    const series = group.map((s) => ({ ...s, bins: deltas(s.bins), counts: deltas(s.counts) }));
    return new Histogram(figure, series);
  },
};

// Plots of a section are made when it is seen for the first time.
const open = (section) => {
  for (const figure of section.querySelectorAll('figure[data-signal]:not([data-made])')) {
    figure.dataset.made = '';
    const { plot, signal } = figure.dataset;
    const made = makeCurves[plot](figure, data.signals[signal]);
    plots.push(made);
    made.draw();
  }
};

const tabs = [...document.querySelectorAll('[role=tab]')];
const select = (tab) => {
  for (const t of tabs) {
    const chosen = t === tab;
    t.setAttribute('aria-selected', String(chosen));
    t.tabIndex = chosen ? 0 : -1;
    document.getElementById(t.getAttribute('aria-controls')).hidden = !chosen;
  }
  open(document.getElementById(tab.getAttribute('aria-controls')));
};
tabs.forEach((tab, i) => {
  tab.addEventListener('click', () => select(tab));
  tab.addEventListener('keydown', (e) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    select(next);
    next.focus();
  });
});

document.addEventListener('click', (e) => {
  const button = e.target.closest('button.jump');
  if (!button || !timeline) return;
  for (const before of document.querySelectorAll('.jump[aria-current]')) before.removeAttribute('aria-current');
  button.setAttribute('aria-current', 'true');
  const { signal, member, index, cycle, deviation } = button.dataset;
  const s = data.signals[signal][member];
  const gap = around(s, Number(index));
  const wide = Math.max(gap * 1.5, Math.abs(deviation) * 2, 50);
  timeline.jump(s.run, Number(cycle), wide, Number(deviation));
});

// On paper: light, and all sections.
const hiddenSections = [];
let themeBefore;
window.addEventListener('beforeprint', () => {
  themeBefore = root.dataset.theme;
  root.dataset.theme = 'light';
  readColours();
  for (const section of document.querySelectorAll('.signal[hidden]')) {
    section.hidden = false;
    hiddenSections.push(section);
    open(section);
  }
  for (const plot of plots) plot.draw();
});
window.addEventListener('afterprint', () => {
  if (themeBefore) root.dataset.theme = themeBefore;
  else delete root.dataset.theme;
  for (const section of hiddenSections.splice(0)) section.hidden = true;
  readColours();
  for (const plot of plots) plot.queue();
});

setUpTheme(() => plots.forEach((plot) => plot.queue()));
for (const section of document.querySelectorAll('.signal:not([hidden])')) open(section);
const figure = document.querySelector('[data-plot=timeline]');
if (figure) {
  timeline = new Timeline(figure, data);
  plots.push(timeline);
  timeline.draw();
}
// The frame after the one in which all this is drawn.
requestAnimationFrame(() =>
  requestAnimationFrame(() => {
    performance.mark('ready');
    root.dataset.ready = String(Math.round(performance.now()));
  }),
);

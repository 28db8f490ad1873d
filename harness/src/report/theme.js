// Light and dark, and the colours that canvases need.

const root = document.documentElement;
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const colours = {};

const readColours = () => {
  const style = getComputedStyle(root);
  for (const name of ['ground', 'plot', 'ink', 'faint', 'grid', 'accent', 'fail']) {
    colours[name] = style.getPropertyValue('--' + name).trim();
  }
  colours.runs = [0, 1, 2, 3, 4, 5].map((i) => style.getPropertyValue('--run-' + i).trim());
};
const runColour = (run) => colours.runs[run % colours.runs.length];

const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches);

const setUpTheme = (redraw) => {
  const button = document.getElementById('theme');
  const changed = () => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    readColours();
    redraw();
  };
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    changed();
  });
  dark.addEventListener('change', changed);
  changed();
};


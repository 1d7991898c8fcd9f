// Canvases that are sharp on every screen, drawn at most once a frame, and in the colours of the style sheet.

const COLOURS = [
  "text", "faint", "line", "panel", "accent", "trade", "orderbook", "marketdata", "other", "shade", "burst", "fault",
  "gap", "up", "down", "loop",
];

let colours = null;
const plots = new Set();

/** The colours of the current theme, by the names of the custom properties in style.css. */
function themeColours() {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }
  return colours;
}

/** Draws everything again in the colours of another theme. */
export function themeChanged() {
  colours = null;
  for (const plot of plots) plot.invalidate();
}

/** A canvas with its drawing function, which receives (context, width, height, colours) in CSS pixels. */
export class Plot {
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.draw = draw;
    this.frame = 0;
    plots.add(this);
    new ResizeObserver(() => this.invalidate()).observe(canvas);
  }

  /** Draws with the next frame. A hidden page has no frames, so it costs nothing. */
  invalidate() {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    const { canvas } = this;
    const [width, height, scale] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
    if (width === 0 || height === 0) return;
    const [pixelsX, pixelsY] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== pixelsX) canvas.width = pixelsX;
    if (canvas.height !== pixelsY) canvas.height = pixelsY;
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = "12px system-ui, sans-serif";
    this.draw(context, width, height, themeColours());
  }
}

/** About `count` round values from `low` to `high`. */
export function ticks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
  const values = [];
  for (let at = Math.ceil(low / step); at * step <= high; at++) values.push(at * step);
  return values;
}

/** A horizontal line with a label at its left. */
export function rule(context, { x, width, y, label, theme }) {
  context.fillStyle = theme.line;
  context.fillRect(x, Math.round(y), width, 1);
  context.fillStyle = theme.faint;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(label, x - 6, y);
}

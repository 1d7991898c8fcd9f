// The timeline of the whole recording: bars of messages by type, periods and bursts behind them, marks above, and over it
// the cursor, the loop and what the pointer does.
//
// Two canvases lie on each other. The bars change with the recording, the scale and the size; the cursor moves several
// times a second and is cheap to draw.

import { binText, clockText, dateText, grouped, short } from "./format.js";
import { setText } from "./dom.js";
import { Plot, rule, ticks } from "./canvas.js";
import { Outline, TYPES } from "./outline.js";

const LEFT = 58;
const RIGHT = 10;
const TOP = 18;
const BOTTOM = 22;
/** A pointer that moves less than this many pixels clicks, and does not drag. */
const DRAG_PIXELS = 5;

export class Timeline {
  /** `act` has seek(seq) and loop(from, to); `parts` has the elements. */
  constructor(parts, act) {
    this.parts = parts;
    this.act = act;
    this.outline = null;
    this.logarithmic = false;
    this.status = null;
    this.hover = null;
    this.drag = null;
    this.base = new Plot(parts.base, (...all) => this.drawBase(...all));
    this.overlay = new Plot(parts.overlay, (...all) => this.drawOverlay(...all));
    this.listen();
  }

  setOutline(outline) {
    this.outline = outline;
    this.base.invalidate();
    this.overlay.invalidate();
  }

  setScale(logarithmic) {
    this.logarithmic = logarithmic;
    this.base.invalidate();
  }

  setStatus(status) {
    this.status = status;
    this.overlay.invalidate();
    const { outline } = this;
    if (!outline || outline.isEmpty) return;
    const { overlay } = this.parts;
    const x = outline.xOf(status.seq);
    overlay.setAttribute("aria-valuemax", String(outline.messages));
    overlay.setAttribute("aria-valuenow", String(status.seq - outline.roundOf(status.seq) * outline.messages));
    overlay.setAttribute("aria-valuetext", `${clockText(outline.timeOf(x))}, message ${grouped(status.seq)}`);
  }

  get canMove() {
    return this.status !== null && this.outline !== null && !this.outline.isEmpty && !this.outline.live
      && this.status.control !== "off";
  }

  // places

  toPixels(x, width) {
    return LEFT + (x / Math.max(this.outline.end, 1e-9)) * (width - LEFT - RIGHT);
  }

  toPlace(pixels) {
    const width = this.parts.overlay.clientWidth;
    const share = (pixels - LEFT) / Math.max(1, width - LEFT - RIGHT);
    return Math.min(Math.max(share, 0), 1) * this.outline.end;
  }

  seqAt(pixels) {
    return this.outline.seqOf(this.toPlace(pixels), this.status.seq);
  }

  /** Jumps to a place, at most to the last message: a replay that is sent to its end would be over. */
  seek(x) {
    const { outline, status } = this;
    const last = (outline.roundOf(status.seq) + 1) * outline.messages - 1;
    this.act.seek(Math.min(outline.seqOf(x, status.seq), last));
  }

  // input

  listen() {
    const { overlay } = this.parts;
    overlay.addEventListener("pointerdown", (event) => {
      if (!this.canMove || event.button !== 0) return;
      overlay.setPointerCapture(event.pointerId);
      this.drag = { from: event.offsetX, to: event.offsetX };
    });
    overlay.addEventListener("pointermove", (event) => {
      this.hover = event.offsetX;
      if (this.drag) this.drag.to = event.offsetX;
      this.describe();
      this.overlay.invalidate();
    });
    overlay.addEventListener("pointerup", () => this.release());
    overlay.addEventListener("pointercancel", () => this.forget());
    overlay.addEventListener("pointerleave", () => {
      if (!this.drag) this.forget();
    });
    overlay.addEventListener("keydown", (event) => this.key(event));
  }

  forget() {
    this.hover = null;
    this.drag = null;
    setText(this.parts.hover, "");
    this.overlay.invalidate();
  }

  release() {
    const { drag } = this;
    this.drag = null;
    if (!drag || !this.canMove) return;
    const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    if (to - from < DRAG_PIXELS) this.seek(this.toPlace(drag.from));
    else this.act.loop(this.seqAt(from), Math.max(this.seqAt(to), this.seqAt(from) + 1));
    this.overlay.invalidate();
  }

  /** The keys of a slider; each moves by bins, because a message is too little to see. */
  key(event) {
    if (!this.canMove || event.ctrlKey || event.metaKey || event.altKey) return;
    const { outline } = this;
    const x = outline.xOf(this.status.seq);
    const goal = {
      ArrowLeft: x - 1, ArrowRight: x + 1, PageUp: x - 30, PageDown: x + 30, Home: 0, End: outline.end,
    }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    // not to the page, where the right arrow is a step
    event.stopPropagation();
    const place = Math.min(Math.max(Math.floor(goal + 1e-6), 0), outline.end);
    this.seek(place);
  }

  describe() {
    const { outline, hover } = this;
    if (!outline || outline.isEmpty || hover === null) return;
    const x = this.toPlace(hover);
    const segment = outline.segmentAt(x);
    const bin = Math.min(Math.floor(x - segment.x), segment.length - 1);
    const counts = TYPES.map((type) => [type, segment.bins[type][bin]]).filter(([, count]) => count > 0);
    const us = outline.timeOf(x);
    const spans = segment.spans.filter((span) => span.from_us <= us && us < span.to_us);
    const near = outline.marks.filter((mark) => Math.abs(outline.xOf(mark.seq) - x) < 4 * this.placePerPixel());
    const parts = [
      `${dateText(us)} ${clockText(us)} New York`,
      `${grouped(segment.before[bin + 1] - segment.before[bin])} messages in ${binText(segment.width)}`,
      ...counts.map(([type, count]) => `${type} ${grouped(count)}`),
      ...spans.map((span) => (span.symbol ? `${span.name} ${span.symbol}` : span.name)),
      ...near.slice(0, 3).map((mark) => `${mark.kind} ${mark.name} at ${grouped(mark.seq)}`),
    ];
    setText(this.parts.hover, parts.join(" · "));
  }

  placePerPixel() {
    return this.outline.end / Math.max(1, this.parts.overlay.clientWidth - LEFT - RIGHT);
  }

  // drawing

  drawBase(context, width, height, theme) {
    const { outline } = this;
    if (!outline || outline.isEmpty) return;
    const plotHeight = height - TOP - BOTTOM;
    this.drawSpans(context, width, height, theme);
    const highest = outline.highest;
    const share = this.logarithmic
      ? (count) => Math.log1p(count) / Math.log1p(highest)
      : (count) => count / highest;
    const marks = this.logarithmic
      ? [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].filter((count) => count <= highest)
      : ticks(0, highest, 4).slice(1);
    for (const count of marks) {
      rule(context, {
        x: LEFT, width: width - LEFT - RIGHT, y: TOP + plotHeight * (1 - share(count)), label: short(count), theme,
      });
    }
    for (const segment of outline.segments) this.drawBars(context, width, plotHeight, theme, segment, share);
    this.drawTimes(context, width, height, theme);
    this.drawMarks(context, width, theme);
  }

  drawSpans(context, width, height, theme) {
    for (const segment of this.outline.segments) {
      for (const span of segment.spans) {
        const from = this.toPixels(Outline.xOfTime(segment, span.from_us), width);
        const to = this.toPixels(Outline.xOfTime(segment, span.to_us), width);
        if (span.kind === "period" && ["pre_market", "after_hours", "closed"].includes(span.name)) {
          context.fillStyle = theme.shade;
          context.fillRect(from, TOP, to - from, height - TOP - BOTTOM);
        } else if (span.kind === "period") {
          context.fillStyle = theme.line;
          context.fillRect(from, TOP, 1, height - TOP - BOTTOM);
        } else if (span.kind === "burst" || span.kind === "event") {
          context.fillStyle = span.name.endsWith(" halt") ? theme.fault : theme.burst;
          context.fillRect(from, TOP - 5, Math.max(2, to - from), 4);
        }
      }
    }
  }

  drawBars(context, width, plotHeight, theme, segment, share) {
    for (let bin = 0; bin < segment.length; bin++) {
      const total = segment.before[bin + 1] - segment.before[bin];
      if (total === 0) continue;
      const from = this.toPixels(segment.x + bin, width);
      const to = this.toPixels(segment.x + bin + 1, width);
      const barWidth = Math.max(1, to - from - (to - from > 4 ? 1 : 0));
      // on a logarithmic scale the height stands for the total, and the colours share it
      const bar = Math.max(1, share(total) * plotHeight);
      let bottom = TOP + plotHeight;
      for (const type of TYPES) {
        const part = (segment.bins[type][bin] / total) * bar;
        if (part === 0) continue;
        context.fillStyle = theme[type];
        context.fillRect(from, bottom - part, barWidth, part);
        bottom -= part;
      }
    }
  }

  drawTimes(context, width, height, theme) {
    context.fillStyle = theme.faint;
    context.textAlign = "center";
    context.textBaseline = "top";
    const count = Math.max(2, Math.floor((width - LEFT - RIGHT) / 90));
    const whole = this.outline.end;
    let free = -Infinity;
    for (const segment of this.outline.segments) {
      const inside = Math.max(1, Math.round((count * segment.length) / Math.max(1, whole)));
      const times = timeTicks(segment.from, segment.from + segment.length * segment.width, inside);
      for (const { us, label } of times) {
        const x = this.toPixels(Outline.xOfTime(segment, us), width);
        const half = context.measureText(label).width / 2;
        if (x - half < free || x + half > width) continue;
        context.fillRect(Math.round(x), height - BOTTOM, 1, 4);
        context.fillText(label, x, height - BOTTOM + 6);
        free = x + half + 10;
      }
    }
  }

  drawMarks(context, width, theme) {
    for (const mark of this.outline.marks) {
      const x = this.toPixels(this.outline.xOf(mark.seq), width);
      context.fillStyle = theme[mark.kind] ?? theme.fault;
      context.beginPath();
      // a gap and a fault differ in shape, too
      if (mark.kind === "gap") context.rect(x - 3, 2, 6, 8);
      else {
        context.moveTo(x - 4, 2);
        context.lineTo(x + 4, 2);
        context.lineTo(x, 10);
      }
      context.fill();
    }
  }

  drawOverlay(context, width, height, theme) {
    const { outline, status } = this;
    if (!outline || outline.isEmpty || !status) return;
    const top = TOP;
    const tall = height - TOP - BOTTOM;
    if (status.loop) {
      const from = this.toPixels(outline.xOf(status.loop.from), width);
      // the end belongs to the round of the beginning
      const last = outline.xOf(Math.max(status.loop.from, status.loop.to - 1));
      const to = Math.max(this.toPixels(last, width), from + 2);
      context.fillStyle = theme.loop;
      context.fillRect(from, top, to - from, tall);
      context.fillStyle = theme.accent;
      context.fillRect(from, top, 2, tall);
      context.fillRect(to - 2, top, 2, tall);
    }
    if (this.drag && Math.abs(this.drag.to - this.drag.from) >= DRAG_PIXELS) {
      context.fillStyle = theme.loop;
      context.fillRect(Math.min(this.drag.from, this.drag.to), top, Math.abs(this.drag.to - this.drag.from), tall);
    } else if (this.hover !== null) {
      context.fillStyle = theme.faint;
      context.fillRect(Math.round(this.hover), top, 1, tall);
    }
    const cursor = Math.round(this.toPixels(outline.xOf(status.seq), width));
    context.fillStyle = theme.accent;
    context.fillRect(cursor - 1, top - 6, 2, tall + 8);
    context.beginPath();
    context.moveTo(cursor - 5, top - 8);
    context.lineTo(cursor + 5, top - 8);
    context.lineTo(cursor, top - 1);
    context.fill();
  }
}

const STEPS_US = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 10e6, 15e6, 30e6,
  60e6, 120e6, 300e6, 600e6, 900e6, 1_800e6, 3_600e6, 7_200e6, 10_800e6, 21_600e6, 43_200e6, 86_400e6,
];

/** Round instants with labels. New York is whole hours from UTC, so they are round there, too. */
export function timeTicks(from, to, count) {
  const rough = (to - from) / count;
  const step = STEPS_US.find((step) => step >= rough) ?? Math.ceil(rough / 86_400e6) * 86_400e6;
  const found = [];
  for (let us = Math.ceil(from / step) * step; us <= to; us += step) {
    const label = step >= 86_400e6 ? dateText(us) : clockText(us, step < 1e6).slice(0, step < 60e6 ? undefined : 5);
    found.push({ us, label });
  }
  return found;
}

// A chart of lines over one axis, with a cursor that tells the values: by pointer, and by the arrow keys.

import { make, setText } from "../../../replay/src/page/dom.js";
import { Plot, rule } from "../../../replay/src/page/canvas.js";
import { nearest, valueScale } from "./scale.js";

const LEFT = 70;
const RIGHT = 12;
const TOP = 8;
const BOTTOM = 20;

export class Chart {
  /**
   * Adds a chart to an element. `lines` is a list of {name, colour, dash, read}, with the colours of the style sheet. `read`
   * returns the value at a place, for a line with few points. `label` formats a value, and `place` a place on the axis.
   */
  constructor(parent, { id, title, lines, label, place, logarithmic = false }) {
    Object.assign(this, { title, lines, label, place, logarithmic });
    this.points = lines.map(() => []);
    this.axis = { end: 1, ticks: [] };
    this.marks = [];
    this.cursor = null;
    const section = make("section");
    section.setAttribute("aria-labelledby", `${id}-title`);
    const heading = make("div", "", "heading");
    const name = make("h2", title);
    name.id = `${id}-title`;
    const legend = make("ul", "", "legend");
    for (const line of lines) legend.append(make("li", line.name, `key-${line.colour}`));
    heading.append(name, legend);
    this.canvas = make("canvas", "", "chart");
    this.canvas.id = id;
    this.canvas.tabIndex = 0;
    for (const [attribute, value] of [["role", "slider"], ["aria-label", title], ["aria-valuemin", "0"]]) {
      this.canvas.setAttribute(attribute, value);
    }
    this.readout = make("p", "", "hover");
    section.append(heading, this.canvas, this.readout);
    parent.append(section);
    this.plot = new Plot(this.canvas, (...all) => this.draw(...all));
    this.canvas.addEventListener("pointermove", (event) => this.moveTo(this.placeOf(event)));
    this.canvas.addEventListener("pointerleave", () => this.moveTo(null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.tell();
  }

  /** Shows other values: for each line points [place, value], in order; `axis` is {end, ticks}, a mark is {at, name}. */
  show({ points, axis, marks = [] }) {
    Object.assign(this, { points, axis, marks });
    this.canvas.setAttribute("aria-valuemax", String(axis.end));
    this.tell();
    this.plot.invalidate();
  }

  placeOf(event) {
    const wide = this.canvas.clientWidth - LEFT - RIGHT;
    return Math.min(1, Math.max(0, (event.offsetX - LEFT) / wide)) * this.axis.end;
  }

  moveTo(place) {
    this.cursor = place;
    this.tell();
    this.plot.invalidate();
  }

  /** The line whose points the arrow keys visit: the one with the most. */
  get longest() {
    return this.points.reduce((most, points) => (points.length > most.length ? points : most), []);
  }

  key(event) {
    const points = this.longest;
    const now = this.cursor === null ? -1 : nearest(points, this.cursor);
    const next = {
      ArrowRight: now + 1, ArrowLeft: now === -1 ? points.length - 1 : now - 1, PageUp: now + 10, PageDown: now - 10, Home: 0,
      End: points.length - 1,
    }[event.key];
    if (next === undefined || points.length === 0) return;
    event.preventDefault();
    this.moveTo(points[Math.min(points.length - 1, Math.max(0, next))][0]);
  }

  /** Tells the values at the cursor, or those at the end. */
  tell() {
    const points = this.longest;
    const at = this.cursor === null ? points.at(-1)?.[0] : points[nearest(points, this.cursor)]?.[0];
    let text = "no values";
    if (at !== undefined) {
      const found = this.points.map((points, index) => (
        this.lines[index].read ? this.lines[index].read(at) : points[nearest(points, at)]?.[1] ?? null
      ));
      const values = this.lines.map(({ name }, index) => found[index] !== null && `${name} ${this.label(found[index])}`);
      const mark = this.marks.find((mark) => Math.abs(mark.at - at) < this.axis.end / 200);
      text = `${this.place(at)}: ${[...values, mark?.name].filter(Boolean).join(", ") || "no values"}`;
    }
    setText(this.readout, text);
    this.canvas.setAttribute("aria-valuenow", String(at ?? 0));
    this.canvas.setAttribute("aria-valuetext", text);
  }

  draw(context, width, height, theme) {
    const scale = valueScale(this.points.flatMap((points) => points.map(([, value]) => value)), this.logarithmic);
    const [wide, tall] = [width - LEFT - RIGHT, height - TOP - BOTTOM];
    const toX = (at) => LEFT + Math.min(1, at / this.axis.end) * wide;
    const toY = (value) => TOP + tall * (1 - scale.share(value));
    let before = null;
    for (const tick of scale.ticks) {
      const label = this.label(tick);
      // between whole numbers there are no others
      if (label !== before) rule(context, { x: LEFT, width: wide, y: toY(tick), label, theme });
      before = label;
    }
    context.fillStyle = theme.faint;
    context.textBaseline = "middle";
    for (const { at, text } of this.axis.ticks) {
      context.textAlign = at === 0 ? "left" : at >= this.axis.end * 0.98 ? "right" : "center";
      context.fillText(text, toX(at), height - BOTTOM / 2 + 2);
    }
    for (const { at } of this.marks) this.vertical(context, { x: toX(at), tall, colour: theme.fault, dash: [4, 3] });
    this.lines.forEach((line, index) => {
      context.strokeStyle = theme[line.colour];
      context.lineWidth = 1.5;
      context.setLineDash(line.dash ?? []);
      this.path(context, this.points[index], { toX, toY, colour: theme[line.colour] });
    });
    context.setLineDash([]);
    if (this.cursor !== null) this.vertical(context, { x: toX(this.cursor), tall, colour: theme.text, dash: [] });
  }

  vertical(context, { x, tall, colour, dash }) {
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(x, TOP);
    context.lineTo(x, TOP + tall);
    context.stroke();
    context.setLineDash([]);
  }

  /** A line with holes where there is no value. A point between two holes is a dot. */
  path(context, points, { toX, toY, colour }) {
    context.beginPath();
    points.forEach(([at, value], index) => {
      if (value === null) return;
      const isFirst = (points[index - 1]?.[1] ?? null) === null;
      if (isFirst) context.moveTo(toX(at), toY(value));
      else context.lineTo(toX(at), toY(value));
      if (isFirst && (points[index + 1]?.[1] ?? null) === null) {
        context.fillStyle = colour;
        context.fillRect(toX(at) - 1.5, toY(value) - 1.5, 3, 3);
      }
    });
    context.stroke();
  }
}

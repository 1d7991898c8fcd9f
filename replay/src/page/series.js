// Lines over the last minutes: the achieved speed, and the lateness at the clients' sockets.

import { Plot, rule, ticks } from "./canvas.js";

const LEFT = 64;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 18;

/** The time that a chart shows. Older values are dropped, so a page that is left open does not grow. */
const SHOWN_MS = 5 * 60_000;

export class Series {
  /**
   * `lines` is a list of {name, colour, dash}; `label` formats a value. Values are 0 or more; null leaves a hole. With
   * `logarithmic`, equal factors have equal heights.
   */
  constructor(canvas, { lines, label, logarithmic = false }) {
    this.lines = lines;
    this.label = label;
    this.logarithmic = logarithmic;
    this.points = [];
    this.plot = new Plot(canvas, (...all) => this.draw(...all));
  }

  push(at, values) {
    this.points.push({ at, values });
    const old = this.points.findIndex((point) => point.at >= at - SHOWN_MS);
    // rarely, because it moves everything
    if (old > 100) this.points.splice(0, old);
    this.plot.invalidate();
  }

  draw(context, width, height, theme) {
    const shown = this.points.filter((point) => point.at >= (this.points.at(-1)?.at ?? 0) - SHOWN_MS);
    const values = shown.flatMap((point) => point.values).filter((value) => value !== null);
    context.textBaseline = "middle";
    if (values.length === 0) {
      context.fillStyle = theme.faint;
      context.textAlign = "center";
      context.fillText("no values yet", width / 2, height / 2);
      return;
    }
    const [low, high] = this.range(values);
    const scale = this.logarithmic ? Math.log10 : (value) => value;
    const tall = height - TOP - BOTTOM;
    const toY = (value) => {
      const share = (scale(Math.max(value, low)) - scale(low)) / Math.max(scale(high) - scale(low), 1e-12);
      return TOP + tall * (1 - share);
    };
    for (const value of this.logarithmic ? decades(low, high) : ticks(low, high, 3)) {
      rule(context, { x: LEFT, width: width - LEFT - RIGHT, y: toY(value), label: this.label(value), theme });
    }
    const end = shown.at(-1).at;
    const span = Math.min(SHOWN_MS, Math.max(30_000, end - shown[0].at));
    const toX = (at) => LEFT + (1 - (end - at) / span) * (width - LEFT - RIGHT);
    context.fillStyle = theme.faint;
    context.textAlign = "left";
    context.fillText(`${Math.round(span / 1_000)} s ago`, LEFT, height - BOTTOM / 2);
    context.textAlign = "right";
    context.fillText("now", width - RIGHT, height - BOTTOM / 2);
    this.lines.forEach((line, index) => this.drawLine(context, { line, index, shown, toX, toY, theme }));
  }

  drawLine(context, { line, index, shown, toX, toY, theme }) {
    context.strokeStyle = theme[line.colour];
    context.lineWidth = 1.5;
    context.setLineDash(line.dash ?? []);
    context.beginPath();
    let pen = false;
    for (const { at, values } of shown) {
      const value = values[index];
      if (value === null) {
        pen = false;
        continue;
      }
      if (pen) context.lineTo(toX(at), toY(value));
      else context.moveTo(toX(at), toY(value));
      pen = true;
    }
    context.stroke();
    context.setLineDash([]);
  }

  range(values) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (!this.logarithmic) return [0, high > 0 ? high * 1.1 : 1];
    const least = Math.max(low, 0.001);
    return [10 ** Math.floor(Math.log10(least)), 10 ** Math.ceil(Math.log10(Math.max(high, least * 1.01)))];
  }
}

function decades(low, high) {
  const values = [];
  for (let power = Math.round(Math.log10(low)); 10 ** power <= high * 1.001; power++) values.push(10 ** power);
  return values.length > 4 ? values.filter((_, index) => index % 2 === 0) : values;
}

// The candles of a symbol, with the last executions on them and the quote as two lines.

import { clockText } from "./format.js";
import { Plot, rule, ticks } from "./canvas.js";

const RIGHT = 10;
const LEFT = 64;
const TOP = 10;
const BOTTOM = 20;
const MINUTE_US = 60_000_000;
const CANDLE_PIXELS = 9;

export class CandleChart {
  constructor(canvas, market) {
    this.market = market;
    this.plot = new Plot(canvas, (...all) => this.draw(...all));
  }

  draw(context, width, height, theme) {
    const { candles, prints, book } = this.market;
    const count = Math.max(5, Math.floor((width - LEFT - RIGHT) / CANDLE_PIXELS));
    const shown = candles.slice(-count);
    context.textBaseline = "middle";
    if (shown.length === 0) {
      context.fillStyle = theme.faint;
      context.textAlign = "center";
      context.fillText("no executions yet", width / 2, height / 2);
      return;
    }
    // minutes without executions are skipped: the axis counts candles
    const place = new Map(shown.map((candle, index) => [candle.at, index]));
    const quotes = book ? [Number(book.bid), Number(book.ask)] : [];
    const low = Math.min(...shown.map((candle) => candle.low), ...quotes);
    const high = Math.max(...shown.map((candle) => candle.high), ...quotes);
    const pad = Math.max((high - low) * 0.06, 0.005);
    const tall = height - TOP - BOTTOM;
    const toY = (price) => TOP + tall * (1 - (price - low + pad) / (high - low + 2 * pad));
    const toX = (index) => LEFT + (index + 0.5) * ((width - LEFT - RIGHT) / Math.max(shown.length, 20));
    for (const price of ticks(low, high, 4)) {
      rule(context, { x: LEFT, width: width - LEFT - RIGHT, y: toY(price), label: price.toFixed(2), theme });
    }
    const body = Math.max(2, Math.min(CANDLE_PIXELS - 3, toX(1) - toX(0) - 2));
    shown.forEach((candle, index) => {
      const rises = candle.close >= candle.open;
      context.fillStyle = rises ? theme.up : theme.down;
      context.strokeStyle = context.fillStyle;
      context.fillRect(Math.round(toX(index)), toY(candle.high), 1, Math.max(1, toY(candle.low) - toY(candle.high)));
      const top = toY(Math.max(candle.open, candle.close));
      const bodyHeight = Math.max(1, Math.abs(toY(candle.open) - toY(candle.close)));
      // rising candles are hollow, so that colour is not the only difference
      if (rises) {
        context.fillStyle = theme.panel;
        context.fillRect(toX(index) - body / 2, top, body, bodyHeight);
        context.strokeRect(toX(index) - body / 2, top, body, bodyHeight);
      } else {
        context.fillRect(toX(index) - body / 2, top, body, bodyHeight);
      }
    });
    for (const print of prints) {
      const minute = Math.floor(print.at / MINUTE_US) * MINUTE_US;
      const index = place.get(minute);
      if (index === undefined) continue;
      const inside = (print.at - minute) / MINUTE_US - 0.5;
      context.fillStyle = print.buy ? theme.up : theme.down;
      context.fillRect(toX(index) + inside * body - 1, toY(print.price) - 1, 2, 2);
    }
    quotes.forEach((price, index) => {
      context.fillStyle = index === 0 ? theme.up : theme.down;
      context.fillRect(LEFT, Math.round(toY(price)), width - LEFT - RIGHT, 1);
    });
    context.fillStyle = theme.faint;
    context.textAlign = "center";
    const every = Math.ceil(80 / Math.max(1, toX(1) - toX(0)));
    for (let index = 0; index < shown.length; index += every) {
      context.fillText(clockText(shown[index].at).slice(0, 5), toX(index), height - BOTTOM / 2);
    }
  }
}

// The timeline of a recording as numbers: where a message, a time and a place on the axis belong together.
//
// The axis counts bins: bin 7 reaches from 7 to 8. The files of a playlist follow one another with a bin between them,
// whatever their times, so that each place belongs to one message.

/** The types of messages, in the order in which bars are stacked. */
export const TYPES = ["trade", "orderbook", "marketdata", "other"];

/** The answer of GET /timeline, prepared for looking things up. */
export class Outline {
  constructor(answer) {
    this.symbols = answer.symbols ?? [];
    this.live = answer.live === true;
    this.rounds = answer.rounds ?? null;
    this.marks = answer.marks ?? [];
    this.marksTotal = answer.marks_total ?? 0;
    this.segments = [];
    let x = 0;
    let seq = 0;
    for (const { from_us, bin_us, bins, spans } of answer.segments ?? []) {
      const length = bins.trade.length;
      // before[i]: the messages of this segment before bin i
      const before = new Float64Array(length + 1);
      for (let bin = 0; bin < length; bin++) {
        before[bin + 1] = before[bin] + TYPES.reduce((sum, type) => sum + bins[type][bin], 0);
      }
      this.segments.push({ x, seq, from: from_us, width: bin_us, bins, before, length, spans });
      x += length + 1;
      seq += before[length];
    }
    /** The end of the axis. */
    this.end = Math.max(0, x - 1);
    /** The messages of one round. */
    this.messages = seq;
  }

  get isEmpty() {
    return this.segments.length === 0 || this.messages === 0;
  }

  /** The place of the message with a number; numbers go on over rounds. */
  xOf(seq) {
    const inRound = this.roundOf(seq) * this.messages;
    const at = seq - inRound;
    let segment = this.segments.findLast((segment) => segment.seq <= at) ?? this.segments[0];
    const { before, length } = segment;
    const wanted = at - segment.seq;
    // the last bin that begins at or before the message
    let [low, high] = [0, length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (before[middle] <= wanted) low = middle;
      else high = middle - 1;
    }
    const inside = before[low + 1] - before[low];
    return segment.x + low + (inside > 0 ? Math.min(1, (wanted - before[low]) / inside) : 0);
  }

  /** The number of complete rounds before a message. The end of the last round belongs to it. */
  roundOf(seq) {
    if (this.messages === 0) return 0;
    const round = Math.floor(seq / this.messages);
    return this.rounds === null ? round : Math.min(round, Math.max(0, this.rounds - 1));
  }

  segmentAt(x) {
    return this.segments.findLast((segment) => segment.x <= x) ?? this.segments[0];
  }

  /** The number of the first message at or after a place, in the round of the message `near`. */
  seqOf(x, near = 0) {
    const segment = this.segmentAt(x);
    const at = Math.min(Math.max(x - segment.x, 0), segment.length);
    const bin = Math.min(Math.floor(at), segment.length - 1);
    const inside = segment.before[bin + 1] - segment.before[bin];
    const seq = segment.seq + segment.before[bin] + Math.floor(inside * (at - bin));
    return this.roundOf(near) * this.messages + seq;
  }

  /** The recorded time of a place in microseconds. */
  timeOf(x) {
    const segment = this.segmentAt(x);
    const at = Math.min(Math.max(x - segment.x, 0), segment.length);
    return Math.round(segment.from + at * segment.width);
  }

  /** The place of a time within a segment, limited to it. */
  static xOfTime(segment, us) {
    return segment.x + Math.min(Math.max((us - segment.from) / segment.width, 0), segment.length);
  }

  /** The most messages in one bin. */
  get highest() {
    let highest = 0;
    for (const { before, length } of this.segments) {
      for (let bin = 0; bin < length; bin++) highest = Math.max(highest, before[bin + 1] - before[bin]);
    }
    return highest;
  }
}

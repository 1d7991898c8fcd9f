"""The rules of the market: orders, quotes and executions, candles, for the contract's oracle."""

from contract_day import INTERVAL_NAMES, INTERVALS, clock
from contract_text import price_text

FATES = ("filled", "partially", "cancelled", "rejected")


class Orders:
    """The life of every order, from NEW to its end."""

    def __init__(self, report):
        self.report = report
        self.open = {}
        self.ended = set()
        self.fates = dict.fromkeys(FATES, 0)
        self.ids = [bytearray() for _ in range(256)]

    def see(self, seq, trade, quote):
        identity = bytes.fromhex(trade["trade_id"].replace("-", ""))
        self.ids[identity[0]] += identity
        trader = int(trade["trader_id"][4:])
        if trader >= 200 or trade["account_id"] != f"ACC-{trader // 5:04d}":
            self.report.add("order.trader", seq, f"{trade['trader_id']} with {trade['account_id']}")
        key = int(trade["correlation_id"][5:], 16)
        order = self.open.get(key)
        status = trade["status"]
        name = trade["correlation_id"]
        if key in self.ended:
            self.report.add("order.after_end", seq, f"{status} of {name}, which has ended")
        elif status == "NEW":
            if order is not None:
                self.report.add("order.new_twice", seq, name)
            else:
                self.begin(seq, key, trade, quote)
        elif order is None:
            self.report.add("order.without_new", seq, f"{status} of {name}")
        else:
            self.go_on(seq, key, order, trade)

    def begin(self, seq, key, trade, quote):
        self.open[key] = [trade, 0, 0]
        if trade["order_type"] == "MARKET" and quote is not None:
            meets = quote["ask_price"] if trade["trade_type"] == "BUY" else quote["bid_price"]
            if trade["price"] != meets:
                what = f"{trade['trade_type']} at {price_text(trade['price'])}"
                self.report.add("order.market_price", seq, f"{what}, quote {price_text(meets)}")

    def go_on(self, seq, key, order, trade):
        new, parts, executed = order
        status = trade["status"]
        for field in ("symbol", "trade_type", "order_type", "trader_id", "account_id"):
            if trade[field] != new[field]:
                self.report.add("order.shared_fields", seq, f"{field} {trade[field]}, {new[field]} at NEW")
        market = new["order_type"] == "MARKET"
        after = trade["timestamp"] - new["timestamp"]
        if market and (status in ("PARTIALLY_FILLED", "CANCELLED") or (status == "FILLED" and after)):
            self.report.add("order.market", seq, f"{status} {after} µs after NEW of {trade['correlation_id']}")
        if status in ("PARTIALLY_FILLED", "FILLED"):
            if new["order_type"] in ("LIMIT", "STOP_LIMIT"):
                worse = trade["price"] - new["price"] if new["trade_type"] == "BUY" else new["price"] - trade["price"]
                if worse > 0:
                    what = f"{new['trade_type']} {new['order_type']} at {price_text(trade['price'])}"
                    self.report.add("execution.limit", seq, f"{what}, limit {price_text(new['price'])}")
            executed += trade["quantity"]
        if status == "PARTIALLY_FILLED":
            order[1], order[2] = parts + 1, executed
            if parts == 2:
                self.report.add("order.parts", seq, f"third PARTIALLY_FILLED of {trade['correlation_id']}")
            if executed >= new["quantity"]:
                self.report.add("order.quantity", seq, f"{executed} executed of {new['quantity']}, but not FILLED")
            return
        if status == "FILLED":
            if executed != new["quantity"]:
                self.report.add("order.quantity", seq, f"{executed} executed in {parts + 1} parts of {new['quantity']}")
            self.fates["partially" if parts else "filled"] += 1
        else:
            if trade["quantity"] != new["quantity"]:
                self.report.add("order.quantity", seq, f"{status} {trade['quantity']} of {new['quantity']}")
            if parts:
                self.report.add("order.fate", seq, f"{status} after {parts} PARTIALLY_FILLED")
            self.fates[status.lower()] += 1
        del self.open[key]
        self.ended.add(key)

    def finish(self):
        for new, _, _ in self.open.values():
            self.report.add("order.without_end", None, f"{new['correlation_id']} of {new['symbol']}")
        for chunk in self.ids:
            seen = set()
            for at in range(0, len(chunk), 16):
                identity = bytes(chunk[at:at + 16])
                if identity in seen:
                    self.report.add("trade_id.unique", None, f"{identity.hex()} occurs again")
                seen.add(identity)


class Quotes:
    """The latest book of every symbol: one before its first trade event and one after every fifth."""

    def __init__(self, report, table):
        self.report = report
        self.table = table
        self.latest = {}
        self.due = dict.fromkeys(table, True)
        self.trades = dict.fromkeys(table, 0)

    def book(self, seq, book):
        symbol, bid, ask = book["symbol"], book["bid_price"], book["ask_price"]
        tick = self.table[symbol].tick
        if not 0 < bid < ask:
            self.report.add("book.crossed", seq, f"{price_text(bid)} to {price_text(ask)}")
        if book["spread"] != ask - bid or book["mid_price"] != (bid + ask + 1) // 2:
            derived = f"spread {price_text(book['spread'])} mid {price_text(book['mid_price'])}"
            self.report.add("book.derived", seq, f"{symbol} {price_text(bid)} {price_text(ask)} {derived}")
        if bid % tick or ask % tick:
            self.report.add("book.tick", seq, f"{symbol} {price_text(bid)} {price_text(ask)}")
        if not self.due[symbol]:
            self.report.add("book.cadence", seq, f"{symbol} restated after trade event {self.trades[symbol]}")
        self.due[symbol] = False
        self.latest[symbol] = book

    def trade(self, seq, trade):
        symbol, price = trade["symbol"], trade["price"]
        if self.due[symbol]:
            self.report.add("book.cadence", seq, f"no book of {symbol} after {self.trades[symbol]} trade events")
        self.trades[symbol] += 1
        self.due[symbol] = self.trades[symbol] % 5 == 0
        if trade["status"] in ("PARTIALLY_FILLED", "FILLED"):
            book = self.latest.get(symbol)
            if book is not None and not book["bid_price"] <= price <= book["ask_price"]:
                quote = f"{price_text(book['bid_price'])} to {price_text(book['ask_price'])}"
                self.report.add("execution.quote", seq, f"{symbol} at {price_text(price)}, quote {quote}")
            if price % self.table[symbol].tick:
                self.report.add("execution.tick", seq, f"{symbol} at {price_text(price)}")

    def finish(self):
        for symbol, due in self.due.items():
            if due and self.trades[symbol]:
                self.report.add("book.cadence", None, f"no book of {symbol} after its last, {self.trades[symbol]}th, trade event")


class Candles:
    """All five intervals, recomputed from executions."""

    def __init__(self, report, table, day):
        self.report = report
        self.table = table
        self.day = day
        self.starts = [None] * 5
        self.made = [{} for _ in INTERVALS]

    def start(self, index, time):
        width = INTERVALS[INTERVAL_NAMES[index]]
        return time - time % width if width else self.day.start

    def end(self, index, start):
        width = INTERVALS[INTERVAL_NAMES[index]]
        return start + width if width else self.day.end

    def execution(self, trade):
        time, price, quantity = trade["timestamp"], trade["price"], trade["quantity"]
        symbol = trade["symbol"]
        for index in range(5):
            start = self.start(index, time)
            if self.starts[index] != start:
                self.missing(index)
                self.starts[index] = start
            candle = self.made[index].get(symbol)
            if candle is None:
                self.made[index][symbol] = [price, price, price, price, quantity, price * quantity]
            else:
                if price > candle[1]:
                    candle[1] = price
                elif price < candle[2]:
                    candle[2] = price
                candle[3] = price
                candle[4] += quantity
                candle[5] += price * quantity

    def missing(self, index):
        for symbol in self.made[index]:
            self.report.add("candle.missing", None, f"{symbol} {INTERVAL_NAMES[index]} from {clock(self.starts[index])}")
        self.made[index].clear()

    def candle(self, seq, time, found):
        symbol, index = found["symbol"], INTERVAL_NAMES.index(found["interval"])
        start = found["timestamp"]
        what = f"{symbol} {found['interval']} from {clock(start)}"
        if start != self.start(index, start) or not self.day.start <= start < self.day.end:
            self.report.add("candle.aligned", seq, what)
        if time != self.end(index, start):
            self.report.add("candle.emitted", seq, f"{what}, emitted {clock(time)}")
        if found["exchange"] != self.table[symbol].exchange:
            self.report.add("candle.exchange", seq, f"{what} on {found['exchange']}")
        made = self.made[index].pop(symbol, None) if self.starts[index] == start else None
        if made is None:
            self.report.add("candle.extra", seq, what)
            return
        opened, high, low, close, volume, value = made
        vwap = (2 * value + volume) // (2 * volume)
        for field, expected in (("open", opened), ("high", high), ("low", low), ("close", close), ("vwap", vwap)):
            if found[field] != expected:
                self.report.add(f"candle.{field}", seq, f"{what}: {price_text(found[field])}, not {price_text(expected)}")
        if found["volume"] != volume:
            self.report.add("candle.volume", seq, f"{what}: {found['volume']}, not {volume}")

    def finish(self):
        for index in range(5):
            self.missing(index)

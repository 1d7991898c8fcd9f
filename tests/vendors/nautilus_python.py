"""NautilusTrader, its adapter for Databento in a node of its own: KEY DATASET SYMBOL.VENUE…. Prints what an actor received, as JSON.

The adapter connects to the host of the dataset at port 13000, and has no setting that is used for another address.
"""

import os
import sys
import threading
import time

from nautilus_trader.adapters.databento.config import DatabentoDataClientConfig
from nautilus_trader.adapters.databento.factories import DatabentoLiveDataClientFactory
from nautilus_trader.common.actor import Actor
from nautilus_trader.config import LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import BarType
from nautilus_trader.model.identifiers import ClientId, InstrumentId

from tally import Tally

DATABENTO = ClientId("DATABENTO")
# the feed ends without a message to actors: this much silence is the end
SILENCE = 4.0


def units(price):
    """Returns a price in units of 0.0001: its decimal is exact."""
    scaled = price.as_decimal() * 10_000
    assert scaled == int(scaled), price
    return int(scaled)


class Receiver(Actor):
    def __init__(self, instruments):
        super().__init__()
        self.instruments = instruments
        self.tally = Tally()
        self.last = None

    def on_start(self):
        for name in self.instruments:
            # the schema mbp-1, which has the trades as well
            self.subscribe_quote_ticks(InstrumentId.from_str(name), client_id=DATABENTO)
            self.subscribe_trade_ticks(InstrumentId.from_str(name), client_id=DATABENTO)
            self.subscribe_bars(BarType.from_str(f"{name}-1-MINUTE-LAST-EXTERNAL"), client_id=DATABENTO)

    def on_stop(self):
        pass

    def note(self, kind, nanos, *values):
        self.last = time.monotonic()
        self.tally.add(kind, nanos // 1_000, *values)

    def on_quote_tick(self, tick):
        sizes = int(tick.bid_size.as_decimal() + tick.ask_size.as_decimal())
        if sizes == 0:
            # an execution before the first book of its symbol: the record's prices are undefined, and the adapter makes numbers of them
            self.note("quotes without a book", tick.ts_event)
        else:
            self.note("quotes", tick.ts_event, sizes, units(tick.bid_price) + units(tick.ask_price))

    def on_trade_tick(self, tick):
        self.note("trades", tick.ts_event, int(tick.size.as_decimal()), units(tick.price))

    def on_bar(self, bar):
        prices = sum(map(units, [bar.open, bar.high, bar.low, bar.close]))
        self.note("minutes", bar.ts_event, int(bar.volume.as_decimal()), prices)


def main():
    # the node writes its log to the standard output, from a thread of its own
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    key, dataset, *instruments = sys.argv[1:]
    venues = {name.rsplit(".", 1)[1] for name in instruments}
    client = DatabentoDataClientConfig(
        api_key=key,
        venue_dataset_map={venue: dataset for venue in venues},
        # a bar's time is its start, as in the archive
        bars_timestamp_on_close=False,
    )
    config = TradingNodeConfig(
        logging=LoggingConfig(log_level="WARNING"),
        data_clients={"DATABENTO": client},
        timeout_disconnection=2.0,
        timeout_post_stop=1.0,
    )
    node = TradingNode(config=config)
    receiver = Receiver(instruments)
    node.trader.add_actor(receiver)
    node.add_data_client_factory("DATABENTO", DatabentoLiveDataClientFactory)
    node.build()

    def watch():
        while receiver.last is None or time.monotonic() - receiver.last < SILENCE:
            time.sleep(0.1)
        node.kernel.loop.call_soon_threadsafe(node.stop)

    threading.Thread(target=watch, daemon=True).start()
    try:
        node.run()
    finally:
        node.dispose()
    sys.stdout = results
    receiver.tally.print()
    # threads of the adapter call Python until the process ends, and abort it if the interpreter ends first
    os._exit(0)


main()

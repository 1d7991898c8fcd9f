"""examples/java prints every trade as the messages have them."""

import collections
import decimal
import json

from harness import ROOT, require, say
from processes import finish

PROJECT = ROOT / "examples" / "java"


def run(topics):
    folder = topics.folder("java")
    target = topics.installed / "java"
    class_path = f"{target / 'classes'}:{target / 'dependency'}/*"
    cluster = topics.bench.cluster
    printed = finish("java", ["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", class_path, "example.Trades", cluster.bootstrap_servers,
                              cluster.registry_url, f"{topics.prefix}raw.trades"], folder).splitlines()
    expected = []
    for line in topics.bench.run("cat", topics.recording, "--events", "trade").splitlines():
        trade = json.loads(line)["payload"]
        # Instant.toString leaves out zeros by threes
        time = trade["timestamp"].removesuffix("Z")
        while time.endswith("000") and "." in time:
            time = time.removesuffix("000").removesuffix(".")
        # a decimal of Avro has all digits of its scale
        expected.append(f"{time}Z {trade['symbol']} {decimal.Decimal(trade['price']):.4f} {trade['quantity']}")
    found, wanted = collections.Counter(printed), collections.Counter(expected)
    require(found == wanted, f"{len(printed)} trades, expected {len(expected)}; "
            f"missing {list((wanted - found))[:3]}, further {list((found - wanted))[:3]}")
    # and the trades of a symbol in their order
    by_symbol = lambda lines: [line for line in lines if line.split()[1] == "AAPL"]  # noqa: E731
    require(by_symbol(printed) == by_symbol(expected), "the trades of AAPL are not in their order")
    say(f"  {len(printed):,} trades equal the messages of `cat`")

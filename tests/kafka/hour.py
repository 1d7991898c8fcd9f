"""An hour of the market, as fast as it goes: the digest of the topics is the recording's, and every value decodes to its message."""

import json
import re
import subprocess
import sys
import time

import records
from harness import ROOT, Bridge, Failure, Replay, require, say

HOUR = ROOT / "fixtures" / "opening-hour.parquet"


def run(bench):
    prefix = bench.prepare("hour")
    replay = Replay(bench, HOUR, "hour", speed="max")
    begin = time.monotonic()
    report = Bridge(bench, replay.url, prefix).finish(120)
    seconds = time.monotonic() - begin
    replay.kill()
    messages = bench.report("info", HOUR)["events"]["total"]
    require((report["received"], report["produced"], report["dead_lettered"]) == (messages, messages, 0),
            f"{messages} messages, but the bridge reports {report}")
    say(f"  {messages:,} messages in {seconds:.1f} s with start and end, {messages / report['seconds']:,.0f} a second")
    bench.prove(HOUR, prefix, "hour")
    _values(bench, prefix, messages)
    _readme(bench, prefix)


def _values(bench, prefix, messages):
    """Confluent's deserializer and the real registry, against the JSON of `cat`."""
    begin = time.monotonic()
    lines = bench.run("cat", HOUR).splitlines()
    decoder = records.Decoder(bench.cluster.registry_url)
    seen = bytearray(len(lines))
    for record in records.committed(bench.cluster.bootstrap_servers, [prefix + topic for topic in records.TOPICS.values()]):
        header = records.headers(record)
        seq = int(header["tradesim-seq"])
        message = json.loads(lines[seq])
        place = f"{record.topic()}/{record.partition()}@{record.offset()} (seq {seq})"
        expected = {"run": "hour", "topic": prefix + records.TOPICS[message["event_type"]],
                    "key": message["payload"]["symbol"].encode(), "emitted": str(records.micros(message["timestamp"]))}
        found = {"run": header["tradesim-run"], "topic": record.topic(), "key": record.key(), "emitted": header["tradesim-emitted"]}
        require(found == expected, f"{place}: {found}, expected {expected}")
        differs = records.difference(decoder.decode(record), message)
        if differs:
            raise Failure(f"{place}: {differs}")
        require(not seen[seq], f"{place}: a second time")
        seen[seq] = 1
    require(sum(seen) == messages, f"{messages - sum(seen)} messages are in no topic")
    say(f"  decoded by Confluent's AvroDeserializer: {messages:,} values, keys and headers equal the messages of `cat`"
        f" ({time.monotonic() - begin:.1f} s)")


def _readme(bench, prefix):
    """The consumer in docs/guide/kafka.md prints every trade."""
    block = re.search(r"^```python consumer\n(.*?)^```$", (ROOT / "docs" / "guide" / "kafka.md").read_text(), re.M | re.S)
    require(block, "docs/guide/kafka.md has no block `python consumer`")
    code = block.group(1)
    for word, here in (("localhost:9092", bench.cluster.bootstrap_servers), ("http://localhost:8081", bench.cluster.registry_url),
                       ("raw.trades", f"{prefix}raw.trades"), ('"example"', f'"{prefix}example"')):
        require(word in code, f"the guide's consumer does not name {word}")
        code = code.replace(word, here)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"the guide's consumer ends with {done.returncode}: {done.stderr[-2000:]}")
    trades = bench.report("info", HOUR)["events"]["trade"]
    printed = len(done.stdout.splitlines())
    require(printed == trades, f"the guide's consumer prints {printed} trades of {trades}")
    say(f"  the guide's consumer printed {printed:,} trades")

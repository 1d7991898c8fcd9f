"""Bad messages by the hundred thousand: each is either a value that Confluent's deserializer reads back, or a dead letter with
its bytes. What was received is what was produced plus what was dead-lettered, exactly."""

import base64
import collections
import json
import random

import bad_messages
import blake3
import records
from feed import Feed
from harness import Bridge, require, say

MUTATIONS = 100_000
LINES = 5_000
GOOD_LINES = 1_000
# above it a dead letter holds the beginning, the length and the digest (contract, section 5)
WHOLE_BYTES_MAX = 512 << 10
KEPT_BYTES = 64 << 10
EXIT_CONFIGURATION = 78
FINISH_SECONDS_MAX = 240


def run(bench):
    lines = (bench.run("cat", "--limit", LINES, bench.day())).splitlines()
    by_hand = bad_messages.by_hand()
    frames = [frame for _, frame in by_hand] + bad_messages.mutations(lines, MUTATIONS, random.Random(bench.seed))
    prefix = bench.prepare("malformed")
    with Feed(frames, run="malformed") as feed:
        report = Bridge(bench, feed.url, prefix).finish(FINISH_SECONDS_MAX)
    require(report["received"] == len(frames) == report["produced"] + report["dead_lettered"], f"{len(frames)} sent: {report}")
    values, letters = _by_seq(bench, prefix)
    require((len(values), len(letters)) == (report["produced"], report["dead_lettered"]),
            f"{len(values)} values and {len(letters)} dead letters in the topics, but the bridge reports {report}")
    require(sorted([*values, *letters]) == list(range(len(frames))), "a message is missing from the topics")
    for seq, value in values.items():
        differs = records.difference(value, json.loads(frames[seq]))
        require(differs is None, f"seq {seq}: {differs}; {frames[seq]!r}")
    reasons = collections.Counter()
    for seq, letter in letters.items():
        _same_bytes(seq, letter, frames[seq])
        reasons[letter["reason"]] += 1
    for seq, (reason, frame) in enumerate(by_hand):
        require(seq in letters, f"accepted, but {reason} was expected: {frame[:300]!r}")
        require(letters[seq]["reason"] == reason, f"{letters[seq]['reason']} instead of {reason}: {frame[:300]!r}")
    say(f"  {len(by_hand)} bad messages made by hand, each refused for its reason, and {MUTATIONS:,} mutations: received"
        f" {report['received']:,} = produced {report['produced']:,} + dead-lettered {report['dead_lettered']:,}, bytes intact")
    say(f"  reasons: {', '.join(f'{reason} {count:,}' for reason, count in reasons.most_common())}")
    _plain_feed(bench, lines[:GOOD_LINES], [frame for _, frame in by_hand])


def _plain_feed(bench, good, bad):
    """A feed without our headers cannot resume: refused exactly-once, served at least once."""
    frames = [*good, *bad]
    random.Random(bench.seed).shuffle(frames)
    prefix = bench.prepare("plain")
    with Feed(frames) as feed:
        refused = Bridge(bench, feed.url, prefix)
        refused.finish(60, expected=EXIT_CONFIGURATION)
        reason = refused.last_lines(1)
        report = Bridge(bench, feed.url, prefix, "--delivery", "at-least-once").finish(FINISH_SECONDS_MAX)
    expected = (len(frames), len(good), len(bad))
    require((report["received"], report["produced"], report["dead_lettered"]) == expected, f"{expected} expected: {report}")
    say(f"  a feed that cannot resume: exactly-once ends with {EXIT_CONFIGURATION} ({reason.strip()[:160]}),"
        f" at-least-once produces {len(good):,} and dead-letters {len(bad)}")


def _by_seq(bench, prefix):
    decoder = records.Decoder(bench.cluster.registry_url)
    values, letters = {}, {}
    topics = [prefix + topic for topic in (*records.TOPICS.values(), records.DEAD_LETTERS)]
    for record in records.committed(bench.cluster.bootstrap_servers, topics):
        seq = int(records.headers(record)["tradesim-seq"])
        require(seq not in values and seq not in letters, f"seq {seq} is in the topics twice")
        if record.topic() == prefix + records.DEAD_LETTERS:
            letters[seq] = records.dead_letter(record)
        else:
            values[seq] = decoder.decode(record)
    return values, letters


def _same_bytes(seq, letter, frame):
    sent = frame.encode() if isinstance(frame, str) else frame
    held = letter["original_value"]
    held = held.encode() if letter["original_encoding"] == "utf8" else base64.b64decode(held, validate=True)
    if len(sent) <= WHOLE_BYTES_MAX:
        require(held == sent, f"seq {seq}: the dead letter holds {held[:200]!r}, sent was {sent[:200]!r}")
    else:
        said = json.dumps(letter)
        require(held == sent[:KEPT_BYTES], f"seq {seq}: the dead letter holds {len(held)} bytes of {len(sent)}")
        require(str(len(sent)) in said and blake3.blake3(sent).hexdigest() in said,
                f"seq {seq}: no length or no digest in the dead letter")

"""TLS and passwords for real: SASL_SSL with SCRAM-SHA-512 brokers, and a registry behind https with basic authentication.

Every command works with them; a wrong password and a wrong certificate authority give their reason, in the error and in
/healthz, and nothing is lost once they are corrected. Needs `cluster up --secure`.
"""

import json
import re
import time

from feed import Feed
from harness import Bridge, Replay, require, say, wait_until

USER = "tradesim"
# a user that the brokers learn of while a bridge waits
LATER_USER, LATER_PASSWORD = "later", "not-yet-known"
# which of the two librdkafka sees first is chance
PLAIN_PORT = "SSL handshake failed|SSL connection closed by peer"
GOOD_LINES = 2_000
BAD_LINES = [b"{", b'{"schema_version":1}']
REASON_SECONDS_MAX = 60
FINISH_SECONDS_MAX = 120
EXIT_DIFFERENCE = 3
EXIT_UNREACHABLE = 69
EXIT_CONFIGURATION = 78


def run(bench):
    secure = bench.cluster.secure()
    prefix = f"secure-{bench.mark}."
    registry = secure.registry()
    everywhere = ["--topic-prefix", prefix]
    bench.run("topics", "create", *everywhere, *secure.brokers())
    bench.run("topics", "verify", *everywhere, *secure.brokers())
    bench.run("cluster", "verify", *secure.brokers(), *registry)
    bench.run("schemas", "register", *everywhere, *registry)
    bench.run("schemas", "check", *everywhere, *registry)
    _commands_say_why(bench, secure)
    _a_bridge_says_why_and_loses_nothing(bench, secure, prefix)
    _dead_letters(bench, secure, f"secure-dlq-{bench.mark}.")


def _commands_say_why(bench, secure):
    """The reason, and the exit code, of each command and each mistake."""
    brokers = ["topics", "verify", "--timeout", "8s"]
    archive = bench.day()
    mistakes = (
        ("a wrong password", secure.brokers(password=secure.wrong_password(bench)), "Authentication failed"),
        ("a wrong CA", secure.brokers(ca=secure.other_ca), "certificate verify failed"),
        ("TLS on a plain port", secure.brokers(servers=bench.cluster.bootstrap_servers), PLAIN_PORT),
        ("an unknown host", secure.brokers(servers="no-such-host.invalid:9092"), "Failed to resolve"),
    )
    for mistake, flags, reason in mistakes:
        for command in (brokers, ["dlq", "show"], ["verify-topic", "--archive", archive, "--timeout", "8s", *secure.registry()]):
            said = bench.errors(*command, *flags, expected=EXIT_UNREACHABLE)
            require(re.search(reason, said), f"{mistake}: {command[0]}: {said}")
    for mistake, flags, reason in (
        ("a wrong password", secure.registry(auth=secure.wrong_auth(bench)), r"rejected the credentials \(HTTP 401\)"),
        ("a wrong CA", secure.registry(ca=secure.other_ca), "the TLS connection to the schema registry at https://127.0.0.1:"),
    ):
        for command in (["schemas", "check"], ["schemas", "register"],
                        ["bridge", "--ws-uri", "ws://127.0.0.1:1", "--metrics-port", "0", *secure.brokers()]):
            said = bench.errors(*command, *flags, expected=EXIT_CONFIGURATION)
            require(re.search(reason, said), f"{mistake}: {command[0]}: {said}")
            require(secure.password() not in said, f"a password is in {said}")
    say("  wrong password, wrong CA, TLS on a plain port and an unknown host: each command says which")


def _a_bridge_says_why_and_loses_nothing(bench, secure, prefix):
    """Four bridges of one run: the first three cannot speak to the brokers, the last may after a while."""
    archive = bench.folder / "hour.parquet"
    bench.run("filter", bench.day(), "--to", "09:45", "-o", archive)
    replay = Replay(bench, archive, "secure", speed="max")
    common = [*secure.registry()]
    for mistake, flags, reason in (
        ("a wrong password", secure.brokers(password=secure.wrong_password(bench)), "Authentication failed"),
        ("a wrong CA", secure.brokers(ca=secure.other_ca), "certificate verify failed"),
        ("TLS on a plain port", secure.brokers(servers=bench.cluster.bootstrap_servers), PLAIN_PORT),
    ):
        bridge = Bridge(bench, replay.url, prefix, *common, *flags)
        code, text = _unhealthy(bridge, reason)
        require(secure.password() not in text, f"a password is in {text}")
        say(f"  {mistake}: /healthz says {code} {text.strip()[:160]}")
        bridge.kill()
    later = bench.folder / "later"
    later.write_text(LATER_PASSWORD, encoding="utf-8")
    bridge = Bridge(bench, replay.url, prefix, *common, *secure.brokers(user=LATER_USER, password=later))
    _unhealthy(bridge, "Authentication failed")
    begin = time.monotonic()
    bench.cluster.do("kafka", "kafka.admin.ConfigCommand", "--bootstrap-server", bench.cluster.bootstrap_servers, "--alter",
                     "--add-config", f"SCRAM-SHA-512=[password={LATER_PASSWORD}]", "--entity-type", "users",
                     "--entity-name", LATER_USER)
    wait_until(lambda: bridge.get("/healthz")[0] in (200, None), REASON_SECONDS_MAX, "healthy once the brokers know the user")
    report = bridge.finish(FINISH_SECONDS_MAX)
    say(f"  the brokers learn of the user: all {report['produced']:,} messages delivered {time.monotonic() - begin:.1f} s later")
    replay.kill()
    audit = bench.report("verify-topic", "--archive", archive, "--topic-prefix", prefix, "--run", "secure", *secure.brokers(),
                         *common)
    require(audit["ok"] and audit["messages"] == report["produced"] > 0, f"verify-topic: {audit}")
    tail = bench.run("topics", "tail", "raw.trades", "--topic-prefix", prefix, "--from-beginning", "--count", 5,
                     *secure.brokers(), *common).splitlines()
    require(len(tail) == 5 and all("price" in json.loads(line)["value"] for line in tail), f"topics tail: {tail}")


def _unhealthy(bridge, reason):
    """Waits until /healthz is red and gives the reason."""
    found = {}

    def red():
        require(bridge.alive(), f"the bridge ended\n{bridge.last_lines()}")
        found["answer"] = bridge.get("/healthz")
        return found["answer"][0] == 503 and re.search(reason, found["answer"][1])

    try:
        wait_until(red, REASON_SECONDS_MAX, f"/healthz contains {reason!r}")
    finally:
        if found.get("answer", (None,))[0] != 503:
            say(f"  /healthz: {found.get('answer')}")
    return found["answer"]


def _dead_letters(bench, secure, prefix):
    """Letters are shown and sent again behind TLS and a password; the position is kept there too."""
    flags = ["--topic-prefix", prefix, *secure.brokers()]
    bench.run("topics", "create", *flags)
    lines = bench.run("cat", "--limit", GOOD_LINES, bench.day()).splitlines()
    with Feed([*lines, *BAD_LINES], run="letters") as feed:
        report = Bridge(bench, feed.url, prefix, "--register-schemas", *secure.brokers(), *secure.registry()).finish(
            FINISH_SECONDS_MAX)
    require((report["produced"], report["dead_lettered"]) == (GOOD_LINES, len(BAD_LINES)), f"{report}")
    shown = bench.run("dlq", "show", "--json", *flags).splitlines()
    require(len(shown) == len(BAD_LINES), f"dlq show: {shown}")
    retry = ["dlq", "retry", "--json", *flags, *secure.registry()]
    refused = bench.errors(*retry, expected=2)
    require("has no position" in refused and "--from-beginning" in refused, f"dlq retry: {refused}")
    for arguments, expected in (
        (["--from-beginning"], {"read": 2, "invalid": 2, "exhausted": 0}),
        ([], {"read": 2, "invalid": 2, "exhausted": 0}),
        (["--max-tries", 2], {"read": 2, "invalid": 0, "exhausted": 2}),
    ):
        retried = json.loads(bench.run(*retry, *arguments, expected=EXIT_DIFFERENCE))
        found = {name: retried[name] for name in expected}
        require(found == expected, f"dlq retry {arguments}: {retried}, expected {expected}")
    retried = json.loads(bench.run(*retry))
    require(retried["read"] == 0, f"dlq retry after all was settled: {retried}")
    say(f"  {len(BAD_LINES)} dead letters shown, sent again twice, and left alone after that")

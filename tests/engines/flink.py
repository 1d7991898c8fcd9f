"""examples/flink in Flink's SQL client, and the two ways in which a table that one would write first misreads the topics."""

import datetime
import re

import candles
from harness import ROOT, require, say
from processes import finish, run_to_end

EXAMPLE = ROOT / "examples" / "flink" / "candles.sql"
# Flink's own start scripts open these packages to it
OPENED = ("lang", "lang.reflect", "net", "io", "nio", "text", "time", "util", "util.concurrent", "util.concurrent.atomic",
          "util.concurrent.locks")
LOGGING = """rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
appender.console.name=console
appender.console.type=Console
appender.console.target=SYSTEM_ERR
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %c - %m%n
"""
# as in a session without a cluster of Flink
SESSION = """SET 'execution.target' = 'local';
SET 'parallelism.default' = '1';
SET 'rest.address' = '127.0.0.1';
SET 'rest.bind-address' = '127.0.0.1';
SET 'rest.bind-port' = '0';
"""
FACTS = """SELECT '{table}' AS `table`, COUNT(*) AS `rows`, SUM(seq) AS seqs, SUM(CAST(`timestamp` AS DECIMAL(38, 0))) AS times,
  SUM({price}) AS prices, CAST(MAX(event_time) AS STRING) AS newest
FROM {table} /*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */ WHERE run = 'engines';
"""
PRICES = {"trades": ("trade", "price"), "orderbook": ("orderbook", "bid_price"), "marketdata": ("marketdata", "vwap")}


def run(topics):
    folder = topics.folder("flink")
    (folder / "config.yaml").touch()
    (folder / "log4j.properties").write_text(LOGGING, encoding="utf-8")
    definitions = {table: topics.definition("flink", event_type) for table, (event_type, _) in PRICES.items()}
    (folder / "session.sql").write_text(SESSION + "".join(definitions.values()), encoding="utf-8")
    _candles(topics, folder)
    _facts_and_traps(topics, folder, definitions)


def _command(topics, statements):
    flink = next((topics.installed / "venv").glob("lib/python*/site-packages/pyflink"))
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in (*(f"java.{name}" for name in OPENED), "sun.nio.ch")]
    # one jar of the planner: the other cannot load connectors of this class path
    return ["java", "-Xmx1g", "-XX:+UseSerialGC", *opened, "-Dlog4j.configurationFile=log4j.properties", "-cp",
            f"{flink}/lib/*:{flink}/opt/*:{topics.installed / 'flink'}/*", "org.apache.flink.table.client.SqlClient",
            "-i", "session.sql", "-f", statements]


def _candles(topics, folder):
    text = EXAMPLE.read_text(encoding="utf-8")
    require("file:///tmp/candles" in text, "candles.sql does not name its output")
    (folder / "candles.sql").write_text(text.replace("file:///tmp/candles", f"file://{folder}/candles"), encoding="utf-8")
    finish("candles", _command(topics, "candles.sql"), folder, {"FLINK_CONF_DIR": str(folder)})
    duck = candles.connection()
    rows = duck.execute("select * from read_csv(?, header = false, all_varchar = true)", [f"{folder}/candles/part-*"]).fetchall()
    found = candles.by_key((symbol, datetime.datetime.fromisoformat(start), *values) for symbol, start, *values in rows)
    candles.compare("Flink", found, topics.candles)
    say(f"  {len(found):,} candles equal")


def _facts_and_traps(topics, folder, definitions):
    """The three definitions by exact sums; then what an obvious table makes of the same records."""
    facts = "".join(FACTS.format(table=table, price=price) for table, (_, price) in PRICES.items())
    clauses = re.search(r"WITH \(.*?'format' = 'avro-confluent',\n.*?,\n", definitions["orderbook"], re.S).group(0).rstrip(",\n")
    times = f"CREATE TABLE obvious_orderbook (symbol STRING, `timestamp` TIMESTAMP(3)) {clauses}\n);\n" \
            "SELECT 'obvious' AS `table`, CAST(MAX(`timestamp`) AS STRING) AS newest FROM obvious_orderbook " \
            "/*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */;\n"
    clauses = clauses.replace("raw.orderbook", "raw.trades")
    enums = f"CREATE TABLE obvious_trades (symbol STRING, status STRING) {clauses}\n);\n" \
            "SELECT COUNT(DISTINCT status) FROM obvious_trades /*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */;\n"
    statements = ["SET 'execution.runtime-mode' = 'batch';\n", "SET 'sql-client.execution.result-mode' = 'tableau';\n",
                  "SET 'table.local-time-zone' = 'UTC';\n", facts, times, enums]
    (folder / "facts.sql").write_text("".join(statements), encoding="utf-8")
    code, printed, errors = run_to_end("facts", _command(topics, "facts.sql"), folder, {"FLINK_CONF_DIR": str(folder)})
    rows = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in printed.splitlines() if line.startswith("|")]
    found = {row[0]: row[1:] for row in rows if row[0] in {*PRICES, "obvious"}}
    duck = candles.connection()
    for table, (event_type, _) in PRICES.items():
        expected = duck.execute("""
            select count(*)::varchar, sum(number)::varchar, sum(epoch_us(coalesce(payload_ts, ts)))::varchar,
              sum(coalesce(price, bid_price, vwap))::varchar, strftime(max(coalesce(payload_ts, ts)), '%Y-%m-%d %H:%M:%S.%g')
            from (select *, row_number() over (order by seq) - 1 as number from read_parquet(?)) where event_type = ?
        """, [str(topics.recording), event_type]).fetchone()
        require(found.get(table) == list(expected), f"Flink: {table} {found.get(table)}, expected {list(expected)}\n{printed[-3000:]}\n{errors[-3000:]}")
    say("  the definitions of three topics, by exact sums")
    # these two change when Flink is mended: then the guide and the definitions can be simpler
    year = found.get("obvious", [""])[0]
    # Flink's text of a year has four digits
    require(re.match(r"\+?5?8104-05-03 ", year), f"a TIMESTAMP column reads {year!r}, not the year 58104: Flink has changed")
    require(code != 0 and "TradeStatus" in printed + errors and "union" in printed + errors,
            f"enums are read as STRING: Flink has changed\n{printed[-2000:]}\n{errors[-2000:]}")
    say(f"  without them: the newest order book is of {year}, and trades fail at an enum (FLINK-24544)")

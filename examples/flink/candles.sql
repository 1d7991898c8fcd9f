-- Candles of one minute from the executions in the topic of trades, as files of CSV:
--   tradesim schemas ddl --engine flink trade >trades.sql
--   sql-client.sh -i trades.sql -f candles.sql
SET 'execution.runtime-mode' = 'streaming';
SET 'table.local-time-zone' = 'UTC';
SET 'table.dml-sync' = 'true';
-- files are complete at a checkpoint
SET 'execution.checkpointing.interval' = '5 s';

CREATE TABLE candles (
  symbol STRING,
  `start` TIMESTAMP(3),
  `open` DECIMAL(12, 4),
  high DECIMAL(12, 4),
  low DECIMAL(12, 4),
  `close` DECIMAL(12, 4),
  volume BIGINT,
  vwap DECIMAL(12, 4)
) WITH ('connector' = 'filesystem', 'path' = 'file:///tmp/candles', 'format' = 'csv');

-- until the end of the topic as it is now; without the hint, the job runs until it is cancelled
CREATE TEMPORARY VIEW executions AS
SELECT symbol, price, quantity, event_time, CAST(price * 10000 AS BIGINT) * quantity AS amount
FROM trades /*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */
WHERE status IN ('PARTIALLY_FILLED', 'FILLED');

-- All records of a symbol are in one partition in the order of their events, so the first and the last value to arrive are the
-- first and the last execution, even in the same microsecond. The average is rounded half up in integers: Flink's decimals
-- would be rounded twice.
INSERT INTO candles
SELECT
  symbol, window_start, FIRST_VALUE(price), MAX(price), MIN(price), LAST_VALUE(price), SUM(CAST(quantity AS BIGINT)),
  CAST(CAST((2 * SUM(amount) + SUM(CAST(quantity AS BIGINT))) / (2 * SUM(CAST(quantity AS BIGINT))) AS DECIMAL(16, 0)) * 0.0001
    AS DECIMAL(12, 4))
FROM TABLE(TUMBLE(TABLE executions, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
GROUP BY symbol, window_start, window_end;

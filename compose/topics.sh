#!/usr/bin/env bash
# Makes the topics of the bridge where they are not there yet. `tradesim topics create` does the same, and `tradesim topics verify`
# says whether they are as they have to be; this one needs nothing but Kafka's own tool.
# Usage: BOOTSTRAP_SERVERS=… topics.sh COMMAND…  (what runs kafka-topics)
set -euo pipefail

topic() {
  local name=$1 partitions=$2
  shift 2
  local settings=(--config min.insync.replicas=2)
  for setting in "$@"; do settings+=(--config "$setting"); done
  "${kafka_topics[@]}" --bootstrap-server "$BOOTSTRAP_SERVERS" --create --if-not-exists \
    --topic "$name" --partitions "$partitions" --replication-factor 3 "${settings[@]}"
}

kafka_topics=("$@")
day=$((24 * 60 * 60 * 1000))
for name in raw.trades raw.orderbook raw.marketdata; do
  topic "$name" 12 cleanup.policy=delete "retention.ms=$((7 * day))" "segment.bytes=$((1 << 30))"
done
topic dlq.raw.failed 3 cleanup.policy=delete "retention.ms=$((30 * day))"
topic tradesim.positions 1 cleanup.policy=compact "segment.bytes=$((1 << 24))" min.cleanable.dirty.ratio=0.1 delete.retention.ms=300000

package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/alpacahq/alpaca-trade-api-go/v3/marketdata"
	"github.com/alpacahq/alpaca-trade-api-go/v3/marketdata/stream"
)

// The server holds the connection open and silent at the end, as the vendor does at night: this much silence is the end.
const silence = 4 * time.Second

// The client drops what does not fit into its buffer, 100,000 messages by default. At full speed a replay can be faster than its decoder.
const buffered = 1 << 20

// alpaca runs the vendor's client against BASE_URL, which the client adds the feed to.
func alpaca(base, key, secret string) error {
	var received tally
	var last atomic.Int64
	var dropped, connections atomic.Int64
	note := func(kind string, at time.Time, values ...int64) {
		last.Store(time.Now().UnixNano())
		received.add(kind, append([]int64{at.UnixMicro()}, values...)...)
	}
	client := stream.NewStocksClient(
		marketdata.SIP,
		stream.WithBaseURL(base),
		stream.WithCredentials(key, secret),
		stream.WithBufferSize(buffered),
		stream.WithBufferFillCallback(func([]byte) { dropped.Add(1) }),
		stream.WithConnectCallback(func() { connections.Add(1) }),
		stream.WithTrades(func(trade stream.Trade) {
			note("trades", trade.Timestamp, int64(trade.Size), prices(trade.Price))
		}, "*"),
		stream.WithQuotes(func(quote stream.Quote) {
			note("quotes", quote.Timestamp, int64(quote.BidSize)+int64(quote.AskSize), prices(quote.BidPrice, quote.AskPrice))
		}, "*"),
		stream.WithBars(func(bar stream.Bar) {
			note("minutes", bar.Timestamp, int64(bar.Volume), prices(bar.Open, bar.High, bar.Low, bar.Close, bar.VWAP))
		}, "*"),
		stream.WithDailyBars(func(bar stream.Bar) {
			note("days", bar.Timestamp, int64(bar.Volume), prices(bar.Close))
		}, "*"),
	)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := client.Connect(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-client.Terminated():
			return errors.Join(errors.New("the connection ended"), err)
		case now := <-tick.C:
			if at := last.Load(); at == 0 || now.UnixNano()-at < int64(silence) {
				continue
			}
		}
		break
	}
	if dropped.Load() != 0 || connections.Load() != 1 {
		return fmt.Errorf("%d messages dropped, %d connections", dropped.Load(), connections.Load())
	}
	return received.print()
}

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"sync"
)

// A tally is the sums of what a client received, as integers: prices in units of 0.0001. A sum of floats would depend on their order,
// and the sums of times exceed 64 bits.
type tally struct {
	mutex sync.Mutex
	kinds map[string][]*big.Int
}

// add counts a message, and adds its values.
func (t *tally) add(kind string, values ...int64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.kinds == nil {
		t.kinds = map[string][]*big.Int{}
	}
	if t.kinds[kind] == nil {
		t.kinds[kind] = make([]*big.Int, 1+len(values))
		for at := range t.kinds[kind] {
			t.kinds[kind][at] = new(big.Int)
		}
	}
	for at, value := range append([]int64{1}, values...) {
		sum := t.kinds[kind][at]
		sum.Add(sum, big.NewInt(value))
	}
}

// print writes the sums as JSON on a line.
func (t *tally) print() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	text, err := json.Marshal(t.kinds)
	if err == nil {
		_, err = fmt.Println(string(text))
	}
	return err
}

// prices returns the sum of prices in units of 0.0001.
func prices(values ...float64) int64 {
	var sum int64
	for _, value := range values {
		sum += int64(math.Round(value * 10_000))
	}
	return sum
}

// Vendors' clients for Go, unmodified: NAME ADDRESS KEY…. Prints what the client received, as JSON.
package main

import (
	"fmt"
	"os"
)

func run(arguments []string) error {
	if len(arguments) == 4 && arguments[0] == "alpaca" {
		return alpaca(arguments[1], arguments[2], arguments[3])
	}
	return fmt.Errorf("expected: alpaca BASE_URL KEY SECRET")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

#!/usr/bin/env python3
"""Compares tradesim's trading calendar with the package `exchange-calendars`.

    pip install exchange-calendars
    python3 tests/oracles/calendar_oracle.py fixtures/calendar.csv

The file has the columns date, open_utc and close_utc: one row for each session of the years 2024 to 2028, with the
start and the end of its core session. Exit code 0: the two agree; 1: they differ, and each difference is named.
"""

import csv
import datetime
import sys

import exchange_calendars

FIRST, LAST = "2024-01-01", "2028-12-31"


def read(path):
    with open(path, newline="", encoding="ascii") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != ["date", "open_utc", "close_utc"]:
            sys.exit(f"{path}: unexpected columns {reader.fieldnames}")
        ours = {}
        for row in reader:
            if row["date"] in ours:
                sys.exit(f"{path}: {row['date']} is listed twice")
            ours[row["date"]] = (instant(row["open_utc"]), instant(row["close_utc"]))
    return ours


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def oracle(name):
    schedule = exchange_calendars.get_calendar(name, start=FIRST, end=LAST).schedule
    return {
        str(date.date()): (row.open.to_pydatetime(), row.close.to_pydatetime())
        for date, row in schedule.iterrows()
    }


def show(session):
    return "closed" if session is None else f"{session[0]:%H:%M} to {session[1]:%H:%M} UTC"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    ours = read(sys.argv[1])
    differences = 0
    for name in ["XNYS", "XNAS"]:
        theirs = oracle(name)
        for date in sorted(ours.keys() | theirs.keys()):
            if ours.get(date) != theirs.get(date):
                differences += 1
                print(f"{date}: tradesim {show(ours.get(date))}, {name} {show(theirs.get(date))}", file=sys.stderr)
        print(f"{name}: {len(theirs)} sessions from {FIRST} to {LAST}, tradesim {len(ours)}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()

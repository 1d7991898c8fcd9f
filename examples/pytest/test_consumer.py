"""What is yours to write: a consumer, and what it should make of a recording. The fixtures are those of the wheel `tradesim-market`."""

import json
from decimal import Decimal

import blake3
import pytest
from websockets.sync.client import connect


def test_every_message_arrives(tradesim_replay):
    digest = blake3.blake3()
    count = 0
    with connect(tradesim_replay.url) as socket:
        for text in socket:  # until the server closes with 1000: everything was delivered
            message = text.encode()
            digest.update(len(message).to_bytes(4, "little") + message)
            count += 1
    assert count == 26_736
    assert digest.hexdigest() == "0eb970445d433611797c39f357709092e5540646163aa0be22ed00fad2bee81b"


@pytest.mark.tradesim(symbols="AAPL", events="orderbook")
def test_the_books_of_a_symbol_are_never_crossed(tradesim_replay):
    with connect(tradesim_replay.url) as socket:
        books = [json.loads(text)["payload"] for text in socket]
    assert len(books) == 350
    assert all(Decimal(book["bid_price"]) < Decimal(book["ask_price"]) for book in books)

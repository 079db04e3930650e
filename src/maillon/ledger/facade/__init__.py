# SPDX-License-Identifier: Apache-2.0
"""Ethereum JSON-RPC over the embedded chain, so that every wallet, SDK and tool there is works on it unchanged.

    chain.py      what we need of a chain
    reading.py    arguments, read strictly
    documents.py  blocks, transactions, receipts and logs as JSON
    fees.py       what to pay
    filters.py    filters that are polled
    methods.py    the table of methods
    dispatch.py   bytes of a request → bytes of its answer
    feed.py       subscriptions
    server.py     HTTP and WebSocket

docs/formats/json-rpc.md lists the methods, the limits and the refusals.
"""

from maillon.ledger.facade.limits import Limits
from maillon.ledger.facade.server import Facade

__all__ = ["Facade", "Limits"]

# SPDX-License-Identifier: Apache-2.0
"""The explorer: reads the ledger and the log for people, and owns no fact.

It asks the chain by Ethereum's own JSON-RPC, the same methods any client uses, so that it shows what anyone can see and
works over every engine. Blocks are final: nothing it shows is ever taken back.

It has no `contract`, `store` or `commands`: it writes nothing, keeps nothing, and `cast` is a better terminal for a
chain than one of ours. Read `model`, then `service`.
"""

from maillon.services.explorer.errors import ExplorerError
from maillon.services.explorer.service import Ask, ExplorerService

__all__ = ["Ask", "ExplorerError", "ExplorerService"]

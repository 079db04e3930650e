# SPDX-License-Identifier: Apache-2.0
"""Credits: what each member has left, what using the network costs now and at most soon, and when it refills.

Credits are the gas of the network: given to members per period by all validators alike, spent as fees, burnt. Nothing
here decides anything; the contract `Credits` and the blocks say everything, and this service puts it into figures
people can plan with. In a sandbox it also gives some to whoever asks, which no network does.

It has no `store`: every figure is read where it stands, and a day's spending is the difference of two states. Who has
few left is told once in a period (`letters`). Read `model`, then `rules` (what follows from a block, pure), `contract`,
`service`. Doors: `api`, `pages`, `commands`.
"""

from __future__ import annotations

from maillon.services.credits.contract import CreditsContract
from maillon.services.credits.errors import CreditsError
from maillon.services.credits.service import GIFT, CreditsService, Faucet

__all__ = ["GIFT", "CreditsContract", "CreditsError", "CreditsService", "Faucet"]

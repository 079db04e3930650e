# SPDX-License-Identifier: Apache-2.0
"""Maillon: a common, open, interoperable blockchain infrastructure.

In reading order: evidence, kit, ledger, services, main. docs/tour.md walks through them.
"""

import os

# Read once by Ethereum's Python libraries, when the first of them loads: hence here, before all of them. Left to
# themselves they recover signatures six times and hash five times slower, silently.
os.environ["ECC_BACKEND_CLASS"] = "eth_keys.backends.CoinCurveECCBackend"
os.environ["ETH_HASH_BACKEND"] = "pysha3"

__version__ = "0.1.0"

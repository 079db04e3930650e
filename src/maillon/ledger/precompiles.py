# SPDX-License-Identifier: Apache-2.0
"""The curve of EIP-2537 (BLS12-381), loaded when a contract first calls one of its precompiles.

Its library computes a table while it loads, which took two fifths of a start of the whole platform; hardly a contract
ever needs it. py-evm must find these seven functions before it loads: whoever loads it calls `put_off` first.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from threading import Lock
from types import ModuleType
from typing import Any, Final

_MODULE: Final = "eth.precompiles.bls12_381"
_FUNCTIONS: Final = (
    "bls12_g1_add",
    "bls12_g1_msm",
    "bls12_map_fp_to_g1",
    "bls12_g2_add",
    "bls12_g2_msm",
    "bls12_map_fp2_to_g2",
    "bls12_pairing_check",
)


def put_off() -> None:
    """Stand in for py-evm's own functions, unless they are loaded already."""
    if _MODULE in sys.modules:
        return
    lock = Lock()
    stand_in = ModuleType(_MODULE)

    def first_called(function: str) -> Callable[[Any], Any]:
        def precompile(computation: Any) -> Any:
            with lock:
                if sys.modules[_MODULE] is stand_in:
                    del sys.modules[_MODULE]
                loaded = importlib.import_module(_MODULE)
            return getattr(loaded, function)(computation)

        return precompile

    for function in _FUNCTIONS:
        setattr(stand_in, function, first_called(function))
    sys.modules[_MODULE] = stand_in

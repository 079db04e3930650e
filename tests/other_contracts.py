# SPDX-License-Identifier: Apache-2.0
"""To what a vote can lead a name of the Directory: a contract of a law that is known, and one of a law that is not."""

from __future__ import annotations

from maillon.ledger.abi import constructor
from maillon.ledger.founding import Statutes
from maillon.ledger.genesis import DIRECTORY, name_word

_STATUTES = "((uint256,uint256,uint256,uint256,uint256)[3],uint256,uint256,uint256,bool,uint256[8])"


def governance(statutes: Statutes) -> bytes:
    """What makes a Governance of the law of block zero's, with statutes of its own."""
    return constructor("governance", ("address", _STATUTES), (DIRECTORY, statutes.as_argument()))


def members() -> bytes:
    """What makes a register of the law of block zero's, in which nobody is entered."""
    return constructor("members", ("address",), (DIRECTORY,))


def of_another_law(name: str) -> bytes:
    """What makes a contract that answers every call with its name, which is all the Directory asks for."""
    return bytes.fromhex("602b600c600039602b6000f37f") + name_word(name) + bytes.fromhex("60005260206000f30000")

# SPDX-License-Identifier: Apache-2.0
"""What this node's validator key signed last, as CometBFT remembers it in `priv_validator_state.json`.

CometBFT signs nothing at or below that height, round and step: the file is all that stands between a validator and two
votes for one height. It is worth nothing when it is not there, or when it speaks of another key. Then the node
*watches*: it follows the chain with a key of no validator, until twenty blocks in a row came without our vote.

CometBFT's own `double_sign_check_height` does not do. With four or five validators of equal power a node that starts
leaves block sync at once (`localNodeBlocksTheChain`: a third, in whole numbers), looks at the newest blocks *it* has,
and votes at heights long past: a restored node of ours voted at 11 that had signed 21.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from maillon.kit.keys import write_private
from maillon.network.errors import NodeUnusable

LOOK_BACK: Final = 20
"""Blocks in a row without our vote before a node that knows nothing of its key's past votes."""
_PRECOMMIT: Final = 3
"""CometBFT's number of the step whose votes a block carries (`privval/file.go`)."""
MAXIMUM_HEIGHT: Final = 2**63 - 1
MAXIMUM_ROUND: Final = 2**31 - 1
_BLOCK: Final = 4
_NOTHING: Final = b'{"height": "0", "round": 0, "step": 0}'


@dataclass(frozen=True, slots=True)
class LastSignature:
    """The newest vote or proposal; height 0 when there was none."""

    height: int = 0
    round: int = 0
    step: int = 0
    message: bytes = b""
    signature: bytes = b""

    @classmethod
    def read(cls, path: Path) -> LastSignature:
        """From the file; nothing when it is not there. Raises `NodeUnusable` when it is damaged."""
        try:
            document: Any = orjson.loads(path.read_bytes())
            return cls(
                int(document["height"]),
                int(document["round"]),
                int(document["step"]),
                bytes.fromhex(document.get("signbytes") or ""),
                base64.b64decode(document.get("signature") or "", validate=True),
            )
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NodeUnusable(
                f"{path} is damaged ({error}): without it nothing says what was signed. Treat this node as restored: "
                "docs/operating/double-signing.md"
            ) from error

    def vouches_for(self, key: bytes) -> bool:
        """Whether this says what the validator key signed last.

        A position without a signature was set: by `node sign-from`, at the end of watching, or where the key was made.
        """
        if not self.height:
            return False
        if not self.signature:
            return True
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(self.signature, self.message)
        except InvalidSignature:
            return False
        return True

    def covers(self, height: int, round_number: int) -> bool:
        """Whether the vote a block carries for that height and round can be this machine's, when this was its last.

        It is not when the last one is before that vote, nor when it is in its place and for no block: that is how
        CometBFT answers what it catches up on by the votes of others.
        """
        position, vote = (self.height, self.round, self.step), (height, round_number, _PRECOMMIT)
        return position > vote or (position == vote and self._names_block())

    def _names_block(self) -> bool:
        """Whether the vote names a block.

        It is the field 4 of CometBFT's `CanonicalVote`, which stands after its length
        (`proto/tendermint/types/canonical.proto`); the fields before it are numbers.
        """
        position = _after_varint(self.message, 0)
        while position < len(self.message):
            number, kind = self.message[position] >> 3, self.message[position] & 7
            if number >= _BLOCK:
                return number == _BLOCK
            position = _after_varint(self.message, position + 1) if kind == 0 else position + 9
        return False


def _after_varint(data: bytes, position: int) -> int:
    while position < len(data) and data[position] > 0x7F:
        position += 1
    return position + 1


def make_empty(path: Path) -> None:
    """Write the file where there is none: nothing is known."""
    if not path.exists():
        write_private(path, _NOTHING)


def begin(path: Path) -> None:
    """A key was made here and has signed nothing: it may begin with the first block."""
    _set(path, 1, 0)


def sign_from(path: Path, height: int, round_number: int) -> None:
    """Let the key sign from this height and round on, and nothing before. Raises `NodeUnusable`.

    Only forward: a file that remembers a later position is kept, whatever is asked.
    """
    if not (0 < height <= MAXIMUM_HEIGHT and 0 <= round_number <= MAXIMUM_ROUND):
        raise NodeUnusable("a height is 1 or more, a round 0 or more")
    last = LastSignature.read(path)
    if (last.height, last.round) >= (height, round_number) and last.height:
        raise NodeUnusable(f"{path} remembers height {last.height}, round {last.round}: it is never set back")
    _set(path, height, round_number)


def _set(path: Path, height: int, round_number: int) -> None:
    write_private(path, orjson.dumps({"height": str(height), "round": round_number, "step": 0}))

# SPDX-License-Identifier: Apache-2.0
"""The notary's law as pure functions: what a request may ask, what state an entry is in, how an entry is looked up.

Nothing here reads a clock, a file or a database. Limits stand here and nowhere else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from maillon.evidence.entry import COMMITMENT, Entry, payload_length, public
from maillon.evidence.errors import UnknownAlgorithm
from maillon.evidence.hashing import Algorithm, Digest
from maillon.kit.idempotency import MAXIMUM_KEY, fingerprint
from maillon.services.notary.errors import (
    BatchTooLarge,
    InvalidDigest,
    InvalidIdempotencyKey,
    MalformedRequest,
    UnknownDigestAlgorithm,
)
from maillon.services.notary.model import Append, EntryState, IdempotencyKey

MAXIMUM_BATCH: Final = 100_000
MAXIMUM_ENTRY_BODY: Final = 4 * 1024
MAXIMUM_BATCH_BODY: Final = 16 * 1024 * 1024
MAXIMUM_STAMP_BODY: Final = 8 * 1024
MAXIMUM_WAIT: Final = 30.0
MAXIMUM_INDEX: Final = 2**62
ENTRIES_PER_CHECKPOINT: Final = 400_000
"""A checkpoint takes at most about this many entries, so that its memory is bounded; the rest follows in the next."""

_HEXADECIMAL = re.compile(r"[0-9a-f]*", re.ASCII)
_KEY = re.compile(rb"[\x21-\x7e]{1,%d}" % MAXIMUM_KEY)
_INDEX = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def parse_index(text: str) -> int | None:
    """The index a path names, None when no entry could ever bear that name."""
    return int(text) if _INDEX.fullmatch(text) and int(text) < MAXIMUM_INDEX else None


def parse_idempotency_key(value: bytes | None, path: str, body: bytes) -> IdempotencyKey | None:
    """The caller's key with the fingerprint of its request; raises `InvalidIdempotencyKey`."""
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise InvalidIdempotencyKey(f"an Idempotency-Key has 1 to {MAXIMUM_KEY} printable ASCII characters")
    return IdempotencyKey(value.decode("ascii"), fingerprint("POST", path, body))


def _algorithm(name: object) -> Algorithm:
    if not isinstance(name, str):
        raise MalformedRequest("the digest's algorithm is a text")
    try:
        return Algorithm.parse(name)
    except UnknownAlgorithm as error:
        raise UnknownDigestAlgorithm(str(error)) from None


def _kind_of(algorithm: Algorithm) -> int:
    return public(Digest(algorithm, bytes(algorithm.length))).kind


KIND_OF: Final[dict[Algorithm, int]] = {algorithm: _kind_of(algorithm) for algorithm in Algorithm}


def _flag(document: Mapping[str, Any], allowed: set[str]) -> bool:
    unknown = set(document) - allowed - {"deduplicate"}
    if unknown:
        raise MalformedRequest(f"the request has members this route does not know: {min(unknown)[:60]!r}")
    deduplicate = document.get("deduplicate", False)
    if not isinstance(deduplicate, bool):
        raise MalformedRequest("deduplicate is true or false")
    return deduplicate


def _payloads(values: list[Any], kind: int, what: str) -> bytes:
    """All payloads one after the other. Checked as one text: a batch has up to 100,000."""
    digits = 2 * payload_length(kind)
    if set(map(type, values)) != {str}:
        raise MalformedRequest(f"{what} is a list of texts")
    if set(map(len, values)) != {digits}:
        wrong = next(i for i, value in enumerate(values) if len(value) != digits)
        raise InvalidDigest(f"{what} number {wrong} has {len(values[wrong])} digits, not {digits}")
    text = "".join(values)
    if not _HEXADECIMAL.fullmatch(text):
        wrong = next(i for i, value in enumerate(values) if not _HEXADECIMAL.fullmatch(value))
        raise InvalidDigest(f"{what} number {wrong} is not lower-case hexadecimal")
    return bytes.fromhex(text)


def _one_of(document: object, first: str, second: str) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise MalformedRequest("the request is a JSON object")
    if (first in document) == (second in document):
        raise MalformedRequest(f"the request has either {first!r} or {second!r}")
    return document


def parse_entry(document: object, subject: str, idempotency: IdempotencyKey | None = None) -> Append:
    """One entry from the body of `POST /v1/notary/entries`; raises a `Refused`."""
    request = _one_of(document, "commitment", "digest")
    deduplicate = _flag(request, {"commitment", "digest"})
    if "commitment" in request:
        return Append(COMMITMENT, _payloads([request["commitment"]], COMMITMENT, "commitment"), 1, subject, deduplicate,
                      idempotency)  # fmt: skip
    digest = request["digest"]
    if not isinstance(digest, dict) or set(digest) != {"algorithm", "value"}:
        raise MalformedRequest("a digest has an algorithm and a value")
    kind = KIND_OF[_algorithm(digest["algorithm"])]
    return Append(kind, _payloads([digest["value"]], kind, "digest"), 1, subject, deduplicate, idempotency)


def parse_batch(document: object, subject: str, idempotency: IdempotencyKey | None = None) -> Append:
    """A batch from the body of `POST /v1/notary/batches`; raises a `Refused`."""
    request = _one_of(document, "commitments", "digests")
    deduplicate = _flag(request, {"commitments", "digests"})
    if "commitments" in request:
        kind, values, what = COMMITMENT, request["commitments"], "commitments"
    else:
        digests = request["digests"]
        if not isinstance(digests, dict) or set(digests) != {"algorithm", "values"}:
            raise MalformedRequest("digests has an algorithm and values")
        kind, values, what = KIND_OF[_algorithm(digests["algorithm"])], digests["values"], "digests"
    if not isinstance(values, list) or not values:
        raise MalformedRequest(f"{what} is a list with at least one member")
    if len(values) > MAXIMUM_BATCH:
        raise BatchTooLarge(f"{what} has {len(values)} members, at most {MAXIMUM_BATCH}")
    return Append(kind, _payloads(values, kind, what), len(values), subject, deduplicate, idempotency)


def parse_digest_query(text: str) -> Entry:
    """The public entry of `?digest=ALGORITHM:HEX` (sha2-256 when no algorithm is named); raises a `Refused`."""
    name, separator, value = text.rpartition(":")
    algorithm = _algorithm(name if separator else Algorithm.SHA2_256.value)
    kind = KIND_OF[algorithm]
    return Entry(kind, _payloads([value], kind, "digest"))


def entry_state(index: int, size: int, anchored_size: int) -> EntryState:
    """How far the entry has come, given the sizes under the newest checkpoint and the newest anchored one."""
    if index < anchored_size:
        return EntryState.ANCHORED
    return EntryState.LOGGED if index < size else EntryState.PENDING


def split(kind: int, payloads: bytes) -> Iterator[bytes]:
    """The payloads of one kind, one by one."""
    length = payload_length(kind)
    return (payloads[at : at + length] for at in range(0, len(payloads), length))


def leaf_hashes(kind: int, payloads: bytes) -> list[bytes]:
    """The leaf hash of each entry (RFC 9162 section 2.1.1)."""
    prefix = bytes((0, kind))
    sha256 = hashlib.sha256
    return [sha256(prefix + payload).digest() for payload in split(kind, payloads)]


def lookup_key(leaf: bytes) -> int:
    """The first eight bytes of a leaf hash, signed: small to store; what it finds is checked against the entry."""
    return int.from_bytes(leaf[:8], "big", signed=True)


def lookup_keys(leaves: Iterable[bytes]) -> list[int]:
    """`lookup_key` of each."""
    return [int.from_bytes(leaf[:8], "big", signed=True) for leaf in leaves]


def retry_delay(failures: int) -> float:
    """Seconds to wait after so many failures in a row to anchor: doubling, never over thirty."""
    return float(min(30.0, 0.5 * 2 ** min(failures, 10)))

# SPDX-License-Identifier: Apache-2.0
"""Writes the vectors of the single links of a receipt: `python tests/evidence/make_link_vectors.py`.

State proofs, consensus, light steps and time stamps, as plain JSON; `test_link_vectors.py` reads them as a stranger
would. `timestamp-openssl.json` is not made here: those tokens are OpenSSL's own.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import workshop
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_workshop import DAY, USAGE, Stamping, Voting, members, validators_json
from trie import HexaryTrie
from workshop import CHAIN, hexadecimal, patched, seed

from maillon.evidence import rlp
from maillon.evidence.consensus import BlockId, ConsensusHeader, Instant, ValidatorSet, vote_sign_bytes
from maillon.evidence.hashing import keccak256, sha256

# State.


def _trie(pairs: dict[bytes, bytes]) -> HexaryTrie:
    tree = HexaryTrie({})
    for key, value in pairs.items():
        tree[keccak256(key)] = value
    return tree


def _nodes(tree: HexaryTrie, key: bytes) -> list[str]:
    nodes = [rlp.encode(node) for node in tree.get_proof(keccak256(key))]
    return [hexadecimal(node) for place, node in enumerate(nodes) if place == 0 or len(node) >= 32]


def _flipped(text: str, place: int = -1) -> str:
    """Hexadecimal with one digit changed."""
    place %= len(text)
    return text[:place] + f"{int(text[place], 16) ^ 1:x}" + text[place + 1 :]


def _encodings() -> list[dict[str, Any]]:
    def written(item: Any) -> Any:
        return hexadecimal(item) if isinstance(item, bytes) else [written(part) for part in item]

    def nested(lists: int) -> str:
        return "".join(f"{0xC0 + inner:02x}" for inner in range(lists - 1, -1, -1))

    good: list[rlp.Item] = [
        b"",
        b"\0",
        b"\x7f",
        b"\x80",
        b"dog",
        bytes(55),
        bytes(56),
        bytes(256),
        [],
        [[], [[]], [[], [[]]]],
        [b"cat", b"dog"],
        [b"a" * 54],
        [b"a" * 55],
        [bytes(300)],
        rlp.decode(bytes.fromhex(nested(16))),
    ]
    bad = {
        "": "nothing",
        "8100": "a byte below 80 after 81",
        "b801ff": "a short length in the long form",
        "b90038" + "00" * 56: "a length with a leading zero",
        "83abcd": "a string cut short",
        "c3830000": "a string longer than its list",
        "c000": "bytes after the item",
        "bfffffffffffffffff": "a length beyond everything",
        "c1" * 60: "nested too deep and cut short",
        nested(17): "seventeen lists",
    }
    return [
        {
            "name": f"{rlp.encode(item)[:4].hex()}…",
            "rlp": hexadecimal(rlp.encode(item)),
            "item": written(item),
            "error": None,
        }
        for item in good
    ] + [{"name": why, "rlp": "0x" + text, "item": None, "error": "Unreadable"} for text, why in bad.items()]


def _slots() -> list[dict[str, Any]]:
    slots = {number: number * number + 1 for number in range(200)}
    tree = _trie({slot.to_bytes(32, "big"): rlp.encode(value) for slot, value in slots.items()})

    def case(name: str, slot: int, value: int | None, error: str | None = None, **changes: Any) -> dict[str, Any]:
        right = {
            "name": name,
            "root": hexadecimal(tree.root_hash),
            "slot": f"0x{slot:064x}",
            "proof": _nodes(tree, slot.to_bytes(32, "big")),
            "value": None if value is None else hex(value),
            "error": error,
        }
        return right | changes

    proof = _nodes(tree, (7).to_bytes(32, "big"))
    wrong = "StateProofMismatch"
    cases = [case(f"slot {slot}", slot, slots.get(slot, 0)) for slot in (0, 7, 199, 200, 2**256 - 1)]
    cases += [
        case("another root", 7, None, wrong, root=_flipped(hexadecimal(tree.root_hash))),
        case("no node", 7, None, wrong, proof=[]),
        case("the last node missing", 7, None, wrong, proof=proof[:-1]),
        case("a node too many", 7, None, wrong, proof=[*proof, proof[-1]]),
        case("the nodes reversed", 7, None, wrong, proof=proof[::-1]),
        case("the proof of another slot", 8, None, wrong, proof=proof),
        *(
            case(
                f"node {place} with a digit changed",
                7,
                None,
                wrong,
                proof=[*proof[:place], _flipped(node), *proof[place + 1 :]],
            )
            for place, node in enumerate(proof)
        ),
        case("a node too large", 7, None, "Unreadable", proof=["0x" + "00" * 1025]),
    ]
    empty = hexadecimal(HexaryTrie({}).root_hash)
    cases += [
        case("the empty trie, no node", 7, 0, root=empty, proof=[]),
        case("the empty trie, its node", 7, 0, root=empty, proof=["0x80"]),
        case("the empty trie, another node", 7, None, wrong, root=empty, proof=proof),
    ]
    first = keccak256(bytes(32))[0] >> 4
    for name, node in {
        "an extension that leads to nothing": rlp.encode([bytes([0x10 | first]), b""]),
        "an extension without a path": rlp.encode([b"\0", bytes(32)]),
        "a path of no kind": rlp.encode([b"\x40", bytes(32)]),
        "a node of three items": rlp.encode([b"", b"", b""]),
    }.items():
        cases.append(case(name, 0, None, "Unreadable", root=hexadecimal(keccak256(node)), proof=[hexadecimal(node)]))
    cases.append(case("a short node beside its parent", 7, None, "Unreadable", proof=[proof[0], "0x80"]))
    for name, value in {
        "a zero written out": b"\x80",
        "a leading zero": b"\x82\0\1",
        "33 bytes": b"\xa1" + b"\1" * 33,
    }.items():
        other = _trie({bytes(32): value})
        root, node = hexadecimal(other.root_hash), _nodes(other, bytes(32))
        cases.append(case(f"a slot with {name}", 0, None, "Unreadable", root=root, proof=node))
    return cases


def _accounts() -> list[dict[str, Any]]:
    address = workshop.ANCHORS
    fields: list[Any] = [1, 10**21, seed("storage"), seed("code")]
    others = {number.to_bytes(20, "big"): rlp.encode([number, 0, *fields[2:]]) for number in range(50)}
    account = {
        "nonce": "0x1",
        "balance": hex(10**21),
        "storageHash": hexadecimal(fields[2]),
        "codeHash": hexadecimal(fields[3]),
    }
    cases = []
    for name, value, found, error in (
        ("an account", rlp.encode(fields), account, None),
        ("no account", None, None, None),
        ("five fields", rlp.encode([*fields, 0]), None, "Unreadable"),
        ("a short storage root", rlp.encode([1, 0, b"\1", fields[3]]), None, "Unreadable"),
        ("a nonce of nine bytes", rlp.encode([2**64, *fields[1:]]), None, "Unreadable"),
        ("a nonce with a leading zero", rlp.encode([b"\0\1", *fields[1:]]), None, "Unreadable"),
    ):
        tree = _trie(others | ({address: value} if value else {}))
        cases.append(
            {
                "name": name,
                "root": hexadecimal(tree.root_hash),
                "address": hexadecimal(address),
                "proof": _nodes(tree, address),
                "account": found,
                "error": error,
            }
        )
    return cases


def _headers() -> list[dict[str, Any]]:
    data = workshop.execution_header(seed("state"), 41, workshop.TIME)
    fields: list[Any] = list(rlp.decode_list(data, "a header"))
    found = {
        "hash": hexadecimal(keccak256(data)),
        "stateRoot": hexadecimal(seed("state")),
        "number": "0x29",
        "timestamp": hex(workshop.TIME),
    }
    cases = [{"name": "a header", "rlp": hexadecimal(data), "header": found, "error": None}]
    for name, place, value in (
        ("a state root of 31 bytes", 3, bytes(31)),
        ("a number with a leading zero", 8, b"\0\1"),
        ("a number of nine bytes", 8, b"\1" * 9),
        ("a gas limit that is a list", 9, []),
        ("extra data of 33 bytes", 12, bytes(33)),
        ("a nonce that is a number", 14, b""),
        ("a time after the year 9999", 11, 253_402_300_800),
    ):
        data = rlp.encode([*fields[:place], value, *fields[place + 1 :]])
        cases.append({"name": name, "rlp": hexadecimal(data), "header": None, "error": "Unreadable"})
    for name, changed in {"20 fields": fields[:-1], "22 fields": [*fields, b""]}.items():
        cases.append({"name": name, "rlp": hexadecimal(rlp.encode(changed)), "header": None, "error": "Unreadable"})
    return cases


def state_proof() -> dict[str, Any]:
    return {
        "what": "docs/formats/state-proof.md. A value, account or header of null with no error: proved absent.",
        "rlp": _encodings(),
        "slots": _slots(),
        "accounts": _accounts(),
        "headers": _headers(),
    }


# Consensus.


def _cometbft_header() -> ConsensusHeader:
    """The one of CometBFT's own test (types/block_test.go, TestHeaderHash)."""
    names = ["last_commit", "validators", "next_validators", "consensus", "app", "last_results", "evidence", "data"]
    hashes = {f"{name}_hash": sha256(f"{name}_hash".encode()) for name in names}
    return ConsensusHeader(
        block_version=1,
        app_version=2,
        chain_id="chainId",
        height=3,
        time=Instant.parse("2019-10-13T16:14:44Z"),
        last_block_id=BlockId(bytes(32), 6, bytes(32)),
        proposer_address=sha256(b"proposer_address")[:20],
        **hashes,
    )


def _sign_bytes() -> list[dict[str, Any]]:
    block_id = BlockId(seed("block"), 1, seed("parts"))
    cases = []
    for name, chain, height, round_number, voted, time in (
        ("round 0 is left out", CHAIN, 5, 0, block_id, Instant(1_780_000_000, 120_000_000)),
        ("round 2", CHAIN, 5, 2, block_id, Instant(1_780_000_000, 120_000_000)),
        ("whole seconds", CHAIN, 2**40, 2**31 - 1, block_id, Instant(1_780_000_000)),
        ("for nil", CHAIN, 5, 0, BlockId(), Instant(1_780_000_000, 1)),
        ("of CometBFT (types/vote_test.go)", "", 1, 1, BlockId(), Instant(-62_135_596_800)),
    ):
        cases.append(
            {
                "name": name,
                "chain_id": chain,
                "height": height,
                "round": round_number,
                "block_id": voted.to_json(),
                "time": str(time),
                "sign_bytes": vote_sign_bytes(chain, height, round_number, voted, time).hex(),
            }
        )
    return cases


def _sets() -> list[dict[str, Any]]:
    right = list(validators_json(members("abcd", {"a": 40, "c": 3})))
    cases = [
        {
            "name": f"{len(voters.validators)} validators",
            "validators": validators_json(voters),
            "hash": voters.hash().hex(),
            "error": None,
        }
        for voters in (members("a"), members("abcde"), members("abcdefg", {"g": 2**40, "a": 1}))
    ]
    cases += [
        {
            "name": "unequal power: the largest first",
            "validators": right,
            "hash": members("abcd", {"a": 40, "c": 3}).hash().hex(),
            "error": None,
        },
        {
            "name": "another order is another set",
            "validators": right[::-1],
            "hash": ValidatorSet(members("abcd", {"a": 40, "c": 3}).validators[::-1]).hash().hex(),
            "error": None,
        },
    ]
    for name, patch in {
        "nobody": [{"op": "remove", "path": f"/{place}"} for place in (3, 2, 1, 0)],
        "a key twice": [{"op": "add", "path": "/-", "value": right[0]}],
        "no power": [{"op": "replace", "path": "/0/voting_power", "value": "0"}],
        "negative power": [{"op": "replace", "path": "/0/voting_power", "value": "-10"}],
        "power as a number": [{"op": "replace", "path": "/0/voting_power", "value": 10}],
        "power with a leading zero": [{"op": "replace", "path": "/0/voting_power", "value": "010"}],
        "more power than CometBFT allows": [
            {"op": "replace", "path": "/0/voting_power", "value": str((2**63 - 1) // 8)}
        ],
        "the address of another key": [{"op": "replace", "path": "/0/address", "value": right[1]["address"]}],
        "a lower-case address": [{"op": "replace", "path": "/0/address", "value": right[0]["address"].lower()}],
        "another kind of key": [{"op": "replace", "path": "/0/pub_key/type", "value": "tendermint/PubKeySecp256k1"}],
        "a key of 31 bytes": [
            {"op": "replace", "path": "/0/pub_key/value", "value": base64.b64encode(bytes(31)).decode()}
        ],
        "a member unknown here": [{"op": "add", "path": "/0/name", "value": "x"}],
    }.items():
        cases.append({"name": name, "validators": patched(right, patch), "hash": None, "error": "Unreadable"})
    return cases


def _commits() -> list[dict[str, Any]]:
    four = Voting()

    def case(
        name: str, voting: Voting, error: str | None, patch: Sequence[dict[str, Any]] = (), **changes: Any
    ) -> dict[str, Any]:
        made: dict[str, Any] = {
            "name": name,
            "chain_id": CHAIN,
            "signed_header": patched(voting.signed().to_json(), patch),
            "validators": validators_json(members(voting.voters, voting.powers)),
            "error": error,
        }
        return made | changes

    def replace(path: str, value: Any) -> list[dict[str, Any]]:
        return [{"op": "replace", "path": path, "value": value}]

    signed = four.signed().to_json()
    votes = signed["commit"]["signatures"]
    own = next(vote for vote in Voting(signers="b").signed().to_json()["commit"]["signatures"] if vote["signature"])
    power, false, other = "InsufficientPower", "CommitSignatureMismatch", "HeaderMismatch"
    cases = [
        case("all four", four, None),
        case("three of four", Voting(signers="bcd"), None),
        case("two of four", Voting(signers="bc"), power),
        case("nobody", Voting(signers=""), power),
        case("no signatures at all", four, power, replace("/commit/signatures", [])),
        case("exactly two thirds", Voting(voters="bcd", signers="bc"), power),
        case("one more than two thirds", Voting(voters="bcd", signers="bc", powers={"b": 11}), None),
        case("one validator", Voting(voters="b"), None),
        case("a heavy one alone", Voting(signers="b", powers={"b": 61}), None),
        case("a heavy one not heavy enough", Voting(signers="b", powers={"b": 60}), power),
        case("round 3", Voting(round=3), None),
        case("round 3 said to be round 2", Voting(round=3), false, replace("/commit/round", 2)),
        case("round 0 said to be round 1", four, false, replace("/commit/round", 1)),
        case("three and one for nil", Voting(signers="bcd", nil="e"), None),
        case("two and two for nil: nil counts nothing", Voting(signers="bc", nil="de"), power),
        case(
            "votes for nil said to be for the block",
            Voting(signers="bc", nil="de"),
            false,
            [{"op": "replace", "path": f"/commit/signatures/{place}/block_id_flag", "value": 2} for place in range(4)],
        ),
        case("one validator four times", four, power, replace("/commit/signatures", [own] * 4)),
        case(
            "one validator lends another its vote",
            four,
            false,
            replace("/commit/signatures/0/signature", votes[1]["signature"]),
        ),
        case(
            "the time of a vote changed", four, false, replace("/commit/signatures/0/timestamp", "2026-05-28T20:26:40Z")
        ),
        case(
            "a stranger among them counts nothing",
            Voting(signers="bc"),
            power,
            [
                {"op": "add", "path": "/commit/signatures/-", "value": vote}
                for vote in Voting(voters="fg").signed().to_json()["commit"]["signatures"]
            ],
        ),
        case(
            "a false signature of a stranger counts nothing",
            four,
            None,
            [{"op": "add", "path": "/commit/signatures/0", "value": votes[0] | {"validator_address": "00" * 20}}],
        ),
        case("another chain", Voting(chain="another"), other),
        case("votes of another chain", Voting(chain="another"), other, replace("/header/chain_id", CHAIN)),
        case("another height in the commit", four, other, replace("/commit/height", "6")),
        case("another height in both", four, other, [*replace("/commit/height", "6"), *replace("/header/height", "6")]),
        case("another application hash", four, other, replace("/header/app_hash", "00" * 32)),
        case("another part set", four, false, replace("/commit/block_id/parts/total", 2)),
        case("other validators", four, "ValidatorSetMismatch", validators=validators_json(members("bcdf"))),
        case("three of the four validators", four, "ValidatorSetMismatch", validators=validators_json(members("bcd"))),
        case("another power", four, "ValidatorSetMismatch", validators=validators_json(members("bcde", {"b": 11}))),
        case("no validators", four, "Unreadable", validators=[]),
    ]
    for name, path, value in (
        ("a height as a number", "/header/height", 5),
        ("height 0", "/header/height", "0"),
        ("a round as text", "/commit/round", "0"),
        ("a negative round", "/commit/round", -1),
        ("flag 0", "/commit/signatures/0/block_id_flag", 0),
        ("flag 4", "/commit/signatures/0/block_id_flag", 4),
        ("a signature of 63 bytes", "/commit/signatures/0/signature", base64.b64encode(bytes(63)).decode()),
        ("no signature", "/commit/signatures/0/signature", None),
        ("a lower-case hash", "/header/app_hash", signed["header"]["app_hash"].lower()),
        ("a hash of 31 bytes", "/header/app_hash", "00" * 31),
        ("a time with an offset", "/header/time", "2026-05-28T20:26:40+00:00"),
        ("no such day", "/header/time", "2026-02-30T20:26:40Z"),
        ("ten digits of a second", "/header/time", "2026-05-28T20:26:40.1234567891Z"),
        ("a member unknown here", "/header/extra", "x"),
    ):
        cases.append(case(name, four, "Unreadable", [{"op": "add", "path": path, "value": value}]))
    return cases


def consensus() -> dict[str, Any]:
    header = _cometbft_header()
    return {
        "what": "docs/formats/consensus.md. A commit is judged with its validators: the header's, then the votes.",
        "headers": [
            {"name": "of CometBFT (types/block_test.go)", "header": header.to_json(), "hash": header.hash().hex()},
            {"name": "at height 5", "header": Voting().header().to_json(), "hash": Voting().header().hash().hex()},
        ],
        "sign_bytes": _sign_bytes(),
        "validator_sets": _sets(),
        "commits": _commits(),
    }


# Light steps.


def light() -> dict[str, Any]:
    def case(
        name: str,
        trusted: Voting,
        blocks: Sequence[Voting],
        error: str | None,
        *,
        header: bool = False,
        patch: Sequence[dict[str, Any]] = (),
    ) -> dict[str, Any]:
        voters = members(trusted.voters, trusted.powers)
        following = trusted.header().next_validators_hash.hex() if header else None
        return {
            "name": name,
            "chain_id": CHAIN,
            "trusted": {
                "height": trusted.height,
                "validators": validators_json(voters),
                "next_validators_hash": following,
            },
            "blocks": patched([voting.block().to_json() for voting in blocks], patch),
            "error": error,
        }

    names = "bcdefghijklmnopqrstuvwxyz"
    ten = [Voting(10 * step, names[step : step + 4]) for step in range(1, 11)]
    ten_at_once = [Voting(1 + step, names[step : step + 1], following=names[step + 1]) for step in range(1, 11)]
    first = Voting(1)
    power, other_set, header = "InsufficientPower", "ValidatorSetMismatch", "HeaderMismatch"
    return {
        "what": (
            "docs/formats/consensus.md, from trusted validators to later ones. Each block must follow from the one "
            "before; next_validators_hash is null when only the trusted set is known, and not its header."
        ),
        "cases": [
            case("nothing changed", first, [Voting(90)], None),
            case("nothing changed, at the trusted height", first, [Voting(1)], None),
            case("one joins", first, [Voting(90, "bcdef")], None),
            case("one leaves", first, [Voting(90, "bcd")], None),
            case("powers change", first, [Voting(90, powers={"b": 30, "c": 1})], None),
            case("half are replaced", first, [Voting(90, "bcfg")], None),
            case("half are replaced, and only the new sign", first, [Voting(90, "bcfgh", signers="fgh")], power),
            case(
                "more than a third of the old, and of their own too few",
                first,
                [Voting(90, "bcfg", signers="bc")],
                power,
            ),
            case("exactly a third remains", Voting(1, "bcd"), [Voting(90, "bfgh")], power),
            case(
                "a little more than a third remains",
                Voting(1, "bcd", powers={"b": 11}),
                [Voting(90, "bfgh", powers={"b": 11})],
                None,
            ),
            case(
                "a third by the old power, not by the new",
                Voting(1, "bcd"),
                [Voting(90, "bfgh", powers={"b": 100})],
                power,
            ),
            case("all are replaced", first, [Voting(90, "fghi")], power),
            case("all are replaced, as announced", Voting(1, following="fghi"), [Voting(2, "fghi")], None, header=True),
            case("announced, but the header is not at hand", Voting(1, following="fghi"), [Voting(2, "fghi")], power),
            case(
                "announced, and others come", Voting(1, following="fghi"), [Voting(2, "bcdf")], other_set, header=True
            ),
            case("announced, and the old stay", Voting(1, following="fghi"), [Voting(2)], other_set, header=True),
            case(
                "announced, and too few sign",
                Voting(1, following="fghi"),
                [Voting(2, "fghi", signers="fg")],
                power,
                header=True,
            ),
            case("another set at the trusted height", first, [Voting(1, "bcfg")], other_set),
            case("ten changes in a row, one replaced at each", first, ten, None),
            case("the same without the way", first, ten[-1:], power),
            case("the same without its middle", first, [*ten[:2], *ten[6:]], power),
            case(
                "ten changes of everybody, each announced",
                Voting(1, "b", following="c"),
                ten_at_once,
                None,
                header=True,
            ),
            case(
                "one of these left out",
                Voting(1, "b", following="c"),
                [*ten_at_once[:4], *ten_at_once[5:]],
                power,
                header=True,
            ),
            case("older than what is trusted", Voting(50), [Voting(49)], header),
            case("back again", first, [Voting(20), Voting(10)], header),
            case("another chain", first, [Voting(90, chain="another")], header),
            case(
                "the validators are not those of the header",
                first,
                [Voting(90)],
                other_set,
                patch=[{"op": "replace", "path": "/0/validators", "value": validators_json(members("bcdf"))}],
            ),
            case(
                "no validators",
                first,
                [Voting(90)],
                "Unreadable",
                patch=[{"op": "replace", "path": "/0/validators", "value": []}],
            ),
        ],
    }


# Time stamps.


def _replaced(token: bytes, old: bytes, new: bytes) -> bytes:
    """With the last such bytes replaced: those of the signer, whose form nobody signs."""
    place = token.rindex(old)
    return token[:place] + new + token[place + len(old) :]


_ORDER = 2**252 + 27742317777372353535851937790883648493
_FIELD = 2**255 - 19


def ed25519() -> dict[str, Any]:
    """Where readings of RFC 8032 part: what holds here holds without the cofactor."""
    key = Ed25519PrivateKey.from_private_bytes(seed("ed25519"))
    public, message = key.public_key().public_bytes_raw(), b"message"
    signature = key.sign(message)
    scalar = int.from_bytes(signature[32:], "little")

    def point(y: int, sign: int = 0) -> bytes:
        return (y | sign << 255).to_bytes(32, "little")

    def number(value: int) -> bytes:
        return value.to_bytes(32, "little")

    one, two, four = point(1), point(_FIELD - 1), point(0)
    zero = number(0)
    # A key of order two, and a message whose challenge is even: then [k]A is the neutral element.
    even = next(text for text in map(str.encode, map(str, range(100))) if _challenge(one, two, text) % 2 == 0)
    odd = next(text for text in map(str.encode, map(str, range(100))) if _challenge(one, two, text) % 2 == 1)
    cases = [
        ("ordinary", public, signature, message, True),
        ("of another message", public, signature, b"messagE", False),
        ("a bit of R changed", public, bytes([signature[0] ^ 1]) + signature[1:], message, False),
        ("S beyond the order", public, signature[:32] + number(scalar + _ORDER), message, False),
        ("S with its highest bit", public, signature[:32] + number(scalar | 1 << 255), message, False),
        ("63 bytes", public, signature[:-1], message, False),
        ("a key that is no point", point(2), signature, message, False),
        ("the neutral element as key: everybody can sign", one, one + zero, message, True),
        ("the neutral element, with a sign nobody can see", point(1, 1), one + zero, message, True),
        ("the neutral element, in a form that is not the least", point(_FIELD + 1), one + zero, message, True),
        ("R in a form that is not the least", one, point(_FIELD + 1) + zero, message, False),
        ("R with a sign nobody can see", one, point(1, 1) + zero, message, False),
        ("a key of order two, an even challenge", two, one + zero, even, True),
        ("a key of order two, an odd challenge: holds with the cofactor only", two, one + zero, odd, False),
        ("a key of order four as R of the neutral one: holds with the cofactor only", one, four + zero, message, False),
    ]
    return {
        "what": "docs/formats/consensus.md, Signatures: Ed25519 as every note, vote and token is verified.",
        "cases": [
            {"name": name, "key": key.hex(), "signature": signature.hex(), "message": message.hex(), "holds": holds}
            for name, key, signature, message, holds in cases
        ],
    }


def _challenge(commitment: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(commitment + key + message).digest(), "little") % _ORDER


def timestamp() -> dict[str, Any]:
    def case(
        name: str,
        stamping: Stamping,
        error: str | None,
        *,
        message: bytes = b"message",
        token: bytes | None = None,
        authorities: Sequence[Stamping] | None = None,
        time: str = "2026-05-28T20:26:40Z",
    ) -> dict[str, Any]:
        trusted = [stamping] if authorities is None else authorities
        return {
            "name": name,
            "token": base64.b64encode(token if token is not None else stamping.token()).decode(),
            "digest": sha256(message).hex(),
            "authorities": [base64.b64encode(authority.certificate()).decode() for authority in trusted],
            "time": None if error else time,
            "error": error,
        }

    right = Stamping()
    token = right.token()
    start = datetime.datetime(2026, 5, 28, 20, 26, 40, tzinfo=datetime.UTC)
    unfit, false, unknown, unreadable = (
        "StampCertificateRefused",
        "StampSignatureMismatch",
        "UnknownAlgorithm",
        "Unreadable",
    )
    other_info = token.replace(b"20260528202640Z", b"20260528202641Z")
    assert other_info != token
    cases = [
        case("ECDSA P-256, SHA-256", right, None),
        case("ECDSA P-384, SHA-384", Stamping(kind="p384", digest="sha384"), None),
        case("ECDSA P-256, SHA-512", Stamping(digest="sha512"), None),
        case("Ed25519, SHA-512", Stamping(kind="ed25519", digest="sha512"), None),
        case("content by SHA-256, signed with SHA-384", Stamping(signing="sha384_ecdsa", sign_with="sha384"), None),
        case("with its certificate", Stamping(with_certificate=True), None),
        case("a fraction of a second", Stamping(time=b"20260528202640.25Z"), None, time="2026-05-28T20:26:40.25Z"),
        case("the second of two authorities", right, None, authorities=[Stamping(kind="p384"), right]),
        case("at the first second of the certificate", Stamping(valid_from=start), None),
        case("at the last second of the certificate", Stamping(valid_until=start), None),
        case("of other bytes", right, "StampImprintMismatch", message=b"another"),
        case("an imprint by SHA-512", Stamping(imprint="sha512"), "StampImprintMismatch"),
        case("an imprint by SHA-1", Stamping(imprint="sha1"), "StampImprintMismatch"),
        case("no authority is trusted", right, unfit, authorities=[]),
        case("by a foreign authority", right, unfit, authorities=[Stamping(kind="p384")]),
        case("the same key under another certificate", right, unfit, authorities=[Stamping(valid_until=start + DAY)]),
        case(
            "a trusted certificate named, another key",
            Stamping(kind="p384", named=right.certificate()),
            false,
            authorities=[right],
        ),
        case("not for time stamping", Stamping(usages=(USAGE.CODE_SIGNING,)), unfit),
        case("for time stamping and more", Stamping(usages=(USAGE.TIME_STAMPING, USAGE.CODE_SIGNING)), unfit),
        case("for anything", Stamping(usages=(x509.oid.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)), unfit),
        case("no extended key usage", Stamping(usages=()), unfit),
        case("extended key usage not critical", Stamping(critical=False), unfit),
        case("expired a second before", Stamping(valid_until=start - datetime.timedelta(seconds=1)), unfit),
        case("not yet valid", Stamping(valid_from=start + datetime.timedelta(seconds=1)), unfit),
        case("the last byte of the signature changed", right, false, token=token[:-1] + bytes([token[-1] ^ 1])),
        case("the time changed", right, false, token=other_info),
        case("attributes that state another content", Stamping(stated=bytes(32)), false),
        case("attributes that state another type", Stamping(content_type="data"), false),
        case("signed with another digest than stated", Stamping(sign_with="sha384"), false),
        case("an algorithm of another kind of key", Stamping(signing="sha256_rsa"), false),
        case("an algorithm unknown here", Stamping(signing="rsassa_pss"), unknown),
        case("content by SHA-1", Stamping(digest="sha1", signing="sha256_ecdsa", sign_with="sha256"), unknown),
        case("certificate named by SHA-512", Stamping(named_by="sha512"), unknown),
        case("a critical extension", Stamping(extension=True), unknown),
        case("two signers", Stamping(signers=2), unreadable),
        case("no signer", Stamping(signers=0), unreadable),
        *(
            case(f"no {name}", Stamping(without=name), unreadable)
            for name in ("content_type", "message_digest", "signing_certificate_v2")
        ),
        case("an attribute twice", Stamping(twice="message_digest"), unreadable),
        case("a time without zone", Stamping(time=b"20260528202640"), unreadable),
        case("a time with an offset", Stamping(time=b"20260528202640+0000"), unreadable),
        case("a time without seconds", Stamping(time=b"202605282026Z"), unreadable),
        case(
            "a fraction of six digits",
            Stamping(time=b"20260528202640.123456Z"),
            None,
            time="2026-05-28T20:26:40.123456Z",
        ),
        case("a fraction of seven digits", Stamping(time=b"20260528202640.1234567Z"), unreadable),
        case("a leap second", Stamping(time=b"20260528202660Z"), unreadable),
        case("no such day", Stamping(time=b"20260230202640Z"), unreadable),
        case("ECDSA P-521, SHA-512", Stamping(kind="p521", digest="sha512"), None),
        case("ECDSA on another curve", Stamping(kind="secp256k1"), unknown),
        case("the larger of the two s", Stamping(larger=True), None),
        case("the smaller of the two s", Stamping(larger=False), None),
        case("a length in a longer form", right, unreadable, token=b"\x30\x83\0" + token[2:]),
        case("a length without end", right, unreadable, token=b"\x30\x80" + token[4:] + b"\0\0"),
        case(
            "the signer under another tag",
            right,
            unreadable,
            token=_replaced(token, b"\x02\x01\x01\x30", b"\x02\x01\x01\x50"),
        ),
        case(
            "the version under another tag",
            right,
            unreadable,
            token=_replaced(token, b"\x02\x01\x01\x30", b"\x04\x01\x01\x30"),
        ),
        case("a fraction that ends with zero", Stamping(time=b"20260528202640.50Z"), unreadable),
        case("nothing", right, unreadable, token=b""),
        case("cut short", right, unreadable, token=token[:-1]),
        case("a byte after it", right, unreadable, token=token + b"\0"),
        case("too large", right, unreadable, token=token + bytes(65_536)),
        case("only the content", right, unreadable, token=right.info()),
        case("a certificate", right, unreadable, token=right.certificate()),
    ]
    return {"what": "docs/formats/timestamp.md. Tokens and certificates are DER in base64.", "tokens": cases}


def files() -> dict[str, bytes]:
    """Every file, by its name."""
    made = {
        "state-proof.json": state_proof(),
        "consensus.json": consensus(),
        "light.json": light(),
        "ed25519.json": ed25519(),
        "timestamp.json": timestamp(),
    }
    return {name: json.dumps(value, indent=1).encode() + b"\n" for name, value in made.items()}


if __name__ == "__main__":
    for file_name, data in files().items():
        (workshop.VECTORS / file_name).write_bytes(data)

# SPDX-License-Identifier: Apache-2.0
"""Writes the log's and the receipt's vectors: `python tests/evidence/make_vectors.py`. `test_vectors.py` compares.

Every file is plain JSON. A case of `receipt.json` is a base receipt and an RFC 6902 patch, or the text of a document.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import workshop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from workshop import FILE, ORIGIN, TIME, Making, hash_leaf, plain_consistency, plain_path, plain_root, seed

from maillon.evidence.checkpoint import Checkpoint
from maillon.evidence.entry import commitment, public
from maillon.evidence.hashing import Algorithm, digest_of
from maillon.evidence.note import NoteSigner
from maillon.evidence.tiles import encode_bundle, entries_path, tile_path

DAY = 86_400


def flipped(text: str) -> str:
    """Hexadecimal with its last bit turned."""
    return text[:-1] + f"{int(text[-1], 16) ^ 1:x}"


def merkle() -> dict[str, Any]:
    inclusion, consistency = [], []
    for size in (1, 2, 3, 5, 7, 8, 13, 256, 257, 300):
        leaves = [hash_leaf(number.to_bytes(4, "big")) for number in range(size)]
        root = plain_root(leaves).hex()
        for index in sorted({0, size // 2, size - 1}):
            proof = [item.hex() for item in plain_path(index, leaves)]
            case = {"index": index, "size": size, "leaf": leaves[index].hex(), "proof": proof, "root": root}
            inclusion.append({"name": f"leaf {index} of {size}", **case, "error": None})
            if size == 7:
                wrong = "InclusionMismatch"
                inclusion += [
                    {"name": "another root", **case, "root": flipped(root), "error": wrong},
                    {"name": "another leaf", **case, "leaf": flipped(case["leaf"]), "error": wrong},
                    {"name": "a hash too many", **case, "proof": [*proof, "00" * 32], "error": wrong},
                    {"name": "a hash too few", **case, "proof": proof[:-1], "error": wrong},
                    {"name": "an index outside", **case, "index": size, "error": wrong},
                    {"name": "a hash of 31 bytes", **case, "proof": [proof[0][2:], *proof[1:]], "error": wrong},
                ]
        for old in sorted({1, size // 2, size - 1, size} - {0}):
            case = {
                "old_size": old,
                "new_size": size,
                "proof": [item.hex() for item in plain_consistency(old, leaves)],
                "old_root": plain_root(leaves[:old]).hex(),
                "new_root": root,
            }
            consistency.append({"name": f"{old} to {size}", **case, "error": None})
            if size == 13:
                wrong = "ConsistencyMismatch"
                consistency += [
                    {"name": "another old root", **case, "old_root": flipped(case["old_root"]), "error": wrong},
                    {"name": "another new root", **case, "new_root": flipped(root), "error": wrong},
                    {"name": "a hash too many", **case, "proof": [*case["proof"], "00" * 32], "error": wrong},
                ]
    empty = workshop.hashlib.sha256(b"").hexdigest()
    tree = {"old_size": 0, "new_size": 3, "proof": [], "new_root": consistency[0]["new_root"]}
    consistency += [
        {"name": "every tree extends the empty one", **tree, "old_root": empty, "error": None},
        {"name": "no other root is empty", **tree, "old_root": "00" * 32, "error": "ConsistencyMismatch"},
        {"name": "a tree does not shrink", **tree, "old_size": 4, "old_root": empty, "error": "ConsistencyMismatch"},
    ]
    return {
        "what": "RFC 9162 trees. leaf = SHA-256(00 || entry); the entries here are their index in four bytes.",
        "empty_root": empty,
        "inclusion": inclusion,
        "consistency": consistency,
    }


def tile() -> dict[str, Any]:
    leaves = [hash_leaf(number.to_bytes(4, "big")) for number in range(300)]
    bundle = encode_bundle([bytes(33), b"\x01" + bytes(range(32))])
    return {
        "what": "C2SP tlog-tiles: paths; the tiles of a tree of 300 leaves (as in merkle.json); bundles of entries.",
        "paths": [
            {"level": level, "index": index, "width": width, "path": tile_path(level, index, width)}
            for level, index, width in ((0, 0, 256), (0, 67, 256), (0, 1_067, 256), (1, 1_234_067, 17), (3, 999, 1))
        ],
        "entries_paths": [
            {"index": index, "width": width, "path": entries_path(index, width)}
            for index, width in ((0, 256), (1_000, 3), (123_456_789, 256))
        ],
        "size": 300,
        "root": plain_root(leaves).hex(),
        "tiles": {
            "tile/0/000": b"".join(leaves[:256]).hex(),
            "tile/0/001.p/44": b"".join(leaves[256:]).hex(),
            "tile/1/000.p/1": plain_root(leaves[:256]).hex(),
        },
        "bundles": [
            {"bundle": bundle.hex(), "entries": [bytes(33).hex(), (b"\x01" + bytes(range(32))).hex()], "error": None},
            {"bundle": "", "entries": [], "error": None},
            {"bundle": bundle[:-1].hex(), "entries": None, "error": "Unreadable"},
            {"bundle": "00", "entries": None, "error": "Unreadable"},
            {"bundle": "0000" * 257, "entries": None, "error": "Unreadable"},
        ],
    }


def note() -> dict[str, Any]:
    key = Ed25519PrivateKey.from_private_bytes(seed("log"))
    signer, stranger = NoteSigner(ORIGIN, key), NoteSigner("witness.example", key)
    text = Checkpoint(ORIGIN, 300, seed("root")).text()
    good = signer.sign(text)
    line = stranger.sign(text).split("\n\n")[1]
    cases = {
        "signed": (good, None),
        "signed by another too, before": (good.replace("\n\n", "\n\n" + line), None),
        "a line of a kind unknown here": (
            good + "— other.example " + base64.b64encode(b"hashkind").decode() + "\n",
            None,
        ),
        "another text": (good.replace("300", "301"), "NoteSignatureMismatch"),
        "another wrote it": (stranger.sign(text), "NoteUnsigned"),
        "no signature": (text + "\n", "Unreadable"),
        "no blank line": (good.replace("\n\n", "\n"), "Unreadable"),
        "no newline at the end": (good[:-1], "Unreadable"),
        "a carriage return": (good.replace("300", "300\r"), "Unreadable"),
        "a hyphen for the dash": (good.replace("—", "-"), "Unreadable"),
        "not base64": (good[:-6] + "!!==\n", "Unreadable"),
        "a signature of four bytes": (text + "\n— " + ORIGIN + " AAAAAA==\n", "Unreadable"),
        "empty": ("", "Unreadable"),
        "a delete character": (good.replace("\n\n", "\n\x7f\n\n"), "NoteSignatureMismatch"),
        "a next-line character in a name": (good.replace("\n\n", "\n\n" + line.replace("ss.", "ss\x85")), "Unreadable"),
        "a no-break space without width in a name": (
            good.replace("\n\n", "\n\n" + line.replace("ss.", "ss\ufeff")),
            None,
        ),
        "two spaces before the signature": (good.replace("vectors U", "vectors  U"), "Unreadable"),
        "the key's line twice, the second false": (
            good + good.split("\n\n")[1].replace("4=", "8="),
            "NoteSignatureMismatch",
        ),
        "a signature of 63 bytes": (
            f"{text}\n— {ORIGIN} {base64.b64encode(base64.b64decode(good.split(' ')[-1])[:-1]).decode()}\n",
            "NoteSignatureMismatch",
        ),
    }
    checkpoints = {
        "plain": (text, None),
        "with an extension": (text + "extension\n", None),
        "of an empty log": (Checkpoint(ORIGIN, 0, seed("root")).text(), None),
        "leading zero": (text.replace("300", "0300"), "Unreadable"),
        "sign": (text.replace("300", "+300"), "Unreadable"),
        "digits of another script": (text.replace("300", "٣٠٠"), "Unreadable"),
        "too large": (text.replace("300", str(2**62 + 1)), "Unreadable"),
        "an empty line": (text + "\n", "Unreadable"),
        "no origin": (text.replace(ORIGIN, ""), "Unreadable"),
        "a short root": (f"{ORIGIN}\n300\nAAAA\n", "WrongLength"),
        "root not base64": (f"{ORIGIN}\n300\n????\n", "Unreadable"),
        "two lines": (f"{ORIGIN}\n300\n", "Unreadable"),
    }
    return {
        "what": "C2SP signed notes with Ed25519, and the checkpoint texts they carry.",
        "key": signer.verifier_key,
        "keys_refused": [
            "", ORIGIN, signer.verifier_key[:-4], signer.verifier_key.replace("+", " "),
            signer.verifier_key.replace(ORIGIN, "another.example"), signer.verifier_key.upper(),
            signer.verifier_key.replace("maillon.", "maillon\x1c"),
        ],
        "notes": [{"name": name, "note": text, "error": error} for name, (text, error) in cases.items()],
        "checkpoints": [
            {"name": name, "text": text, "error": error} for name, (text, error) in checkpoints.items()
        ],
    }  # fmt: skip


def entry() -> dict[str, Any]:
    digests = [digest_of([FILE], algorithm) for algorithm in Algorithm]
    made: list[dict[str, Any]] = []
    for digest in digests:
        for salt in (workshop.SALT, None):
            encoded = (public(digest) if salt is None else commitment(salt, digest)).encode()
            made.append(
                {
                    "algorithm": digest.algorithm.value,
                    "digest": digest.value.hex(),
                    "salt": salt.hex() if salt else None,
                    "entry": encoded.hex(),
                    "leaf": hash_leaf(encoded).hex(),
                }
            )
    return {
        "what": "Entries: a kind byte and a payload; commitment = SHA-256(salt || digest).",
        "file": FILE.hex(),
        "entries": made,
        "refused": [
            {"entry": "", "error": "Unreadable"},
            {"entry": "04" + "00" * 32, "error": "Unreadable"},
            {"entry": "00" + "00" * 31, "error": "WrongLength"},
            {"entry": "01" + "00" * 33, "error": "WrongLength"},
            {"entry": "02" + "00" * 32, "error": "WrongLength"},
            {"entry": "03" + "00" * 48, "error": "WrongLength"},
        ],
        "digests_refused": [
            {"algorithm": "md5", "value": "00" * 16, "error": "UnknownAlgorithm"},
            {"algorithm": "SHA2-256", "value": "00" * 32, "error": "UnknownAlgorithm"},
            {"algorithm": "sha2-256", "value": "00" * 31, "error": "WrongLength"},
            {"algorithm": "sha2-384", "value": "00" * 64, "error": "WrongLength"},
            {"algorithm": "sha2-256", "value": "AA" * 32, "error": "Unreadable"},
            {"algorithm": "sha2-256", "value": "zz" * 32, "error": "Unreadable"},
            {"algorithm": "sha2-256", "value": "\N{ARABIC-INDIC DIGIT ZERO}" * 64, "error": "Unreadable"},
        ],
    }


BASES: dict[str, Making] = {
    "commitment": Making(),
    "public": Making(salt=None, algorithm=Algorithm.SHA2_512, index=3),
    "first of one": Making(size=1, index=0),
    "anchor older than the block proved": Making(number=50, time=TIME + DAY),
    "followed to new validators": Making(
        updates=((10, "abcd", "abcd", "abce"), (11, "abce", "abce", "abce")), voters="abce", signers="abce"
    ),
    "skipped to new validators": Making(voters="abce", signers="abce"),
    "stamped long after": Making(stamp_time=TIME + 30 * DAY),
    # Attacks and mistakes: everything else in them holds.
    "signed by another log key": Making(log_seed="thief"),
    "of an unknown log": Making(origin="elsewhere.example/log"),
    "anchored at another size": Making(anchored_size=301),
    "anchored with another root": Making(anchored_root=seed("another root")),
    "anchored in the future": Making(anchor_block=42),
    "anchored later than the block": Making(anchor_time=TIME + 1),
    "of another contract's slots": Making(anchor_slot=6),
    "header of another state": Making(header_state=seed("another state")),
    "of a block beyond the calendar": Making(time=2**63),
    "consensus one height late": Making(height=43),
    "consensus of another block": Making(app_hash=seed("another block")),
    "of another chain": Making(chain="maillon-7700000002"),
    "signed by exactly half": Making(signers="bc"),
    "signed by validators nobody trusts": Making(voters="wxyz", signers="wxyz"),
    "too far from trusted validators": Making(voters="dwxyz", signers="dwxyz"),
    "stamped too early": Making(stamp_time=TIME - 601),
    "stamped by a stranger": Making(stamp_by="stranger"),
    "stamp of another checkpoint": Making(stamp_of=b"another checkpoint"),
}

Patch = list[dict[str, Any]]


def put(path: str, value: Any, op: str = "replace") -> Patch:
    return [{"op": op, "path": path, "value": value}]


def receipt() -> dict[str, Any]:
    bases = {name: making.receipt() for name, making in BASES.items()}
    good = bases["commitment"]
    anchor, consensus = good["anchor"], good["anchor"]["consensus"]
    node = anchor["proof"]["accountProof"][1]
    vote = consensus["commit"]["signatures"][0]
    block = {**consensus, "validators": anchor["validators"]}
    note_text, loose = good["checkpoint"], vote["signature"][:-3] + chr(ord(vote["signature"][-3]) + 1) + "=="

    def case(name: str, base: str, error: str | None, step: int | None = None, **more: Any) -> dict[str, Any]:
        kind = {None: "valid"}.get(error, "undecided" if error in UNDECIDED else "invalid")
        return {"name": name, "base": base, "result": kind, "step": step, "error": error} | more

    whole = [
        case("commitment", "commitment", None),
        case("public, sha2-512", "public", None),
        case("the only entry", "first of one", None),
        case("anchored before the block proved", "anchor older than the block proved", None),
        case("new validators, followed one by one", "followed to new validators", None),
        case("new validators, more than a third known", "skipped to new validators", None),
        case("stamped long after the anchor", "stamped long after", None),
        case("no file at hand", "commitment", None, digest=None),
        case("another file", "commitment", "DigestMismatch", 1, digest={"algorithm": "sha2-256", "value": "00" * 32}),
        case("signed by another log key", "signed by another log key", "NoteUnsigned", 4),
        case("of an unknown log", "of an unknown log", "MissingAnchor", 4),
        case("anchored at another size", "anchored at another size", "StorageMismatch", 5),
        case("anchored with another root", "anchored with another root", "StorageMismatch", 5),
        case("of another contract's slots", "of another contract's slots", "StorageMismatch", 5),
        case("anchored in a later block", "anchored in the future", "StorageMismatch", 6),
        case("anchored at a later time", "anchored later than the block", "StorageMismatch", 6),
        case("header of another state", "header of another state", "StateRootMismatch", 6),
        case("a block beyond the calendar", "of a block beyond the calendar", "Unreadable", 6),
        case("consensus one height late", "consensus one height late", "HeaderMismatch", 7),
        case("consensus of another block", "consensus of another block", "AppHashMismatch", 7),
        case("of another chain", "of another chain", "HeaderMismatch", 7),
        case("signed by half", "signed by exactly half", "InsufficientPower", 8),
        case("validators nobody trusts", "signed by validators nobody trusts", "InsufficientPower", 8),
        case("less than a third trusted", "too far from trusted validators", "InsufficientPower", 8),
        case("anchors begin later", "commitment", "MissingAnchor", 8, trust="later"),
        case("stamped too early", "stamped too early", "StampTimeContradicted", 9),
        case("stamped by a stranger", "stamped by a stranger", "StampCertificateRefused", 9),
        case("stamp of another checkpoint", "stamp of another checkpoint", "StampImprintMismatch", 9),
        case("no authority trusted", "commitment", "MissingAnchor", 9, trust="no authority"),
    ]
    patches: list[tuple[str, str | None, int | None, Patch]] = [
        ("another digest stated", "DigestMismatch", 1, put("/digest/value", "00" * 32)),
        ("another salt", "InclusionMismatch", 3, put("/entry/salt", flipped(good["entry"]["salt"]))),
        ("another index", "InclusionMismatch", 3, put("/entry/index", 136)),
        ("an index beyond the checkpoint", "CheckpointMismatch", 3, put("/entry/index", 300)),
        ("a flipped hash", "InclusionMismatch", 3, put("/inclusion/proof/0", flipped(good["inclusion"]["proof"][0]))),
        ("a hash less", "InclusionMismatch", 3, [{"op": "remove", "path": "/inclusion/proof/0"}]),
        ("said to be public", "InclusionMismatch", 3,
         [*put("/entry/kind", "public"), {"op": "remove", "path": "/entry/salt"}]),
        ("another checkpoint", "InclusionMismatch", 3, put("/checkpoint", bases["public"]["checkpoint"])),
        ("the log's signature altered", "NoteSignatureMismatch", 4,
         put("/checkpoint", note_text[:-20] + ("A" if note_text[-20] != "A" else "B") + note_text[-19:])),
        ("another contract", "StorageMismatch", 5, put("/anchor/proof/address", "0x" + "00" * 19 + "01")),
        ("a node altered", "StateProofMismatch", 5, put("/anchor/proof/accountProof/1", flipped(node))),
        ("a node too many", "StateProofMismatch", 5, put("/anchor/proof/accountProof/-", node, "add")),
        ("a node less", "StateProofMismatch", 5, [{"op": "remove", "path": "/anchor/proof/accountProof/1"}]),
        ("no node", "Unreadable", 5, put("/anchor/proof/accountProof", [])),
        ("one slot only", "StorageMismatch", 5, [{"op": "remove", "path": "/anchor/proof/storageProof/1"}]),
        ("another balance stated", "StorageMismatch", 5, put("/anchor/proof/balance", "0x1")),
        ("another value stated", "StorageMismatch", 5, put("/anchor/proof/storageProof/0/value", "0x1")),
        ("another header", "StateRootMismatch", 6, put("/anchor/header", bases["public"]["anchor"]["header"])),
        ("the header altered", "AppHashMismatch", 7, put("/anchor/header", flipped(anchor["header"]))),
        ("the header cut short", "Unreadable", 6, put("/anchor/header", anchor["header"][:-2])),
        ("the consensus header altered", "HeaderMismatch", 7,
         put("/anchor/consensus/header/data_hash", "00" * 32)),
        ("the commit of another height", "HeaderMismatch", 7, put("/anchor/consensus/commit/height", "43")),
        ("another round signed", "CommitSignatureMismatch", 8, put("/anchor/consensus/commit/round", 1)),
        ("a vote at another time", "CommitSignatureMismatch", 8,
         put("/anchor/consensus/commit/signatures/0/timestamp", "2026-05-28T20:26:42Z")),
        ("one validator votes three times", "InsufficientPower", 8,
         [*put("/anchor/consensus/commit/signatures/1", vote), *put("/anchor/consensus/commit/signatures/2", vote)]),
        ("validators of another power", "ValidatorSetMismatch", 8, put("/anchor/validators/0/voting_power", "13")),
        ("no validators", "Unreadable", None, put("/anchor/validators", [])),
        ("the stamp cut short", "Unreadable", 9, put("/timestamp", good["timestamp"][:400])),
        ("no stamp", "Unreadable", 9, put("/timestamp", "")),
        ("a version unknown here", "UnknownVersion", None, put("/type", "maillon.receipt.v2")),
        ("an algorithm unknown here", "UnknownAlgorithm", None, put("/digest/algorithm", "md5")),
        ("a digest of another length", "WrongLength", None, put("/digest/value", "00" * 48)),
        ("a salt of another length", "WrongLength", None, put("/entry/salt", "00" * 31)),
        ("a salt in capitals", "Unreadable", None, put("/entry/salt", good["entry"]["salt"].upper())),
        ("a kind unknown here", "Unreadable", None, put("/entry/kind", "secret")),
        ("an index that is text", "Unreadable", None, put("/entry/index", "137")),
        ("an index that is true", "Unreadable", None, put("/entry/index", True)),
        ("a negative index", "Unreadable", None, put("/entry/index", -1)),
        ("an index of 64 bits", "Unreadable", None, put("/entry/index", 2**63)),
        ("a member unknown here", "Unreadable", None, put("/remark", "hello", "add")),
        ("a member unknown here, inside", "Unreadable", None, put("/anchor/proof/remark", "hello", "add")),
        ("a salt beside a public entry", "Unreadable", None, put("/entry/kind", "public")),
        ("a member missing", "Unreadable", None, [{"op": "remove", "path": "/checkpoint"}]),
        ("a list for an object", "Unreadable", None, put("/entry", [])),
        ("an object for a text", "Unreadable", None, put("/checkpoint", {})),
        ("sixty-five hashes", "Unreadable", None, put("/inclusion/proof", ["00" * 32] * 65)),
        ("base64 with loose bits", "Unreadable", None,
         put("/anchor/consensus/commit/signatures/0/signature", loose)),
        ("digits of another script", "Unreadable", None, put("/anchor/consensus/commit/height", "٤٢")),
        ("a balance with a zero before it", None, None, put("/anchor/proof/balance", "0x00")),
        ("three slots", "Unreadable", None,
         put("/anchor/proof/storageProof/-", anchor["proof"]["storageProof"][0], "add")),
        ("a node too large", "Unreadable", 5, put("/anchor/proof/accountProof/1", "0x" + "00" * 1025)),
        ("a header too large", "Unreadable", 6, put("/anchor/header", "0x" + "00" * 2049)),
        ("no proposer", "Unreadable", None, put("/anchor/consensus/header/proposer_address", "")),
        ("an application version of 0, written out", None, None,
         put("/anchor/consensus/header/version", {"block": "11", "app": "0"})),
        ("a time with zeros at its end", None, None, put("/anchor/consensus/header/time", "2026-05-28T20:26:40.250Z")),
        ("no proposer priority", None, None, [{"op": "remove", "path": "/anchor/validators/0/proposer_priority"}]),
        ("a negative proposer priority", None, None, put("/anchor/validators/0/proposer_priority", "-9")),
        ("a negative zero", "Unreadable", None, put("/anchor/validators/0/proposer_priority", "-0")),
        ("a digest of three hundred digits", "WrongLength", None, put("/digest/value", "0" * 300)),
        ("a short salt in capitals", "WrongLength", None, put("/entry/salt", "AB")),
        ("a salt with a character beyond 16 bits", "Unreadable", None,
         put("/entry/salt", good["entry"]["salt"][:-1] + "\N{GRINNING FACE}")),
        ("a digest that is no text", "Unreadable", None, put("/digest/value", 7)),
        ("a control character in the note", "Unreadable", 3,
         put("/checkpoint", note_text.replace("=\n\n", "=\n\x1f\n\n"))),
        ("a delete character in the note", "NoteSignatureMismatch", 4,
         put("/checkpoint", note_text.replace("=\n\n", "=\n\x7f\n\n"))),
        ("followed to this very block first", None, None, put("/anchor/updates/-", block, "add")),
        ("followed through another chain", "HeaderMismatch", 8,
         put("/anchor/updates/-", workshop.patched(block, put("/header/chain_id", "another")), "add")),
        ("followed through another chain, by other validators", "ValidatorSetMismatch", 8,
         put("/anchor/updates/-", workshop.patched(
             block, [*put("/header/chain_id", "another"), *put("/validators/0/voting_power", "13")]), "add")),
    ]  # fmt: skip
    other = '{"type":"maillon.receipt.v2"'
    altered = [case(name, "commitment", error, step, patch=patch) for name, error, step, patch in patches]
    texts = {
        "empty": ("", "Unreadable"),
        "a list": ("[]", "Unreadable"),
        "a member twice": ('{"type":"maillon.receipt.v1","type":"maillon.receipt.v1"}', "Unreadable"),
        "not a number": ('{"type":NaN}', "Unreadable"),
        "infinite": ('{"type":-Infinity}', "Unreadable"),
        "a fraction": ('{"type":1.5}', "Unreadable"),
        "an exponent": ('{"type":1e999999999}', "Unreadable"),
        "a number of a hundred digits": ('{"type":' + "9" * 100 + "}", "Unreadable"),
        "cut short": ('{"type":"maillon.receipt.v1"', "Unreadable"),
        "a byte order mark": ("\ufeff{}", "Unreadable"),
        "an empty object": ("{}", "Unreadable"),
        "half a surrogate pair": (r'{"type":"\ud800"}', "Unreadable"),
        "a member named beyond ASCII": ('{"typ\N{LATIN SMALL LETTER E WITH ACUTE}":1}', "Unreadable"),
        "digits of another script": ('{"type":\N{ARABIC-INDIC DIGIT THREE}}', "Unreadable"),
        "sixteen deep": (other + ',"a":' + "[" * 15 + "]" * 15 + "}", "UnknownVersion"),
        "seventeen deep": (other + ',"a":' + "[" * 16 + "]" * 16 + "}", "Unreadable"),
        "a number of nineteen digits": (other + ',"a":' + "9" * 19 + "}", "UnknownVersion"),
        "a number of twenty digits": (other + ',"a":' + "9" * 20 + "}", "Unreadable"),
        "a negative zero": (other + ',"a":-0}', "Unreadable"),
        "a zero before a number": (other + ',"a":01}', "Unreadable"),
        "a fraction, elsewhere": (other + ',"a":1.0}', "Unreadable"),
        "a whole surrogate pair": (other + r',"a":"\ud83d\ude00"}', "UnknownVersion"),
        "half a surrogate pair, elsewhere": (other + r',"a":["\ude00"]}', "Unreadable"),
        "two halves in the wrong order": (other + r',"a":"\ude00\ud83d"}', "Unreadable"),
        "a member twice, once escaped": (other + r',"\u0074ype":1}', "Unreadable"),
        "a member twice, inside": (other + ',"a":{"b":1,"b":1}}', "Unreadable"),
        "a tab inside a text": (other + ',"a":"\t"}', "Unreadable"),
        "an escape that does not exist": (other + r',"a":"\x"}', "Unreadable"),
        "a comma before the end": (other + ",}", "Unreadable"),
        "another space": (other + ',"a":\N{NO-BREAK SPACE}1}', "Unreadable"),
        "two objects": (other + "} {}", "Unreadable"),
        "a type that is a number": ('{"type":1}', "Unreadable"),
        "a type too long": ('{"type":"' + "a" * 65_537 + '"}', "Unreadable"),
    }
    return {
        "what": "Receipts. Each case: a base (complete receipt), perhaps altered by an RFC 6902 patch, checked against "
        "trust (default 'main', files in trust.json) and the digest of the file (default: that of the file). "
        "step: number of the step that ends it, null when the document is refused as it is read.",
        "file": FILE.hex(),
        "bases": bases,
        "cases": whole + altered,
        "texts": [{"name": name, "text": text, "error": error} for name, (text, error) in texts.items()],
    }


UNDECIDED = {"Unreadable", "WrongLength", "UnknownAlgorithm", "UnknownVersion", "MissingAnchor", "FileChanged"}


def trust() -> dict[str, Any]:
    good = json.loads(workshop.trust_anchors().to_json())
    cases: list[tuple[str, str | None, Patch]] = [
        ("as it is", None, []),
        ("no log yet", None, put("/logs", [])),
        ("a version unknown here", "UnknownVersion", put("/type", "maillon.trust.v2")),
        ("no validators", "Unreadable", put("/ledger/validators", [])),
        ("a validator twice", "Unreadable", put("/ledger/validators/-", good["ledger"]["validators"][0], "add")),
        ("a validator without power", "Unreadable", put("/ledger/validators/0/voting_power", "0")),
        ("an address that is not the key's", "Unreadable", put("/ledger/validators/0/address", "00" * 20)),
        ("height zero", "Unreadable", put("/ledger/height", 0)),
        ("a log twice", "Unreadable", put("/logs/-", good["logs"][0], "add")),
        ("a log key that contradicts itself", "Unreadable", put("/logs/0/key", "other+00000000+AAAA")),
        ("a contract's address in capitals", "Unreadable", put("/ledger/anchors/address", "0x" + "AB" * 20)),
        ("a short contract's address", "Unreadable", put("/ledger/anchors/address", "0x00")),
        ("a negative slot", "Unreadable", put("/ledger/anchors/slot", -1)),
        ("a certificate that is not base64", "Unreadable", put("/authorities/0/certificate", "?")),
        ("a member unknown here", "Unreadable", put("/remark", "hello", "add")),
        ("a certificate that is none", None, put("/authorities/0/certificate", "AAAA")),
        ("an origin of 401 characters", "Unreadable", put("/logs/0/origin", "a" * 401)),
        ("a name of 200 characters beyond 16 bits", None, put("/network", "\N{GRINNING FACE}" * 200)),
        ("a name of 201 characters", "Unreadable", put("/network", "a" * 201)),
        ("a type that is a number", "Unreadable", put("/type", 1)),
    ]
    return {
        "what": "Trust anchors: those the receipts are checked against, and some refused as they are read.",
        "anchors": {
            "main": good,
            "later": json.loads(workshop.trust_anchors(height=43).to_json()),
            "no authority": json.loads(workshop.trust_anchors(by="").to_json()),
        },
        "cases": [{"name": name, "patch": patch, "error": error} for name, error, patch in cases],
    }


def files() -> dict[str, bytes]:
    """Every vector file, by its name under vectors/."""
    made = {"merkle": merkle, "tiles": tile, "note": note, "entry": entry, "receipt": receipt, "trust": trust}
    documents = {f"{name}.json": json.dumps(make(), indent=1).encode() + b"\n" for name, make in made.items()}
    return documents | {
        "example/minutes.txt": FILE,
        "example/minutes.txt.receipt.json": workshop.encode(BASES["commitment"].receipt()) + b"\n",
        "example/trust.json": workshop.trust_anchors().to_json(),
    }


if __name__ == "__main__":
    for name, data in files().items():
        path = Path(workshop.VECTORS / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

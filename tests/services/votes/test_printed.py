# SPDX-License-Identifier: Apache-2.0
"""Records on paper: what a reader of PDF finds in them, and that what is attached verifies by itself."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import io
import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from pypdf import PdfReader
from test_service import Instance

from maillon.evidence.hashing import Algorithm, Digest
from maillon.evidence.receipt import Receipt, explain, verify
from maillon.kit.language import LANGUAGES, Language
from maillon.kit.settings import Settings
from maillon.kit.store import Store
from maillon.kit.typesetting import REPERTOIRE, Attachment, displayable, typeset
from maillon.ledger.genesis import MEMBERS
from maillon.ledger.port import Address, TransactionHash
from maillon.main import Application, Records, exclusive_home
from maillon.services.votes import service
from maillon.services.votes.errors import NoRecord, NotNotarised
from maillon.services.votes.model import Executed, Position, ProposedCall
from maillon.services.votes.printed import file_names, print_record
from maillon.services.votes.store import printed_of
from maillon.services.votes.words import Words

VECTORS = Path(__file__).resolve().parents[3] / "vectors"
RECEIPT = (VECTORS / "ledger/minutes.txt.receipt.json").read_bytes()
HOSTILE = (
    'Un titre " #panic("!") \\ $x$ *gras* <b>\n\n#read("/etc/passwd") `code` [crochets] @renvoi // fin\n🤖 日本 \u0301'
)
"""What would be a command in the typesetter's language, and characters its typefaces lack."""


def record(**changes: Any) -> bytes:
    """A record as `make_record` writes it."""
    made: dict[str, Any] = {
        "type": "maillon.vote-record.v1",
        "network": "tests",
        "chain_id": 7,
        "proposal": {
            "number": 12,
            "kind": "ordinary",
            "proposer": {"number": 1, "legal_name": "Université de Brévanne"},
            "text": "Porter le quorum à la moitié\n\nParce que trois sur dix, c’est trop peu.",
            "text_hash": "ab" * 32,
            "calls": [],
            "opens": 1_790_000_000,
            "closes": 1_790_600_000,
            "executable_from": 1_790_700_000,
            "expires": 1_791_700_000,
            "block": 4_411,
            "transaction": "0x" + "22" * 32,
        },
        "rules": {
            "statutes": 2,
            "quorum": 2_500,
            "numerator": 2,
            "denominator": 3,
            "by_college": False,
            "weights": [1] * 8,
        },
        "count": {"total": 7, "in_favour": 1, "against": 0, "abstaining": 0, "objecting": 1},
        "colleges": {"0": {"total": 7, "in_favour": 1, "against": 0, "abstaining": 0, "objecting": 1}},
        "passed": False,
        "lacked": [{"college": None, "quorum": 0, "majority": 1}],
        "positions": [],
    }
    for name, value in changes.items():
        (made["proposal"] if name in made["proposal"] else made)[name] = value
    return json.dumps(made, indent=2, ensure_ascii=False).encode()


def read(document: bytes) -> tuple[PdfReader, str, dict[str, bytes]]:
    """A PDF as another program reads it: itself, its text in one line, and its files."""
    reader = PdfReader(io.BytesIO(document))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    return reader, text, {name: files[0] for name, files in reader.attachments.items()}


async def printed_with_its_receipt(instance: Instance, number: int) -> bytes:
    """The receipt comes with the next checkpoint."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await instance.service.printed(number, "fr")
            except NoRecord:
                await asyncio.sleep(0.1)


@pytest.mark.asyncio
async def test_what_is_attached_verifies_with_the_networks_anchors_alone(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with exclusive_home(home):
        application = await Application.open(Settings(home=home))
        await application.start()
        try:
            instance = Instance(store)
            instance.service._notary = Records(application.notary, "votes", NotNotarised)
            await instance.service.catch_up()
            call = ProposedCall(MEMBERS, b"\1\2\3\4")
            number = await instance.propose((call,))
            instance.wait(2)
            await instance.service.cast(4, number, Position.OBJECT, "person:4", reason="Trop tôt.")
            instance.wait(200)
            with pytest.raises(NoRecord):
                await instance.service.printed(number, "fr")
            await instance.service.keep_records()
            made = await printed_with_its_receipt(instance, number)
            kept, _entry = await instance.service.record(number)
            with store.read() as session:
                assert printed_of(session, number, "fr") == made
                assert printed_of(session, number, "en") is None
            counting = Mock(side_effect=print_record)
            monkeypatch.setattr(service, "print_record", counting)
            # Once for each language, however many ask at once or afterwards.
            asked = await asyncio.gather(*(instance.service.printed(number, each) for each in ("en", "fr", "en", "en")))
            assert asked[1] == made
            assert asked[0] == asked[2] == asked[3] != made
            assert counting.call_count == 1
        finally:
            await application.stop()
        trust = application.trust
    _, text, files = read(made)
    named, receipt_named = file_names(number)
    assert set(files) == {named, receipt_named}
    assert files[named] == kept
    receipt = Receipt.parse(files[receipt_named])
    verify(receipt, Digest(Algorithm.SHA2_256, hashlib.sha256(files[named]).digest()), trust)
    # And one letter of the record is enough to be found out.
    altered = files[named].replace("Trop tôt.".encode(), b"Trop tard")
    assert altered != files[named]
    report = explain(receipt, Digest(Algorithm.SHA2_256, hashlib.sha256(altered).digest()), trust)
    assert not report.valid
    assert "Trop tôt." in text
    assert "objection motivée" in text
    assert "L’appel échouerait" in text
    assert hashlib.sha256(kept).hexdigest() in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_read_in_its_language_tagged_and_with_its_fonts(language: Language) -> None:
    reader, text, _ = read(print_record(record(), RECEIPT, Words(language)))
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == language
    assert b'pdfaid:part="3"' in _metadata(root) or b"<pdfaid:part>3</pdfaid:part>" in _metadata(root)
    assert b"pdfuaid:part" in _metadata(root)
    roles = _roles(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/P", "/Table", "/TH", "/TD"} <= roles
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index, attr-defined]
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor.keys())
    expected = {
        "fr": ("Procès-verbal du vote sur la proposition 12", "Porter le quorum à la moitié", "Personne ne s’est"),
        "en": ("Record of the vote on proposal 12", "It lacked 1 vote in favour for the majority", "Nobody took"),
    }[language]
    for words in expected:
        assert words in text
    assert reader.metadata is not None
    assert reader.metadata.title == f"{expected[0]}: Porter le quorum à la moitié"


def _metadata(root: Any) -> bytes:
    return bytes(root["/Metadata"].get_data())


def _roles(node: Any) -> set[str]:
    found: set[str] = set()
    waiting = [node.get_object()]
    while waiting:
        each = waiting.pop()
        if not hasattr(each, "get"):
            continue
        if "/S" in each:
            found.add(str(each["/S"]))
        kids = each.get("/K", [])
        waiting += [kid.get_object() for kid in (kids if isinstance(kids, list) else [kids])]
    return found


def test_the_same_record_gives_the_same_bytes() -> None:
    made = {print_record(record(), RECEIPT, Words("fr")) for _ in range(3)}
    assert len(made) == 1
    assert print_record(record(passed=True, lacked=[]), RECEIPT, Words("fr")) not in made


FEE = {
    "target": "0x" + "1a" * 20,
    "data": "0x",
    "in_words": {"fr": "Le prix changerait.", "en": "The fee would change."},
    "changes": [
        {
            "what": {"fr": "Prix", "en": "Fee"},
            "before": {"fr": "1 Gwei", "en": "1 Gwei"},
            "after": {"fr": "2 Gwei", "en": "2 Gwei"},
        },
        {"what": {"fr": "Nom", "en": "Name"}, "before": None, "after": {"fr": "Neuve", "en": "New"}},
    ],
}


def test_what_changes_is_printed_before_and_after_and_by_whom_it_was_executed() -> None:
    passed = record(passed=True, lacked=[], calls=[FEE])
    _, before, _ = read(print_record(passed, RECEIPT, Words("en")))
    for words in ("What the proposal changes", "Fee 1 Gwei 2 Gwei", "Name could not be read New", "in block 4,411"):
        assert words in before
    assert "Anybody can execute it from" in before
    done = Executed(5_000, 1_790_800_000, TransactionHash(bytes(32)), Address(b"\1" * 20), 2, "Brume Énergie")
    _, after, files = read(print_record(passed, RECEIPT, Words("en"), done))
    assert "It passed and was executed. Executed on Wednesday 30 September 2026" in after
    assert "in block 5,000 by Brume Énergie, with the account 0x0101" in after
    assert "What the proposal changed" in after
    assert "Anybody can execute" not in after
    # The record inside is the one that was notarised, before and after.
    assert files[file_names(12)[0]] == passed
    # Records of before had no table, and no word of what a call does.
    _, old, _ = read(print_record(record(calls=[{"target": "0x", "data": "0x"}]), RECEIPT, Words("en")))
    assert "A contract is called." in old


def test_no_text_is_a_command_and_what_cannot_be_shown_is_numbered() -> None:
    name = {"number": 2, "legal_name": HOSTILE}
    position = {
        "organisation": name,
        "position": "object",
        "by_proxy_of": name,
        "weight": 3,
        "college": 0,
        "struck": False,
        "reason": HOSTILE,
        "reason_hash": "ab" * 32,
        "block": 5,
        "time": 1_790_500_000,
        "transaction": "0x" + "11" * 32,
    }
    call = {"target": "0x" + "1a" * 20, "data": "0x" + "c0" * 2_048, "in_words": {"fr": HOSTILE, "en": HOSTILE}}
    written = record(
        text=HOSTILE, proposer=name, positions=[position], calls=[call], network=HOSTILE.split("\n", maxsplit=1)[0]
    )
    _, text, files = read(print_record(written, RECEIPT, Words("fr")))
    for part in ('#panic("!")', "*gras*", "<b>", '#read("/etc/passwd")', "[crochets]", "[U+1F916]", "[U+65E5]"):
        assert part in text
    assert hashlib.sha256(b"\xc0" * 2_048).hexdigest() in text
    # The file inside has every character as it was.
    assert files[file_names(12)[0]] == written


def test_every_character_of_the_repertoire_is_in_the_typefaces() -> None:
    characters = [chr(number) for first, last in REPERTOIRE for number in range(first, last + 1)]
    text = " ".join(character for character in characters if character.isprintable())
    attached = Attachment("all.txt", text, "text/plain", "every character")
    document = json.loads(record(text="Tout\n\n" + text))
    document["proposal"]["calls"] = [{"target": "0x", "data": "0x", "in_words": {"fr": text}}]
    # The typesetter refuses to write what it cannot show: that it wrote is the assertion.
    assert print_record(json.dumps(document).encode(), RECEIPT, Words("fr")).startswith(b"%PDF-1.")
    assert displayable(text) == text
    assert attached.source is False


def test_a_template_that_is_not_there_is_not_made_up() -> None:

    with pytest.raises(FileNotFoundError):
        typeset("other.typ", {}, language="fr", dated=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))

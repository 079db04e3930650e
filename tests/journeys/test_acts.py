# SPDX-License-Identifier: Apache-2.0
"""What an applicant, the office and an organisation do from a terminal, at a real platform: each act, and its refusal.

The commands run in this process, over HTTP all the same; `test_commands` and `test_town` run the program itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from conversation import Answer, Conversation, converse
from maillon.commands import application
from maillon.ledger.genesis import MEMBERS
from maillon.ledger.signing import Account
from running_platform import Running, start
from town import APPLICATION, NAME, PDF, eventually


def invoke(platform: Running, *arguments: str, adding: dict[str, str] | None = None) -> Result:
    """Run a command; nobody is there to answer what it asks."""
    place = ("--home", str(platform.home), "--url", platform.url)
    # No key or code of whoever runs the tests.
    alone = {"MAILLON_API_KEY": None, "MAILLON_APPLICATION": None, "NO_COLOR": "1", "COLUMNS": "120"}
    return CliRunner().invoke(application(), [*arguments, *place], env=alone | (adding or {}))


def run(platform: Running, *arguments: str, status: int = 0, adding: dict[str, str] | None = None) -> Any:
    done = invoke(platform, *arguments, "--json", adding=adding)
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One of its own: others count what the shared one holds."""
    running = start(tmp_path_factory.mktemp("acts") / "home")
    yield running
    assert running.stop() == 0, "".join(running.errors)
    running.close()


@pytest.fixture(scope="module")
def number(platform: Running) -> str:
    """The town, a member."""
    made = run(platform, "members", "apply", *APPLICATION)
    return str(run(platform, "members", "admit", made["id"], "--evidence", "register")["organisation"])


def as_applicant(platform: Running, code: str, *arguments: str, status: int = 0) -> Any:
    """A command of whoever holds the code of an application."""
    return run(platform, "members", *arguments, status=status, adding={"MAILLON_APPLICATION": code})


def applied(platform: Running, identifier: str, name: str) -> tuple[str, str]:
    """An application: its id and its code."""
    who = ("--scheme", "siren", "--identifier", identifier, "--name", name, "--kind", "association")
    whom = ("--contact", "Lucien Moreau", "--address", "lucien.moreau@memoire-vive.example")
    made = run(platform, "members", "apply", *who, *whom)
    return made["id"], made["code"]


def test_an_applicant_does_all_with_its_code_and_nothing_with_another(platform: Running, tmp_path: Path) -> None:
    identifier, code = applied(platform, "000 003 004", "Les Amis du canal")
    # 1. A document, and the office has the same bytes; what is none is refused.
    paper, picture = tmp_path / "extrait.pdf", tmp_path / "statuts.pdf"
    paper.write_bytes(PDF)
    picture.write_bytes(b"MZ, and no PDF")
    (kept,) = as_applicant(platform, code, "document", str(paper))["documents"]
    assert kept["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert as_applicant(platform, code, "document", str(picture), status=1)["error"]
    assert "cannot be read" in as_applicant(platform, code, "document", str(tmp_path / "none"), status=2)["error"]
    (seen,) = run(platform, "members", "review", identifier, "--save", str(tmp_path))["documents"]
    assert Path(seen["file"]).read_bytes() == PDF
    assert (
        "cannot be written" in run(platform, "members", "review", identifier, "--save", "/nowhere", status=2)["error"]
    )
    # 2. It answers when it is asked, and not before.
    assert as_applicant(platform, code, "answer", "--text", "Sans question.", status=1)["error"]
    run(platform, "members", "refuse", identifier, "--ask", "--reason", "Un extrait récent.")
    assert as_applicant(platform, code, "answer", "--text", "Le voici.")["state"] == "submitted"
    # 3. It appeals what was refused, and only that.
    assert as_applicant(platform, code, "appeal", "--reason", "Trop tôt.", status=1)["error"]
    run(platform, "members", "refuse", identifier, "--reason", "Nom contesté.")
    assert as_applicant(platform, code, "appeal", "--reason", "Le registre le porte.")["state"] == "submitted"
    # 4. Another's code opens nothing; a no erases and withdraws nothing.
    for act in (("answer", "--text", "x"), ("withdraw", "--yes"), ("appeal", "--reason", "x"), ("erase", "--yes")):
        assert as_applicant(platform, "another", *act, status=1)["error"]
    for act in ("withdraw", "erase"):
        assert invoke(platform, "members", act, adding={"MAILLON_APPLICATION": code}).exit_code == 1
    assert as_applicant(platform, code, "follow")["state"] == "submitted"
    # 5. It withdraws, and has itself forgotten: the code opens nothing any more, or nobody's contact.
    assert as_applicant(platform, code, "withdraw", "--yes")["state"] == "withdrawn"
    assert as_applicant(platform, code, "withdraw", "--yes", status=1)["error"]
    assert as_applicant(platform, code, "erase", "--yes") == {"erased": True}
    forgotten = run(platform, "members", "review", identifier)
    assert forgotten["contact"] is None
    assert forgotten["documents"] == []


def test_the_office_reads_rules_makes_the_call_of_a_vote_and_renames(platform: Running, number: str) -> None:
    assert "administration" in [one["kind"] for one in run(platform, "members", "rules")["rules"]]
    # The call that admits whom no rule does; not for one that is nobody.
    identifier, _ = applied(platform, "000 004 002", "Société savante du Rhune")
    chosen = ("--tier", "1", "--college", "0")
    assert run(platform, "members", "proposal", identifier, *chosen, status=1)["error"], "the chain knows it not yet"
    assert run(platform, "members", "admit", identifier, status=1)["state"] == "presented"
    call = run(platform, "members", "proposal", identifier, *chosen)
    assert call["target"] == f"0x{MEMBERS.hex()}"
    assert run(platform, "members", "proposal", "0" * 24, *chosen, status=1)["error"]
    # A new name stands on the chain at once, and the history has both; what hides something is none.
    named = run(platform, "members", "rename", number, "Commune nouvelle de Saint-Ambrun", "--yes")
    assert named["legal_name"] == "Commune nouvelle de Saint-Ambrun"
    assert run(platform, "members", "rename", number, "Saint\u202eAmbrun", "--yes", status=1)["error"]
    assert run(platform, "members", "rename", "999", "Personne", "--yes", status=1)["error"]
    asked = invoke(platform, "members", "rename", number, "Autre nom")
    assert asked.exit_code == 1
    assert "Commune nouvelle de Saint-Ambrun, shall be called Autre nom" in asked.stderr
    assert run(platform, "members", "rename", number, NAME, "--yes")["legal_name"] == NAME


def test_an_organisation_says_its_did_and_is_found_by_its_account(platform: Running, number: str) -> None:
    set_to = run(platform, "members", "did", number, "did:web:ambrun.example")
    assert set_to["did"] == "did:web:ambrun.example"
    assert run(platform, "members", "did", number, "ambrun.example", status=1)["error"]
    assert run(platform, "members", "did", number, "")["did"] is None
    account = set_to["accounts"][0]["address"]
    assert run(platform, "members", "account", account)["member"] == int(number)
    assert run(platform, "members", "account", f"0x{'00' * 19}01", status=1)["member"] in (None, 0)
    assert run(platform, "members", "account", "0x12", status=1)["error"]
    nodes = run(platform, "members", "nodes", number)
    assert nodes["nodes"] == []
    assert run(platform, "members", "nodes", "999", status=1)["error"]


def at_a_terminal(platform: Running, arguments: Sequence[str], *answers: tuple[str, Answer]) -> Conversation:
    """Run the program with somebody at a terminal, who answers what it asks."""
    return converse([*arguments, "--home", str(platform.home), "--url", platform.url], answers)


def test_what_the_servers_key_signs_is_said_and_asked_of_who_sits_there(platform: Running, number: str) -> None:
    def did() -> Any:
        return run(platform, "members", "show", number)["did"]

    said = f"You sign: the decentralised identifier of {NAME} is did:web:server.example.\n"
    name = ("members", "did", number, "did:web:server.example")
    # 1. Nobody is there: it is said, and done.
    assert invoke(platform, *name).stderr == said
    assert did() == "did:web:server.example"
    # 2. Somebody is: nothing is signed after a no, all after a yes or with --yes.
    away = ("members", "did", number, "")
    refused = at_a_terminal(platform, away, ("Sign?", "n"))
    assert refused.status == 1
    assert refused.screen.startswith(f"You sign: {NAME} has no decentralised identifier any more.\r\nSign? ")
    assert did() == "did:web:server.example"
    assert at_a_terminal(platform, away, ("Sign?", "y")).status == 0
    assert did() is None
    assert "Sign?" not in at_a_terminal(platform, [*name, "--yes"]).screen
    assert did() == "did:web:server.example"
    assert at_a_terminal(platform, away, ("Sign?", "y")).status == 0
    # 3. Of an account made there, of one there is, of an invitation.
    made = invoke(platform, "members", "delegate", number, "--label", "Caisse-1", "--scope", "vote", "--scope", "admin")
    assert (
        made.stderr
        == f"You sign: a new account, called caisse-1, acts for {NAME} from now on, and may: vote, administer.\n"
    )
    shown = run(platform, "members", "show", number)["accounts"]
    account = next(one["address"] for one in shown if one["label"] == "caisse-1")
    gone = invoke(platform, "members", "delegate", number, "--account", account, "--remove")
    assert gone.stderr == f"You sign: account {account} acts for {NAME} no more.\n"
    whom = ("--scheme", "siren", "--identifier", "000 004 101", "--name", "Régie des eaux du Rhune")
    invited = invoke(platform, "members", "invite", number, *whom).stderr
    assert invited.startswith(f"You sign: {NAME} invites Régie des eaux du Rhune (SIREN 000 004 101) to join;")
    # 4. Leaving asks whoever runs it, or none; what is no act is said by nobody.
    left = invoke(platform, "members", "leave", number)
    assert left.exit_code == 1
    assert left.stderr.startswith(f"You sign: {NAME} leaves the alliance in the next block")
    assert run(platform, "members", "show", number)["status"] == "active"
    assert run(platform, "members", "delegate", number, "--label", "Camille Aubin", status=1)["error"]


@pytest.fixture(scope="module")
def administrator(platform: Running, number: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key file whose account administers the town."""
    return key_file(platform, number, tmp_path_factory.mktemp("keys") / "administrator.key", "33" * 32, "admin")


def private(path: Path, secret: str) -> Path:
    """A key file nobody else reads."""
    path.touch(mode=0o600)
    path.write_text(secret)
    return path


def key_file(platform: Running, number: str, path: Path, secret: str, scope: str) -> Path:
    given = ("--label", path.stem, "--scope", scope)
    run(platform, "members", "delegate", number, "--key", str(private(path, secret)), *given)
    return path


def test_an_organisation_acts_with_a_key_the_server_never_has(
    platform: Running, number: str, administrator: Path, tmp_path: Path
) -> None:
    sign, more = ("--key", str(administrator), "--yes"), ("--sign-with", str(administrator), "--yes")
    # No credential of the home is good: the key alone acts.
    alone = {"MAILLON_API_KEY": "ml_nobody"}
    # 1. Its DID, said before it is signed: whoever says nothing has signed nothing.
    asked = invoke(platform, "members", "did", number, "did:web:key.example", "--key", str(administrator), adding=alone)
    assert asked.exit_code == 1
    assert f"the decentralised identifier of {NAME} is did:web:key.example" in asked.stderr
    assert run(platform, "members", "show", number)["did"] is None
    signed = run(platform, "members", "did", number, "did:web:key.example", *sign, adding=alone)
    assert "did:web:key.example" in signed["says"]
    eventually(lambda: run(platform, "members", "show", number)["did"] == "did:web:key.example")
    assert run(platform, "members", "did", number, "key.example", *sign, adding=alone, status=1)["error"]
    # 2. Accounts: added with the consent of another key file, changed, paid, removed.
    other, stranger = private(tmp_path / "secretariat.key", "44" * 32), private(tmp_path / "stranger.key", "55" * 32)
    add = ("members", "delegate", number, "--label", "secretariat-4", "--scope", "vote")
    assert "--key FILE adds yours" in run(platform, *add, *more, adding=alone, status=2)["error"]
    said = run(platform, *add, "--key", str(other), *more, adding=alone)["says"]
    assert said.endswith("called secretariat-4, acts for " + NAME + " from now on, and may: vote.")
    account = "0x" + Account(bytes.fromhex("44" * 32)).address.hex()

    def scopes() -> list[list[str]]:
        shown = run(platform, "members", "show", number)["accounts"]
        return [one["scopes"] for one in shown if one["address"] == account and one["until"] is None]

    eventually(lambda: scopes() == [["vote"]])
    change = ("members", "delegate", number, "--account", account)
    run(platform, *change, "--label", "secretariat-4", "--scope", "publish", *more, adding=alone)
    eventually(lambda: scopes() == [["publish"]])
    run(platform, *change, "--credits", *more, adding=alone)
    # What does not administer is refused by the law; what acts for nobody, or for another member, signs nothing.
    by_other = ("--sign-with", str(other), "--yes")
    assert "members: " in run(platform, *change, "--remove", *by_other, adding=alone, status=1)["error"]
    strange = run(platform, "members", "leave", number, "--key", str(stranger), "--yes", status=1)
    assert "acts for nobody" in strange["error"]
    assert "not for member 1" in run(platform, "members", "did", "1", "did:web:x.example", *sign, status=1)["error"]
    run(platform, *change, "--remove", *more, adding=alone)
    eventually(lambda: scopes() == [])
    adds_by_its_consent(platform, number, other, administrator)
    # 3. An invitation is as good as one the server signs: an applicant shows it; a forged one opens nothing.
    whom = ("--scheme", "siren", "--identifier", "000 004 101", "--name", "Régie des eaux du Rhune")
    word = run(platform, "members", "invite", number, *whom, *sign, adding=alone)["invitation"]
    (tmp_path / "invitation.txt").write_text(word)
    (tmp_path / "forged.txt").write_text(word[:-8] + "AAAAAAAA")
    contact = ("--contact", "Lucien Moreau", "--address", "lucien.moreau@memoire-vive.example")
    apply = ("members", "apply", *whom, "--kind", "association", *contact, "--invitation")
    assert run(platform, *apply, str(tmp_path / "forged.txt"), status=1)["error"]
    assert run(platform, *apply, str(tmp_path / "invitation.txt"))["invited_by"] == int(number)
    # 4. The key is nowhere in the home.
    secret = bytes.fromhex("33" * 32)
    files = [path.read_bytes() for path in platform.home.rglob("*") if path.is_file()]
    assert not [content for content in files if secret in content or secret.hex().encode() in content]


def adds_by_its_consent(platform: Running, number: str, other: Path, administrator: Path) -> None:
    """An account is added by what it signed before, as the page hands it on; a consent of another adds nothing."""
    account = Account(bytes.fromhex(other.read_text()))
    asked = httpx.get(f"{platform.url}/v1/members/{number}/consents/0x{account.address.hex()}").json()
    parity, r, s = account.sign_hash(bytes.fromhex(asked["digest"][2:]))
    signature = f"0x{r:064x}{s:064x}{27 + parity:02x}"
    add = ("members", "delegate", number, "--label", "secretariat-5", "--scope", "vote")
    more = ("--sign-with", str(administrator), "--yes")
    of = ("--account", "0x" + account.address.hex(), "--consent")
    assert "--account" in run(platform, *add, "--consent", signature, *more, status=2)["error"]
    assert "--account" in run(platform, *add, *of, signature, "--remove", *more, status=2)["error"]
    assert "consent" in run(platform, *add, *of, f"0x{'11' * 64}1b", *more, status=1)["error"]
    run(platform, *add, *of, signature, *more)

    def labels() -> list[str]:
        return [one["label"] for one in run(platform, "members", "show", number)["accounts"]]

    eventually(lambda: "secretariat-5" in labels())


def test_people_and_keys_of_an_organisation_at_its_server(platform: Running, number: str) -> None:
    # 1. Inviting, seeing who is invited, taking it back once.
    lea = "lea.roussel@ambrun.example"
    sent = run(platform, "people", "invite", number, lea, "--role", "delegate")
    assert (sent["address"], sent["roles"]) == (lea, ["delegate"])
    assert run(platform, "people", "invite", number, "no address", status=1)["error"]
    assert run(platform, "people", "invite", number, lea, "--role", "mayor", status=1)["error"]
    withdrawn = run(platform, "people", "invitations", number, "--withdraw", sent["id"])["invitations"]
    assert next(one for one in withdrawn if one["id"] == sent["id"])["revoked"]
    assert run(platform, "people", "invitations", number, "--withdraw", "nobody", status=1)["error"]
    # 2. Roles are of people there are.
    assert run(platform, "people", "of", number)["total"] == 0
    assert run(platform, "people", "roles", number, "nobody", "--role", "member", status=1)["error"]
    assert "--none" in run(platform, "people", "roles", number, "nobody", status=2)["error"]
    # 3. Keys of the organisation: no page needed, and no scope that is none.
    of_town = ("--organisation", number)
    made = run(platform, "keys", "create", "parapheur", "--days", "30", *of_town)
    (listed,) = run(platform, "keys", "list", *of_town)
    assert (listed["id"], listed["scopes"]) == (made["id"], "notary:write")
    assert made["id"] not in [one["id"] for one in run(platform, "keys", "list") if one["subject"] == "operator"]
    assert run(platform, "keys", "create", "parapheur", "--scope", "everything", *of_town, status=1)["error"]
    rotated = run(platform, "keys", "rotate", made["id"], *of_town)
    assert run(platform, "keys", "rotate", "nobody", *of_town, status=1)["error"]
    assert run(platform, "keys", "revoke", rotated["id"], *of_town) == {"id": rotated["id"], "revoked": True}
    assert run(platform, "keys", "revoke", "nobody", *of_town, status=1)["error"]
    # 4. The key of one organisation opens nothing of another.
    for command in (
        ("people", "invite", "1", lea),
        ("people", "of", "1"),
        ("keys", "create", "x", "--organisation", "1"),
    ):
        assert run(platform, *command, status=1, adding={"MAILLON_API_KEY": made["key"]})["error"]


def test_an_organisation_leaves_with_a_key_of_its_own(platform: Running, tmp_path: Path) -> None:
    identifier, _ = applied(platform, "000 004 200", "Cercle du Rhune")
    gone = str(run(platform, "members", "admit", identifier, "--evidence", "register")["organisation"])
    key = key_file(platform, gone, tmp_path / "cercle.key", "66" * 32, "admin")
    asked = invoke(platform, "members", "leave", gone, "--key", str(key))
    assert asked.exit_code == 1
    assert "Cercle du Rhune leaves the alliance" in asked.stderr
    assert run(platform, "members", "show", gone)["status"] == "active"
    run(platform, "members", "leave", gone, "--key", str(key), "--yes")
    eventually(lambda: run(platform, "members", "show", gone)["status"] == "departed")

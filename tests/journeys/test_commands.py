# SPDX-License-Identifier: Apache-2.0
"""`maillon votes …` and `maillon members …` against a real platform: what they print, refuse, and end with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.genesis import ADMISSIONS
from maillon.ledger.signing import Account
from maillon.services.votes.client import Server
from running_platform import maillon, start
from town import APPLICATION, NAME, Town, eventually, platform_with_clock, run

SECRET = "22" * 32
OFFICER = 16


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("commands")
    clock = folder / "clock"
    platform = platform_with_clock(start, folder / "home", clock)
    yield Town(platform, clock, "fr")
    assert platform.stop() == 0, "".join(platform.errors)
    platform.close()


@pytest.fixture(scope="module")
def key(town: Town) -> Path:
    """A key file of the town's own."""
    path = town.clock.parent / "delegate.key"
    path.touch(mode=0o600)
    path.write_text(SECRET)
    return path


@pytest.fixture(scope="module")
def steward(town: Town) -> Path:
    return town.platform.home / "keys/account-steward.hex"


@pytest.fixture(scope="module")
def number(town: Town, key: Path) -> str:
    """The town, a member whose key file votes."""
    applied = run(town, "members", "apply", *APPLICATION)
    admitted = run(town, "members", "admit", applied["id"], "--evidence", "register")
    made = str(admitted["organisation"])
    run(town, "members", "delegate", made, "--key", str(key), "--label", "secretariat-1", "--scope", "vote")
    return made


def propose(town: Town, text: str, key: Path, *act: str) -> str:
    """A proposal that is open on return, for ten minutes; its number."""
    # A member has two open votes at most: those of before are closed by now.
    town.pass_time(700)
    file = town.clock.parent / "proposal.txt"
    file.write_text(text)
    opens = town.now() + 60
    moments = ("--opens", str(opens), "--closes", str(opens + 600))
    run(town, "votes", "propose", str(file), "--key", str(key), "--yes", *moments, *act)
    town.pass_time(opens - town.now() + 1)
    return str(max(one["number"] for one in run(town, "votes", "list", "--show", "all")["proposals"]))


def applicant(town: Town, identifier: str, name: str) -> str:
    who = ("--scheme", "siren", "--identifier", identifier, "--name", name, "--kind", "association")
    whom = ("--contact", "Lucien Moreau", "--address", "lucien.moreau@memoire-vive.example")
    return str(run(town, "members", "apply", *who, *whom)["id"])


def test_an_application_is_asked_for_more_refused_and_told_why(town: Town) -> None:
    identifier = applicant(town, "000 001 784", "Mémoire vive")
    asked = run(town, "members", "refuse", identifier, "--ask", "--reason", "Un extrait récent, s’il vous plaît.")
    assert asked["state"] == "incomplete"
    assert asked["steps"][-1]["note"] == "Un extrait récent, s’il vous plaît."
    refused = run(town, "members", "refuse", identifier, "--reason", "Aucune réponse.")
    assert refused["state"] == "refused"
    again = run(town, "members", "refuse", identifier, "--reason", "Encore.", status=1)
    assert "refused" in again["error"]
    assert identifier not in [one["id"] for one in run(town, "members", "queue")["applications"]]
    assert identifier in [one["id"] for one in run(town, "members", "queue", "--state", "refused")["applications"]]


def test_a_refusal_has_a_reason_and_an_application(town: Town) -> None:
    identifier = applicant(town, "000 002 022", "Sans motif")
    assert run(town, "members", "refuse", identifier, "--reason", "  ", status=1)["error"]
    unknown = run(town, "members", "refuse", "0" * 24, "--reason", "Personne.", status=1)
    assert unknown["error"]
    home, url = ("--home", str(town.platform.home)), ("--url", town.platform.url)
    assert maillon("members", "refuse", identifier, *home, *url).returncode == 2


def test_a_suspension_takes_two_officers_of_two_members(town: Town, number: str, key: Path, steward: Path) -> None:
    # 1. A vote makes the town's account an officer.
    delegate = Account(bytes.fromhex(SECRET))
    office = (f"account=0x{delegate.address.hex()}", f"appointed={OFFICER}")
    vote = propose(town, "Nommer un officier", steward, "--act", "Members.appoint", *(f"--set={one}" for one in office))
    run(town, "votes", "cast", vote, "for", "--key", str(steward), "--yes")
    run(town, "votes", "cast", vote, "for", "--key", str(key), "--yes")
    town.pass_time(700)
    run(town, "votes", "execute", vote, "--key", str(key), "--yes")
    # 2. A third organisation is what they are about.
    other = applicant(town, "000 001 891", "Logiciels Brume")
    target = str(
        run(town, "members", "admit", other, "--evidence", "register", "--evidence", "mandate")["organisation"]
    )
    assert run(town, "members", "suspend", target, status=1)["error"], "without a reason"
    case = run(town, "members", "suspend", target, "--reason", "Clés publiées.")["case"]
    assert run(town, "members", "show", target)["status"] == "active", "one officer suspends nobody"
    again = ("members", "suspend", target, "--case", case)
    assert not run(town, *again)["suspended"], "nor the same one twice"
    assert run(town, "members", "show", target)["status"] == "active"
    # 3. The town's officer asks the same, with its own key: the member is suspended.
    server = Server(town.platform.url)
    server.sign(Admissions(ADMISSIONS).suspend(int(target), bytes.fromhex(case)), delegate)
    server.close()
    eventually(lambda: run(town, "members", "show", target)["status"] == "suspended")
    assert run(town, "members", "suspend", "999", "--reason", "Personne.", status=1)["error"]
    # The suspended reads why, and answers; the case of nobody is none.
    (asked,) = run(town, "members", "suspensions", target)["suspensions"]
    assert (asked["case"], asked["reason"], asked["appeal"]) == (case, "Clés publiées.", "")
    answer = ("members", "appeal", target, "--reason", "Elles sont remplacées.", "--case")
    assert run(town, *answer, case)["suspensions"][0]["appeal"] == "Elles sont remplacées."
    assert run(town, *answer, "00" * 32, status=1)["error"]
    # 4. After seven days it ends by itself.
    town.pass_time(8 * 86_400)
    assert run(town, "members", "show", target)["status"] == "active"
    # 5. A month later, the other way round: the town asks first, and this instance is the second officer.
    town.pass_time(31 * 86_400)
    later = "22" * 32
    server = Server(town.platform.url)
    server.sign(Admissions(ADMISSIONS).suspend(int(target), bytes.fromhex(later)), delegate)
    server.close()
    assert run(town, "members", "suspend", target, "--case", later)["suspended"] is True
    eventually(lambda: run(town, "members", "show", target)["status"] == "suspended")


def test_what_is_voted_on_is_listed_and_shown_as_words(town: Town, number: str, steward: Path) -> None:
    vote = propose(town, "Adopter la charte\n\nRien d’une personne dans la chaîne.", steward)
    home, url = ("--home", str(town.platform.home)), ("--url", town.platform.url)
    listed = maillon("votes", "list", *home, *url)
    assert listed.returncode == 0
    assert "Adopter la charte" in listed.stdout
    assert max(len(line) for line in listed.stdout.splitlines()) <= 120
    shown = maillon("votes", "show", vote, *home, *url)
    assert "It calls no contract: it is a resolution." in shown.stdout
    assert "Rien d’une personne dans la chaîne." in shown.stdout
    assert run(town, "votes", "show", "999", status=1)["error"]


def test_positions_and_proxies(town: Town, number: str, key: Path, steward: Path) -> None:
    vote = propose(town, "Tenir l’assemblée à Saint-Ambrun", steward)
    sign, office = ("--key", str(key), "--yes"), ("--key", str(steward), "--yes")
    assert "positions are" in run(town, "votes", "cast", vote, "perhaps", *sign, status=2)["error"]
    assert "reason" in run(town, "votes", "cast", vote, "object", *sign, status=1)["error"]
    # A proxy is cast by its holder, and beaten by its giver.
    run(town, "votes", "give-proxy", "1", "--proposal", vote, *sign)
    run(town, "votes", "cast", vote, "against", "--for", number, *office)
    eventually(lambda: run(town, "votes", "show", vote)["tally"]["against"] == 1)
    run(town, "votes", "revoke-proxy", "--proposal", vote, *sign)
    eventually(lambda: run(town, "votes", "show", vote)["tally"]["against"] == 0)
    refused = run(town, "votes", "cast", vote, "for", "--for", number, *office, status=1)
    assert "governance:" in refused["error"]
    objected = run(town, "votes", "cast", vote, "object", "--reason", "La salle est trop petite.", *sign)
    assert "says" in objected
    eventually(lambda: run(town, "votes", "show", vote)["tally"]["objecting"] == 1)
    tally = run(town, "votes", "show", vote)["tally"]
    assert (tally["against"], tally["in_favour"]) == (0, 0)


def test_an_act_is_written_by_its_fields_and_what_is_wrong_is_said_of_its_field(town: Town, steward: Path) -> None:
    file = town.clock.parent / "proposal.txt"
    file.write_text("Suspendre un membre")
    act = ("votes", "propose", str(file), "--key", str(steward), "--act", "Admissions.set_rule")
    fields = {"organisation_kind": "4", "country": "ZZ", "offices": "32", "evidence": "3", "tier": "1", "college": "0"}

    def typed(**other: str) -> list[str]:
        return [part for name, value in (fields | other).items() for part in ("--set", f"{name}={value}")]

    assert "--set country: choose a country" in run(town, *act, "--yes", *typed(), status=2)["error"]
    assert "--set tier: tier is a whole" in run(town, *act, "--yes", *typed(country="FR", tier="8"), status=2)["error"]
    # Statutes begin from those in force: one value is changed.
    statutes = ("votes", "propose", str(file), "--key", str(steward), "--act", "Governance.set_statutes")
    said = maillon(*statutes, "--kind", "constitutional", "--set", "notice=2 d", "--home", str(town.platform.home),
                   "--url", town.platform.url)  # fmt: skip
    assert said.returncode == 1, "nobody said yes"
    changed = [line for line in said.stdout.splitlines() if "2 days" in line]
    assert [line.split("  ")[0] for line in changed] == ["Notice before a vote opens"]
    assert "constitutional_majority" in said.stdout
    # What it would change is shown before anybody is asked, and nothing is signed without a yes.
    before = run(town, "votes", "list", "--show", "all")["proposals"]
    home, url = ("--home", str(town.platform.home)), ("--url", town.platform.url)
    asked = maillon(*act, *typed(country="FR"), *home, *url)
    assert asked.returncode == 1
    assert "Before" in asked.stdout
    assert "Sign?" in asked.stderr
    assert run(town, "votes", "list", "--show", "all")["proposals"] == before


def test_any_node_gives_the_export_the_server_gives(town: Town, steward: Path, tmp_path: Path) -> None:
    propose(town, "Compter soi-même", steward)
    served, read = tmp_path / "served.json", tmp_path / "read.json"
    node = f"{town.platform.url}/rpc"

    def taken() -> bool:
        run(town, "votes", "export", str(served))
        network = json.loads(served.read_bytes())["network"]
        run(town, "votes", "export", str(read), "--rpc", node, "--network", network)
        # A block may have been made between the two.
        return bool(json.loads(served.read_bytes())["height"] == json.loads(read.read_bytes())["height"])

    eventually(taken)
    assert served.read_bytes() == read.read_bytes()
    assert len(json.loads(read.read_bytes())["events"]) > 0
    done = maillon("votes", "recount", str(read), "--compare", str(served))
    assert done.returncode == 0, done.stdout + done.stderr
    away = run(town, "votes", "export", str(read), "--rpc", "http://127.0.0.1:1", status=2)
    assert "no answer from http://127.0.0.1:1" in away["error"]


def test_a_key_others_can_read_signs_nothing(town: Town, number: str, tmp_path: Path) -> None:
    open_key = tmp_path / "open.key"
    open_key.write_text(SECRET)
    open_key.chmod(0o644)
    refused = run(town, "votes", "cast", "1", "for", "--key", str(open_key), "--yes", status=1)
    assert "chmod 600" in refused["error"]
    add = ("members", "delegate", number, "--label", "autre-1", "--scope", "vote")
    assert "chmod 600" in run(town, *add, "--key", str(open_key), status=1)["error"]
    assert "cannot be read" in run(town, *add, "--key", str(tmp_path / "none"), status=1)["error"]
    empty = tmp_path / "empty.key"
    empty.touch(mode=0o600)
    assert "holds neither" in run(town, *add, "--key", str(empty), status=1)["error"]


def test_what_one_would_sign_is_asked_and_a_no_signs_nothing(town: Town, number: str, key: Path, steward: Path) -> None:
    vote = propose(town, "Demander d’abord", steward)
    home, url = ("--home", str(town.platform.home)), ("--url", town.platform.url)
    # Standard input is at its end: nobody says yes.
    asked = maillon("votes", "cast", vote, "for", "--key", str(key), *home, *url)
    assert asked.returncode == 1
    assert "Demander d’abord" in asked.stderr
    assert "Sign?" in asked.stderr
    assert run(town, "votes", "show", vote)["tally"]["in_favour"] == 0


def test_a_server_that_is_away_is_another_status_than_a_refusal(key: Path, tmp_path: Path) -> None:
    away = ("--home", str(tmp_path), "--url", "http://127.0.0.1:1", "--json")
    for command in (("list",), ("show", "1"), ("cast", "1", "for", "--key", str(key), "--yes"), ("export", "x.json")):
        done = maillon("votes", *command, *away)
        assert done.returncode == 2, done.stdout
        assert "no answer" in json.loads(done.stdout)["error"]
    done = maillon("members", "suspend", "2", "--reason", "r", *away)
    assert done.returncode == 2


def test_the_brake_is_pulled_by_those_who_may(town: Town, number: str, key: Path) -> None:
    pulled = run(town, "votes", "brake", "--key", str(key), "--yes")
    assert "emergency brake" in pulled["says"]
    again = run(town, "votes", "brake", "--key", str(key), "--yes", status=1)
    assert "brake:" in again["error"]
    assert NAME in [one["legal_name"] for one in run(town, "members", "list")["members"]]

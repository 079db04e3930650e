# SPDX-License-Identifier: Apache-2.0
"""The town's journey by the command line alone, on whatever ledger its platform has.

Every act of the town is a command, run from a home of its own with its own people's log-ins. Its people follow their
letters and log in at their terminals too. The office runs the platform, and decides with the key of its own machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.genesis import ADMISSIONS
from maillon.ledger.signing import Account
from post_office import PostOffice
from running_platform import maillon
from town import APPLICATION, NAME, PDF, Terminal, Town, eventually, invited

LOCK = 20
"""Seconds: more than what passed waits before it may be executed, on a sandbox and on a network of tests."""


def _already(_account: str) -> None:
    """On a sandbox whoever acts has credits."""


@dataclass(frozen=True)
class Founders:
    """What the town finds on the chain it comes to."""

    rpc: str
    """Where the chain is asked."""
    keys: Sequence[Path] = ()
    """Key files of members who vote for what the town proposes."""
    lead: int = 60
    """Seconds until a vote opens that is proposed now, and for which it is open: what comes before is done by then."""
    granted: Callable[[str], None] = _already
    """Called with an account of the town that is to pay: returns once it can."""


def by_commands(town: Town, mail: PostOffice, folder: Path, founders: Founders) -> None:
    """The whole journey; it asserts each step."""
    office = Terminal(town, town.platform.home)
    mayor, secretary = Terminal(town, folder / "mayor"), Terminal(town, folder / "secretary")
    number = enters(office, mayor, folder)
    # 2. Its first person comes by the letter, and their command line is logged in.
    camille = "camille.aubin@ambrun.example"
    mayor.run("people", "invite", number, "lea.roussel@ambrun.example", status=1)  # nobody yet
    mayor.join(invited(mail, camille), camille, "Camille Aubin")
    who = mayor.run("whoami")
    assert who["name"] == "Camille Aubin"
    assert list(who["roles"]) == [number]
    # 3. It gets a second one in, by letter too; what is the first one's alone is refused to the second.
    lea = "lea.roussel@ambrun.example"
    assert mayor.run("people", "invite", number, lea, "--role", "delegate")["roles"] == ["delegate"]
    application = secretary.join(invited(mail, lea), lea, "Léa Roussel")
    secretary.run("logout")
    secretary.log_in(lea, application)
    assert {one["name"] for one in mayor.run("people", "of", number)["people"]} == {"Camille Aubin", "Léa Roussel"}
    assert secretary.run("people", "invite", number, "zoe@ambrun.example", status=1)["error"]
    assert secretary.run("members", "leave", number, "--yes", status=1)["error"]
    assert mayor.run("people", "invite", "1", lea, status=1)["error"], "of another organisation"
    founders.granted(paying_account(mayor, number))
    delegates(mayor, secretary, number, folder, founders)
    votes_from_a_terminal(secretary, folder, founders)
    # 6. The rule is another one for whoever comes next, and anybody counts again without a server.
    association = ("--scheme", "siren", "--identifier", "000 001 784", "--name", "Mémoire vive")
    whom = ("--kind", "association", "--contact", "Lucien Moreau", "--address", "lucien.moreau@memoire-vive.example")
    applied = Terminal(town, folder / "association").run("members", "apply", *association, *whom)
    assert office.run("members", "review", applied["id"])["missing"] == ["register", "mandate"]
    export = folder / "votes.json"
    secretary.run("votes", "export", str(export))
    recounted = json.loads(maillon("votes", "recount", str(export), "--json").stdout)
    assert [(one["state"], one["in_favour"]) for one in recounted["votes"]] == [("executed", 1 + len(founders.keys))]
    # 7. It leaves, by the one who may say so; then its key votes no more, and the log-in is ended by its owner.
    assert mayor.run("members", "leave", number, "--yes")["status"] == "departed"
    key = str(folder / "delegate.key")
    assert "is not open" in secretary.run("votes", "cast", "1", "for", "--key", key, "--yes", status=1)["error"]
    mayor.run("logout")
    assert mayor.run("whoami", status=1)["error"]
    nobody_is_on_the_chain(founders.rpc)


PEOPLE = ("camille", "aubin", "roussel", "lucien", "moreau", "ambrun.example", "memoire-vive.example")
"""Of the names and addresses typed above, what is too long to stand in random bytes by chance."""


def nobody_is_on_the_chain(endpoint: str) -> None:
    """LAW 2.5: no word about a person that was typed on the way stands in a call or an event of any block."""

    def rpc(method: str, *parameters: Any) -> Any:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        return httpx.post(endpoint, json=asked, timeout=60).json()["result"]

    newest = int(rpc("eth_blockNumber"), 16)
    found = [
        one["input"]
        for height in range(1, newest + 1)
        for one in rpc("eth_getBlockByNumber", hex(height), True)["transactions"]
    ]
    found += [one["data"] for one in rpc("eth_getLogs", {"fromBlock": "0x1", "toBlock": hex(newest)})]
    said = b"|".join(bytes.fromhex(data[2:]) for data in found).lower()
    assert NAME.lower().encode() in said, "a legal person's name is there, so a natural person's would be seen"
    assert [word for word in PEOPLE if word.encode() in said] == []


def enters(office: Terminal, town: Terminal, folder: Path) -> str:
    """1. The town applies with a document, follows it with its code, and is admitted by the rule; its number."""
    (folder / "extrait.pdf").write_bytes(PDF)
    applied = town.run("members", "apply", *APPLICATION, "--document", str(folder / "extrait.pdf"))
    code = {"MAILLON_APPLICATION": applied["code"]}
    assert town.run("members", "follow", adding=code)["state"] == "submitted"
    # Nobody admits themselves.
    assert town.run("members", "admit", applied["id"], "--evidence", "register", status=1)["error"]
    admitted = office.run("members", "admit", applied["id"], "--evidence", "register")
    assert town.run("members", "follow", adding=code)["state"] == "admitted"
    return str(admitted["organisation"])


def paying_account(mayor: Terminal, number: str) -> str:
    """The account kept for the town, to which its credits come."""
    (kept,) = mayor.run("members", "show", number)["accounts"]
    return str(kept["address"])


def delegates(mayor: Terminal, secretary: Terminal, number: str, folder: Path, founders: Founders) -> None:
    """4. A second account votes with a key that never leaves the machine of whoever made it."""
    key = folder / "delegate.key"
    key.touch(mode=0o600)
    key.write_text(("11" * 31) + "07")
    secret = bytes.fromhex(key.read_text())
    add = ("members", "delegate", number, "--key", str(key), "--label", "secretariat-1", "--scope", "vote")
    page = mayor.run(*add)
    added = next(one for one in page["accounts"] if one["label"] == "secretariat-1")
    assert added["address"] == "0x" + Account(secret).address.hex()
    assert added["scopes"] == ["vote"]
    mayor.run("members", "delegate", number, "--account", added["address"], "--credits")
    founders.granted(added["address"])
    # An account belongs to one organisation, once; and its key is nowhere in any home.
    assert "members: " in mayor.run(*add, status=1)["error"]
    homes = (mayor.town.platform.home, mayor.home, secretary.home)
    files = [path.read_bytes() for home in homes for path in home.rglob("*") if path.is_file()]
    assert not [content for content in files if secret in content or secret.hex().encode() in content]


def votes_from_a_terminal(secretary: Terminal, folder: Path, founders: Founders) -> None:
    """5. It proposes another rule, votes, and executes it."""
    town = secretary.town
    sign = ("--key", str(folder / "delegate.key"), "--yes")
    rule = {"organisation_kind": 4, "country": "", "offices": 32, "evidence": 3, "tier": 1, "college": 0}
    text = folder / "proposal.txt"
    text.write_text("Accueillir les associations sur mandat\n\nPour savoir qui parle en leur nom.\n")
    opens = town.now() + founders.lead
    act = ["--act", "Admissions.set_rule", *(part for name in rule for part in ("--set", f"{name}={rule[name]}"))]
    moments = ("--opens", str(opens), "--closes", str(opens + founders.lead))
    secretary.run("votes", "propose", str(text), *sign, *act, *moments)
    call = Admissions(ADMISSIONS).set_rule(4, b"\0\0", (True, 32, 3, 1, 0))
    (made,) = secretary.run("votes", "show", "1")["calls"]
    assert made["data"] == "0x" + call.data.hex()
    early = secretary.run("votes", "cast", "1", "for", *sign, status=1)
    assert "not open" in early["error"]
    town.pass_time(opens - town.now() + 1)
    secretary.run("votes", "cast", "1", "for", *sign)
    for key in founders.keys:
        secretary.run("votes", "cast", "1", "for", "--key", str(key), "--yes")
    assert "governance" in secretary.run("votes", "execute", "1", *sign, status=1)["error"]
    town.pass_time(opens + founders.lead + LOCK - town.now())
    secretary.run("votes", "execute", "1", *sign)
    eventually(lambda: secretary.run("votes", "show", "1")["state"] == "executed")

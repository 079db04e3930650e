# SPDX-License-Identifier: Apache-2.0
"""Votes lead Governance to a contract of the same law, which is read, then to another law, and Members elsewhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx

from maillon.ledger.abi import Call
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.founding import Statutes, Terms
from maillon.ledger.genesis import DIRECTORY, name_word
from maillon.ledger.port import Address
from maillon.ledger.reading import reading
from maillon.ledger.signing import Account
from other_contracts import governance, members, of_another_law
from running_platform import ROOT, Start, maillon
from town import Town, eventually, platform_with_clock, run

SOON = Statutes(Terms(2_500, 1, 2, 60, 5), Terms(5_000, 2, 3, 60, 10), Terms(3_334, 2, 3, 30, 0), notice=0)


async def sent(url: str, key: bytes, data: bytes, to: Address | None = None) -> Address | None:
    """The address of the contract that a transaction made, if it made one."""
    async with reading(f"{url}/rpc") as ledger:
        receipt = await ledger.wait(await ledger.send(to, data, Account(key)))
    return receipt.contract


def raw(call: Call[object]) -> tuple[str, str]:
    return ("--call", f"0x{call.to.hex()} 0x{call.data.hex()}")


class Alliance:
    """One member that decides alone, and the clock of its platform."""

    def __init__(self, town: Town, text: Path) -> None:
        self.town, self.text = town, text
        keys = town.platform.home / "keys"
        self.sign = ("--key", str(keys / "account-steward.hex"), "--yes")
        self._other = bytes.fromhex((keys / "account-sandbox.hex").read_text().strip())

    def send(self, data: bytes, to: Address | None = None) -> Address | None:
        return asyncio.run(sent(self.town.platform.url, self._other, data, to))

    def decide(self, number: int, *calls: Call[object]) -> None:
        """Put calls to the vote, for them, and have them done."""
        opens = self.town.now() + 60
        moments = ("--kind", "constitutional", "--opens", str(opens), "--closes", str(opens + 600))
        asked = [part for call in calls for part in raw(call)]
        run(self.town, "votes", "propose", str(self.text), *self.sign, *asked, *moments)
        self.town.pass_time(opens - self.town.now() + 1)
        run(self.town, "votes", "cast", str(number), "for", *self.sign)
        self.town.pass_time(700)
        run(self.town, "votes", "execute", str(number), *self.sign)
        eventually(lambda: run(self.town, "votes", "show", str(number))["state"] == "executed")


def test_votes_go_on_with_a_successor_and_say_so_of_another_law(starting: Start, tmp_path: Path) -> None:
    clock, text = tmp_path / "clock", tmp_path / "proposal.txt"
    text.write_text("Une autre Governance\n")
    town = Town(platform_with_clock(starting, tmp_path / "home", clock), clock, "en")
    alliance, directory, name = Alliance(town, text), Directory(DIRECTORY), name_word("Governance")
    successor = alliance.send(governance(SOON))
    assert successor is not None
    alliance.decide(1, directory.point(name, successor), directory.offer_governance(successor))
    alliance.send(Governance(successor).take_seat().data, successor)
    # The successor's votes are listed before those of block zero's, and it decides: another law follows it.
    home, url = ("--home", str(town.platform.home)), ("--url", town.platform.url)
    assert json.loads(maillon("status", *home, *url, "--json").stdout)["status"] == "ready"
    other = alliance.send(of_another_law("Governance"))
    assert other is not None
    register = alliance.send(members())
    assert register is not None
    alliance.decide(1_000_001, directory.point(name, other), directory.point(name_word("Members"), register))
    listed = run(town, "votes", "list", "--show", "all")
    taken = [(each["number"], each["governance"]["number"], each["governance"]["succession"])
             for each in listed["proposals"]]  # fmt: skip
    assert taken == [(1_000_001, 1, 1), (1, 1, 0)]
    # Of a law it does not know the platform says so, and reads no vote; everything decided is there.
    eventually(lambda: maillon("status", *home, *url).returncode == 1)
    told = json.loads(maillon("status", *home, *url, "--json").stdout)
    assert told["status"] == "degraded"
    assert other.hex() in told["votes"]["failure"]
    assert register.hex() in told["members"]["failure"]
    assert run(town, "votes", "list", "--show", "all")["unread"].lower() == "0x" + other.hex()
    assert run(town, "members", "list")["moved_to"].lower() == "0x" + register.hex()
    for page, words in (
        ("en/votes", "cannot read"),
        ("fr/votes", "ne sait pas lire"),
        ("en/votes/1", "Votes are taken elsewhere now"),
        ("fr/votes/1000001", "Les votes se tiennent désormais ailleurs"),
        ("en/votes/1000001", "Another register of members"),
        ("fr/members", "désormais un autre contrat"),
    ):
        assert words in httpx.get(f"{town.platform.url}/{page}").text
    refused = run(town, "votes", "propose", str(text), *alliance.sign, status=1)
    assert other.hex() in refused["error"]
    # Exported from the server and from the node alike, both contracts' votes are counted, and the third is named.
    mine, theirs = tmp_path / "mine.json", tmp_path / "theirs.json"
    run(town, "votes", "export", str(theirs))
    node = ("--rpc", f"{town.platform.url}/rpc")
    assert maillon("votes", "export", str(mine), *node).returncode == 0
    counted = json.loads(maillon("votes", "recount", str(mine), "--compare", str(theirs), "--json").stdout)
    # The export ends before another register says who votes.
    states = [(each["number"], each["state"]) for each in counted["votes"]]
    assert states == [(1, "executed"), (1_000_001, "executable")]
    assert counted["other_register"]["address"] == "0x" + register.hex()
    assert register.hex() in maillon("votes", "recount", str(mine)).stdout
    assert counted["unread"] == ["0x" + other.hex()]
    assert counted["compared"]["differences"] == []
    # Made anew from the chain it is the same.
    before = [run(town, "votes", "show", number) for number in ("1", "1000001")]
    town.platform.stop()
    assert maillon("reindex", *home, "--json").returncode == 0
    again = Town(starting(town.platform.home, program=(str(ROOT / "tests/moved_clock.py"), str(clock))), clock, "en")
    eventually(lambda: len(run(again, "votes", "list", "--show", "all")["proposals"]) == 2)
    after = [run(again, "votes", "show", number) for number in ("1", "1000001")]
    assert [{**each, "read_at": 0} for each in after] == [{**each, "read_at": 0} for each in before]

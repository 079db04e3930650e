# SPDX-License-Identifier: Apache-2.0
"""A vote leads Governance to another contract: votes of before stay, nothing is signed, and the platform says so."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from maillon.ledger.abi import constructor
from maillon.ledger.founding import Statutes
from maillon.ledger.genesis import DIRECTORY
from maillon.ledger.reading import reading
from maillon.ledger.signing import Account
from running_platform import ROOT, Start, maillon
from town import Town, eventually, platform_with_clock, run

STATUTES = "((uint256,uint256,uint256,uint256,uint256)[3],uint256,uint256,uint256,bool,uint256[8])"


async def deployed(url: str, key: bytes) -> str:
    """The address of a second Governance."""
    code = constructor("governance", ("address", STATUTES), (DIRECTORY, Statutes().as_argument()))
    async with reading(f"{url}/rpc") as ledger:
        receipt = await ledger.wait(await ledger.send(None, code, Account(key)))
    assert receipt.contract is not None
    return "0x" + receipt.contract.hex()


def test_a_vote_moves_governance_and_no_history_is_lost(starting: Start, tmp_path: Path) -> None:
    clock, text = tmp_path / "clock", tmp_path / "proposal.txt"
    town = Town(platform_with_clock(starting, tmp_path / "home", clock), clock, "en")
    keys = town.platform.home / "keys"
    sign = ("--key", str(keys / "account-steward.hex"), "--yes")
    successor = asyncio.run(
        deployed(town.platform.url, bytes.fromhex((keys / "account-sandbox.hex").read_text().strip()))
    )
    text.write_text("Une autre loi des votes\n")
    act = ("--act", "Directory.point", "--set", "name=Governance", "--set", f"target={successor}")
    opens = town.now() + 60
    moments = ("--kind", "constitutional", "--opens", str(opens), "--closes", str(opens + 600))
    run(town, "votes", "propose", str(text), *sign, *act, *moments)
    town.pass_time(opens - town.now() + 1)
    run(town, "votes", "cast", "1", "for", *sign)
    town.pass_time(700)
    run(town, "votes", "execute", "1", *sign)
    eventually(lambda: run(town, "votes", "show", "1")["state"] == "executed")
    # The platform says what it does not follow; what was decided is read as before, and nothing can be signed.
    home, url = ("--home", str(town.platform.home)), ("--url", town.platform.url)
    eventually(lambda: maillon("status", *home, *url).returncode == 1)
    told = json.loads(maillon("status", *home, *url, "--json").stdout)
    assert told["status"] == "degraded"
    assert successor in told["votes"]["failure"]
    assert "Governance" in maillon("status", *home, *url).stdout
    refused = run(town, "votes", "propose", str(text), *sign, *moments, status=1)
    assert successor in refused["error"]
    # Made anew from the chain it is the same.
    before = run(town, "votes", "show", "1")
    town.platform.stop()
    assert maillon("reindex", *home, "--json").returncode == 0
    again = Town(starting(town.platform.home, program=(str(ROOT / "tests/moved_clock.py"), str(clock))), clock, "en")
    eventually(lambda: run(again, "votes", "list", "--show", "all")["proposals"] != [])
    after = run(again, "votes", "show", "1")
    assert {**after, "read_at": 0} == {**before, "read_at": 0}

# SPDX-License-Identifier: Apache-2.0
"""The town's journey on a network of four organisations: the same commands, the same pages, real time.

What an operator does before is done here as the pages say it: the accounts of the platform are named in the founding
file, and sent credits by the two commands. Nobody moves a clock: validators keep their own.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from local_network import LocalNetwork, LocalNode, governed, until
from maillon.ledger.founding import KINDS, SCOPES, AdmissionRule, Founding, FoundingAccount
from maillon.ledger.port import Address
from maillon.network.identity import NodeCard
from post_office import PostOffice
from running_platform import Running, Start, maillon
from town import Town, person
from town_by_commands import Founders, by_commands
from town_in_a_browser import in_a_browser

PATIENCE = 240
LEAD = 90
"""Seconds in which three commands are done on a busy machine."""


@dataclasses.dataclass
class TownOfANetwork(Town):
    """Whose time passes as everybody's does."""

    node: LocalNode | None = None

    def now(self) -> int:
        """The time of the chain: what it has not come to has not happened."""
        assert self.node is not None
        return int(self.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def pass_time(self, seconds: int) -> None:
        end = self.now() + seconds
        assert until(lambda: self.now() >= end, seconds + PATIENCE, pause=0.5), "no blocks come"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Sockets need short paths."""
    with tempfile.TemporaryDirectory(prefix="maillon-") as made:
        yield Path(made)


@pytest.fixture
def home(folder: Path) -> Path:
    made = folder / "platform"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def network(engine_programs: Path, folder: Path, home: Path) -> Iterator[LocalNetwork]:
    said = maillon("accounts", "--home", str(home), "--json")
    assert said.returncode == 0, said.stderr
    accounts = {name: Address(bytes.fromhex(text[2:])) for name, text in json.loads(said.stdout).items()}

    def founding(cards: Sequence[NodeCard]) -> Founding:
        """The first founder's platform publishes and admits, whomever an admission officer answers for."""
        made = governed(cards)
        first, *others = made.organisations
        publishes, admits = SCOPES["publish"], SCOPES["admission officer"]
        own = (FoundingAccount(accounts["notary"], publishes), FoundingAccount(accounts["office"], admits))
        first = dataclasses.replace(first, accounts=(*first.accounts, *own))
        rules = tuple(AdmissionRule(kind, "", admits, 1, tier=1) for kind in range(len(KINDS)))
        return dataclasses.replace(made, organisations=(first, *others), rules=rules)

    with LocalNetwork(folder / "network", engine_programs, founding=founding) as made:
        made.start()
        yield made


@pytest.fixture
def mail() -> Iterator[PostOffice]:
    """A real mail server on loopback."""
    opened = PostOffice()
    yield opened
    opened.stop()


def platform_on(node: LocalNode, home: Path, starting: Start, **settings: str) -> Running:
    """A platform on a node; its two accounts have credits, of that node's operator."""
    lines = [f'{name} = "{value}"' for name, value in settings.items()]
    (home / "settings.toml").write_text("\n".join(["log_in_rate = 1000", f'ledger = "{node.url}"', *lines]) + "\n")
    made = starting(home, command=("up", "--port", "0"), within=300)
    for of in ((), ("--office",)):
        consent = maillon("consent", "1", *of, "--ledger", node.url, "--home", str(home))
        (line,) = re.findall(r"^maillon (node delegate .*)$", consent.stdout, re.MULTILINE)
        given = maillon(*line.split(), "--home", str(node.home.path.parent))
        assert given.returncode == 0, given.stdout + given.stderr
    return made


def founders_of(network: LocalNetwork) -> Founders:
    """Two of them vote for what the town proposes."""
    node = network.nodes[0]

    def granted(account: str) -> None:
        """A member's first credits come with the next period, to the account it chose."""
        assert until(lambda: int(node.rpc("eth_getBalance", account, "latest"), 16), PATIENCE), f"{account} has none"

    return Founders(node.url, [each.home.keys / "account-operator.hex" for each in network.nodes[1:3]], LEAD, granted)


def test_a_small_town_by_the_command_line_alone_on_a_network(
    network: LocalNetwork, home: Path, mail: PostOffice, starting: Start, tmp_path: Path
) -> None:
    node = network.nodes[0]
    platform = platform_on(node, home, starting, smtp=mail.start())
    town = TownOfANetwork(platform, tmp_path / "no-clock", "fr", node=node)
    by_commands(town, mail, tmp_path, founders_of(network))
    network.check_same()


@pytest.fixture
def town(network: LocalNetwork, home: Path, starting: Start, tmp_path: Path) -> Town:
    """Whose letters the platform keeps, for want of a mail server."""
    node = network.nodes[0]
    return TownOfANetwork(platform_on(node, home, starting), tmp_path / "no-clock", "en", node=node)


@pytest.fixture
def office(browser: Browser, town: Town) -> Iterator[Page]:
    yield from person(browser, town)


@pytest.fixture
def mayor(browser: Browser, town: Town) -> Iterator[Page]:
    yield from person(browser, town)


@pytest.fixture
def secretary(browser: Browser, town: Town) -> Iterator[Page]:
    yield from person(browser, town)


@pytest.mark.long
def test_a_small_town_in_a_browser_on_a_network(  # noqa: PLR0917 - where it comes to, and its people
    network: LocalNetwork, town: Town, office: Page, mayor: Page, secretary: Page, tmp_path: Path
) -> None:
    in_a_browser(town, office, mayor, secretary, tmp_path, founders_of(network))
    network.check_same()

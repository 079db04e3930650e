# SPDX-License-Identifier: Apache-2.0
"""An alliance of two on the embedded ledger with the real contracts: an office that may admit, and a bank."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alliance import OFFICE, Alliance, Invitations, Letters, enter_bank, enter_office, live, open_alliance
from maillon.kit.clock import FixedClock
from maillon.kit.encryption import Encryption
from maillon.kit.keys import Keys
from maillon.kit.mail import Outbox
from maillon.kit.notices import Notices
from maillon.kit.store import Store
from maillon.kit.webhooks import Receiver, Webhooks
from maillon.services.members.service import MembersService
from maillon.services.members.store import PrivateStore

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
if str(CONTRACTS) not in sys.path:
    # The EVM that the tests of the contracts made.
    sys.path.insert(0, str(CONTRACTS))


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Chains made once and copied: one with the office and the bank, one in which a town has lived."""
    young, lived = tmp_path_factory.mktemp("young"), tmp_path_factory.mktemp("lived")

    async def make() -> None:
        async with open_alliance(young) as opened:
            await enter_office(opened)
            await enter_bank(opened)
        shutil.copytree(young, lived, dirs_exist_ok=True)
        async with open_alliance(lived) as opened:
            await live(opened)

    asyncio.run(make())
    return {"young": young, "lived": lived}


@pytest.fixture
async def alliance(chains: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Alliance]:
    """The office (1) and the bank (2); with the mark `lived`, the town (3) too."""
    which = "lived" if request.node.get_closest_marker("lived") else "young"
    shutil.copytree(chains[which], tmp_path / "chain")
    async with open_alliance(tmp_path / "chain") as opened:
        yield opened


@pytest.fixture
def private(tmp_path: Path) -> PrivateStore:
    return PrivateStore(Encryption.open(Keys(tmp_path / "keys")))


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def invitations() -> Invitations:
    return Invitations()


@pytest.fixture
def outbox(store: Store, tmp_path: Path, letters: Letters, clock: FixedClock) -> Outbox:
    return Outbox(store, clock, Encryption.open(Keys(tmp_path / "keys")), letters, "Maillon <office@maillon.example>")


@pytest.fixture
def notices(tmp_path: Path, clock: FixedClock) -> Notices:
    return Notices(clock, Encryption.open(Keys(tmp_path / "keys")))


@pytest.fixture
def webhooks(store: Store, tmp_path: Path, clock: FixedClock) -> Webhooks:
    return Webhooks(
        store, clock, Encryption.open(Keys(tmp_path / "keys")), [Receiver("https://receiver.example", bytes(32))]
    )


@pytest.fixture
def service(  # noqa: PLR0917 - the collaborators
    alliance: Alliance,
    store: Store,
    private: PrivateStore,
    outbox: Outbox,
    notices: Notices,
    webhooks: Webhooks,
    invitations: Invitations,
    clock: FixedClock,
) -> MembersService:
    return MembersService(
        store,
        private,
        alliance.contract,
        invitations,  # type: ignore[arg-type]
        outbox,
        notices,
        webhooks,
        clock,
        office=OFFICE,
        public_url="https://maillon.example",
        network="Test",
    )

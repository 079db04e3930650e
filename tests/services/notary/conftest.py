# SPDX-License-Identifier: Apache-2.0
"""A notary in a box: real database, real files, real keys; the ledger is a double that can be told to be away."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from maillon.evidence.note import NoteSigner
from maillon.kit import problems
from maillon.kit.access import NOTARY_WRITE, Access
from maillon.kit.clock import FixedClock, SystemClock
from maillon.kit.keys import Keys
from maillon.kit.page import Renderer
from maillon.kit.store import Store
from maillon.services.notary import Authority, NotaryError, NotaryService
from maillon.services.notary.api import router
from maillon.services.notary.contract import AnchoredCheckpoint
from maillon.services.notary.errors import AnchorUnavailable, LogForked

ORIGIN = "log.test"
VECTORS = Path(__file__).resolve().parents[3] / "vectors"
ANCHOR: dict[str, Any] = json.loads((VECTORS / "ledger/minutes.txt.receipt.json").read_text())["anchor"]
"""A real proof, of another checkpoint: receipts made here can be read, and do not verify beyond the log."""


class MemoryContract:
    """`LogContract` without a ledger: the law of Anchors, one block for each anchor."""

    def __init__(self) -> None:
        self.anchored: list[AnchoredCheckpoint] = []
        self.away = False
        self.happened_anyway = False
        """When away: whether the transaction arrives all the same."""

    def _ask(self) -> None:
        if self.away:
            raise AnchorUnavailable("the ledger is away")

    async def register(self) -> None:
        self._ask()

    async def newest(self) -> AnchoredCheckpoint | None:
        self._ask()
        return self.anchored[-1] if self.anchored else None

    async def anchor(self, size: int, root: bytes) -> int:
        if self.anchored and self.anchored[-1].size > size:
            raise LogForked("the ledger holds more")
        if self.anchored and self.anchored[-1].size == size:
            self._ask()
            if self.anchored[-1].root != root:
                raise LogForked("another root")
            return self.anchored[-1].height
        if not self.away or self.happened_anyway:
            self.anchored.append(AnchoredCheckpoint(size, root, len(self.anchored) + 1))
        self._ask()
        return self.anchored[-1].height

    async def prove(self, _height: int) -> dict[str, Any]:
        self._ask()
        return dict(ANCHOR)

    async def history(self) -> AsyncIterator[AnchoredCheckpoint]:
        self._ask()
        for anchored in self.anchored:
            yield anchored


@pytest.fixture
def signer() -> NoteSigner:
    return NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    now = datetime.datetime.now(datetime.UTC)
    key, certificate = Keys(tmp_path / "keys").authority("test", now)
    return Authority(key, certificate, SystemClock(), tmp_path / "authority.time")


@pytest.fixture
def contract() -> MemoryContract:
    return MemoryContract()


class Box:
    """Makes services over the same database, files and ledger, as restarts do."""

    def __init__(self, store: Store, directory: Path, signer: NoteSigner, authority: Authority, contract: Any) -> None:
        self.store = store
        self.directory = directory
        self.signer = signer
        self.authority = authority
        self.contract = contract

    def make(self, **options: Any) -> NotaryService:
        return NotaryService(
            **{
                "store": self.store,
                "directory": self.directory,
                "signer": self.signer,
                "authority": self.authority,
                "contract": self.contract,
                "clock": SystemClock(),
                "interval": 0.05,
                "linger": 0.001,
            }
            | options
        )

    @contextlib.asynccontextmanager
    async def run(self, **options: Any) -> AsyncIterator[NotaryService]:
        service = self.make(**options)
        await service.start()
        try:
            yield service
        finally:
            await service.stop()


@pytest.fixture
def box(store: Store, tmp_path: Path, signer: NoteSigner, authority: Authority, contract: MemoryContract) -> Box:
    return Box(store, tmp_path / "log", signer, authority, contract)


@pytest.fixture
async def service(box: Box) -> AsyncIterator[NotaryService]:
    async with box.run() as running:
        yield running


@pytest.fixture
async def http(service: NotaryService, store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the routes that holds a key."""
    access = Access(store, SystemClock())
    with store.transaction() as connection:
        _, key = access.create(connection, "Ville d'Essai", [NOTARY_WRITE])
    app = FastAPI()
    problems.install(app, NotaryError, present=Renderer().problem)
    app.router.routes += router(service, access).routes
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://notary.test", headers=headers) as client:
        yield client

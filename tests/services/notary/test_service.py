# SPDX-License-Identifier: Apache-2.0
"""The notary over its life: restarts, a ledger that is away, damage that must halt it, and the rebuilt read model."""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import time
from typing import Any

import pytest

from maillon.evidence.hashing import sha256
from maillon.evidence.merkle import consistency_proof, verify_consistency
from maillon.kit.settings import Settings
from maillon.services.notary import NotaryService
from maillon.services.notary import store as tables
from maillon.services.notary.contract import AnchoredCheckpoint
from maillon.services.notary.errors import DamagedLog, Halted, LogInconsistent, Stopping, UnknownEntry
from maillon.services.notary.log import Boundary
from maillon.services.notary.model import Append, EntryState


def some(count: int = 1, subject: str = "tester") -> Append:
    return Append(0, os.urandom(32 * count), count, subject)


async def test_many_at_once_share_transactions_and_get_each_index_once(box: Any) -> None:
    async with box.run() as service:
        appends = [some(1 + number % 3, f"subject {number % 4}") for number in range(300)]
        answers = await asyncio.gather(*(service.append(append) for append in appends))
        indexes = [answer.first + i for answer in answers for i in range(answer.count)]
        assert sorted(indexes) == list(range(len(indexes)))
        for append, answer in zip(appends, answers, strict=True):
            assert (await service.entry(answer.first)).payload == append.payloads[:32]


async def test_a_restart_goes_on_where_it_was(box: Any) -> None:
    async with box.run() as service:
        for _ in range(3):
            last = await service.append(some(100))
            assert await service.wait_anchored(last.first, 10)
        old = (await service.checkpoints())[0]
    async with box.run() as service:
        appended = await service.append(some(200))
        assert appended.first == 300
        assert await service.wait_anchored(499, 10)
        new = (await service.checkpoints())[0]
        reader = service.published.reader(new.size)
        proof = consistency_proof(old.size, new.size, reader.node)
        verify_consistency(old.size, new.size, proof, old.root, new.root)
        assert (await service.entry(0)).state is EntryState.ANCHORED


async def test_checkpoints_are_an_interval_apart_however_much_comes(box: Any) -> None:
    interval, made = 0.1, list[float]()
    start = time.monotonic()

    def crossed(boundary: Boundary) -> None:
        if boundary is Boundary.STAGED:
            made.append(time.monotonic())

    async with box.run(interval=interval, faults=crossed) as service:
        while len(made) < 6:
            await service.append(some())
    # None begins before the intervals of those before it are over: later than that is the machine's business.
    assert all(moment >= start + interval * before for before, moment in enumerate(made[:6]))


def test_checkpoints_are_a_second_apart_unless_it_is_said_otherwise() -> None:
    assert Settings.model_fields["checkpoint_interval"].default == 1.0
    assert inspect.signature(NotaryService).parameters["interval"].default == 1.0


async def test_what_was_taken_before_a_stop_is_kept(box: Any) -> None:
    service = box.make(interval=5.0)
    await service.start()
    waiting = [asyncio.ensure_future(service.append(some())) for _ in range(10)]
    await asyncio.sleep(0)
    await service.stop()
    assert sorted([(await one).first for one in waiting]) == list(range(10))
    with pytest.raises(Stopping):
        await service.append(some())
    async with box.run() as again:
        assert (await again.status()).next_index == 10


async def test_whoever_waits_for_a_receipt_is_answered_when_the_service_is_about_to_end(
    box: Any, contract: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maillon.services.notary.service.retry_delay", lambda _failures: 0.01)
    contract.away = True
    async with box.run() as service:
        await service.append(some(1))
        waiting = asyncio.create_task(service.wait_anchored(0, 3600))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        service.answer_waiting()
        assert await asyncio.wait_for(waiting, 60) is False
        assert not await service.wait_anchored(0, 3600)
        contract.away = False


@pytest.mark.parametrize("happened_anyway", [False, True])
async def test_a_ledger_that_is_away_delays_receipts_and_nothing_else(
    box: Any, contract: Any, monkeypatch: pytest.MonkeyPatch, *, happened_anyway: bool
) -> None:
    monkeypatch.setattr("maillon.services.notary.service.retry_delay", lambda _failures: 0.01)
    contract.away, contract.happened_anyway = True, happened_anyway
    async with box.run() as service:
        await service.append(some(5))
        assert not await service.wait_anchored(4, 0.3)
        status = await service.status()
        assert (status.size, status.anchored_size) == (5, 0)
        assert status.anchoring_failure
        contract.away = False
        assert await service.wait_anchored(4, 10)
        half = await service.receipt(4)
        assert half is not None
    assert [anchored.size for anchored in contract.anchored] == [5]


async def test_a_ledger_that_holds_another_log_halts_ours(box: Any, contract: Any) -> None:
    contract.anchored.append(AnchoredCheckpoint(1000, sha256(b"another"), 1))
    async with box.run() as service:
        await service.append(some())
        async with asyncio.timeout(60):
            while service.halted is None:
                await service.wait_anchored(0, 0.01)
        with pytest.raises(Halted, match="holds more"):
            await service.append(some())
        size = (await service.status()).size
    # The sequencer, which found nothing wrong, neither forgot the reason nor went on: not even at the end.
    assert service.halted is not None
    assert "holds more" in service.halted
    assert (await service.status()).size == size


@pytest.mark.parametrize("failing", [Boundary.STAGED, Boundary.COMMITTED, Boundary.PUBLISHED, Boundary.CLEANED])
async def test_a_step_that_fails_is_recovered_by_the_next(box: Any, failing: Boundary) -> None:
    failures = 1

    def fault(boundary: Boundary) -> None:
        nonlocal failures
        if boundary == failing and failures:
            failures -= 1
            raise OSError(28, "No space left on device")

    async with box.run(faults=fault) as service:
        for _ in range(4):
            last = await service.append(some(70))
        assert await service.wait_anchored(last.first + 69, 10)
        assert (await service.status()).failure is None
    assert not failures


async def test_tiles_that_contradict_the_checkpoint_stop_the_start(box: Any) -> None:
    async with box.run() as service:
        await service.append(some(3))
        assert await service.wait_anchored(2, 10)
    (box.directory / "tile/0/000.p/3").write_bytes(bytes(96))
    with pytest.raises(LogInconsistent, match="do not lead to the root"):
        await box.make().start()
    shutil.rmtree(box.directory)
    with pytest.raises(LogInconsistent, match="no checkpoint"):
        await box.make().start()


async def test_a_damaged_staging_file_stops_the_start(box: Any) -> None:
    (box.directory / "staging").mkdir(parents=True)
    (box.directory / "staging" / "5").write_bytes(b"half")
    with pytest.raises(LogInconsistent, match="damaged"):
        await box.make().start()


async def test_the_read_model_is_rebuilt_with_the_same_result(box: Any) -> None:
    async with box.run() as service:
        for _ in range(3):
            last = await service.append(some(150))
            assert await service.wait_anchored(last.first + 149, 10)
    with box.store.read() as session:
        before = list(tables.dump_read_model(session))
    with box.store.transaction() as session:
        tables.clear_read_model(session)
    assert await box.make().reindex() == 450
    with box.store.read() as session:
        assert list(tables.dump_read_model(session)) == before
    async with box.run() as service:
        assert (await service.append(some())).first == 450


async def test_reindex_does_not_believe_a_damaged_log(box: Any) -> None:
    async with box.run() as service:
        await service.append(some(5))
        assert await service.wait_anchored(4, 10)
    bundle = box.directory / "tile/entries/000.p/5"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"\xff")
    with pytest.raises(LogInconsistent, match="bundle 0"):
        await box.make().reindex()
    (box.directory / "checkpoint").unlink()
    with pytest.raises(LogInconsistent, match="its files are gone"):
        await box.make().reindex()


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/0/000"])
async def test_what_a_damaged_file_should_prove_is_not_handed_out(box: Any, path: str) -> None:
    async with box.run() as service:
        await service.append(some(300))
        assert await service.wait_anchored(299, 10)
        whole = (box.directory / path).read_bytes()
        changed = bytearray(whole)
        changed[70] ^= 1
        for damage in (bytes(changed), whole[:100], b""):
            (box.directory / path).write_bytes(damage)
            with pytest.raises(DamagedLog, match="do not prove entry 1"):
                await service.receipt(1)
        assert await service.receipt(299) is not None
        (box.directory / path).unlink()
        with pytest.raises(DamagedLog, match="do not prove entry 1"):
            await service.receipt(1)
        (box.directory / path).write_bytes(whole)
        assert await service.receipt(1) is not None


async def test_a_log_without_the_partial_tiles_of_before_proves_the_same(box: Any) -> None:
    """A restored log has the partial tiles of its newest size alone."""
    async with box.run() as service:
        for size in (70, 140):
            await service.append(some(70))
            assert await service.wait_anchored(size - 1, 10)
        before = await service.receipt(69)
        for path in ("tile/0/000.p/70", "tile/entries/000.p/70"):
            (box.directory / path).unlink()
        assert await service.receipt(69) == before
        assert service.published.read("tile/0/000.p/70") == service.published.read("tile/0/000.p/140")[: 70 * 32]
        with pytest.raises(FileNotFoundError):
            service.published.read("tile/0/000.p/141")


async def test_an_entry_nobody_made(box: Any) -> None:
    async with box.run() as service:
        for question in (service.entry, service.receipt):
            with pytest.raises(UnknownEntry):
                await question(0)

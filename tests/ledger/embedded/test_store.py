# SPDX-License-Identifier: Apache-2.0
"""The store under bad weather: two owners, a newer writer, damage, another genesis, a map too small, a full disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from embedded_network import GWEI, STORE, Network, accounts_of_tests, genesis_of_tests, key_of_tests

from maillon.kit.clock import FixedClock
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.embedded.store import BLOCKS, CONSENSUS, META, STATE, Store, examine, number_key
from maillon.ledger.errors import CorruptStore, NewerStore, StoreInUse, Unavailable
from maillon.ledger.genesis import make_genesis
from maillon.ledger.port import Address

THERE = Address(b"\x77" * 20)


@pytest.fixture
def broken(tmp_path: Path, clock: FixedClock) -> Callable[[bytes, bytes, bytes | None], Path]:
    """A home whose store was changed behind the chain's back."""
    chain = Chain.open(tmp_path, genesis_of_tests(), key_of_tests(), clock)
    state_root = chain.head().state_root
    chain.close()

    def damage(table: bytes, key: bytes, value: bytes | None) -> Path:
        store = Store(tmp_path / "ledger")
        place = state_root if key == b"state root" else key
        if value is None:
            store.write("damage", lambda writing: writing.delete(table, place))
        else:
            store.write("damage", lambda writing: writing.put(table, place, value))
        store.close()
        return tmp_path

    return damage


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        (STATE, b"state root", None),
        (CONSENSUS, number_key(1), None),
        (CONSENSUS, number_key(1), b"{}"),
        (BLOCKS, number_key(0), b"\xc0"),
        (BLOCKS, number_key(5), b"\xc0"),
        (META, b"genesis", b"other"),
        (META, b"format", b"?"),
    ],
)
def test_a_store_that_contradicts_itself_is_refused(
    broken: Callable[[bytes, bytes, bytes | None], Path],
    table: bytes,
    key: bytes,
    value: bytes | None,
    clock: FixedClock,
) -> None:
    home = broken(table, key, value)
    with pytest.raises(CorruptStore):
        Chain.open(home, genesis_of_tests(), key_of_tests(), clock)
    # The refusal let go of the lock: it says the same again, not that the store is in use.
    with pytest.raises(CorruptStore):
        Chain.open(home, genesis_of_tests(), key_of_tests(), clock)


def test_a_store_read_through(tmp_path: Path, clock: FixedClock) -> None:
    chain = Chain.open(tmp_path, genesis_of_tests(), key_of_tests(), clock)
    chain.close()
    examine(tmp_path / "ledger")
    store = Store(tmp_path / "ledger")
    with store.read() as reading:
        key, node = next(iter(reading.items(STATE)))
    store.write("damage", lambda writing: writing.put(STATE, key, bytes([node[0] ^ 1]) + node[1:]))
    store.close()
    with pytest.raises(CorruptStore, match=f"its hash {key.hex()} says"):
        examine(tmp_path / "ledger")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("within", [0, 1])
def test_a_store_cut_short_is_refused(tmp_path: Path, clock: FixedClock, part: float, within: int) -> None:
    """At the border of two pages, and within a page."""
    Chain.open(tmp_path, genesis_of_tests(), key_of_tests(), clock).close()
    file = tmp_path / "ledger" / "data.mdb"
    page = os.sysconf("SC_PAGE_SIZE")
    os.truncate(file, int(file.stat().st_size * part) // page * page + within)
    for _ in range(2):
        with pytest.raises(CorruptStore, match="damaged"):
            Chain.open(tmp_path, genesis_of_tests(), key_of_tests(), clock)


def test_a_newer_store_is_refused(broken: Callable[[bytes, bytes, bytes | None], Path], clock: FixedClock) -> None:
    home = broken(META, b"format", b"2")
    with pytest.raises(NewerStore, match="format 2"):
        Chain.open(home, genesis_of_tests(), key_of_tests(), clock)


def test_a_file_of_noise_is_refused(tmp_path: Path, clock: FixedClock) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "data.mdb").write_bytes(os.urandom(65_536))
    with pytest.raises(CorruptStore):
        Chain.open(tmp_path, genesis_of_tests(), key_of_tests(), clock)


def test_one_home_has_one_process(network: Network) -> None:
    with pytest.raises(StoreInUse):
        Chain.open(network.home, network.genesis, network.key, network.clock)


def test_another_key_or_genesis_is_refused(network: Network) -> None:
    network.chain.close()
    with pytest.raises(CorruptStore, match="validator key"):
        Chain.open(network.home, network.genesis, Ed25519PrivateKey.generate(), network.clock)
    public = network.key.public_key().public_bytes_raw()
    other = make_genesis("Other", 7_700_000_043, 1_750_000_000, [public], {}, THERE)
    with pytest.raises(CorruptStore, match="genesis"):
        Chain.open(network.home, other, network.key, network.clock)
    network.chain = Chain.open(network.home, network.genesis, network.key, network.clock)


def test_the_map_grows_by_itself(open_network: Callable[..., Network]) -> None:
    network = open_network(map_size=256 * 1024)
    contract = network.deploy(STORE)
    for number in range(1, 30):
        network.send(to=contract, data=number.to_bytes(32, "big") + os.urandom(20_000), gas=2_000_000)
        network.chain.seal()
    assert (network.home / "ledger" / "data.mdb").stat().st_size > 256 * 1024
    assert network.chain.storage(contract, 0) == 29
    assert network.chain.storage(contract, 0, 2) == 1
    network.reopen()
    assert network.chain.storage(contract, 0) == 29


class Disk:
    """A boundary that refuses as a full disk does, while told to."""

    def __init__(self) -> None:
        self.full_at = ""

    def __call__(self, name: str) -> None:
        if name == self.full_at:
            raise OSError(28, "No space left on device")


@pytest.mark.parametrize("point", ["admission: before commit", "block: before commit"])
def test_a_full_disk_refuses_whole_and_goes_on_afterwards(open_network: Callable[..., Network], point: str) -> None:
    disk = Disk()
    network = open_network(boundary=disk)
    if point.startswith("block"):
        network.send(to=THERE, value=1)
    disk.full_at = point
    attempt = network.chain.seal if point.startswith("block") else lambda: network.send(to=THERE, value=1)
    with pytest.raises(Unavailable, match="No space left"):
        attempt()
    assert network.chain.head().number == 0
    assert network.chain.pending_count() == (1 if point.startswith("block") else 0)
    disk.full_at = ""
    if not point.startswith("block"):
        network.send(to=THERE, value=1)
    assert network.chain.seal() is not None
    network.reopen()
    assert network.chain.balance(THERE) == 1


def test_a_replacement_the_disk_refused_leaves_the_acknowledged_one(open_network: Callable[..., Network]) -> None:
    disk = Disk()
    network = open_network(boundary=disk)
    first = network.send(to=THERE, value=1, nonce=0)
    second = network.send(to=THERE, value=1, nonce=1)
    disk.full_at = "admission: before commit"
    with pytest.raises(Unavailable):
        network.send(to=THERE, value=9, nonce=0, tip=2 * GWEI, fee=200 * GWEI)
    disk.full_at = ""
    third = network.send(to=THERE, value=1)
    block = network.chain.seal()
    assert block is not None
    assert block.transactions == (first, second, third)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB; where mounting is not permitted the test is skipped and says why."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a tmpfs is not permitted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path, clock: FixedClock) -> None:
    genesis, key = genesis_of_tests(), key_of_tests()
    chain = Chain.open(small_disk, genesis, key, clock)
    network = Network(small_disk, genesis, key, clock, accounts_of_tests(), chain)
    acknowledged = 0

    def fill() -> None:
        nonlocal acknowledged
        for _ in range(200):
            network.send(to=THERE, value=1, data=os.urandom(20_000), gas=2_000_000)
            acknowledged += 1
            network.chain.seal()

    with pytest.raises(Unavailable, match="No space left"):
        fill()
    head = network.chain.head().number
    subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)
    network.chain.seal()
    network.send(to=THERE, value=1)
    network.chain.seal()
    network.reopen()
    assert network.chain.head().number > head
    assert network.chain.balance(THERE) == acknowledged + 1
    network.chain.close()


def test_a_read_only_home_is_said_so(small_disk: Path, clock: FixedClock) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(Unavailable, match="cannot be opened"):
        Chain.open(small_disk, genesis_of_tests(), key_of_tests(), clock)


def test_a_home_that_is_a_file_is_said_so(tmp_path: Path, clock: FixedClock) -> None:
    (tmp_path / "ledger").write_text("not a folder")
    with pytest.raises(Unavailable, match="cannot be opened"):
        Chain.open(tmp_path, genesis_of_tests(), key_of_tests(), clock)

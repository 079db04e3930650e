# SPDX-License-Identifier: Apache-2.0
"""The bridge over an engine made for tests: what it reads, refuses, and tells consensus of validators."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_abi import encode

from maillon.kit.clock import FixedClock
from maillon.ledger.founding import GWEI
from maillon.ledger.genesis import DIRECTORY
from maillon.ledger.port import Address
from maillon.ledger.signing import Account, DynamicFeeTransaction
from maillon.network import abci, rules
from maillon.network.bridge import Bridge, Founder, Observed, OwnKey
from maillon.network.execution import CallRefused, View
from maillon.network.generate import GENERATED, source_hash
from maillon.network.payload import Payload, Withdrawal
from maillon.network.registry import Registry
from maillon.network.rules import Parent
from maillon.network.signatures import LastSignature

NETWORK = b"\x4e" * 20
GAS = 100_000_000
Wish = dict[bytes, int] | None


def key(number: int) -> bytes:
    return bytes([number]) * 32


def node_of(organisation: int) -> bytes:
    """The CometBFT identity of its node."""
    return bytes([organisation]) * 20


def hash_of(number: int) -> bytes:
    return hashlib.sha256(f"block {number}".encode()).digest()


class Engine:
    """An execution engine whose contract wishes for one validator set a block; remembers what was asked of it."""

    def __init__(self, wishes: Sequence[Wish]) -> None:
        self.wishes = list(wishes)
        self.final = 0
        self.read: list[tuple[bytes, int]] = []
        """(block whose state was read, the head at that moment)."""
        self.verdict = "VALID"
        self.pool: tuple[bytes, ...] = ()
        self.tidying = 0
        """How many more payloads come out empty, as while geth's pool is held by something else."""
        self.built = 0
        self.moves = 0
        """How often its head was moved."""
        self.lists: dict[int, Sequence[int] | None] = {}
        """The contract's nodes from a block on, each the number of its keys and its organisation; None: it reverts."""
        self.known: set[bytes] = set()
        """The blocks it has from before a crash."""
        self.given: list[Payload] = []
        """What it was told to execute."""

    def number(self, block_hash: bytes) -> int:
        return next(n for n in range(len(self.wishes) + 3) if hash_of(n) == block_hash)

    async def head(self) -> Parent:
        return Parent(hash_of(self.final), self.final, 1_000 + self.final, GAS)

    async def genesis_hash(self) -> bytes:
        return hash_of(0)

    async def ancestor(self, block_hash: bytes, generations: int) -> bytes:
        return hash_of(self.number(block_hash) - generations)

    async def hash_at(self, number: int) -> bytes:
        return hash_of(number)

    async def views(self, block_hash: bytes, views: Sequence[View]) -> list[bytes | None]:
        self.read.append((block_hash, self.final))
        wish = self.wishes[self.number(block_hash)]
        if views[0].contract == DIRECTORY:
            return [bytes(12) + NETWORK, None]
        if wish is None:
            return [None, None]
        entries = [(each, power, each[0]) for each, power in wish.items()]
        since = max((block for block in self.lists if block <= self.number(block_hash)), default=None)
        listed = () if since is None else self.lists[since]
        if listed is None:
            return [encode(["(bytes32,uint256,uint256)[]"], [entries]), None]
        nodes = [(key(each) * 2, node_of(each), each) for each in listed]
        return [encode(["(bytes32,uint256,uint256)[]"], [entries]), encode(["(bytes,bytes20,uint256)[]"], [nodes])]

    async def build(
        self, parent: Parent, timestamp: int, _withdrawals: Sequence[Withdrawal], transactions: Sequence[bytes] | None
    ) -> Payload:
        self.built += 1
        self.tidying, held = max(0, self.tidying - 1), self.tidying > 0
        return payload(parent.number + 1, timestamp, self.pool if transactions is None and not held else ())

    async def has_transactions(self) -> bool:
        return bool(self.pool)

    async def new_payload(self, payload: Payload) -> tuple[str, str]:
        self.given.append(payload)
        return self.verdict, ""

    async def knows(self, block_hash: bytes) -> bool:
        return block_hash in self.known

    async def set_floor_tip(self, tip: int) -> None:
        self.floor = tip

    async def choose_head(self, block_hash: bytes) -> str:
        self.final = self.number(block_hash)
        self.moves += 1
        return "VALID"


def payload(number: int, timestamp: int, transactions: tuple[bytes, ...] = ()) -> Payload:
    return Payload(
        hash_of(number - 1), rules.FEE_RECIPIENT, bytes(32), bytes(32), bytes(256), rules.PREV_RANDAO, number, GAS, 0,
        timestamp, rules.EXTRA_DATA, 7, hash_of(number), transactions, (), 0, rules.EXCESS_BLOB_GAS, (),
    )  # fmt: skip


def bridge_of(engine: Engine, first: dict[bytes, int], founders: Sequence[Founder] = ()) -> Bridge:
    clock = FixedClock(datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC))
    return Bridge(engine, Registry(engine), first, founders, clock, Observed())  # type: ignore[arg-type]


async def answer(bridge: Bridge, **message: Any) -> Any:
    response = await bridge.answer(abci.Request(**message))
    return getattr(response, str(response.WhichOneof("value")))


def block(number: int, signers: dict[bytes, int]) -> abci.ProposalRequest:
    votes = [
        abci.VoteInfo(validator=abci.Validator(address=rules.address_of_key(each), power=power), block_id_flag=2)
        for each, power in signers.items()
    ]
    request = abci.ProposalRequest(
        height=number, txs=[payload(number, 1_000 + number).encode()], last_commit=abci.CommitInfo(votes=votes)
    )
    request.time.seconds = 900
    return request


async def play(
    engine: Engine, first: dict[bytes, int], restart_at: frozenset[int] = frozenset(), *, old: bool = False
) -> list[dict[bytes, int]]:
    """Run the chain as CometBFT would, applying each height's changes two heights on; the set of each height.

    Old blocks are caught up on; of the others each was proposed before.
    """
    bridge = bridge_of(engine, first)
    began = await answer(bridge, init_chain=abci.InitChainRequest())
    initial = {update.pub_key.ed25519: update.power for update in began.validators}
    sets = [{}, initial, initial]
    for number in range(1, len(engine.wishes)):
        if number in restart_at:
            bridge = bridge_of(engine, first)
            await answer(bridge, info=abci.InfoRequest())
        signers = sets[number - 1] if number > 1 else {}
        if not old:
            await answer(bridge, process_proposal=block(number, signers))
        decided = await answer(bridge, finalize_block=block(number, signers))
        following = dict(sets[number + 1])
        for update in decided.validator_updates:
            changed = update.pub_key.ed25519
            assert update.power or changed in following, "removing who is not there stops CometBFT"
            following[changed] = update.power
            if not update.power:
                del following[changed]
        sets.append(following)
        await answer(bridge, commit=abci.CommitRequest())
    return sets


FOUR = {key(n): 1 for n in range(1, 5)}
FIVE = FOUR | {key(5): 1}


async def test_the_set_follows_the_contract_three_blocks_later() -> None:
    sets = await play(Engine([FOUR] * 3 + [FIVE] * 6), FOUR)
    # The wish stands in the state of block 3; it is read for block 4, told there, and in force at 6.
    assert [len(each) for each in sets[1:]] == [4, 4, 4, 4, 4, 5, 5, 5, 5, 5]


async def test_the_contract_names_the_first_validators_and_the_file_where_it_cannot() -> None:
    assert (await play(Engine([FIVE] * 3), FOUR))[1] == FIVE
    assert (await play(Engine([None] * 3), FOUR))[1] == FOUR


@pytest.mark.parametrize("broken", [None, {}, {key(1): 2**41}, dict.fromkeys(map(key, range(1, 70)), 1)])
async def test_an_unusable_list_leaves_the_set_as_it_was(broken: Wish) -> None:
    engine = Engine([FIVE] * 4 + [broken] * 8 + [FOUR] * 8)
    sets = await play(engine, FOUR)
    assert all(each == FIVE for each in sets[1:15])
    assert sets[-1] == FOUR


async def test_restarts_at_any_height_change_nothing() -> None:
    others = {key(n): 3 for n in range(10, 15)}
    wishes: list[Wish] = [FOUR] * 4 + [others] * 12 + [None] * 3 + [{key(1): 1}] * 9 + [FIVE] * 9
    undisturbed = await play(Engine(wishes), FOUR)
    assert len({frozenset(each.items()) for each in undisturbed}) > 5, "nothing much happened"
    assert await play(Engine(wishes), FOUR, frozenset(range(1, 60))) == undisturbed
    assert await play(Engine(wishes), FOUR, frozenset({9, 25})) == undisturbed
    assert all(len(each) >= rules.MINIMUM_VALIDATORS for each in undisturbed[1:])


async def test_no_state_is_read_before_it_is_final() -> None:
    """A block may be known without its state until it is the head: only the states of final blocks are read."""
    engine = Engine([FOUR] * 12)
    await play(engine, FOUR, frozenset({3, 7}))
    assert engine.read
    assert all(engine.number(block_hash) <= head for block_hash, head in engine.read)


async def test_the_head_of_old_blocks_follows_in_a_moment() -> None:
    """What was caught up on becomes the head together, and by itself when no more blocks come."""
    wishes: list[Wish] = [FOUR] * 9 + [FIVE] * 9
    engine = Engine(wishes)
    assert await play(engine, FOUR, old=True) == await play(Engine(wishes), FOUR)
    async with asyncio.timeout(60):
        while engine.final < len(wishes) - 1:  # noqa: ASYNC110 - the bridge does it by itself, and says nothing
            await asyncio.sleep(0.05)
    assert engine.moves < len(wishes) / 3


async def test_nothing_is_proposed_or_examined_on_a_head_that_has_not_followed() -> None:
    for message in ("prepare_proposal", "process_proposal"):
        engine = Engine([FOUR] * 3)
        bridge = bridge_of(engine, FOUR)
        await answer(bridge, finalize_block=block(1, {}))
        await answer(bridge, commit=abci.CommitRequest())
        assert (engine.final, engine.moves) == (0, 0)
        proposal = block(2, FOUR) if message == "process_proposal" else abci.PrepareProposalRequest(height=2)
        await answer(bridge, **{message: proposal})
        assert (engine.final, engine.moves) == (1, 1)


async def test_a_block_from_before_a_crash_becomes_the_head_before_its_state_is_read() -> None:
    engine = Engine([FOUR] * 12)
    engine.known = {hash_of(number) for number in range(3, 6)}
    await play(engine, FOUR, old=True)
    early = {block_hash for block_hash, head in engine.read if engine.number(block_hash) > head}
    assert early
    assert not early & engine.known


@pytest.mark.parametrize(
    ("waiting", "tidying", "builds", "packed"),
    [(True, 0, 1, 1), (True, 1, 2, 1), (True, 5, 2, 0), (False, 0, 1, 0)],
    ids=["at once", "while the pool is tidied", "while it is tidied for long", "nothing waits"],
)
async def test_an_empty_payload_is_built_once_more_while_transactions_wait(
    waiting: bool, tidying: int, builds: int, packed: int
) -> None:
    engine = Engine([FOUR])
    transfer = DynamicFeeTransaction(77, 0, GWEI, 2 * GWEI, 21_000, Address(bytes(20)), 1, b"")
    engine.pool = (transfer.sign(Account(key(1))).raw,) if waiting else ()
    engine.tidying = tidying
    request = abci.PrepareProposalRequest(height=1, max_tx_bytes=2**20)
    request.time.seconds = 1_900
    made = await answer(bridge_of(engine, FOUR), prepare_proposal=request)
    assert len(Payload.decode(made.txs[0]).transactions) == packed
    assert engine.built == builds


async def test_our_own_rules_refuse_our_engines_block_and_the_empty_one_is_proposed() -> None:
    engine = Engine([FOUR] * 3)
    engine.pool = (b"\x03 a blob transaction",)
    bridge = bridge_of(engine, FOUR)
    request = abci.PrepareProposalRequest(height=1, max_tx_bytes=2**20)
    made = await answer(bridge, prepare_proposal=request)
    assert Payload.decode(made.txs[0]).transactions == ()
    assert "empty-proposal" in bridge.observed.alarms
    engine.pool = ()
    await answer(bridge, prepare_proposal=request)
    assert "empty-proposal" not in bridge.observed.alarms


async def test_what_was_built_is_executed_once_and_first_where_the_engine_refused_a_proposal() -> None:
    """Others wait for a proposal: it is not executed before it is made, unless an engine built what none executes."""
    engine = Engine([FOUR] * 3)
    transfer = DynamicFeeTransaction(77, 0, GWEI, 2 * GWEI, 21_000, Address(bytes(20)), 1, b"")
    engine.pool = (transfer.sign(Account(key(1))).raw,)

    async def refuses_what_is_not_empty(given: Payload) -> tuple[str, str]:
        engine.given.append(given)
        return ("INVALID", "a state root") if given.transactions else ("VALID", "")

    engine.new_payload = refuses_what_is_not_empty  # type: ignore[method-assign]
    bridge = bridge_of(engine, FOUR)
    request = abci.PrepareProposalRequest(height=1, max_tx_bytes=2**20)
    request.time.seconds = 1_900
    made = await answer(bridge, prepare_proposal=request)
    assert Payload.decode(made.txs[0]).transactions == engine.pool
    assert engine.given == []
    proposal = abci.ProposalRequest(height=1, txs=made.txs)
    proposal.time.seconds = 1_900
    assert (await answer(bridge, process_proposal=proposal)).status == abci.ProcessProposalResponse.REJECT
    made = await answer(bridge, prepare_proposal=request)
    assert Payload.decode(made.txs[0]).transactions == ()
    assert "empty-proposal" in bridge.observed.alarms
    proposal.txs[:] = made.txs
    assert (await answer(bridge, process_proposal=proposal)).status == abci.ProcessProposalResponse.ACCEPT


async def test_a_block_over_the_limit_is_not_proposed() -> None:
    engine = Engine([FOUR] * 3)
    engine.pool = (bytes([0x02]) + bytes(5_000),)
    made = await answer(
        bridge_of(engine, FOUR), prepare_proposal=abci.PrepareProposalRequest(height=1, max_tx_bytes=900)
    )
    assert Payload.decode(made.txs[0]).transactions == ()


async def test_an_engine_that_cannot_build_makes_no_exception() -> None:
    class Broken(Engine):
        async def build(self, *_arguments: Any) -> Payload:
            raise CallRefused("testing_buildBlockV1", -32000, "parentHash is not current head")

    bridge = bridge_of(Broken([FOUR] * 3), FOUR)
    made = await answer(bridge, prepare_proposal=abci.PrepareProposalRequest(height=1, max_tx_bytes=2**20))
    assert list(made.txs) == []
    assert "bridge-stuck" in bridge.observed.alarms


@pytest.mark.parametrize(
    ("transactions", "reason"),
    [
        ([], "transactions of the consensus block"),
        ([b"", b""], "transactions of the consensus block"),
        ([b"garbage"], "RLP"),
        ([payload(2, 1_001).encode()], "number"),
        ([payload(1, 1_002).encode()], "timestamp"),
    ],
)
async def test_a_proposal_is_refused_with_its_reason(transactions: list[bytes], reason: str) -> None:
    bridge = bridge_of(Engine([FOUR] * 3), FOUR)
    request = abci.ProposalRequest(height=1, txs=transactions, proposer_address=b"\x0a" * 20)
    verdict = await answer(bridge, process_proposal=request)
    assert verdict.status == abci.ProcessProposalResponse.REJECT
    assert bridge.observed.refused[-1]["proposer"] == "0a" * 20
    assert reason in bridge.observed.refused[-1]["reason"]


@pytest.mark.parametrize(
    ("clock", "waits"),
    [(1_009, 0.0), (1_005.75, 0.25), (1_005, 1.0), (1_000, 1.0)],
    ids=["behind", "a-little-ahead", "a-second-ahead", "far-ahead"],
)
async def test_a_chain_ahead_of_the_clock_is_not_pushed_further(
    clock: float, waits: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks made faster than one a second would carry the chain's time ahead for good: each has its own second."""
    engine = Engine([FOUR] * 9)
    engine.final = 5
    moment = FixedClock(datetime.datetime.fromtimestamp(clock, datetime.UTC))
    bridge = Bridge(engine, Registry(engine), FOUR, (), moment, Observed())  # type: ignore[arg-type]
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("maillon.network.bridge.asyncio.sleep", note)
    request = abci.PrepareProposalRequest(height=6, max_tx_bytes=10**7)
    request.time.seconds = int(clock)
    proposed = Payload.decode((await answer(bridge, prepare_proposal=request)).txs[0])
    assert sum(waited) == pytest.approx(waits)
    assert proposed.timestamp == max(1_006, int(clock))


@pytest.mark.parametrize("status", ["INVALID", "SYNCING", "ACCEPTED"])
async def test_what_the_engine_does_not_call_valid_is_refused(status: str) -> None:
    engine = Engine([FOUR] * 3)
    bridge = bridge_of(engine, FOUR)
    request = abci.ProposalRequest(height=1, txs=[payload(1, 1_001).encode()])
    assert (await answer(bridge, process_proposal=request)).status == abci.ProcessProposalResponse.ACCEPT
    engine.verdict = status
    assert (await answer(bridge, process_proposal=request)).status == abci.ProcessProposalResponse.REJECT


async def test_peers_are_those_of_the_list_and_the_founders_where_there_is_none() -> None:
    founder = Founder(b"\x0b" * 20, key(1))
    stranger = Founder(b"\x0c" * 20, key(9))

    async def admitted(bridge: Bridge, identity: bytes) -> bool:
        path = f"/p2p/filter/id/{identity.hex()}"
        return bool((await answer(bridge, query=abci.QueryRequest(path=path))).code == 0)

    without = bridge_of(Engine([None] * 3), FOUR, [founder, stranger])
    assert await admitted(without, founder.consensus_id)
    assert not await admitted(without, b"\x0d" * 20)
    listed = bridge_of(Engine([FOUR] * 3), FOUR, [founder, stranger])
    # The list is empty: a current validator is let in all the same, another founder is not.
    assert await admitted(listed, founder.consensus_id)
    assert not await admitted(listed, stranger.consensus_id)
    assert (await answer(listed, query=abci.QueryRequest(path="/p2p/filter/id/zz"))).code != 0
    assert (await answer(listed, query=abci.QueryRequest(path="/p2p/filter/addr/10.0.0.1:5"))).code == 0


@pytest.mark.parametrize(
    ("lists", "admitted", "refused"),
    [
        ({0: (1, 2), 5: (1, 2, 8)}, (1, 2, 8), (7, 9)),  # the newest list, and nobody else
        ({0: (1, 2), 5: (1, 2, 8), 80: None}, (1, 2, 8), (7, 9)),  # it reverts: the newest usable one
        ({0: (1, 2), 5: (1, 2, 8), 30: None}, (1, 2, 8), (7, 9)),  # long ago, too
        ({0: (1, 2), 5: (1, 2, 8, 7), 30: (1,)}, (1, 2, 8), (7, 9)),  # it leaves out validators: 7 is none
        ({0: (1, 2), 5: (1, 2, 8, 7), 80: ()}, (1, 2, 8), (7, 9)),  # it is empty
        ({0: (1, 2), 5: (1, 2, 8), 80: (1, 8)}, (1, 2, 8), (7, 9)),
    ],
    ids=["listed", "reverts", "reverted-long-ago", "leaves-out", "empty", "one-left-out"],
)
async def test_who_became_a_validator_later_is_let_in_after_a_start(
    lists: dict[int, Sequence[int] | None], admitted: Sequence[int], refused: Sequence[int]
) -> None:
    joined = {key(1): 1, key(2): 1, key(8): 1}
    engine = Engine([joined] * 100)
    engine.lists, engine.final = lists, 90
    # Nothing is remembered from before the start; the founders are two of three.
    bridge = bridge_of(engine, joined, [Founder(node_of(1), key(1)), Founder(node_of(2), key(2))])

    async def is_admitted(organisation: int) -> bool:
        query = abci.QueryRequest(path=f"/p2p/filter/id/{node_of(organisation).hex()}")
        return bool((await answer(bridge, query=query)).code == 0)

    assert [each for each in (*admitted, *refused) if await is_admitted(each)] == list(admitted)
    # What was looked for once is not looked for again with each connection.
    engine.read.clear()
    assert await is_admitted(8)
    assert len(engine.read) <= 2


KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OURS = KEY.public_key().public_bytes_raw()
STARTED = int(datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC).timestamp())


def signed(height: int) -> LastSignature:
    """What CometBFT keeps of a vote of ours."""
    return voted(height, 0, 3)


def voted(height: int, round_number: int, step: int, names_block: bool = True) -> LastSignature:
    """A vote as CometBFT signs it, for a block or for none: `CanonicalVote` after its length."""
    fields = b"\x08\x02\x11" + height.to_bytes(8, "little")
    fields += b"\x19" + round_number.to_bytes(8, "little") if round_number else b""
    fields += b"\x22\x48" + bytes(0x48) if names_block else b""
    fields += b"\x2a\x02\x08\x01" + b"\x32\x0a" + b"maillon-77"
    message = bytes([len(fields)]) + fields
    return LastSignature(height, round_number, step, message, KEY.sign(message))


@pytest.mark.parametrize(
    ("at_start", "now", "signer", "made_at", "alarm"),
    [
        (signed(1), signed(1), OURS, 10, False),  # our own vote
        (signed(1), signed(4), OURS, -9_000, False),  # an older block, given again
        (signed(0), signed(0), key(2), 10, False),  # another validator's
        (signed(0), signed(0), OURS, -60, False),  # a clock that is a minute ahead
        (LastSignature(), LastSignature(), OURS, -9_000, False),  # restored, and its own past
        (LastSignature(), LastSignature(), OURS, 10, True),  # it watches, and somebody votes
        (LastSignature(5, 2), LastSignature(5, 2), OURS, 10, False),  # a position, ahead of the block
    ],
)
async def test_who_may_go_on(
    at_start: LastSignature, now: LastSignature, signer: bytes, made_at: int, alarm: bool
) -> None:
    bridge, request, seen = twin(at_start, signer, made_at)
    seen.append(now)
    await asyncio.wait_for(answer(bridge, finalize_block=request), 30)
    assert ("key-used-twice" in bridge.observed.alarms) is alarm


@pytest.mark.parametrize(
    ("at_start", "made_at"),
    [
        (signed(1), 10),
        (signed(1), -9_000),
    ],
    ids=["somebody-votes-now", "forgotten"],
)
async def test_beside_a_twin_the_node_stands_still(at_start: LastSignature, made_at: int) -> None:
    bridge, request, _ = twin(at_start, OURS, made_at, number=3)
    deciding = asyncio.create_task(answer(bridge, finalize_block=request))
    done, _ = await asyncio.wait([deciding], timeout=0.5)
    assert not done
    assert "key-used-twice" in bridge.observed.alarms
    deciding.cancel()


@pytest.mark.parametrize(
    ("signed_by_then", "stands_still"),
    [
        (voted(2, 0, 3), False),
        (voted(2, 1, 2), False),
        (voted(3, 0, 2), False),
        (voted(2, 0, 3, names_block=False), True),
        (voted(2, 0, 2), True),
        (voted(1, 4, 3), True),
    ],
    ids=["our vote", "a later round", "a later height", "for no block", "an earlier step", "an earlier height"],
)
@pytest.mark.parametrize("made_at", [10, -60, -9_000], ids=["now", "a minute ago", "hours ago"])
async def test_a_copy_that_votes_its_way_up_is_found_at_the_first_block(
    signed_by_then: LastSignature, stands_still: bool, made_at: int
) -> None:
    """What counts is what the machine had signed when the height was over: not what it has since, and not a clock."""
    bridge, following, seen = twin(signed(2), OURS, made_at, number=3)
    over = block(2, FOUR)
    over.time.seconds = STARTED + made_at - 1
    seen.append(signed_by_then)
    await asyncio.wait_for(answer(bridge, finalize_block=over), 30)
    seen.append(signed(3))
    deciding = asyncio.create_task(answer(bridge, finalize_block=following))
    done, _ = await asyncio.wait([deciding], timeout=0.5 if stands_still else 30)
    assert bool(done) is not stands_still
    assert ("key-used-twice" in bridge.observed.alarms) is stands_still
    deciding.cancel()


def twin(
    at_start: LastSignature, signer: bytes, made_at: int, number: int = 2
) -> tuple[Bridge, abci.ProposalRequest, list[LastSignature]]:
    """A bridge whose machine signed that, a block with a vote of `signer`, made so many seconds after its start."""
    engine = Engine([FOUR | {OURS: 1}] * 5)
    seen = [at_start]
    own = OwnKey(OURS, lambda: seen[-1])
    clock = FixedClock(datetime.datetime.fromtimestamp(STARTED, datetime.UTC))
    bridge = Bridge(engine, Registry(engine), FOUR | {OURS: 1}, (), clock, Observed(), own=own)  # type: ignore[arg-type]
    request = block(number, {signer: 1})
    request.time.seconds = STARTED + made_at
    return bridge, request, seen


def test_the_generated_messages_are_of_this_source() -> None:
    assert GENERATED.read_text().rstrip().endswith(f"# source-sha256: {source_hash()}")

# SPDX-License-Identifier: Apache-2.0
"""The bridge: CometBFT's application, which lets an execution engine make and execute the blocks. Consensus code.

It keeps no state of its own. The newest block is the engine's head; everything a height needs is read in the state of
its *parent*, never in the state of the block at hand: after a crash the engine may know a block without having its
state. Height and block number are equal for ever. A consensus block carries one transaction, the payload.

| message | what it does here |
|---|---|
| Info | the engine's head says how far we are; CometBFT replays the rest |
| InitChain | names the first validators: the contract's, else those of the genesis file |
| PrepareProposal | builds a payload, holds it against every rule, falls back to the empty one |
| ProcessProposal | holds the proposal against the rules, then lets the engine execute it |
| FinalizeBlock | executes (known already, mostly), answers the block's hash and the validators' changes |
| Commit | moves the engine's head, at once; while old blocks are caught up on, about once a second |

A crash between FinalizeBlock and Commit leaves the head where it was, and CometBFT replays the block; a crash after
Commit leaves a head CometBFT has not noted yet, and its handshake finds them level. One while old blocks are caught up
on leaves a head some blocks below, and its handshake replays them: it is the same recovery.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import structlog

from maillon.evidence.consensus import BLOCK_ID_FLAG_ABSENT, BLOCK_ID_FLAG_COMMIT
from maillon.kit.clock import Clock
from maillon.network import abci, rules
from maillon.network.errors import NetworkError, PayloadUnreadable, ProposalRefused
from maillon.network.execution import CallRefused, Execution
from maillon.network.payload import Payload
from maillon.network.registry import Registry
from maillon.network.rules import Parent, Terms
from maillon.network.signatures import LastSignature

STATUS_PATH: Final = "/maillon/status"
PEER_PATH: Final = "/p2p/filter/id/"
RETRY: Final = 0.25
BUILD_AGAIN_WITHIN: Final = 3.0
"""Seconds after which a payload that came out empty is not built again: twice what others wait for a proposal at first.

A proposal they no longer wait for costs a round, an empty one a block in which transactions could have been; and each
round they wait longer."""
OLD: Final = 30.0
"""Seconds after which a block we were not asked about beforehand is old: others went on, and we catch up."""
HEAD_EVERY: Final = 1.0
"""Seconds between two moves of the engine's head while old blocks are caught up on."""
PEER_PATIENCE: Final = 2.0
"""Seconds a question about a peer waits for the engine before the newest list known answers it."""
_KNOWN_KEYS: Final = 4096
LONG_BEFORE: Final = 600.0
"""Seconds by which a block is older than this process for certain, whatever the clock says."""
_ACCEPT = abci.ProcessProposalResponse.ACCEPT
_REJECT = abci.ProcessProposalResponse.REJECT
_log = structlog.get_logger(__name__)

_CONSTANT: Final = {
    "flush": abci.Response(flush=abci.Flush()),
    "check_tx": abci.Response(
        check_tx=abci.CheckTxResponse(code=1, log="transactions travel by eth_sendRawTransaction")
    ),
    # No snapshots: a node that joins copies a data directory, or replays.
    "list_snapshots": abci.Response(list_snapshots=abci.ListSnapshotsResponse()),
    "offer_snapshot": abci.Response(offer_snapshot=abci.OfferSnapshotResponse(result=2)),
    "load_snapshot_chunk": abci.Response(load_snapshot_chunk=abci.LoadSnapshotChunkResponse()),
    "apply_snapshot_chunk": abci.Response(apply_snapshot_chunk=abci.ApplySnapshotChunkResponse(result=2)),
    # Vote extensions are off in the consensus parameters.
    "extend_vote": abci.Response(extend_vote=abci.ExtendVoteResponse()),
    "verify_vote_extension": abci.Response(verify_vote_extension=abci.VerifyVoteExtensionResponse(status=1)),
}

Check = Callable[[Payload, Parent, int, Terms], None]


@dataclass(frozen=True, slots=True)
class Founder:
    """A node of the network file: known before any contract is read."""

    consensus_id: bytes
    validator_key: bytes


@dataclass(frozen=True, slots=True)
class OwnKey:
    """This node's validator key, so far as the bridge must know it: never read by consensus."""

    key: bytes
    last: Callable[[], LastSignature]
    """What this machine signed with it last."""


@dataclass
class Observed:
    """What the bridge noticed, for people: never read by consensus."""

    alarms: dict[str, str] = field(default_factory=dict)
    """Name → reason, of what is wrong now. docs/operating/alarms has a page for each name."""
    counts: Counter[str] = field(default_factory=Counter)
    refused: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=20))
    silent: list[str] = field(default_factory=list)
    """Addresses of validators that did not sign the last commit."""
    waiting: str | None = None

    def raise_alarm(self, name: str, reason: str) -> None:
        """Remember it, and say so once in the log."""
        if self.alarms.get(name) != reason:
            _log.error("alarm", alarm=name, reason=reason)
        self.alarms[name] = reason

    def set_alarm(self, name: str, *, active: bool, reason: str) -> None:
        """Raise it, or take it back."""
        if active:
            self.raise_alarm(name, reason)
        elif self.alarms.pop(name, None) is not None:
            _log.info("alarm over", alarm=name)


class Bridge:
    """Answers CometBFT. One per node."""

    def __init__(  # noqa: PLR0917 - its collaborators
        self,
        execution: Execution,
        registry: Registry,
        first_validators: Mapping[bytes, int],
        founders: Sequence[Founder],
        clock: Clock,
        observed: Observed,
        check: Check = rules.check_payload,
        own: OwnKey | None = None,
    ) -> None:
        self._own = own
        self._started = clock.now().timestamp()
        self._signed_at_start = own.last().height if own is not None else 0
        self._signed_when_final: tuple[int, LastSignature] | None = None
        """The newest height finalised here, and what our key had signed last by then."""
        self._execution = execution
        self._registry = registry
        self._first_validators = dict(first_validators)
        self._founders = tuple(founders)
        self._clock = clock
        self.observed = observed
        self._check = check
        self._head: Parent | None = None
        self._finalized: Payload | None = None
        self._examined = 0
        """The height of the newest proposal we were asked about."""
        self._distrusted = 0
        """The height at which the engine refused a proposal somebody's engine had built."""
        self._head_may_wait = False
        """Whether what was finalised need not be the engine's head at once."""
        self._moving: asyncio.Task[None] | None = None
        """Moves the engine's head to ours, soon; None while it is there."""
        self._floor: int | None = None
        self._keys = {rules.address_of_key(key): key for key in first_validators}
        self._validators = dict(first_validators)
        self._nodes: frozenset[bytes] | None = None
        self._handlers: dict[str, Callable[[Any], Awaitable[Any]]] = {
            "info": self._info,
            "init_chain": self._init_chain,
            "query": self._query,
            "prepare_proposal": self._prepare_proposal,
            "process_proposal": self._process_proposal,
            "finalize_block": self._finalize_block,
            "commit": self._commit,
        }

    async def answer(self, request: abci.Request) -> abci.Response:
        """See `Application`. Whatever goes wrong is tried again: CometBFT knows no answer that means *not now*."""
        kind = request.WhichOneof("value")
        handler = self._handlers.get(kind or "")
        if handler is None:
            return self._constant(kind, request)
        while True:
            try:
                return abci.Response(**{kind: await handler(getattr(request, kind))})
            except Exception as error:  # noqa: BLE001 - see above; a programming error is an alarm, and not a fork
                self.observed.raise_alarm("bridge-stuck", f"{kind}: {error!r}")
                await asyncio.sleep(RETRY)

    def _constant(self, kind: str | None, request: abci.Request) -> abci.Response:
        """What needs no thought: echo, flush, and what this application does not do."""
        if kind == "echo":
            return abci.Response(echo=request.echo)
        answer = _CONSTANT.get(kind or "")
        return answer or abci.Response(exception=abci.Exception(error=f"an unknown message: {kind}"))

    async def _current_head(self) -> Parent:
        if self._head is None:
            self._head = await self._execution.head()
        return self._head

    # Start

    async def _info(self, _request: abci.InfoRequest) -> abci.InfoResponse:
        """CometBFT has (re)started: only the engine knows how far we are."""
        self._forget_move()
        self._head, self._finalized = await self._execution.head(), None
        _log.info("consensus connected", height=self._head.number, block=self._head.hash.hex())
        return abci.InfoResponse(
            data="maillon",
            app_version=1,
            last_block_height=self._head.number,
            last_block_app_hash=self._head.hash if self._head.number else b"",
        )

    async def _init_chain(self, _request: abci.InitChainRequest) -> abci.InitChainResponse:
        genesis = await self._execution.genesis_hash()
        first = await self._first(genesis)
        return abci.InitChainResponse(validators=_updates(sorted(first.items())), app_hash=genesis)

    async def _first(self, genesis: bytes) -> dict[bytes, int]:
        """The validators of height 1: the contract's in the state of block zero, else the genesis file's."""
        view = (await self._registry.at(genesis)).validator_view()
        return dict(self._first_validators) if view is None else view

    # Proposals

    async def _prepare_proposal(self, request: abci.PrepareProposalRequest) -> abci.PrepareProposalResponse:
        try:
            head = await self._current_head()
            await self.settle()
            terms = await self._registry.terms(head)
            await self._follow_floor(head)
            await self._pace(head)
            return abci.PrepareProposalResponse(txs=[await self._propose(head, request, terms)])
        except Exception as error:  # noqa: BLE001 - nothing is proposed, which the others refuse at once: the next one's turn
            self.observed.raise_alarm("bridge-stuck", f"no proposal could be made: {error!r}")
            return abci.PrepareProposalResponse()

    async def _pace(self, head: Parent) -> None:
        """Wait for the second after the parent's, at most one: else the chain's time would run ahead for good."""
        ahead = head.timestamp + 1 - self._clock.now().timestamp()
        if ahead > 0:
            await asyncio.sleep(min(ahead, 1.0))

    async def _propose(self, head: Parent, request: abci.PrepareProposalRequest, terms: Terms) -> bytes:
        """A payload that passes every rule every validator will hold it against.

        The engine's builder does not know our rules. Were its block proposed and refused, the next proposer's engine
        would build the same one: a difference between the two would stop the chain. The empty payload cannot differ.

        That the engine executes what it has built itself is taken for granted, because to see it takes as long as the
        others need afterwards, and they would wait for it. Where it did not hold once, the proposers of that height
        execute theirs first.
        """
        seconds = request.time.seconds
        try:
            return await self._acceptable(head, seconds, terms, None, request.max_tx_bytes)
        except (ProposalRefused, CallRefused) as refusal:
            self.observed.counts["own proposals refused"] += 1
            self.observed.raise_alarm("empty-proposal", f"block {head.number + 1}: {refusal}")
        return await self._acceptable(head, seconds, terms, (), request.max_tx_bytes)

    async def _acceptable(
        self, head: Parent, seconds: int, terms: Terms, transactions: Sequence[bytes] | None, room: int
    ) -> bytes:
        payload = await self._build(head, rules.timestamp(head, seconds), terms, transactions)
        data = payload.encode()
        if len(data) > room:
            raise ProposalRefused("size", f"at most {room} bytes", len(data))
        self._check(Payload.decode(data), head, seconds, terms)
        if self._distrusted == payload.number:
            await self._execute(payload)
        if transactions is None:
            self.observed.set_alarm("empty-proposal", active=False, reason="")
        return data

    async def _build(self, head: Parent, timestamp: int, terms: Terms, transactions: Sequence[bytes] | None) -> Payload:
        """The engine's payload; an empty one is asked for once more when transactions wait.

        After each block geth tidies its pools, and recovers every sender of it once more for the pool of blobs. It
        counts `--miner.recommit` from before it has got hold of both, so that a builder called meanwhile, on a busy
        machine, has no time left and packs nothing. Asking how many wait takes until both are free.
        """
        if transactions is not None:
            return await self._execution.build(head, timestamp, terms.withdrawals, transactions)
        loop = asyncio.get_running_loop()
        began = loop.time()
        waiting = await self._execution.has_transactions()
        payload = await self._execution.build(head, timestamp, terms.withdrawals, None)
        # Pools may have been taken between the two: seen on machines where every process waits for its turn.
        if waiting and not payload.transactions and loop.time() - began < BUILD_AGAIN_WITHIN:
            self.observed.counts["empty payloads built again"] += 1
            await self._execution.has_transactions()
            payload = await self._execution.build(head, timestamp, terms.withdrawals, None)
        return payload

    async def _execute(self, payload: Payload) -> None:
        """Raise `ProposalRefused` unless the engine executes it."""
        status, why = await self._execution.new_payload(payload)
        if status != "VALID":
            raise ProposalRefused("execution", "VALID", f"{status} {why}")

    async def _process_proposal(self, request: abci.ProposalRequest) -> abci.ProcessProposalResponse:
        try:
            await self._examine(request)
        except (PayloadUnreadable, ProposalRefused) as refusal:
            self._refuse(request, str(refusal))
            return abci.ProcessProposalResponse(status=_REJECT)
        except Exception as error:  # noqa: BLE001 - bytes that break our code must not stop every honest node at once
            self.observed.raise_alarm("bridge-stuck", f"a proposal could not be examined: {error!r}")
            self._refuse(request, repr(error))
            return abci.ProcessProposalResponse(status=_REJECT)
        return abci.ProcessProposalResponse(status=_ACCEPT)

    async def _examine(self, request: abci.ProposalRequest) -> None:
        """Raise unless the proposal keeps the rules and executes.

        1. It carries one payload, strictly encoded, for our next height (`PayloadUnreadable`, `ProposalRefused`).
        2. The payload keeps every rule, in the parent's state (`ProposalRefused`).
        3. The engine executes it and comes to the state, the receipts and the hash it claims (`ProposalRefused`).
        """
        head = await self._current_head()
        await self.settle()
        self._examined = request.height
        # Step 1.
        if request.height != head.number + 1:
            raise ProposalRefused("height", head.number + 1, request.height)
        if len(request.txs) != 1:
            raise ProposalRefused("transactions of the consensus block", 1, len(request.txs))
        payload = Payload.decode(request.txs[0])
        # Step 2.
        self._check(payload, head, request.time.seconds, await self._registry.terms(head))
        # Step 3.
        try:
            await self._execute(payload)
        except ProposalRefused:
            self._distrusted = payload.number
            raise

    def _refuse(self, request: abci.ProposalRequest, reason: str) -> None:
        proposer = request.proposer_address.hex()
        _log.error("proposal refused", height=request.height, proposer=proposer, reason=reason)
        self.observed.counts["proposals refused"] += 1
        self.observed.refused.append({"height": request.height, "proposer": proposer, "reason": reason})

    # Decided blocks

    async def _finalize_block(self, request: abci.ProposalRequest) -> abci.FinalizeBlockResponse:
        """Execute what two thirds decided. An engine that will not is waited for: there is no other answer."""
        await self._stand_still_beside_a_twin(request)
        payload = Payload.decode(request.txs[0])
        old = request.height != self._examined and self._clock.now().timestamp() - request.time.seconds > OLD
        # Asked before it is given. What the engine has from before a crash may have lost its state, and gets it back by
        # becoming the head; what it executes now has one.
        self._head_may_wait = old and not await self._execution.knows(payload.hash)
        while True:
            status, why = await self._execution.new_payload(payload)
            refused = f"block {payload.number}: {status} {why}"
            self.observed.set_alarm("execution-refuses", active=status != "VALID", reason=refused)
            if status == "VALID":
                break
            await asyncio.sleep(RETRY)
        changes = await self._validator_changes(request, payload.parent_hash)
        self._finalized = payload
        self._notice_silence(request)
        return abci.FinalizeBlockResponse(
            tx_results=[abci.TransactionResult(code=0)], validator_updates=_updates(changes), app_hash=payload.hash
        )

    async def _stand_still_beside_a_twin(self, request: abci.ProposalRequest) -> None:
        """Go no further where our validator key voted and this machine did not: two votes for a height would follow.

        Either another machine signs with the key, or this directory was set back to an older state. Ordinary crashes
        never end here: CometBFT has each vote on disk before it sends it.

        1. A vote for a height that was over here, and this machine had not signed it by then: it signs nothing more for
           such a height, so it is somebody else's, or forgotten. No clock is asked.
        2. Right after a start, when nothing was over here yet: a vote in a block made since, above everything this
           machine signed. A node that only watches says so and goes on; it does not vote.
        3. A vote from long before this process started, above what was signed when it started: this directory has
           forgotten it. Only *long* before, because the clock may be wrong by minutes.
        """
        if self._own is None:
            return
        height, last, since = request.height - 1, self._own.last(), self._started - request.time.seconds
        before, self._signed_when_final = self._signed_when_final, (request.height, last)
        address = rules.address_of_key(self._own.key)
        votes = request.last_commit.votes
        if not any(each.validator.address == address and each.block_id_flag == BLOCK_ID_FLAG_COMMIT for each in votes):
            self.observed.set_alarm("key-used-twice", active=False, reason="")
            return
        knows = last.vouches_for(self._own.key)
        # Step 1.
        then = before[1] if before is not None and before[0] == height else None
        known = then is not None and then.vouches_for(self._own.key)
        missing = then is not None and known and not then.covers(height, request.last_commit.round)
        # Step 2.
        elsewhere = since < 0 and (last.height < height or not knows)
        # Step 3.
        forgotten = knows and since > LONG_BEFORE and self._signed_at_start < height
        wrong = missing or elsewhere or forgotten
        said = then or last
        reason = f"block {height} carries our validator's vote, and this machine had signed {said.height} last"
        self.observed.set_alarm("key-used-twice", active=wrong, reason=reason)
        if knows and wrong:
            # Until the process ends: no answer lets CometBFT vote.
            await asyncio.get_running_loop().create_future()

    async def _commit(self, _request: abci.CommitRequest) -> abci.CommitResponse:
        payload = self._finalized
        if payload is None:
            raise NetworkError("a commit without a block")
        if not self._head_may_wait:
            self._forget_move()
            while not await self._choose_head(payload.hash, payload.number):
                # The engine lost the block between the two calls: it gets it again.
                await self._execution.new_payload(payload)
        self._head = Parent(payload.hash, payload.number, payload.timestamp, payload.gas_limit)
        if self._head_may_wait and self._moving is None:
            self._moving = asyncio.create_task(self._move_head_soon())
        self.observed.counts["blocks"] += 1
        self.observed.counts["transactions"] += len(payload.transactions)
        self.observed.alarms.pop("bridge-stuck", None)
        await self._follow_floor(self._head)
        return abci.CommitResponse()

    async def _choose_head(self, block_hash: bytes, number: int) -> bool:
        """Move the engine's head; whether it did. Takes a while when it did not."""
        status = await self._execution.choose_head(block_hash)
        moved = status == "VALID"
        reason = f"block {number}: the engine answers {status}"
        self.observed.set_alarm("execution-refuses", active=not moved, reason=reason)
        if not moved:
            await asyncio.sleep(RETRY)
        return moved

    async def _move_head_soon(self) -> None:
        """Move the engine's head to ours, in a moment in which more blocks come.

        With every move geth tidies its pools and renders its index of logs anew, which is most of what an empty block
        costs it. Whatever has no head yet has been executed by this engine since it started, and has its state.
        """
        await asyncio.sleep(HEAD_EVERY)
        while True:
            try:
                head = await self._current_head()
                if await self._choose_head(head.hash, head.number):
                    break
            except CallRefused as refusal:
                self.observed.raise_alarm("execution-refuses", str(refusal))
                await asyncio.sleep(RETRY)
        self._moving = None

    async def settle(self) -> None:
        """Have the engine's head where ours is: before anything is built on it or held against it."""
        if self._moving is not None:
            head = await self._current_head()
            while not await self._choose_head(head.hash, head.number):
                pass
            self._forget_move()

    def _forget_move(self) -> None:
        if self._moving is not None:
            self._moving.cancel()
            self._moving = None

    async def _follow_floor(self, head: Parent) -> None:
        """Have the engine's pool and builder keep the floor tip in force, so that what it packs passes our rules."""
        floor = (await self._registry.terms(head)).floor_tip
        if floor != self._floor:
            await self._execution.set_floor_tip(floor)
            self._floor = floor

    # Validators

    async def _validator_changes(self, request: abci.ProposalRequest, parent_hash: bytes) -> list[tuple[bytes, int]]:
        """What to tell consensus at this height: from the set in force after the former ones, one step on.

        CometBFT applies the changes of height H at H + 2, and a block names with their power those who were asked to
        sign H - 1. So the sets of H and H + 1 follow from that one by the two steps already told, computed again here
        from the states they were computed from then: nothing has to be remembered.
        """
        height = request.height
        following: dict[bytes, int]
        if height == 1:
            following = await self._first(parent_hash)
            steps = [parent_hash]
        else:
            ancestors = [parent_hash]
            # At height 2 only one step lies between the first set and ours; nothing was told before height 1.
            while len(ancestors) < min(3, height):
                ancestors.append(await self._execution.ancestor(ancestors[-1], 1))
            steps = ancestors[::-1]
            views = [(await self._registry.at(each)).validator_view() for each in steps]
            for view in views:
                self._remember(view or {})
            following = await self._signers(request, steps[0])
        before = following
        wish: Mapping[bytes, int] | None = None
        for step in steps:
            wish = await self._wanted(step)
            before, following = following, rules.next_validators(following, wish)
        self._notice_registry(wish)
        self._validators = following
        return rules.changes(before, following)

    async def _wanted(self, block_hash: bytes) -> dict[bytes, int] | None:
        view = (await self._registry.at(block_hash)).validator_view()
        self._remember(view or {})
        return view

    def _notice_registry(self, view: Mapping[bytes, int] | None) -> None:
        self.observed.set_alarm(
            "registry-unusable",
            active=view is None,
            reason="the contract Network names no usable validators: the set stays as it is",
        )

    async def _signers(self, request: abci.ProposalRequest, oldest: bytes) -> dict[bytes, int]:
        """The set of the height before, from the votes in the block: addresses, whose keys we must know."""
        signers = {vote.validator.address: vote.validator.power for vote in request.last_commit.votes}
        while missing := signers.keys() - self._keys.keys():
            # A member the contract no longer lists and the floor of four keeps: its key stands in an older state.
            _log.info("looking for validators' keys in older states", missing=len(missing))
            oldest = await self._execution.ancestor(oldest, 1)
            self._remember((await self._registry.at(oldest)).validator_view() or {})
        return {self._keys[address]: power for address, power in signers.items()}

    def _remember(self, view: Mapping[bytes, int]) -> None:
        for key in view:
            self._keys[rules.address_of_key(key)] = key
        while len(self._keys) > _KNOWN_KEYS:
            del self._keys[next(iter(self._keys))]

    def _notice_silence(self, request: abci.ProposalRequest) -> None:
        self.observed.silent = [
            vote.validator.address.hex()
            for vote in request.last_commit.votes
            if vote.block_id_flag == BLOCK_ID_FLAG_ABSENT
        ]
        for address in self.observed.silent:
            self.observed.counts[f"silent {address}"] += 1

    # Questions

    async def _query(self, request: abci.QueryRequest) -> abci.QueryResponse:
        if request.path == STATUS_PATH:
            return abci.QueryResponse(code=0, log=orjson.dumps(await self.status()).decode())
        if request.path.startswith(PEER_PATH):
            code = 0 if await self._permitted(request.path.removeprefix(PEER_PATH)) else 1
            return abci.QueryResponse(code=code)
        # Peers are told apart by their key alone: an address proves nothing.
        return abci.QueryResponse(code=0 if request.path.startswith("/p2p/filter/addr/") else 1)

    async def _permitted(self, identity: str) -> bool:
        """Whether a CometBFT peer may connect: the contract's list, and current validators always.

        Where no state has a list, that of the network file holds.
        """
        try:
            consensus_id = bytes.fromhex(identity)
        except ValueError:
            return False
        try:
            async with asyncio.timeout(PEER_PATIENCE):
                permitted = await self._registry.permitted(await self._current_head(), self._validators)
        except TimeoutError:
            permitted = None  # the engine is away: the newest answer holds
        if permitted is not None:
            self._nodes = frozenset(node.consensus_id for node in permitted)
        known = self._nodes if self._nodes is not None else {founder.consensus_id for founder in self._founders}
        return consensus_id in known or any(
            founder.consensus_id == consensus_id and founder.validator_key in self._validators
            for founder in self._founders
        )

    async def status(self) -> dict[str, Any]:
        """What the bridge knows of itself, for `node status`, `node doctor` and the metrics."""
        head = self._head
        return {
            "height": None if head is None else head.number,
            "block": None if head is None else head.hash.hex(),
            "block_time": None if head is None else head.timestamp,
            "alarms": dict(self.observed.alarms),
            "counts": dict(self.observed.counts),
            "refused": list(self.observed.refused),
            "silent": self.observed.silent,
            "floor_tip": self._floor,
            "validators": {key.hex(): power for key, power in sorted(self._validators.items())},
        }


def _updates(entries: Sequence[tuple[bytes, int]]) -> list[abci.ValidatorUpdate]:
    return [abci.ValidatorUpdate(pub_key=abci.PublicKey(ed25519=key), power=power) for key, power in entries]

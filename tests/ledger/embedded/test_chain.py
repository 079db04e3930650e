# SPDX-License-Identifier: Apache-2.0
"""What the chain admits, seals and answers, at any height; and that its proofs convince a verifier."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from embedded_network import DESCEND, EMIT, GWEI, LOOP, REFUSE, STORE, Network

from maillon.evidence.consensus import SignedHeader, Validator, ValidatorSet
from maillon.evidence.document import Fields
from maillon.evidence.execution import ExecutionHeader
from maillon.evidence.hashing import keccak256
from maillon.evidence.trie import prove_account, prove_slot
from maillon.ledger.embedded.model import Block, CallRequest, LogFilter
from maillon.ledger.embedded.transaction import TRANSACTION_GAS
from maillon.ledger.errors import (
    AlreadyKnown,
    GasLimitExceeded,
    InsufficientFunds,
    IntrinsicGasTooLow,
    InvalidTransaction,
    NonceTooHigh,
    NonceTooLow,
    NotFound,
    Reverted,
    Unavailable,
    Underpriced,
    WrongChain,
)
from maillon.ledger.port import Address, Height

THERE = Address(b"\x77" * 20)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_nothing_to_seal_is_no_block(network: Network) -> None:
    assert network.chain.seal() is None
    assert network.chain.head().number == 0


def test_a_transfer_pays_burns_and_leaves_a_receipt(network: Network) -> None:
    sender = network.accounts[0].address
    before = network.chain.balance(sender)
    sent = network.send(to=THERE, value=5, gas=21_000)
    assert network.chain.receipt(sent) is None
    waiting = network.chain.transaction(sent)
    assert waiting is not None
    assert waiting.block is None
    block = network.chain.seal()
    receipt = network.chain.receipt(sent)
    assert block is not None
    assert receipt is not None
    assert (receipt.number, receipt.position, receipt.succeeded, receipt.gas_used) == (1, 0, True, 21_000)
    assert receipt.effective_gas_price == block.base_fee + GWEI
    assert network.chain.balance(THERE) == 5
    assert network.chain.balance(sender) == before - 5 - 21_000 * receipt.effective_gas_price
    included = network.chain.transaction(sent)
    assert included is not None
    assert included.block == block
    assert network.chain.block(block.hash) == block
    assert network.chain.block("latest") == network.chain.block(1) == block
    assert network.chain.pending_count() == 0


def test_past_heights_keep_their_state(network: Network) -> None:
    contract = network.deploy(STORE)
    for number in (7, 8, 0):
        network.send(to=contract, data=word(number))
        network.chain.seal()
    assert [network.chain.storage(contract, 0, height) for height in (1, 2, 3, 4)] == [0, 7, 8, 0]
    assert network.chain.code(contract, 0) == b""
    assert network.chain.code(contract) == STORE
    assert network.chain.nonce(network.accounts[0].address, 2) == 2
    with pytest.raises(NotFound):
        network.chain.balance(contract, 5)


def test_logs_are_found_by_address_and_topic(network: Network) -> None:
    first, second = network.deploy(EMIT), network.deploy(EMIT)
    network.send(0, first, word(1))
    network.send(1, first, word(2))
    network.send(2, second, word(1))
    network.chain.seal()
    everything = LogFilter(Height(0), Height(9))
    logs = list(network.chain.logs(everything))
    assert [log.position for log in logs] == [0, 1, 2]
    assert {log.address for log in logs} == {first, second}
    assert [log.data for log in network.chain.logs(LogFilter(Height(0), Height(9), (second,)))] == [word(1)]
    by_topic = LogFilter(Height(0), Height(9), (), [[word(2)]])
    assert [log.topics[0] for log in network.chain.logs(by_topic)] == [word(2)]
    both = LogFilter(Height(0), Height(9), (first,), [None, [network.accounts[1].address.rjust(32, b"\0")]])
    assert [log.data for log in network.chain.logs(both)] == [word(2)]
    assert list(network.chain.logs(LogFilter(Height(0), Height(2), (first,)))) == []
    assert list(network.chain.logs(LogFilter(Height(0), Height(9), (THERE,)))) == []


def test_a_failed_transaction_is_sealed_and_says_so(network: Network) -> None:
    contract = network.deploy(REFUSE)
    sent = network.send(to=contract)
    network.chain.seal()
    receipt = network.chain.receipt(sent)
    assert receipt is not None
    assert not receipt.succeeded


def test_calls_and_estimates(network: Network) -> None:
    store, refuse = network.deploy(STORE), network.deploy(REFUSE)
    sender = network.accounts[0].address
    refused = network.chain.call(CallRequest(refuse))
    assert refused.reverted
    with pytest.raises(Reverted, match="execution reverted: nope") as error:
        network.chain.estimate_gas(CallRequest(refuse, sender=sender))
    assert error.value.reason == "nope"
    request = CallRequest(store, word(9), sender)
    assert network.chain.call(request).error is None
    assert network.chain.storage(store, 0) == 0
    gas = network.chain.estimate_gas(request)
    sent = network.send(to=store, data=word(9), gas=gas)
    network.chain.seal()
    receipt = network.chain.receipt(sent)
    assert receipt is not None
    assert receipt.succeeded
    too_little = CallRequest(store, word(1), sender, gas=gas - gas // 64 - 1)
    assert network.chain.call(too_little, height=2).error == "out of gas"
    assert network.chain.estimate_gas(CallRequest(THERE, sender=sender)) == 21_000
    with pytest.raises(InsufficientFunds):
        network.chain.estimate_gas(CallRequest(THERE, sender=THERE, value=1))


def test_an_estimate_is_for_the_block_of_now(network: Network) -> None:
    """Nothing was sealed for a while: a contract that waits for a moment is not asked about the last block."""
    # Reverts while the time is less than the first word of its data.
    patient = network.deploy(bytes.fromhex("6000354210600957005b60006000fd"))
    moment = int(network.clock.now().timestamp()) + 100
    request = CallRequest(patient, word(moment), network.accounts[0].address)
    with pytest.raises(Reverted):
        network.chain.estimate_gas(request)
    network.clock.advance(100)
    assert network.chain.estimate_gas(request) > 21_000


def test_a_call_ends_at_its_time_limit(network: Network) -> None:
    contract = network.deploy(LOOP)
    with pytest.raises(Unavailable, match="timeout"):
        network.chain.call(CallRequest(contract), time_limit=0.05)
    assert network.chain.call(CallRequest(contract, gas=30_000)).error == "out of gas"
    with pytest.raises(GasLimitExceeded):
        network.chain.estimate_gas(CallRequest(contract, gas=30_000))


def test_the_deepest_call_does_not_end_the_process(network: Network) -> None:
    contract = network.deploy(DESCEND)
    assert network.chain.call(CallRequest(contract), time_limit=60).error is None
    sent = network.send(to=contract, gas=TRANSACTION_GAS)
    network.chain.seal()
    receipt = network.chain.receipt(sent)
    assert receipt is not None
    assert receipt.succeeded


def test_refusals_speak_as_geth_does(network: Network) -> None:
    network.send(to=THERE)
    network.chain.seal()
    cases: list[tuple[bytes, type[Exception], str]] = [
        (network.signed(to=THERE, nonce=0), NonceTooLow, "nonce too low: next nonce 1, tx nonce 0"),
        (network.signed(to=THERE, nonce=9_000), NonceTooHigh, "nonce too high"),
        (network.signed(to=THERE, tip=1), Underpriced, "gas tip cap 1, minimum needed 1000000000"),
        (network.signed(to=THERE, gas=20_999), IntrinsicGasTooLow, "intrinsic gas too low: gas 20999"),
        (network.signed(to=THERE, data=b"\1" * 1000, gas=40_000), IntrinsicGasTooLow, "floor data gas cost"),
        (
            network.signed(to=THERE, gas=2**24 + 1),
            GasLimitExceeded,
            r"transaction gas limit too high \(cap: 16777216, tx: 16777217\)",
        ),
        (network.signed(to=THERE, chain_id=1), WrongChain, "invalid chain id for signer: have 1 want"),
        (network.signed(4, to=THERE), InsufficientFunds, r"insufficient funds for gas \* price \+ value: balance 0"),
        (network.signed(to=THERE, tip=10, fee=9), InvalidTransaction, "max priority fee per gas higher"),
        (b"\x03" + b"\xc0", InvalidTransaction, "transaction type not supported"),
        (b"\x04" + b"\xc0", InvalidTransaction, "transaction type not supported"),
        (b"\x02" + b"\xc1", InvalidTransaction, "rlp"),
        (b"", InvalidTransaction, "too short"),
        (network.signed(data=b"\0" * 49_153, gas=3_000_000), InvalidTransaction, "max initcode size exceeded"),
    ]
    for raw, kind, words in cases:
        with pytest.raises(kind, match=words):
            network.chain.admit(raw)
    waiting = network.signed(to=THERE)
    network.chain.admit(waiting)
    with pytest.raises(AlreadyKnown, match="already known"):
        network.chain.admit(waiting)


def test_gaps_wait_and_replacements_outbid(network: Network) -> None:
    sender = network.accounts[0].address
    network.send(to=THERE, nonce=1)
    assert network.chain.pending_nonce(sender) == 0
    assert network.chain.seal() is None
    with pytest.raises(Underpriced, match="replacement transaction underpriced"):
        network.send(to=THERE, nonce=1, tip=GWEI + 1)
    dearer = network.send(to=THERE, nonce=1, tip=2 * GWEI, fee=200 * GWEI)
    network.send(to=THERE, nonce=0)
    assert network.chain.pending_nonce(sender) == 2
    block = network.chain.seal()
    assert block is not None
    assert len(block.transactions) == 2
    assert dearer in block.transactions


def test_the_dearest_goes_first(network: Network) -> None:
    cheap = network.send(0, THERE)
    dear = network.send(1, THERE, tip=5 * GWEI)
    block = network.chain.seal()
    assert block is not None
    assert block.transactions == (dear, cheap)


def test_many_senders_at_once(network: Network) -> None:
    raws = [[network.signed(sender, THERE, nonce=nonce) for nonce in range(50)] for sender in range(4)]
    threads = [threading.Thread(target=lambda own=own: [network.chain.admit(raw) for raw in own]) for own in raws]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert network.chain.pending_count() == 200
    assert network.chain.seal() is not None
    assert network.chain.balance(THERE) == 0
    assert [network.chain.nonce(account.address) for account in network.accounts] == [50, 50, 50, 50, 0]


def test_time_never_goes_back(network: Network) -> None:
    times = []
    for seconds in (10, -500, 0):
        network.clock.advance(seconds)
        network.send(to=THERE)
        block = network.chain.seal()
        assert block is not None
        times.append(block.timestamp)
    assert times[1:] == [times[0] + 1, times[0] + 2]


def test_the_base_fee_rises_with_full_blocks_and_falls_with_empty_ones(network: Network) -> None:
    # Reading at 0x2b0000 extends memory to 2.8 MB, which costs 15 million gas and little time.
    hungry = network.deploy(bytes.fromhex("622b00005100"))
    for _ in range(4):
        network.send(to=hungry, gas=TRANSACTION_GAS)
    full = network.chain.seal()
    assert full is not None
    assert full.gas_used > full.gas_limit // 2
    assert network.chain.next_base_fee() == 8
    sent = network.send(1, THERE, fee=GWEI + 7)
    empty = network.chain.seal()
    assert empty is not None
    assert (empty.base_fee, empty.transactions) == (8, ())
    last = network.chain.seal()
    assert last is not None
    assert (last.base_fee, last.transactions) == (7, (sent,))


def test_proofs_lead_to_the_validators_signature(network: Network) -> None:
    contract = network.deploy(STORE)
    network.send(to=contract, data=word(1234))
    network.chain.seal()
    for height, expected in ((2, 1234), (1, 0)):
        answer = network.chain.proof(contract, [0, 3], height)
        assert answer["storageProof"][0]["key"] == "0x" + "00" * 32
        block = network.chain.block(height)
        assert block is not None
        header = ExecutionHeader.decode(block.header)
        assert header.hash == block.hash == keccak256(block.header)
        nodes = [bytes.fromhex(node[2:]) for node in answer["accountProof"]]
        account = prove_account(header.state_root, contract, nodes)
        assert account is not None
        assert "0x" + account.storage_root.hex() == answer["storageHash"]
        for slot, value in ((0, expected), (1, 0)):
            proof = [bytes.fromhex(node[2:]) for node in answer["storageProof"][slot]["proof"]]
            assert prove_slot(account.storage_root, slot * 3, proof) == value
        record = network.chain.consensus(height + 1)
        signed = SignedHeader.from_json(Fields({"header": record.header, "commit": record.commit}, "signed header"))
        assert signed.header.app_hash == header.hash
        assert signed.header.height == height + 1
        assert signed.header.time.seconds == header.timestamp
        signed.check(network.genesis.consensus_chain_id)
        validators = ValidatorSet.of([Validator.from_json(Fields(one, "validator")) for one in record.validators])
        assert validators.hash() == signed.header.validators_hash
    absent = network.chain.proof(THERE, [1], 1)
    nodes = [bytes.fromhex(node[2:]) for node in absent["accountProof"]]
    assert prove_account(header.state_root, THERE, nodes) is None
    assert absent["storageProof"][0] == {"key": "0x" + "00" * 31 + "01", "value": "0x0", "proof": []}
    with pytest.raises(NotFound):
        network.chain.consensus(4)


def test_consensus_heights_are_chained(network: Network) -> None:
    for _ in range(3):
        network.send(to=THERE)
        network.chain.seal()
    previous = None
    for height in range(1, 5):
        record = network.chain.consensus(height)
        signed = SignedHeader.from_json(Fields({"header": record.header, "commit": record.commit}, "signed header"))
        if previous is not None:
            assert signed.header.last_block_id == previous.commit.block_id
            assert signed.header.last_commit_hash == previous.commit.hash()
        previous = signed


def test_everything_is_there_after_a_restart(network: Network) -> None:
    contract = network.deploy(STORE)
    network.send(to=contract, data=word(5))
    block = network.chain.seal()
    waiting = network.send(to=contract, data=word(6))
    behind = network.send(to=contract, data=word(7), nonce=9)
    chain = network.reopen()
    assert chain.head() == block
    assert chain.pending_count() == 2
    assert chain.transaction(behind) is not None
    assert chain.storage(contract, 0) == 5
    chain.seal()
    assert chain.storage(contract, 0) == 6
    receipt = chain.receipt(waiting)
    assert receipt is not None
    assert receipt.succeeded


def test_a_closed_chain_says_so(network: Network) -> None:
    raw = network.signed(to=THERE)
    network.chain.close()
    network.chain.close()
    with pytest.raises(Unavailable):
        network.chain.seal()
    with pytest.raises(Unavailable):
        network.chain.call(CallRequest(THERE))
    with pytest.raises(Unavailable):
        network.chain.offer(raw)
    with pytest.raises(Unavailable):
        network.chain.balance(THERE)


def test_sealed_blocks_are_announced_in_order(network: Network) -> None:
    seen: list[int] = []

    def failing(_block: Block) -> None:
        raise ValueError("a subscriber's own fault")

    network.chain.subscribe(failing)
    stop = network.chain.subscribe(lambda block: seen.append(block.number))
    for _ in range(2):
        network.send(to=THERE)
        network.chain.seal()
    stop()
    network.send(to=THERE)
    network.chain.seal()
    assert seen == [1, 2]


def test_a_block_on_disk_that_is_not_the_head_yet_is_not_sealed(open_network: Callable[..., Network]) -> None:
    seen: list[tuple[Any, Any]] = []

    def boundary(name: str) -> None:
        if name == "block: after commit":
            included = network.chain.transaction(sent)
            seen.append((network.chain.receipt(sent), included and included.block))

    network = open_network(boundary=boundary)
    sent = network.send(0, network.accounts[1].address)
    network.chain.seal()
    assert seen == [(None, None)]
    receipt, included = network.chain.receipt(sent), network.chain.transaction(sent)
    assert receipt is not None
    assert included is not None
    assert included.block == network.chain.head()

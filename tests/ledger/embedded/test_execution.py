# SPDX-License-Identifier: Apache-2.0
"""Our blocks against py-evm's own importer: every root, bloom, hash and amount of gas must be the one it computes."""

from __future__ import annotations

import subprocess
import sys

import rlp
from embedded_network import EMIT, REFUSE, STORE, Network, deploying
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlock
from eth_account import Account as LocalAccount

from maillon.evidence.rlp import decode, encode
from maillon.ledger.embedded.model import ACCESS_LIST, DYNAMIC_FEE, LEGACY


def py_evm_chain(network: Network) -> MiningChain:
    """py-evm's whole chain class, from the same genesis."""
    genesis = network.genesis
    kind = MiningChain.configure(__name__="Reference", vm_configuration=((0, PragueVM),), chain_id=genesis.chain_id)
    first = network.chain.block(0)
    assert first is not None
    fields = rlp.decode(first.header)
    alloc = {
        address: {
            "balance": account.balance,
            "nonce": account.nonce,
            "code": account.code,
            "storage": dict(account.storage),
        }
        for address, account in genesis.alloc.items()
    }
    parameters = {
        "coinbase": fields[2],
        "difficulty": 0,
        "extra_data": fields[12],
        "gas_limit": genesis.gas_limit,
        "mix_hash": fields[13],
        "nonce": fields[14],
        "timestamp": genesis.time,
        "base_fee_per_gas": genesis.base_fee,
        "withdrawals_root": fields[16],
        "requests_hash": fields[20],
        "parent_beacon_block_root": fields[19],
    }
    return kind.from_genesis(AtomicDB(), parameters, alloc)


def block_rlp(network: Network, number: int) -> bytes:
    block = network.chain.block(number)
    assert block is not None
    sent = [t.raw if t.type_id else decode(t.raw) for t in network.chain.transactions(number)]
    body = encode([decode(block.header), sent, [], []])
    assert len(body) == block.size
    return body


def test_py_evm_imports_our_blocks_and_finds_the_same_hashes(network: Network) -> None:
    local = LocalAccount.from_key(bytes([2]) * 32)
    emit, store, refuse = (network.deploy(code) for code in (EMIT, STORE, REFUSE))
    common = {"chainId": network.genesis.chain_id, "gas": 100_000, "value": 3, "to": "0x" + "77" * 20}
    legacy = local.sign_transaction({**common, "gasPrice": 10**10, "nonce": 0}).raw_transaction
    listed = local.sign_transaction(
        {
            **common,
            "type": 1,
            "gasPrice": 10**10,
            "nonce": 1,
            "accessList": [{"address": "0x" + store.hex(), "storageKeys": ["0x" + "00" * 32]}],
        }
    ).raw_transaction
    network.chain.admit(bytes(legacy))
    network.chain.admit(bytes(listed))
    word = (5).to_bytes(32, "big")
    network.send(0, emit, word)
    network.send(2, store, word)
    network.send(3, refuse)
    network.send(0, data=deploying(STORE), gas=500_000)
    network.clock.advance(7)
    block = network.chain.seal()
    assert block is not None
    assert {t.type_id for t in network.chain.transactions(block.number)} == {LEGACY, ACCESS_LIST, DYNAMIC_FEE}
    network.send(2, store, bytes(32))
    network.chain.seal()

    reference = py_evm_chain(network)
    first = network.chain.block(0)
    assert first is not None
    assert reference.get_canonical_head().hash == first.hash
    for number in range(1, network.chain.head().number + 1):
        ours = network.chain.block(number)
        assert ours is not None
        imported = reference.import_block(rlp.decode(block_rlp(network, number), sedes=PragueBlock)).imported_block
        assert imported.hash == ours.hash
        receipts = imported.get_receipts(reference.chaindb)
        assert [r.gas_used for r in receipts] == [r.cumulative_gas_used for r in network.chain.receipts(number)]
        assert [r.bloom.to_bytes(256, "big") for r in receipts] == [
            r.logs_bloom for r in network.chain.receipts(number)
        ]


def test_the_curve_of_eip_2537_is_loaded_when_it_is_first_called() -> None:
    program = """
import sys
from maillon.ledger.embedded import execution
from maillon.ledger.embedded.execution import Environment, TimeLimit, TooSlow, execute_call, genesis_state
from maillon.ledger.embedded.model import CallRequest
from maillon.ledger.port import Address

def call(place, data):
    environment = Environment(1, 1, 1, 30_000_000, 0, bytes(32), lambda: iter(()))
    limit = TimeLimit(1000, lambda: 0.0, TooSlow)
    request = CallRequest(Address(place.to_bytes(20, "big")), data)
    return execute_call(nodes.get, root, environment, request, gas=10_000_000, limit=limit)

root, nodes = genesis_state({})
assert call(0x04, b"identity").output == b"identity"
assert "py_ecc.optimized_bls12_381" not in sys.modules
generator = bytes.fromhex(sys.argv[1])
assert call(0x0B, generator + bytes(128)).output == generator
assert "py_ecc.optimized_bls12_381" in sys.modules
assert call(0x0B, bytes(255)).error is not None
assert int.from_bytes(call(0x0F, bytes(384)).output) == 1
"""
    # The generator of G1 (EIP-2537): coordinates of 48 bytes, each after 16 zeros.
    generator = (
        "00" * 16 + "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
        ""
        + "00" * 16
        + "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1"
    )
    subprocess.run([sys.executable, "-c", program, generator], check=True)

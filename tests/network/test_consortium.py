# SPDX-License-Identifier: Apache-2.0
"""Four real nodes of four organisations: final blocks, the same everywhere, and doors that open to what they should."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from comet_light import header_by_light_client

from local_network import ACCOUNTS, LocalNetwork, until
from maillon.evidence.consensus import SignedHeader, Validator, ValidatorSet, verify_commit
from maillon.evidence.document import Fields
from maillon.ledger.founding import GWEI
from maillon.ledger.port import Address
from maillon.ledger.signing import DynamicFeeTransaction, checksum
from maillon.network.consortium import PORTS, free_ports
from maillon.network.doctor import WRONG, diagnose, examine
from maillon.network.metrics import OF_COMETBFT
from maillon.network.rules import EXTRA_DATA
from metrics_page import PAGE, described, exposed

THERE = Address(b"\x77" * 20)


def test_the_ports_of_nodes_are_free_and_none_the_system_would_give_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr("maillon.network.consortium.PORTS", range(port, port + 40))
        chosen = free_ports(12)
        assert (len(set(chosen)), port in chosen) == (12, False)
        monkeypatch.setattr("maillon.network.consortium.PORTS", range(port, port + 1))
        with pytest.raises(OSError, match="not 1 are free"):
            free_ports(1)
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(PORTS) < lowest


def test_blocks_come_final_and_the_same_everywhere(consortium: LocalNetwork) -> None:
    consortium.grow(3)
    consortium.check_same()
    newest = consortium.nodes[0].rpc("eth_getBlockByNumber", "latest", False)
    assert bytes.fromhex(newest["extraData"][2:]) == EXTRA_DATA
    assert int(newest["miner"], 16) == 0
    final = consortium.nodes[0].rpc("eth_getBlockByNumber", "finalized", False)
    assert int(final["number"], 16) >= int(newest["number"], 16)


def test_a_transaction_given_to_one_node_is_final_on_all(consortium: LocalNetwork) -> None:
    before = int(consortium.nodes[3].rpc("eth_getBalance", checksum(THERE), "latest"), 16)
    nonce = int(consortium.nodes[1].rpc("eth_getTransactionCount", checksum(ACCOUNTS[1].address), "pending"), 16)
    transfer = DynamicFeeTransaction(consortium.chain_id, nonce, GWEI, 100 * GWEI, 21_000, THERE, 5, b"")
    sent = consortium.nodes[1].rpc("eth_sendRawTransaction", "0x" + transfer.sign(ACCOUNTS[1]).raw.hex())
    for node in consortium.nodes:
        receipt = until(lambda node=node: node.rpc("eth_getTransactionReceipt", sent), 60)  # type: ignore[misc]
        assert receipt["status"] == "0x1"
    assert int(consortium.nodes[3].rpc("eth_getBalance", checksum(THERE), "latest"), 16) == before + 5


def test_what_wallets_are_told_to_pay_is_accepted(consortium: LocalNetwork) -> None:
    """On an idle chain geth's own history of tips is zero, which nobody would take."""
    node = consortium.nodes[0]
    assert int(node.rpc("eth_maxPriorityFeePerGas"), 16) >= GWEI
    base = int(node.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    assert int(node.rpc("eth_gasPrice"), 16) >= base + GWEI
    history = node.rpc("eth_feeHistory", "0x5", "latest", [10, 50, 90])
    assert all(int(tip, 16) >= GWEI for block in history["reward"] for tip in block)


def test_under_the_floor_tip_nobody_takes_it(consortium: LocalNetwork) -> None:
    nonce = int(consortium.nodes[1].rpc("eth_getTransactionCount", checksum(ACCOUNTS[2].address), "pending"), 16)
    cheap = DynamicFeeTransaction(consortium.chain_id, nonce, GWEI - 1, 100 * GWEI, 21_000, THERE, 5, b"")
    with pytest.raises(RuntimeError, match=r"underpriced|tip"):
        consortium.nodes[1].rpc("eth_sendRawTransaction", "0x" + cheap.sign(ACCOUNTS[2]).raw.hex())


def test_the_commit_of_the_next_height_signs_the_block(consortium: LocalNetwork) -> None:
    """The proof a receipt is made of: the app hash of H + 1 is the hash of block H, and two thirds signed it."""
    height = consortium.grow(3) - 2
    node = consortium.nodes[2]
    answer = node.rpc("maillon_commit", hex(height + 1))["signed_header"]
    signed = SignedHeader.from_json(Fields(answer, "a signed header"))
    assert "0x" + signed.header.app_hash.hex() == node.hash_at(height)
    members = node.rpc("maillon_validators", hex(height + 1))["validators"]
    voters = ValidatorSet(tuple(Validator.from_json(Fields(entry, "a validator")) for entry in members))
    verify_commit(signed, consortium.consensus_chain_id, voters)


@pytest.mark.parametrize(
    "method",
    ["admin_peers", "admin_addPeer", "debug_setHead", "engine_newPayloadV4", "miner_setGasPrice", "personal_sign",
     "testing_buildBlockV1", "txpool_content", "eth_sign", "eth_sendTransaction", "nothing"],
)  # fmt: skip
def test_the_gateway_knows_nothing_else(consortium: LocalNetwork, method: str) -> None:
    url = consortium.nodes[0].url
    alone = httpx.post(url, json={"jsonrpc": "2.0", "id": 7, "method": method, "params": []}).json()
    assert (alone["id"], alone["error"]["code"]) == (7, -32601)
    listed = httpx.post(url, json=[{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"},
                                   {"jsonrpc": "2.0", "id": "x", "method": method}]).json()  # fmt: skip
    assert listed[0]["result"] == hex(consortium.chain_id)
    assert listed[1]["error"]["code"] == -32601


def test_the_gateway_answers_malformed_requests_and_goes_on(consortium: LocalNetwork) -> None:
    url = consortium.nodes[0].url
    headers = {"content-type": "application/json"}
    asked: list[tuple[bytes, Any]] = [
        (b"{", -32700), (b"[]", -32600), (b"3", -32600), (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":{}}', -32602),
    ]  # fmt: skip
    for body, code in asked:
        assert httpx.post(url, content=body, headers=headers).json()["error"]["code"] == code
    wide = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [{"fromBlock": "0x0", "toBlock": "0xffffff"}]}
    assert httpx.post(url, json=wide).json()["error"]["code"] == -32005
    many = [{"jsonrpc": "2.0", "id": n, "method": "eth_chainId"} for n in range(201)]
    assert httpx.post(url, json=many).json()[0]["error"]["message"] == "batch too large"
    assert httpx.post(url, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    assert consortium.nodes[0].height() > 0


def test_health_and_metrics_tell_of_the_whole_node(consortium: LocalNetwork) -> None:
    node = consortium.nodes[0]
    health = until(lambda: (found := node.health())["status"] == "ready" and found, 30)
    assert health
    assert health["validator"] is True
    assert health["execution"]["peers"] == len(health["consensus"]["peers"]) == 3
    # Of the engines' metrics some begin with the first vote, or the first message of a kind.
    page = until(lambda: (told := exposed(httpx.get(f"{node.url}/metrics").text)).keys() >= OF_COMETBFT and told, 60)
    wanted = described(PAGE.read_text())
    assert {name for name in wanted if name.startswith("maillon_node_")} | OF_COMETBFT == page.keys()
    # Of alarms, none is raised, and so no label is there.
    assert {name: told for name, told in page.items() if wanted[name] != told} == {"maillon_node_alarm": ("gauge", "")}


async def test_the_doctor_finds_a_sound_node_sound(consortium: LocalNetwork) -> None:
    node = consortium.nodes[1]
    findings = diagnose(await examine(node.home, consortium.engines))
    assert [finding for finding in findings if finding.state == WRONG] == []


def test_our_verifier_and_comets_light_client_agree(consortium: LocalNetwork) -> None:
    """Their verifier, started from block 1's hash alone, comes to the header whose commit ours accepts."""
    height = consortium.grow(2)
    ours = consortium.nodes[0].rpc("maillon_commit", hex(height))["signed_header"]
    assert header_by_light_client(consortium, height) == ours["header"]

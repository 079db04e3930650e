# SPDX-License-Identifier: Apache-2.0
"""Real clients, unmodified, over real HTTP and WebSocket, at both doors: what works on Ethereum works here."""

from __future__ import annotations

import json
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from web3 import AsyncWeb3, Web3
from web3.exceptions import ContractCustomError, ContractLogicError
from web3.providers import WebSocketProvider

from maillon.evidence.hashing import keccak256
from maillon.ledger.port import Address
from maillon.ledger.signing import Account, DynamicFeeTransaction, checksum

GWEI = 10**9
RunClient = Callable[[str, int], dict[str, Any]]


def test_viem_does_everything(run_client: RunClient, client_door: Any) -> None:
    seen = run_client("viem.mjs", 1)
    assert seen["chainId"] == client_door.chain_id
    assert int(seen["balance"]) > 0
    assert int(seen["tip"]) == GWEI
    assert int(seen["gasPrice"]) > GWEI
    assert seen["deployed"] == seen["stored"] == "success"
    assert int(seen["paidTip"]) == GWEI
    assert seen["transactionType"] == "eip1559"
    assert seen["value"] == seen["proved"] == 8
    assert seen["logs"] == seen["liveLogs"] == seen["polledLogs"] == [7, 8]
    assert seen["heads"] == sorted(seen["heads"])
    assert len(seen["heads"]) >= 2
    assert seen["reason"] == "thirteen is refused"
    assert seen["custom"] == ["TooBig", 2000, 1000]
    assert seen["panic"] != "not refused"
    assert seen["fill"] == -32601
    assert seen["rewards"] is True


def test_ethers_does_everything(run_client: RunClient, client_door: Any) -> None:
    seen = run_client("ethers.mjs", 2)
    assert seen["chainId"] == client_door.chain_id
    assert int(seen["tip"]) == GWEI
    assert seen["deployed"] is True
    assert seen["statuses"] == [1] * 5
    assert seen["transactionType"] == 2
    assert seen["confirmed"] >= 6
    assert seen["value"] == seen["proved"] == 5
    assert seen["logs"] == seen["liveLogs"] == [1, 2, 3, 4, 5]
    assert seen["heads"]
    assert seen["burst"] == 150
    assert seen["reason"] == seen["estimateReason"] == "thirteen is refused"
    assert seen["custom"] == ["TooBig", 2000, 1000]
    assert seen["unknown"] == -32601


def test_web3_py_does_everything(client_door: Any, probe: dict[str, Any]) -> None:
    web3 = Web3(Web3.HTTPProvider(client_door.http))
    account = web3.eth.account.from_key((3).to_bytes(32, "big"))
    web3.eth.default_account = account.address
    assert web3.is_connected()
    assert web3.eth.chain_id == client_door.chain_id
    assert web3.eth.max_priority_fee == GWEI
    assert web3.eth.accounts == []
    assert web3.eth.syncing is False

    def send(built: Any) -> Any:
        built["nonce"] = web3.eth.get_transaction_count(account.address, "pending")
        raw = account.sign_transaction(built).raw_transaction
        return web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(raw), poll_latency=0.05)

    factory = web3.eth.contract(abi=probe["abi"], bytecode=probe["bytecode"])
    fields = {"from": account.address, "chainId": web3.eth.chain_id}
    made = send(factory.constructor().build_transaction(fields))
    contract = web3.eth.contract(made["contractAddress"], abi=probe["abi"])
    follower = contract.events.Stored.create_filter(from_block="latest")
    blocks = web3.eth.filter("latest")
    outcome = send(contract.functions.store(42).build_transaction(fields))
    assert outcome["status"] == 1
    assert contract.functions.value().call() == 42
    assert [log["args"]["value"] for log in contract.events.Stored().process_receipt(outcome)] == [42]
    assert [log["args"]["value"] for log in contract.events.Stored.get_logs(from_block=0)] == [42]
    assert [log["args"]["value"] for log in follower.get_new_entries()] == [42]
    assert outcome["blockHash"] in blocks.get_new_entries()
    assert web3.eth.uninstall_filter(follower.filter_id)
    assert follower.filter_id not in {None, blocks.filter_id}
    with pytest.raises(ContractLogicError, match="thirteen is refused"):
        contract.functions.store(13).call()
    with pytest.raises(ContractCustomError):
        contract.functions.store(2000).call()
    proof = web3.eth.get_proof(contract.address, [0])
    assert int.from_bytes(proof["storageProof"][0]["value"], "big") == 42
    assert web3.eth.fee_history(4, "latest", [5.0])["reward"][0][0] >= GWEI
    block = web3.eth.get_block(outcome["blockNumber"], full_transactions=True)
    assert block["transactions"][0]["from"] == account.address
    assert len(web3.eth.get_block_receipts(outcome["blockNumber"])) >= 1


async def test_web3_py_subscribes_in_binary_frames(client_door: Any, probe: dict[str, Any]) -> None:
    async with AsyncWeb3(WebSocketProvider(client_door.websocket)) as web3:
        assert await web3.eth.chain_id == client_door.chain_id
        account = web3.eth.account.from_key((4).to_bytes(32, "big"))
        fields: Any = {"from": account.address, "maxFeePerGas": 3 * GWEI, "maxPriorityFeePerGas": GWEI}

        async def send(call: Any) -> Any:
            nonce = await web3.eth.get_transaction_count(account.address, "pending")
            built = await call.build_transaction(fields | {"nonce": nonce, "chainId": client_door.chain_id})
            return await web3.eth.send_raw_transaction(account.sign_transaction(built).raw_transaction)

        deployed = await send(web3.eth.contract(abi=probe["abi"], bytecode=probe["bytecode"]).constructor())
        made = await web3.eth.wait_for_transaction_receipt(deployed, poll_latency=0.05)
        contract = web3.eth.contract(made["contractAddress"], abi=probe["abi"])
        heads = await web3.eth.subscribe("newHeads")
        logs = await web3.eth.subscribe("logs", {"address": contract.address})
        assert heads != logs
        sent = await send(contract.functions.store(9))
        followed = told = False
        async for message in web3.socket.process_subscriptions():
            if message["subscription"] == logs:
                assert message["result"]["transactionHash"] == sent
                told = contract.events.Stored().process_log(message["result"])["args"]["value"] == 9
            else:
                block = await web3.eth.get_block(message["result"]["hash"])
                followed = followed or sent in block["transactions"]
            if followed and told:
                break
        assert await web3.eth.unsubscribe(heads)
        assert await web3.eth.unsubscribe(logs)


def test_cast_does_everything(cast: Path, client_door: Any, probe: dict[str, Any], tmp_path: Path) -> None:
    key = f"0x{5:064x}"
    address = checksum(Account((5).to_bytes(32, "big")).address)

    def run(command: str, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [cast, command, "--rpc-url", client_door.http, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": ""},
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return (done.stdout + done.stderr).strip() if fails else done.stdout.strip()

    assert int(run("chain-id")) == client_door.chain_id
    assert run("client").startswith(f"{client_door.program}/")
    assert int(run("balance", address)) > 0
    made = json.loads(run("send", "--private-key", key, "--json", "--create", probe["bytecode"]))
    contract = made["contractAddress"]
    outcome = json.loads(run("send", "--private-key", key, "--json", contract, "store(uint256)", "21"))
    assert outcome["status"] == "0x1"
    assert int(run("call", contract, "value()(uint256)")) == 21
    block = json.loads(run("block", "--json", outcome["blockNumber"]))
    assert int(outcome["effectiveGasPrice"], 16) - int(block["baseFeePerGas"], 16) == GWEI
    assert "thirteen is refused" in run("call", contract, "store(uint256)", "13", fails=True)
    assert "thirteen is refused" in run("estimate", contract, "store(uint256)", "13", fails=True)
    wanted = ("--from-block", "0", "--address", contract, "Stored(address indexed,uint256)")
    logs = json.loads(run("logs", "--json", *wanted))
    assert [int(log["data"], 16) for log in logs] == [21]
    # It says nothing when it has subscribed: values are stored until one is told.
    command = [cast, "logs", "--rpc-url", client_door.websocket, "--subscribe", *wanted[2:]]
    environment = {"HOME": str(tmp_path), "PATH": ""}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as following:
        try:
            assert following.stdout is not None
            for value in range(100, 130):
                run("send", "--private-key", key, contract, "store(uint256)", str(value))
                if select.select([following.stdout], [], [], 1)[0]:
                    break
            else:
                pytest.fail("it was told of none")
            assert following.stdout.readline().split() == [
                "-",
                "address:",
                checksum(Address(bytes.fromhex(contract[2:]))),
            ]
            data = next(line for line in following.stdout if line.startswith("  data: "))
            assert 100 <= int(data.split()[1], 16) <= value
        finally:
            following.kill()
    run("send", "--private-key", key, contract, "store(uint256)", "21")
    proof = json.loads(run("proof", contract, "0x0"))
    assert int(proof["storageProof"][0]["value"], 16) == 21
    assert int(run("storage", contract, "0"), 16) == 21
    assert int(run("gas-price")) > GWEI
    assert json.loads(run("receipt", "--json", outcome["transactionHash"]))["status"] == "0x1"
    assert json.loads(run("access-list", "--json", "--from", address, contract, "value()"))["accessList"][0][
        "storageKeys"
    ]


def test_a_wallet_does_what_it_does_with_any_network(client_door: Any, probe: dict[str, Any]) -> None:
    """The calls of a browser's wallet on a network its fee service does not know, in its order and with its fees."""
    account = Account((7).to_bytes(32, "big"))
    me = checksum(account.address)
    # A wallet's page is of another origin than the ledger.
    origin = {"Origin": "chrome-extension://wallet"}
    with httpx.Client(headers=origin, timeout=60, trust_env=False) as client:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        allowed = client.options(client_door.http, headers=asked)
        assert allowed.is_success
        assert allowed.headers["access-control-allow-origin"] == "*"
        assert "content-type" in allowed.headers["access-control-allow-headers"].lower()

        def ask(method: str, *params: Any) -> Any:
            request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
            answer = client.post(client_door.http, json=request)
            assert answer.headers["access-control-allow-origin"] == "*"
            return answer.json()["result"]

        def pay(to: str | None, data: bytes) -> dict[str, Any]:
            call = {"from": me, "data": "0x" + data.hex(), "value": "0x0"} | ({} if to is None else {"to": to})
            gas = int(ask("eth_estimateGas", call), 16) * 3 // 2
            # The one price is both cap and tip.
            price = int(ask("eth_gasPrice"), 16)
            nonce = int(ask("eth_getTransactionCount", me, "pending"), 16)
            receiver = None if to is None else Address(bytes.fromhex(to[2:]))
            made = DynamicFeeTransaction(client_door.chain_id, nonce, price, price, gas, receiver, 0, data)
            sent = ask("eth_sendRawTransaction", "0x" + made.sign(account).raw.hex())
            for _ in range(600):
                receipt: dict[str, Any] | None = ask("eth_getTransactionReceipt", sent)
                if receipt is not None:
                    return receipt
                time.sleep(0.1)
            pytest.fail("what was acknowledged is not sealed")

        assert int(ask("eth_chainId"), 16) == client_door.chain_id == int(ask("net_version"))
        assert int(ask("eth_getBalance", me, "latest"), 16) > 0
        assert ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"]
        assert ask("eth_getCode", me, "latest") == "0x"
        made = pay(None, bytes.fromhex(probe["bytecode"].removeprefix("0x")))
        assert made["status"] == "0x1"
        assert ask("eth_getCode", made["contractAddress"], "latest") != "0x"
        stored = pay(made["contractAddress"], keccak256(b"store(uint256)")[:4] + (8).to_bytes(32, "big"))
        assert (stored["status"], len(stored["logs"])) == ("0x1", 1)

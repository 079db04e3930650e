// SPDX-License-Identifier: Apache-2.0
// ethers, unmodified. Prints what it saw as one JSON object.
import { ethers } from "ethers";

const setting = JSON.parse(process.argv[2]);
const { abi, bytecode } = setting;
const provider = new ethers.JsonRpcProvider(setting.http, undefined, { pollingInterval: 100 });
const wallet = new ethers.NonceManager(new ethers.Wallet(setting.key, provider));
const live = new ethers.WebSocketProvider(setting.ws);
const seen = { heads: [], liveLogs: [] };

seen.chainId = Number((await provider.getNetwork()).chainId);
const address0 = await wallet.getAddress();
seen.balance = (await provider.getBalance(address0)).toString();
seen.tip = (await provider.getFeeData()).maxPriorityFeePerGas.toString();

const contract = await new ethers.ContractFactory(abi, bytecode, wallet).deploy();
await contract.waitForDeployment();
const address = await contract.getAddress();
seen.deployed = (await provider.getCode(address)).length > 2;

const liveContract = new ethers.Contract(address, abi, live);
await liveContract.on("Stored", (by, value) => seen.liveLogs.push(Number(value)));
await live.on("block", (number) => seen.heads.push(number));
await live.getBlockNumber();
await new Promise((resolve) => setTimeout(resolve, 300));

// Five at once: the nonces are the client's, and the pool keeps their order.
const sent = await Promise.all([1, 2, 3, 4, 5].map((value) => contract.store(value)));
const receipts = await Promise.all(sent.map((each) => each.wait()));
seen.statuses = receipts.map((receipt) => receipt.status);
seen.transactionType = sent[0].type;
// On a chain where nothing else happens: it goes on long enough for whoever wants certainty.
seen.confirmed = await (await sent[4].wait(6)).confirmations();
seen.value = Number(await contract.value());
seen.logs = (await contract.queryFilter("Stored", 0)).map((log) => Number(log.args.value)).sort();
// A burst in the same moment travels as batches of up to a hundred.
seen.burst = (await Promise.all(Array.from({ length: 150 }, () => provider.getBalance(address0)))).length;

seen.reason = await refusal(() => contract.store.staticCall(13), (error) => error.reason);
seen.custom = await refusal(() => contract.store.staticCall(2000), (error) => [error.revert.name, ...error.revert.args.map(Number)]);
seen.estimateReason = await refusal(() => contract.store.estimateGas(13), (error) => error.reason);
const proof = await provider.send("eth_getProof", [address, ["0x0"], "latest"]);
seen.proved = Number(proof.storageProof[0].value);
seen.unknown = await refusal(() => provider.send("eth_sendTransaction", [{}]), (error) => error.info?.error?.code ?? error.error?.code);

for (let tries = 0; tries < 600 && (seen.liveLogs.length < 5 || seen.heads.length < 1); tries++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
seen.liveLogs.sort();
console.log(JSON.stringify(seen));
process.exit(0);

async function refusal(attempt, read) {
  try { await attempt(); return "not refused"; } catch (error) { return read(error) ?? error.message; }
}

// SPDX-License-Identifier: Apache-2.0
// viem, unmodified: everything a page or a back end does with it. Prints what it saw as one JSON object.
import {
  createPublicClient, createWalletClient, http, webSocket, defineChain, parseGwei, BaseError,
  ContractFunctionRevertedError, MethodNotFoundRpcError,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";

const setting = JSON.parse(process.argv[2]);
const { abi, bytecode } = setting;
const chain = defineChain({
  id: setting.chainId, name: "conformance", nativeCurrency: { name: "Credit", symbol: "CRED", decimals: 18 },
  rpcUrls: { default: { http: [setting.http], webSocket: [setting.ws] } },
});
const account = privateKeyToAccount(setting.key);
const client = createPublicClient({ chain, transport: http(undefined, { batch: true }), pollingInterval: 100 });
const wallet = createWalletClient({ chain, account, transport: http() });
const live = createPublicClient({ chain, transport: webSocket() });
const seen = { heads: [], liveLogs: [], polledLogs: [] };

seen.chainId = await client.getChainId();
seen.balance = (await client.getBalance({ address: account.address })).toString();
const fees = await client.estimateFeesPerGas();
seen.tip = fees.maxPriorityFeePerGas.toString();
seen.gasPrice = (await client.getGasPrice()).toString();

const deployed = await wallet.deployContract({ abi, bytecode });
const made = await client.waitForTransactionReceipt({ hash: deployed });
const address = made.contractAddress;
seen.deployed = made.status;

const stopHeads = live.watchBlocks({ onBlock: (block) => seen.heads.push(Number(block.number)), onError: fail });
const stopLive = live.watchContractEvent({
  address, abi, eventName: "Stored", onLogs: (logs) => seen.liveLogs.push(...logs.map((log) => Number(log.args.value))),
  onError: fail,
});
const stopPolled = client.watchContractEvent({
  address, abi, eventName: "Stored", poll: true, onError: fail,
  onLogs: (logs) => seen.polledLogs.push(...logs.map((log) => Number(log.args.value))),
});
await new Promise((resolve) => setTimeout(resolve, 500));

for (const value of [7n, 8n]) {
  const hash = await wallet.writeContract({ address, abi, functionName: "store", args: [value] });
  const receipt = await client.waitForTransactionReceipt({ hash });
  seen.stored = receipt.status;
  seen.paidTip = (receipt.effectiveGasPrice - (await client.getBlock({ blockHash: receipt.blockHash })).baseFeePerGas).toString();
  seen.transactionType = (await client.getTransaction({ hash })).type;
}
seen.value = Number(await client.readContract({ address, abi, functionName: "value" }));
seen.logs = (await client.getContractEvents({ address, abi, eventName: "Stored", fromBlock: 0n })).map((log) => Number(log.args.value));

seen.reason = await refusal(() => client.simulateContract({ account, address, abi, functionName: "store", args: [13n] }), (revert) => revert.reason);
seen.custom = await refusal(
  () => client.simulateContract({ account, address, abi, functionName: "store", args: [2000n] }),
  (revert) => [revert.data.errorName, ...revert.data.args.map(Number)],
);
seen.panic = await refusal(() => client.readContract({ address, abi, functionName: "divided", args: [0n] }), (revert) => revert.reason ?? revert.shortMessage ?? "reverted");
const proof = await client.getProof({ address, storageKeys: ["0x" + "0".repeat(64)] });
seen.proved = Number(proof.storageProof[0].value);
try {
  await client.request({ method: "eth_fillTransaction", params: [{}] });
} catch (error) {
  seen.fill = error.walk((cause) => cause instanceof MethodNotFoundRpcError) ? -32601 : error.message;
}
const history = await client.getFeeHistory({ blockCount: 4, rewardPercentiles: [10, 50] });
seen.rewards = history.reward.flat().every((reward) => reward >= parseGwei("1")) && history.reward.length === history.gasUsedRatio.length;

for (let tries = 0; tries < 600 && (seen.liveLogs.length < 2 || seen.polledLogs.length < 2 || seen.heads.length < 2); tries++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
stopHeads(); stopLive(); stopPolled();
console.log(JSON.stringify(seen));
process.exit(0);

function fail(error) { console.error(error); process.exit(1); }
async function refusal(attempt, read) {
  try { await attempt(); return "not refused"; } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    const revert = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    return revert ? read(revert) : error.shortMessage;
  }
}

// SPDX-License-Identifier: Apache-2.0
// One transfer each by viem and by ethers, priced as they price by themselves. Prints hashes as one JSON object.
import { ethers } from "ethers";
import { createPublicClient, createWalletClient, defineChain, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const setting = JSON.parse(process.argv[2]);
const chain = defineChain({
  id: setting.chainId, name: "conformance", nativeCurrency: { name: "Credit", symbol: "CRED", decimals: 18 },
  rpcUrls: { default: { http: [setting.http] } },
});
const account = privateKeyToAccount(setting.viem);
const client = createPublicClient({ chain, transport: http(), pollingInterval: 100 });
const viem = await createWalletClient({ chain, account, transport: http() }).sendTransaction({ to: account.address, value: 1n });
await client.waitForTransactionReceipt({ hash: viem });

const provider = new ethers.JsonRpcProvider(setting.http, undefined, { pollingInterval: 100 });
const wallet = new ethers.Wallet(setting.ethers, provider);
const sent = await wallet.sendTransaction({ to: wallet.address, value: 1n });
await sent.wait();
console.log(JSON.stringify({ viem, ethers: sent.hash }));
process.exit(0);

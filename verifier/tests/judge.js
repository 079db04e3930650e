// SPDX-License-Identifier: Apache-2.0
/**
 * Judges receipts line by line: `{receipt, anchors, digest}` in, its bytes in base64, `{verdict, step, error}` out. The Python
 * tests put the same questions to both verifiers through it.
 */
import { createInterface } from "node:readline";

import { Evidence } from "./shipped.js";

const { Undecided, bytesOfHex, parseAnchors, parseReceipt, verifyReceipt } = Evidence;
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

function judge({ receipt, anchors, digest }) {
  let parsed;
  let trusted;
  try {
    trusted = parseAnchors(bytes(anchors));
    parsed = parseReceipt(bytes(receipt));
  } catch (refusal) {
    if (!(refusal instanceof Undecided)) throw refusal;
    return { verdict: "undecided", step: null, error: refusal.reason };
  }
  const given = digest && { algorithm: digest.algorithm, value: bytesOfHex(digest.value) };
  const { verdict, steps, error } = verifyReceipt(parsed, trusted, given);
  const failing = steps.find(({ state }) => state === "bad" || state === "unknown");
  return { verdict, step: failing?.number ?? null, error: error?.reason ?? null };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = judge(JSON.parse(line));
  } catch (defect) {
    answer = { verdict: "defect", step: null, error: String(defect.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

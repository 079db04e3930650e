// SPDX-License-Identifier: Apache-2.0
/** Trust anchors: the public facts a receipt is checked against (docs/formats/trust.md). */
import { parseChainId, parseValidators } from "./consensus.js";
import { base64Bytes, ethereum, integer, list, members, readDocument, text } from "./document.js";
import { Unreadable } from "./errors.js";
import { parseVerifierKey } from "./note.js";

const TYPE = "maillon.trust.v1";

/** The anchors of a document in UTF-8; throws what is `Undecided`. */
export function parseAnchors(bytes) {
  const document = readDocument(bytes, TYPE);
  const read = members(document, "", ["type", "network", "ledger", "logs", "authorities"]);
  const ledger = members(read.ledger, "ledger", ["chain_id", "evm_chain_id", "height", "validators", "anchors"]);
  const contract = members(ledger.anchors, "ledger.anchors", ["address", "slot"]);
  const logs = list(read.logs, "logs", { maximum: 1000, item: parseLog });
  if (new Set(logs.map(({ origin }) => origin)).size !== logs.length) throw new Unreadable("log-twice", { where: "logs" });
  integer(ledger.evm_chain_id, "ledger.evm_chain_id", 1n, 2n ** 53n - 1n);
  return {
    network: text(read.network, "network", 200),
    chainId: parseChainId(ledger.chain_id, "ledger.chain_id"),
    height: integer(ledger.height, "ledger.height", 1n, 2n ** 63n - 1n),
    validators: parseValidators(ledger.validators, "ledger.validators"),
    address: ethereum(contract.address, "ledger.anchors.address", 20),
    slot: integer(contract.slot, "ledger.anchors.slot", 0n, 2n ** 32n),
    logs,
    authorities: list(read.authorities, "authorities", { maximum: 100, item: parseAuthority }),
  };
}

function parseLog(value, where) {
  const { origin, key } = members(value, where, ["origin", "key"]);
  return { origin: text(origin, `${where}.origin`, 400), key: parseVerifierKey(text(key, `${where}.key`, 600), `${where}.key`) };
}

function parseAuthority(value, where) {
  const { certificate } = members(value, where, ["certificate"]);
  return base64Bytes(certificate, `${where}.certificate`, 16_384);
}

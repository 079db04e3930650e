// SPDX-License-Identifier: Apache-2.0
/** What Ethereum's state says: an account, a slot, the header of a block (docs/formats/state-proof.md). */
import { keccak256 } from "./hashing.js";
import { Unreadable } from "./errors.js";
import { decodeRlp, rlpBytes, rlpNumber } from "./rlp.js";
import { valueAt } from "./trie.js";

/** Bytes of the RLP of a header. */
export const MAXIMUM_HEADER = 2048;
/** The first second of the year 10000: calendars and this verifier end before it. */
const END_OF_CALENDAR = 253_402_300_800n;

/** `{nonce, balance, storageHash, codeHash}` of an address under a state root; null where there is none. */
export function accountAt(stateRoot, address, proof) {
  const value = valueAt(stateRoot, keccak256(address), proof);
  if (value === null) return null;
  const fields = decodeRlp(value);
  if (!Array.isArray(fields) || fields.length !== 4) throw new Unreadable("account-form");
  const [nonce, balance, storageHash, codeHash] = fields;
  return {
    nonce: rlpNumber(nonce, 8),
    balance: rlpNumber(balance, 32),
    storageHash: rlpBytes(storageHash, 32),
    codeHash: rlpBytes(codeHash, 32),
  };
}

/** The number in a slot (32 bytes) under a storage root; 0 where nothing was ever written. */
export function slotAt(storageRoot, slot, proof) {
  const value = valueAt(storageRoot, keccak256(slot), proof);
  if (value === null) return 0n;
  const number = rlpNumber(decodeRlp(value), 32);
  if (number === 0n) throw new Unreadable("slot-zero");
  return number;
}

/** Prague's header, each field by how it is read: bytes of a length, or a number of at most so many bytes. */
const bytes = (length) => (item) => rlpBytes(item, length);
const number = (maximum) => (item) => rlpNumber(item, maximum);
const HEADER = [
  ["parentHash", bytes(32)], ["sha3Uncles", bytes(32)], ["miner", bytes(20)], ["stateRoot", bytes(32)],
  ["transactionsRoot", bytes(32)], ["receiptsRoot", bytes(32)], ["logsBloom", bytes(256)], ["difficulty", number(32)],
  ["number", number(8)], ["gasLimit", number(8)], ["gasUsed", number(8)], ["timestamp", number(8)],
  ["extraData", extraData], ["mixHash", bytes(32)], ["nonce", bytes(8)], ["baseFeePerGas", number(32)],
  ["withdrawalsRoot", bytes(32)], ["blobGasUsed", number(8)], ["excessBlobGas", number(8)],
  ["parentBeaconBlockRoot", bytes(32)], ["requestsHash", bytes(32)],
];

function extraData(item) {
  const data = rlpBytes(item);
  if (data.length > 32) throw new Unreadable("rlp-length", { where: "extraData", expected: "≤ 32", found: data.length });
  return data;
}

/** The header of a block: its fields by name, and `hash`. */
export function parseHeader(encoded) {
  if (encoded.length > MAXIMUM_HEADER) throw new Unreadable("header-too-large", { expected: MAXIMUM_HEADER, found: encoded.length });
  const fields = decodeRlp(encoded);
  if (!Array.isArray(fields) || fields.length !== HEADER.length) {
    throw new Unreadable("header-form", { expected: HEADER.length, found: Array.isArray(fields) ? fields.length : 0 });
  }
  const header = Object.fromEntries(HEADER.map(([name, read], place) => [name, read(fields[place])]));
  if (header.timestamp >= END_OF_CALENDAR) throw new Unreadable("beyond-calendar", { found: header.timestamp });
  return { ...header, hash: keccak256(encoded) };
}

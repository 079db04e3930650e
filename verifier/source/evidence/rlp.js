// SPDX-License-Identifier: Apache-2.0
/** Recursive Length Prefix (Ethereum yellow paper, appendix B): only the canonical encoding is read. */
import { numberOf } from "./bytes.js";
import { Unreadable } from "./errors.js";

const MAXIMUM_DEPTH = 16;

/**
 * One item that is all of the bytes: `Uint8Array`, or a list of items. Each item of a list carries `encoded`, its own bytes, in
 * `encodings` of that list: a trie's node is named by the hash of them.
 */
export function decodeRlp(bytes) {
  const { item, next } = readItem(bytes, 0, bytes.length, 0);
  if (next !== bytes.length) throw new Unreadable("rlp-trailing");
  return item;
}

function readItem(bytes, start, end, depth) {
  if (start >= end) throw new Unreadable("rlp-short");
  const first = bytes[start];
  if (first < 0x80) return { item: bytes.subarray(start, start + 1), next: start + 1 };
  const isList = first >= 0xc0;
  const short = first - (isList ? 0xc0 : 0x80);
  let body = start + 1;
  let length = short;
  if (short > 55) {
    body += short - 55;
    const written = bytes.subarray(start + 1, Math.min(body, end));
    if (written.length !== short - 55) throw new Unreadable("rlp-short");
    if (written[0] === 0) throw new Unreadable("rlp-canonical");
    const stated = numberOf(written);
    if (stated <= 55n) throw new Unreadable("rlp-canonical");
    if (stated > BigInt(end - body)) throw new Unreadable("rlp-short");
    length = Number(stated);
  }
  const next = body + length;
  if (next > end) throw new Unreadable("rlp-short");
  if (!isList) {
    if (length === 1 && bytes[body] < 0x80) throw new Unreadable("rlp-canonical");
    return { item: bytes.subarray(body, next), next };
  }
  if (depth === MAXIMUM_DEPTH) throw new Unreadable("rlp-too-deep");
  const items = [];
  const encodings = [];
  for (let place = body; place < next; ) {
    const read = readItem(bytes, place, next, depth + 1);
    items.push(read.item);
    encodings.push(bytes.subarray(place, read.next));
    place = read.next;
  }
  items.encodings = encodings;
  return { item: items, next };
}

/** An item that must be bytes, of exactly so many where `length` is given. */
export function rlpBytes(item, length) {
  if (Array.isArray(item)) throw new Unreadable("rlp-list");
  if (length !== undefined && item.length !== length) throw new Unreadable("rlp-length", { expected: length, found: item.length });
  return item;
}

/** An item that must be a number of at most so many bytes, without leading zero. */
export function rlpNumber(item, maximum) {
  const bytes = rlpBytes(item);
  if (bytes.length > maximum) throw new Unreadable("rlp-length", { expected: `≤ ${maximum}`, found: bytes.length });
  if (bytes[0] === 0) throw new Unreadable("rlp-canonical");
  return numberOf(bytes);
}

// SPDX-License-Identifier: Apache-2.0
/** The little of Protocol Buffers that CometBFT hashes and signs (docs/formats/consensus.md, Encodings). */
import { concat } from "./bytes.js";

/** Seven bits a byte, the lowest first; negative numbers as 64 bits of two's complement. */
export function varint(number) {
  const bytes = [];
  let left = BigInt.asUintN(64, BigInt(number));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Uint8Array.from([...bytes, Number(left)]);
}

const EMPTY = new Uint8Array();
const tag = (field, type) => varint(field * 8 + type);

/** A number, left out when zero. */
export const number = (field, value) => (BigInt(value) ? concat(tag(field, 0), varint(value)) : EMPTY);

/** Bytes after their length, always written. */
export const message = (field, value) => concat(tag(field, 2), varint(value.length), value);

/** Bytes after their length, left out when empty. */
export const bytes = (field, value) => (value.length ? message(field, value) : EMPTY);

/** A number in eight bytes, little-endian, left out when zero. */
export function fixed(field, value) {
  if (!BigInt(value)) return EMPTY;
  const eight = new Uint8Array(8);
  new DataView(eight.buffer).setBigInt64(0, BigInt(value), true);
  return concat(tag(field, 1), eight);
}

/** A moment: its seconds and nanoseconds. */
export const timestamp = ({ seconds, nanoseconds }) => concat(number(1, seconds), number(2, nanoseconds));

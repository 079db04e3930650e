// SPDX-License-Identifier: Apache-2.0
/**
 * Documents read strictly (docs/formats/receipt.md, Reading it): every member known, present, of its type and in its limits.
 *
 * Each reader takes a value and `where`, its place in the document as people write it, and throws `Unreadable` or
 * `WrongLength` with that place.
 */
import { bytesOfBase64, bytesOfHex, textOf } from "./bytes.js";
import { UnknownVersion, Unreadable, WrongLength } from "./errors.js";
import { parseJson } from "./json.js";

/** Bytes of a receipt or of trust anchors. */
export const MAXIMUM_DOCUMENT = 1_048_576;
/** Characters of any text that has no smaller limit of its own. */
const MAXIMUM_TEXT = 65_536;

/** The object of a document in UTF-8, whose `type` is the one known here: nothing else of another's is read. */
export function readDocument(bytes, expected) {
  if (bytes.length > MAXIMUM_DOCUMENT) {
    throw new Unreadable("document-too-large", { expected: MAXIMUM_DOCUMENT, found: bytes.length });
  }
  const value = parseJson(textOf(bytes));
  if (!(value instanceof Map)) throw new Unreadable("not-an-object");
  if (!value.has("type")) throw new Unreadable("member-missing", { expected: "type" });
  const type = text(value.get("type"), "type");
  if (type !== expected) throw new UnknownVersion("version", { expected, found: type.slice(0, 80) });
  return value;
}

/** The members of an object: all of `required`, perhaps those of `optional`, and no other. */
export function members(value, where, required, optional = []) {
  if (!(value instanceof Map)) throw new Unreadable("not-an-object", { where });
  for (const name of value.keys()) {
    if (!required.includes(name) && !optional.includes(name)) throw new Unreadable("member-unknown", { where, found: name });
  }
  for (const name of required) {
    if (!value.has(name)) throw new Unreadable("member-missing", { where, expected: name });
  }
  return Object.fromEntries(value);
}

/** A list of at least and at most so many items, each read by `item(value, where)`. */
export function list(value, where, { minimum = 0, maximum, item }) {
  if (!Array.isArray(value)) throw new Unreadable("not-a-list", { where });
  if (value.length < minimum || value.length > maximum) {
    throw new Unreadable("list-length", { where, expected: `${minimum}…${maximum}`, found: value.length });
  }
  return value.map((each, place) => item(each, `${where}[${place}]`));
}

/** A text of at most so many characters. */
export function text(value, where, maximum = MAXIMUM_TEXT) {
  if (typeof value !== "string") throw new Unreadable("not-a-text", { where });
  // Characters are Unicode's, not UTF-16's halves.
  const length = value.length > maximum ? [...value].length : 0;
  if (length > maximum) throw new Unreadable("text-too-long", { where, expected: maximum, found: length });
  return value;
}

/** A JSON number from `minimum` to `maximum`. */
export function integer(value, where, minimum, maximum) {
  if (typeof value !== "bigint") throw new Unreadable("not-a-number", { where });
  return inRange(value, where, minimum, maximum);
}

/** A number written as decimal text, without sign, space or leading zero. */
export function decimal(value, where, minimum, maximum) {
  if (typeof value !== "string" || value.length > 20 || !/^(?:0|-?[1-9][0-9]*)$/.test(value)) {
    throw new Unreadable("not-decimal", { where, found: value });
  }
  return inRange(BigInt(value), where, minimum, maximum);
}

function inRange(number, where, minimum, maximum) {
  if (number < minimum || number > maximum) {
    throw new Unreadable("out-of-range", { where, expected: `${minimum}…${maximum}`, found: number });
  }
  return number;
}

/** Our own hexadecimal: lower case, no prefix, exactly so many bytes. */
export function ours(value, where, length) {
  const written = text(value, where);
  const digits = [...written].length;
  if (digits !== 2 * length) throw new WrongLength("digits", { where, expected: 2 * length, found: digits });
  const bytes = bytesOfHex(written);
  if (bytes === null) throw new Unreadable("not-hexadecimal", { where });
  return bytes;
}

/** Ethereum's hexadecimal: lower case after 0x, whole bytes; exactly `length` of them where that is given. */
export function ethereum(value, where, length) {
  const written = text(value, where);
  const bytes = written.startsWith("0x") ? bytesOfHex(written.slice(2)) : null;
  if (bytes === null) throw new Unreadable("not-hexadecimal", { where });
  if (length !== undefined && bytes.length !== length) throw new Unreadable("length", { where, expected: length, found: bytes.length });
  return bytes;
}

/** Ethereum's quantity: 0x and hexadecimal digits of a number of at most 32 bytes. */
export function quantity(value, where) {
  if (!/^0x[0-9a-f]{1,64}$/.test(text(value, where))) throw new Unreadable("not-a-quantity", { where, found: value });
  return BigInt(value);
}

/** CometBFT's hexadecimal: upper case, no prefix; of one of the lengths given. */
export function tendermint(value, where, ...lengths) {
  const bytes = bytesOfHex(text(value, where), true);
  if (bytes === null) throw new Unreadable("not-hexadecimal", { where });
  if (!lengths.includes(bytes.length)) throw new Unreadable("length", { where, expected: lengths.join(", "), found: bytes.length });
  return bytes;
}

/** Base64, canonical. */
export function base64Bytes(value, where, maximum = MAXIMUM_TEXT) {
  const bytes = bytesOfBase64(text(value, where, maximum));
  if (bytes === null) throw new Unreadable("not-base64", { where });
  return bytes;
}

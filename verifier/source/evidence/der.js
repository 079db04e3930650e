// SPDX-License-Identifier: Apache-2.0
/** Distinguished Encoding Rules (X.690), read only: each element is `{tag, body, encoded}`. */
import { numberOf } from "./bytes.js";
import { Unreadable } from "./errors.js";

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OBJECT_IDENTIFIER = 0x06;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30;
export const SET = 0x31;
/** A context tag, constructed. */
export const context = (number) => 0xa0 + number;

function readElement(bytes, start) {
  const refuse = () => {
    throw new Unreadable("der");
  };
  const tag = bytes[start];
  let length = bytes[start + 1];
  // No type of these formats has a tag number above 30.
  if (length === undefined || (tag & 0x1f) === 0x1f) refuse();
  let body = start + 2;
  if (length >= 0x80) {
    const count = length - 0x80;
    const written = bytes.subarray(body, body + count);
    if (count === 0 || count > 4 || written.length !== count || written[0] === 0) refuse();
    length = Number(numberOf(written));
    if (length < 0x80) refuse();
    body += count;
  }
  const end = body + length;
  if (end > bytes.length) refuse();
  return { element: { tag, body: bytes.subarray(body, end), encoded: bytes.subarray(start, end) }, end };
}

/** Elements inside one another, in a token: what real ones need, twice over. */
const MAXIMUM_DEPTH = 32;

/**
 * The bytes are one element in DER, and so is all that stands in its constructed elements, read later or not: shortest
 * lengths, shortest numbers and identifiers, truths of 00 or ff, only sequences and sets constructed.
 */
export function requireDer(bytes, depth = 0) {
  if (depth === MAXIMUM_DEPTH) throw new Unreadable("der");
  for (const each of depth ? elements(bytes) : [element(bytes, bytes[0])]) {
    const { tag, body } = each;
    const constructed = (tag & 0x20) !== 0;
    const universal = (tag & 0xc0) === 0;
    if (universal && constructed !== ((tag | 0x20) === SEQUENCE || (tag | 0x20) === SET)) throw new Unreadable("der");
    if (constructed) requireDer(body, depth + 1);
    else if (tag === INTEGER) integerOf(each);
    else if (tag === BOOLEAN) isTrue(each);
    else if (tag === OBJECT_IDENTIFIER) dotted(each);
  }
}

/** One element that is all of the bytes, of that tag. */
export function element(bytes, tag) {
  const read = readElement(bytes, 0);
  if (read.end !== bytes.length || read.element.tag !== tag) throw new Unreadable("der");
  return read.element;
}

/** The elements one after another in the body of a constructed element. */
export function elements(bytes) {
  const found = [];
  for (let place = 0; place < bytes.length; ) {
    const { element: next, end } = readElement(bytes, place);
    found.push(next);
    place = end;
  }
  return found;
}

/** Walks the elements of a sequence in their order: `take(tag)` must be there, `perhaps(tag)` may. */
export class Walk {
  constructor(body) {
    this.left = elements(body);
  }

  take(tag) {
    const found = this.perhaps(tag);
    if (found === null) throw new Unreadable("der");
    return found;
  }

  perhaps(tag) {
    return this.left[0]?.tag === tag ? this.left.shift() : null;
  }

  /** Whatever stands next. */
  any() {
    if (this.left.length === 0) throw new Unreadable("der");
    return this.left.shift();
  }

  end() {
    if (this.left.length) throw new Unreadable("der");
  }
}

/** An object identifier in dotted form. */
export function dotted({ body }) {
  const numbers = [];
  let held = 0n;
  body.forEach((byte, place) => {
    const begins = place === 0 || body[place - 1] < 0x80;
    if (begins && byte === 0x80) throw new Unreadable("der");
    held = (held << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(held);
      held = 0n;
    }
  });
  if (body.length === 0 || body.at(-1) >= 0x80) throw new Unreadable("der");
  const [first, ...rest] = numbers;
  const top = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [top, first - 40n * top, ...rest].join(".");
}

/** A number, in its shortest form. */
export function integerOf({ body }) {
  if (body.length === 0) throw new Unreadable("der");
  const [first, second] = body;
  if (body.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) throw new Unreadable("der");
  const number = numberOf(body);
  return first >= 0x80 ? number - (1n << BigInt(8 * body.length)) : number;
}

/** Whether true: DER writes ff for true, and false only where it is not the default. */
export function isTrue({ body }) {
  if (body.length !== 1 || (body[0] !== 0 && body[0] !== 0xff)) throw new Unreadable("der");
  return body[0] === 0xff;
}

/** The bytes of a bit string of whole bytes. */
export function bitString({ body }) {
  if (body[0] !== 0) throw new Unreadable("der");
  return body.subarray(1);
}

/** Text of ASCII characters, as times are written. */
export function ascii({ body }) {
  if (body.some((byte) => byte > 0x7e)) throw new Unreadable("der");
  return String.fromCharCode(...body.subarray(0, 64));
}

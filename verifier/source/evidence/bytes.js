// SPDX-License-Identifier: Apache-2.0
/** Bytes and their texts: hexadecimal, base64, numbers, UTF-8. Only the one canonical text of some bytes is read. */
import { Unreadable } from "./errors.js";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The bytes of a text in UTF-8. */
export const utf8 = (text) => encoder.encode(text);

/** The text of bytes; throws `Unreadable` where they are not UTF-8. */
export function textOf(bytes) {
  try {
    return strict.decode(bytes);
  } catch {
    throw new Unreadable("not-utf8");
  }
}

/** Lower-case hexadecimal. */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Bytes of whole hexadecimal digits, of one case; null for any other text. */
export function bytesOfHex(text, upper = false) {
  const digits = upper ? /^(?:[0-9A-F]{2})*$/ : /^(?:[0-9a-f]{2})*$/;
  if (!digits.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, place) => Number.parseInt(text.slice(2 * place, 2 * place + 2), 16));
}

/** Bytes of base64 (RFC 4648 section 4, padded, unused bits zero); null for any other text. */
export function bytesOfBase64(text) {
  if (text.length % 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const digits = text.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let place = 0;
  for (const digit of digits) {
    held = ((held << 6) | ALPHABET.indexOf(digit)) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[place] = (held >> bits) & 0xff;
      place += 1;
    }
  }
  const unused = held & ((1 << bits) - 1);
  return unused ? null : bytes;
}

/** The text `bytesOfBase64` reads. */
export function base64(bytes) {
  let text = "";
  for (let place = 0; place < bytes.length; place += 3) {
    const three = (bytes[place] << 16) | ((bytes[place + 1] ?? 0) << 8) | (bytes[place + 2] ?? 0);
    for (const shift of [18, 12, 6, 0]) text += ALPHABET[(three >> shift) & 63];
  }
  const missing = (3 - (bytes.length % 3)) % 3;
  return text.slice(0, text.length - missing) + "=".repeat(missing);
}

/** Big-endian, without sign; zero for no bytes. */
export const numberOf = (bytes) => (bytes.length ? BigInt(`0x${hex(bytes)}`) : 0n);

/** A number in exactly so many bytes, big-endian. */
export function bytesOfNumber(number, length) {
  const digits = number.toString(16).padStart(2 * length, "0");
  return bytesOfHex(digits);
}

/** Some bytes after others. */
export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    joined.set(part, place);
    place += part.length;
  }
  return joined;
}

/** Whether the same bytes; nothing here is secret, so nothing is hidden from a clock. */
export const same = (one, other) => one.length === other.length && one.every((byte, place) => byte === other[place]);

/** The order of bytes as texts of a dictionary: negative, zero, positive. */
export function compare(one, other) {
  for (let place = 0; place < Math.min(one.length, other.length); place += 1) {
    if (one[place] !== other[place]) return one[place] - other[place];
  }
  return one.length - other.length;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * JSON (RFC 8259) as docs/formats/receipt.md reads it: whole numbers, no member twice, nothing too deep.
 *
 * The browser's own `JSON.parse` keeps the last of two members of one name and rounds numbers: two readers could be shown
 * two meanings. Here objects become `Map`, numbers `bigint`; lists, texts, booleans and null are the language's.
 */
import { Unreadable } from "./errors.js";

/** Objects and lists inside one another, the document itself included. */
const MAXIMUM_DEPTH = 16;
const MAXIMUM_DIGITS = 19;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** The value a text writes; throws `Unreadable`. */
export function parseJson(text) {
  let place = 0;

  const refuse = (detail) => {
    throw new Unreadable(detail, { found: text.slice(place, place + 20), where: `character ${place}` });
  };
  const skipSpace = () => {
    while (place < text.length && " \t\n\r".includes(text[place])) place += 1;
  };
  const take = (character) => {
    if (text[place] !== character) refuse("json-syntax");
    place += 1;
  };

  function readValue(depth) {
    skipSpace();
    const first = text[place];
    if (first === "{" || first === "[") {
      if (depth === MAXIMUM_DEPTH) refuse("json-too-deep");
      return first === "{" ? readObject(depth + 1) : readList(depth + 1);
    }
    if (first === '"') return readText();
    if (first === "-" || (first >= "0" && first <= "9")) return readNumber();
    for (const [word, value] of [["true", true], ["false", false], ["null", null]]) {
      if (text.startsWith(word, place)) {
        place += word.length;
        return value;
      }
    }
    return refuse("json-syntax");
  }

  function readObject(depth) {
    const members = new Map();
    place += 1;
    skipSpace();
    if (text[place] === "}") {
      place += 1;
      return members;
    }
    for (;;) {
      skipSpace();
      if (text[place] !== '"') refuse("json-syntax");
      const name = readText();
      // eslint-disable-next-line no-control-regex -- ASCII begins with the control characters
      if (!/^[\x00-\x7f]*$/.test(name)) refuse("json-name-not-ascii");
      if (members.has(name)) refuse("json-member-twice");
      skipSpace();
      take(":");
      members.set(name, readValue(depth));
      skipSpace();
      if (text[place] === "}") {
        place += 1;
        return members;
      }
      take(",");
    }
  }

  function readList(depth) {
    const items = [];
    place += 1;
    skipSpace();
    if (text[place] === "]") {
      place += 1;
      return items;
    }
    for (;;) {
      items.push(readValue(depth));
      skipSpace();
      if (text[place] === "]") {
        place += 1;
        return items;
      }
      take(",");
    }
  }

  function readNumber() {
    const [written] = /^-?[0-9]*/.exec(text.slice(place, place + 40));
    const next = text[place + written.length] ?? "";
    if (/[.eE]/.test(next)) refuse("json-not-whole");
    if (written.replace("-", "").length > MAXIMUM_DIGITS) refuse("json-number-too-long");
    // A negative zero is a number of JSON, and would be a second way to write zero.
    if (!/^(?:0|-?[1-9][0-9]*)$/.test(written)) refuse("json-syntax");
    place += written.length;
    return BigInt(written);
  }

  function readText() {
    let read = "";
    place += 1;
    for (;;) {
      if (place >= text.length) refuse("json-syntax");
      const character = text[place];
      if (character === '"') {
        place += 1;
        if (!read.isWellFormed()) refuse("json-half-surrogate");
        return read;
      }
      if (character < " ") refuse("json-syntax");
      if (character !== "\\") {
        read += character;
        place += 1;
        continue;
      }
      const kind = text[place + 1];
      if (kind === "u") {
        const digits = text.slice(place + 2, place + 6);
        if (!/^[0-9A-Fa-f]{4}$/.test(digits)) refuse("json-syntax");
        read += String.fromCharCode(Number.parseInt(digits, 16));
        place += 6;
      } else if (Object.hasOwn(ESCAPES, kind ?? "")) {
        read += ESCAPES[kind];
        place += 2;
      } else refuse("json-syntax");
    }
  }

  const value = readValue(0);
  skipSpace();
  if (place < text.length) refuse("json-syntax");
  return value;
}

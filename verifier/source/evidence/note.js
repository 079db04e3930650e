// SPDX-License-Identifier: Apache-2.0
/** C2SP signed notes: a text and the signatures under it (docs/formats/log.md, Notes). */
import { bytesOfBase64, bytesOfHex, concat, same, utf8 } from "./bytes.js";
import { NoteSignatureMismatch, NoteUnsigned, Unreadable } from "./errors.js";
import { sha256 } from "./hashing.js";
import { holdsEd25519 } from "./signature.js";

const MAXIMUM_NOTE = 65_536;
const MAXIMUM_SIGNATURES = 100;
const ED25519 = 1;

/** A key's name is not empty and has neither white space nor a plus, nor control characters. */
// eslint-disable-next-line no-control-regex -- that is what it looks for
const NAME = /^[^\p{White_Space}\x00-\x1f+]+$/u;

/** A verifier key, `name+hash+base64`, as `{name, hash, key}`. */
export function parseVerifierKey(text, where) {
  const parts = /^([^+]*)\+([^+]*)\+(.*)$/su.exec(text);
  if (parts === null || !NAME.test(parts[1])) throw new Unreadable("log-key", { where });
  const [, name, digits, encoded] = parts;
  const hash = /^[0-9a-f]{8}$/.test(digits) ? bytesOfHex(digits) : null;
  const typed = bytesOfBase64(encoded);
  if (hash === null || typed?.length !== 33 || typed[0] !== ED25519) throw new Unreadable("log-key", { where });
  // The hash is a function of the rest: a key whose parts contradict one another is no key.
  if (!same(hash, sha256(concat(utf8(`${name}\n`), typed)).subarray(0, 4))) throw new Unreadable("log-key", { where });
  return { name, hash, key: typed.subarray(1) };
}

/** The note's text and signature lines, `{text, signatures: [{name, hash, signature}]}`. */
export function parseNote(written) {
  // Characters are Unicode's.
  if (written.length > MAXIMUM_NOTE && [...written].length > MAXIMUM_NOTE) throw new Unreadable("note-too-long");
  // eslint-disable-next-line no-control-regex -- that is what it looks for
  if (/[\x00-\x09\x0b-\x1f]/.test(written)) throw new Unreadable("note-control");
  const split = written.lastIndexOf("\n\n");
  if (split < 0 || !written.endsWith("\n")) throw new Unreadable("note-form");
  const text = written.slice(0, split + 1);
  const lines = written.slice(split + 2).split("\n").slice(0, -1);
  if (lines.length === 0 || lines.length > MAXIMUM_SIGNATURES) throw new Unreadable("note-signatures", { found: lines.length });
  return { text, signatures: lines.map(parseSignature) };
}

function parseSignature(line) {
  const [mark, name, encoded, ...more] = line.split(" ");
  const wellFormed = mark === "\u2014" && NAME.test(name ?? "") && encoded !== undefined && more.length === 0;
  const bytes = wellFormed ? bytesOfBase64(encoded) : null;
  if (bytes === null || bytes.length < 5) throw new Unreadable("note-line", { found: line.slice(0, 80) });
  return { name, hash: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/** The key signed the note, and every line in its name is true. Throws `NoteUnsigned`, `NoteSignatureMismatch`. */
export function verifyNote(note, verifierKey) {
  const lines = note.signatures.filter(({ name, hash }) => name === verifierKey.name && same(hash, verifierKey.hash));
  if (lines.length === 0) {
    throw new NoteUnsigned("note-unsigned", { expected: verifierKey.name, found: note.signatures.map(({ name }) => name).join(", ") });
  }
  for (const { signature } of lines) {
    if (!holdsEd25519(signature, utf8(note.text), verifierKey.key)) {
      throw new NoteSignatureMismatch("note-signature", { expected: verifierKey.name });
    }
  }
}

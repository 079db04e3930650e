// SPDX-License-Identifier: Apache-2.0
/** C2SP tlog-checkpoint: what the log says of itself (docs/formats/log.md, Checkpoints). */
import { bytesOfBase64 } from "./bytes.js";
import { Unreadable, WrongLength } from "./errors.js";
import { MAXIMUM_SIZE } from "./merkle.js";

/** `{origin, size, root}` of a note's text. */
export function parseCheckpoint(text) {
  if (!text.endsWith("\n")) throw new Unreadable("checkpoint-form");
  const lines = text.slice(0, -1).split("\n");
  if (lines.length < 3 || lines.includes("")) throw new Unreadable("checkpoint-form");
  const [origin, digits, encoded] = lines;
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(digits) || BigInt(digits) > MAXIMUM_SIZE) {
    throw new Unreadable("checkpoint-size", { found: digits.slice(0, 30) });
  }
  const root = bytesOfBase64(encoded);
  if (root === null) throw new Unreadable("checkpoint-root");
  if (root.length !== 32) throw new WrongLength("length", { where: "checkpoint", expected: 32, found: root.length });
  return { origin, size: BigInt(digits), root };
}

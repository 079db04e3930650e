// SPDX-License-Identifier: Apache-2.0
/** The receipt and its nine steps (docs/formats/receipt.md): everything else here exists so that this file can say yes. */
import { bytesOfNumber, concat, hex, numberOf, same, utf8 } from "./bytes.js";
import { parseCheckpoint } from "./checkpoint.js";
import { parseSignedHeader, parseHeader as parseConsensusHeader, parseCommit, parseValidators, verifyHeader } from "./consensus.js";
import { base64Bytes, ethereum, integer, list, members, ours, quantity, readDocument, text } from "./document.js";
import { commitment, publicEntry } from "./entry.js";
import {
  AppHashMismatch, CheckpointMismatch, DigestMismatch, HeaderMismatch, MissingAnchor, StampTimeContradicted,
  StateRootMismatch, StorageMismatch, Undecided, Unreadable, Invalid,
} from "./errors.js";
import { accountAt, parseHeader, slotAt } from "./execution.js";
import { keccak256, parseDigest, sha256 } from "./hashing.js";
import { compareInstants } from "./instant.js";
import { follow } from "./light.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { parseNote, verifyNote } from "./note.js";
import { parseToken, verifyToken } from "./timestamp.js";
import { MAXIMUM_NODES } from "./trie.js";

const TYPE = "maillon.receipt.v1";
/** Seconds a stamp may be earlier than the block: two honest clocks. */
const TOLERANCE = 600n;

/** The receipt of a document in UTF-8; throws what is `Undecided`. */
export function parseReceipt(bytes) {
  const document = readDocument(bytes, TYPE);
  const read = members(document, "", ["type", "digest", "entry", "inclusion", "checkpoint", "anchor", "timestamp"]);
  const digest = members(read.digest, "digest", ["algorithm", "value"]);
  const inclusion = members(read.inclusion, "inclusion", ["proof"]);
  return {
    digest: parseDigest(text(digest.algorithm, "digest.algorithm"), digest.value, "digest.value"),
    entry: parseEntry(read.entry),
    path: list(inclusion.proof, "inclusion.proof", { maximum: 64, item: (value, where) => ours(value, where, 32) }),
    checkpoint: text(read.checkpoint, "checkpoint"),
    anchor: parseAnchor(read.anchor),
    timestamp: base64Bytes(read.timestamp, "timestamp"),
  };
}

function parseEntry(value) {
  const { kind, salt, index } = members(value, "entry", ["kind", "index"], ["salt"]);
  const where = "entry.salt";
  if (kind === "commitment" && salt === undefined) throw new Unreadable("member-missing", { where: "entry", expected: "salt" });
  if (kind === "public" && salt !== undefined) throw new Unreadable("member-unknown", { where: "entry", found: "salt" });
  if (kind !== "commitment" && kind !== "public") throw new Unreadable("entry-kind", { where: "entry.kind" });
  return {
    kind,
    salt: kind === "commitment" ? ours(salt, where, 32) : null,
    index: integer(index, "entry.index", 0n, 2n ** 63n - 1n),
  };
}

function parseAnchor(value) {
  const read = members(value, "anchor", ["proof", "header", "consensus", "validators", "updates"]);
  return {
    proof: parseStateProof(read.proof),
    execution: ethereum(read.header, "anchor.header"),
    ...parseSignedHeader(read.consensus, "anchor.consensus"),
    validators: parseValidators(read.validators, "anchor.validators"),
    updates: list(read.updates, "anchor.updates", { maximum: 200, item: parseLightBlock }),
  };
}

function parseLightBlock(value, where) {
  const { header, commit, validators } = members(value, where, ["header", "commit", "validators"]);
  return {
    header: parseConsensusHeader(header, `${where}.header`),
    commit: parseCommit(commit, `${where}.commit`),
    validators: parseValidators(validators, `${where}.validators`),
  };
}

function parseStateProof(value) {
  const at = "anchor.proof";
  const names = ["address", "accountProof", "balance", "codeHash", "nonce", "storageHash", "storageProof"];
  const read = members(value, at, names);
  return {
    address: ethereum(read.address, `${at}.address`, 20),
    nodes: parseNodes(read.accountProof, `${at}.accountProof`),
    balance: quantity(read.balance, `${at}.balance`),
    codeHash: ethereum(read.codeHash, `${at}.codeHash`, 32),
    nonce: quantity(read.nonce, `${at}.nonce`),
    storageHash: ethereum(read.storageHash, `${at}.storageHash`, 32),
    slots: list(read.storageProof, `${at}.storageProof`, { maximum: 2, item: parseSlot }),
  };
}

const parseNodes = (value, where) =>
  list(value, where, { maximum: MAXIMUM_NODES, item: (node, place) => ethereum(node, place) });

function parseSlot(value, where) {
  const { key, value: stated, proof } = members(value, where, ["key", "value", "proof"]);
  return {
    key: ethereum(key, `${where}.key`, 32),
    value: quantity(stated, `${where}.value`),
    nodes: parseNodes(proof, `${where}.proof`),
  };
}

/** The names of the steps, the first being number 1. */
export const STEPS = ["file", "entry", "inclusion", "checkpoint", "anchor", "block", "consensus", "validators", "timestamp"];

/**
 * The steps, each over what those before left in `known`; each answers what it compared, or throws `Invalid` or `Undecided`.
 * @type {((receipt: object, anchors: object, digest: object | null, known: object) => object)[]}
 */
const MAKE = [verifyFile, verifyEntry, verifyPath, verifyCheckpoint, verifyAnchor, verifyBlock, verifyConsensus, verifyValidators, verifyTimestamp];

function verifyFile(receipt, _anchors, digest) {
  const { algorithm, value } = receipt.digest;
  if (digest === null) return { algorithm, stated: hex(value) };
  if (digest.algorithm !== algorithm || !same(digest.value, value)) {
    throw new DigestMismatch("digest", { expected: hex(value), found: hex(digest.value) });
  }
  return { algorithm, digest: hex(value) };
}

function verifyEntry(receipt, _anchors, _digest, known) {
  const { kind, salt } = receipt.entry;
  const entry = kind === "commitment" ? commitment(receipt.digest, salt) : publicEntry(receipt.digest);
  known.leaf = leafHash(entry);
  return { kind, leaf: hex(known.leaf) };
}

function verifyPath(receipt, _anchors, _digest, known) {
  known.note = parseNote(receipt.checkpoint);
  known.checkpoint = parseCheckpoint(known.note.text);
  const { size, root } = known.checkpoint;
  const { index } = receipt.entry;
  if (index >= size) throw new CheckpointMismatch("index-outside", { expected: `< ${size}`, found: index });
  verifyInclusion(index, size, known.leaf, receipt.path, root);
  return { index, size, root: hex(root) };
}

function verifyCheckpoint(_receipt, anchors, _digest, known) {
  const { origin } = known.checkpoint;
  const log = anchors.logs.find((each) => each.origin === origin);
  if (log === undefined) throw new MissingAnchor("log-unknown", { found: origin });
  verifyNote(known.note, log.key);
  return { origin };
}

/** The two slots of a log's newest anchor: root, then position (docs/formats/contracts.md, Where an anchor is stored). */
export function anchorSlots(slot, origin) {
  const root = keccak256(concat(bytesOfNumber(slot, 32), sha256(utf8(origin))));
  return [root, bytesOfNumber((numberOf(root) + 1n) % 2n ** 256n, 32)];
}

function verifyAnchor(receipt, anchors, _digest, known) {
  const { proof } = receipt.anchor;
  if (!same(proof.address, anchors.address)) {
    throw new StorageMismatch("contract", { expected: `0x${hex(anchors.address)}`, found: `0x${hex(proof.address)}` });
  }
  if (proof.nodes.length === 0) throw new Unreadable("no-node", { where: "anchor.proof.accountProof" });
  known.stateRoot = keccak256(proof.nodes[0]);
  const account = accountAt(known.stateRoot, proof.address, proof.nodes);
  if (account === null) throw new StorageMismatch("no-account", { found: `0x${hex(proof.address)}` });
  const keys = anchorSlots(anchors.slot, known.checkpoint.origin);
  const stated = proof.slots.map(({ key }) => hex(key));
  if (stated.join() !== keys.map(hex).join()) {
    throw new StorageMismatch("slots", { expected: keys.map(hex).join(", "), found: stated.join(", ") });
  }
  const [root, position] = proof.slots.map(({ key, nodes }) => slotAt(account.storageHash, key, nodes));
  requireStated("balance", account.balance, proof.balance);
  requireStated("nonce", account.nonce, proof.nonce);
  requireStated("codeHash", `0x${hex(account.codeHash)}`, `0x${hex(proof.codeHash)}`);
  requireStated("storageHash", `0x${hex(account.storageHash)}`, `0x${hex(proof.storageHash)}`);
  requireStated("storageProof[0].value", root, proof.slots[0].value);
  requireStated("storageProof[1].value", position, proof.slots[1].value);
  const anchored = hex(bytesOfNumber(root, 32));
  if (anchored !== hex(known.checkpoint.root)) {
    throw new StorageMismatch("anchored-root", { expected: hex(known.checkpoint.root), found: anchored });
  }
  const size = position >> 128n;
  known.block = (position >> 64n) & (2n ** 64n - 1n);
  known.time = position & (2n ** 64n - 1n);
  if (size !== known.checkpoint.size) throw new StorageMismatch("anchored-size", { expected: known.checkpoint.size, found: size });
  return { size, block: known.block, root: anchored };
}

function requireStated(where, proved, stated) {
  if (proved !== stated) throw new StorageMismatch("stated", { where: `anchor.proof.${where}`, expected: proved, found: stated });
}

function verifyBlock(receipt, _anchors, _digest, known) {
  const header = parseHeader(receipt.anchor.execution);
  if (!same(header.stateRoot, known.stateRoot)) {
    throw new StateRootMismatch("state-root", { expected: hex(known.stateRoot), found: hex(header.stateRoot) });
  }
  if (header.number < known.block) throw new StorageMismatch("block-before-anchor", { expected: `≥ ${known.block}`, found: header.number });
  if (header.timestamp < known.time) throw new StorageMismatch("time-before-anchor", { expected: `≥ ${known.time}`, found: header.timestamp });
  known.header = header;
  return { number: header.number, stateRoot: hex(known.stateRoot), time: known.time };
}

function verifyConsensus(receipt, anchors, _digest, known) {
  const { header } = receipt.anchor;
  if (header.height !== known.header.number + 1n) {
    throw new HeaderMismatch("height-of-block", { expected: known.header.number + 1n, found: header.height });
  }
  const { app_hash: appHash } = header.hashes;
  if (!same(appHash, known.header.hash)) throw new AppHashMismatch("app-hash", { expected: hex(known.header.hash), found: hex(appHash) });
  verifyHeader(anchors.chainId, receipt.anchor);
  return { height: header.height, appHash: hex(appHash) };
}

function verifyValidators(receipt, anchors, _digest, known) {
  const { header, updates } = receipt.anchor;
  if (header.height < anchors.height) {
    throw new MissingAnchor("height-below-anchors", { expected: `≥ ${anchors.height}`, found: header.height });
  }
  let trusted = { height: anchors.height, validators: anchors.validators, nextHash: null };
  for (const block of [...updates, receipt.anchor]) trusted = follow(anchors.chainId, trusted, block);
  known.power = trusted.power;
  return { power: trusted.power, total: trusted.validators.total, count: trusted.validators.list.length, updates: updates.length };
}

function verifyTimestamp(receipt, anchors, _digest, known) {
  if (anchors.authorities.length === 0) throw new MissingAnchor("no-authority");
  const stamped = verifyToken(parseToken(receipt.timestamp), sha256(utf8(receipt.checkpoint)), anchors.authorities);
  if (compareInstants(stamped, { seconds: known.time - TOLERANCE, nanoseconds: 0 }) < 0) {
    throw new StampTimeContradicted("dated-back", { expected: `≥ ${known.time - TOLERANCE}`, found: stamped.seconds });
  }
  known.stamped = stamped;
  return { stamped };
}

/**
 * All that can be said of a receipt: the steps with what they compared, and a verdict.
 *
 * @param {object} receipt  of `parseReceipt`
 * @param {object} anchors  of `parseAnchors`
 * @param {{algorithm: string, value: Uint8Array} | null} digest  of the file, by the receipt's algorithm; null: no file at hand
 * @returns {{verdict: "valid" | "invalid" | "undecided", steps: object[], error: object | null, time: bigint | null, stamped: object | null, fileCompared: boolean}}
 */
export function verifyReceipt(receipt, anchors, digest) {
  const known = {};
  const steps = [];
  let error = null;
  STEPS.forEach((name, place) => {
    const number = place + 1;
    if (error !== null) {
      steps.push({ number, name, state: "skip" });
      return;
    }
    try {
      const compared = MAKE[place](receipt, anchors, digest, known);
      const unmade = place === 0 && digest === null;
      steps.push({ number, name, state: unmade ? "skip" : "ok", compared });
    } catch (refusal) {
      if (!(refusal instanceof Invalid) && !(refusal instanceof Undecided)) throw refusal;
      error = refusal;
      steps.push({ number, name, state: refusal instanceof Invalid ? "bad" : "unknown" });
    }
  });
  const verdict = error === null ? "valid" : error instanceof Invalid ? "invalid" : "undecided";
  return {
    verdict,
    steps,
    error,
    time: error === null ? known.time : null,
    stamped: error === null ? known.stamped : null,
    fileCompared: digest !== null,
  };
}

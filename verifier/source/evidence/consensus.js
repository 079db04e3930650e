// SPDX-License-Identifier: Apache-2.0
/** CometBFT 0.38: headers, validators and the votes of a commit (docs/formats/consensus.md). */
import { concat, hex, same, utf8 } from "./bytes.js";
import { base64Bytes, decimal, integer, list, members, tendermint, text } from "./document.js";
import { CommitSignatureMismatch, HeaderMismatch, InsufficientPower, Unreadable, ValidatorSetMismatch } from "./errors.js";
import { sha256 } from "./hashing.js";
import { parseTime } from "./instant.js";
import { rootOf } from "./merkle.js";
import { bytes, fixed, message, number, timestamp, varint } from "./protobuf.js";
import { holdsEd25519 } from "./signature.js";

const INT64 = 2n ** 63n - 1n;
const MAXIMUM_VALIDATORS = 1000;
/** CometBFT's own bound, so that sums of power never overflow. */
const MAXIMUM_TOTAL_POWER = INT64 / 8n;
const MAXIMUM_CHAIN_ID = 50;
const ED25519_KEY = "tendermint/PubKeyEd25519";
/** What a vote is for. */
export const ABSENT = 1n;
export const FOR_BLOCK = 2n;
export const FOR_NIL = 3n;
/** The time Go calls zero, of votes that are absent. */
const YEAR_ONE = "0001-01-01T00:00:00Z";

/** Text of a chain's name, as everything validators sign contains it. */
export const parseChainId = (value, where) => text(value, where, MAXIMUM_CHAIN_ID);
/** A height, as decimal text. */
export const parseHeight = (value, where) => decimal(value, where, 1n, INT64);

function parseBlockId(value, where) {
  const { hash, parts } = members(value, where, ["hash", "parts"]);
  const { total, hash: partsHash } = members(parts, `${where}.parts`, ["total", "hash"]);
  return {
    hash: tendermint(hash, `${where}.hash`, 0, 32),
    total: integer(total, `${where}.parts.total`, 0n, 2n ** 32n - 1n),
    partsHash: tendermint(partsHash, `${where}.parts.hash`, 0, 32),
  };
}

const HASHES = [
  "last_commit_hash", "data_hash", "validators_hash", "next_validators_hash", "consensus_hash", "app_hash",
  "last_results_hash", "evidence_hash",
];

/** A header as `/commit` writes it. */
export function parseHeader(value, where) {
  const names = ["version", "chain_id", "height", "time", "last_block_id", ...HASHES, "proposer_address"];
  const read = members(value, where, names);
  const version = members(read.version, `${where}.version`, ["block"], ["app"]);
  return {
    block: decimal(version.block, `${where}.version.block`, 0n, INT64),
    app: version.app === undefined ? 0n : decimal(version.app, `${where}.version.app`, 0n, INT64),
    chainId: parseChainId(read.chain_id, `${where}.chain_id`),
    height: parseHeight(read.height, `${where}.height`),
    time: parseTime(text(read.time, `${where}.time`), `${where}.time`),
    lastBlockId: parseBlockId(read.last_block_id, `${where}.last_block_id`),
    hashes: Object.fromEntries(HASHES.map((name) => [name, tendermint(read[name], `${where}.${name}`, 0, 32)])),
    proposer: tendermint(read.proposer_address, `${where}.proposer_address`, 20),
  };
}

const encodeBlockId = ({ hash, total, partsHash }) =>
  concat(bytes(1, hash), message(2, concat(number(1, total), bytes(2, partsHash))));

/** The hash of a header: the root over its fourteen fields. */
export function headerHash(header) {
  return rootOf([
    concat(number(1, header.block), number(2, header.app)),
    bytes(1, utf8(header.chainId)),
    number(1, header.height),
    timestamp(header.time),
    encodeBlockId(header.lastBlockId),
    ...HASHES.map((name) => bytes(1, header.hashes[name])),
    bytes(1, header.proposer),
  ]);
}

function parseVote(value, where) {
  const read = members(value, where, ["block_id_flag", "validator_address", "timestamp"], ["signature"]);
  const flag = integer(read.block_id_flag, `${where}.block_id_flag`, ABSENT, FOR_NIL);
  const written = text(read.timestamp, `${where}.timestamp`);
  const time = parseTime(written, `${where}.timestamp`);
  const address = tendermint(read.validator_address, `${where}.validator_address`, flag === ABSENT ? 0 : 20);
  const signature = base64Bytes(read.signature ?? "", `${where}.signature`);
  if (signature.length !== (flag === ABSENT ? 0 : 64)) {
    throw new Unreadable("length", { where: `${where}.signature`, expected: flag === ABSENT ? 0 : 64, found: signature.length });
  }
  if (flag === ABSENT && written !== YEAR_ONE) throw new Unreadable("time", { where: `${where}.timestamp` });
  return { flag, address, time, signature };
}

/** A commit as `/commit` writes it: what was voted for, and each vote. */
export function parseCommit(value, where) {
  const { height, round, block_id: blockId, signatures } = members(value, where, ["height", "round", "block_id", "signatures"]);
  return {
    height: parseHeight(height, `${where}.height`),
    round: integer(round, `${where}.round`, 0n, 2n ** 31n - 1n),
    blockId: parseBlockId(blockId, `${where}.block_id`),
    votes: list(signatures, `${where}.signatures`, { maximum: MAXIMUM_VALIDATORS, item: parseVote }),
  };
}

/** `signed_header` of `/commit`: a header and the commit over it. */
export function parseSignedHeader(value, where) {
  const { header, commit } = members(value, where, ["header", "commit"]);
  return { header: parseHeader(header, `${where}.header`), commit: parseCommit(commit, `${where}.commit`) };
}

function parseValidator(value, where) {
  const read = members(value, where, ["address", "pub_key", "voting_power"], ["proposer_priority"]);
  const { type, value: encoded } = members(read.pub_key, `${where}.pub_key`, ["type", "value"]);
  if (text(type, `${where}.pub_key.type`) !== ED25519_KEY) throw new Unreadable("key-kind", { where, expected: ED25519_KEY });
  const key = base64Bytes(encoded, `${where}.pub_key.value`);
  if (key.length !== 32) throw new Unreadable("length", { where: `${where}.pub_key.value`, expected: 32, found: key.length });
  const address = tendermint(read.address, `${where}.address`, 20);
  if (!same(address, sha256(key).subarray(0, 20))) throw new Unreadable("address-of-key", { where });
  if (read.proposer_priority !== undefined) decimal(read.proposer_priority, `${where}.proposer_priority`, -INT64 - 1n, INT64);
  return { address: hex(address), key, power: decimal(read.voting_power, `${where}.voting_power`, 1n, INT64) };
}

/** The validators of one height, in their order, as `{list, total, hash}`. */
export function parseValidators(value, where) {
  const validators = list(value, where, { minimum: 1, maximum: MAXIMUM_VALIDATORS, item: parseValidator });
  if (new Set(validators.map(({ address }) => address)).size !== validators.length) throw new Unreadable("validator-twice", { where });
  const total = validators.reduce((sum, { power }) => sum + power, 0n);
  if (total > MAXIMUM_TOTAL_POWER) throw new Unreadable("total-power", { where, expected: `≤ ${MAXIMUM_TOTAL_POWER}`, found: total });
  const hash = rootOf(validators.map(({ key, power }) => concat(message(1, bytes(1, key)), number(2, power))));
  return { list: validators, total, hash };
}

/** What a validator signs: the vote of that time for the block a commit names, or for nil. */
export function signBytes(chainId, commit, time, forBlock = true) {
  const vote = concat(
    number(1, 2n),
    fixed(2, commit.height),
    fixed(3, commit.round),
    forBlock ? message(4, encodeBlockId(commit.blockId)) : new Uint8Array(),
    message(5, timestamp(time)),
    bytes(6, utf8(chainId)),
  );
  return concat(varint(vote.length), vote);
}

/** The header is of that chain, and is the one the commit votes for. Throws `HeaderMismatch`. */
export function verifyHeader(chainId, { header, commit }) {
  if (header.chainId !== chainId) throw new HeaderMismatch("chain", { expected: chainId, found: header.chainId });
  if (commit.height !== header.height) throw new HeaderMismatch("commit-height", { expected: header.height, found: commit.height });
  const hash = headerHash(header);
  if (!same(hash, commit.blockId.hash)) throw new HeaderMismatch("header-hash", { expected: hex(commit.blockId.hash), found: hex(hash) });
}

/** The header names these validators. Throws `ValidatorSetMismatch`. */
export function verifyNamed(header, validators) {
  const named = header.hashes.validators_hash;
  if (!same(named, validators.hash)) {
    throw new ValidatorSetMismatch("validators-hash", { expected: hex(named), found: hex(validators.hash) });
  }
}

/**
 * More than `numerator / denominator` of the power of these voters is behind a commit; answers the power that was counted.
 * Votes are read in their order, only until it is enough. Throws `CommitSignatureMismatch`, `InsufficientPower`.
 */
export function verifyPower(chainId, commit, voters, numerator, denominator) {
  const waiting = new Map(voters.list.map((validator) => [validator.address, validator]));
  let power = 0n;
  for (const { flag, address, time, signature } of commit.votes) {
    const voter = flag === FOR_BLOCK ? waiting.get(hex(address)) : undefined;
    if (voter === undefined) continue;
    waiting.delete(voter.address);
    if (!holdsEd25519(signature, signBytes(chainId, commit, time), voter.key)) {
      throw new CommitSignatureMismatch("vote-signature", { expected: voter.address });
    }
    power += voter.power;
    if (denominator * power > numerator * voters.total) return power;
  }
  throw new InsufficientPower(`power-${numerator}-${denominator}`, {
    expected: `> ${numerator}/${denominator} × ${voters.total}`, found: power,
  });
}

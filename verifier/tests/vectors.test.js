// SPDX-License-Identifier: Apache-2.0
/** Every vector a receipt's verifier can be asked, against the files of `vectors/` that the Python tests read too. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Evidence } from "./shipped.js";

const {
  DIGESTS, Invalid, Undecided, accountAt, anchorSlots, bytesOfBase64, bytesOfHex, commitment, decodeRlp, follow, headerHash, hex,
  holdsEd25519, leafHash, parseAnchors, parseCheckpoint, parseCommit, parseConsensusHeader, parseDigest, parseExecutionHeader,
  parseJson, parseNote, parseReceipt, parseSignedHeader, parseTime, parseToken, parseValidators, parseVerifierKey, publicEntry,
  signBytes, slotAt, utf8, verifyHeader, verifyInclusion, verifyNamed, verifyNote, verifyPower, verifyReceipt, verifyToken,
} = Evidence;
const FOLDER = new URL("../../vectors/", import.meta.url);
const read = (name) => readFileSync(new URL(name, FOLDER));
const vectors = (name) => JSON.parse(read(name));
/** A vector's part as the strict reader gives it to the functions under test. */
const strict = (value) => parseJson(JSON.stringify(value));
const ethereum = (text) => bytesOfHex(text.slice(2));
const word = (text) => bytesOfHex(text);

/** The name of the refusal a function ends in, or null. */
function reasonOf(act) {
  try {
    act();
    return null;
  } catch (refusal) {
    if (refusal instanceof Invalid || refusal instanceof Undecided) return refusal.reason;
    throw refusal;
  }
}

/** JSON Patch (RFC 6902): add, replace, remove. */
function patched(document, operations) {
  const copy = structuredClone(document);
  for (const { op, path, value } of operations) {
    const names = path.split("/").slice(1);
    const last = names.pop();
    const parent = names.reduce((each, name) => each[name], copy);
    if (!Array.isArray(parent)) {
      if (op === "remove") delete parent[last];
      else parent[last] = value;
    } else if (op === "add") parent.splice(last === "-" ? parent.length : Number(last), 0, value);
    else if (op === "replace") parent[last] = value;
    else parent.splice(Number(last), 1);
  }
  return copy;
}

test("entries", () => {
  const { entries, digests_refused: refused } = vectors("entry.json");
  for (const { algorithm, digest, salt, entry, leaf } of entries) {
    const parsed = parseDigest(algorithm, digest);
    const made = salt === null ? publicEntry(parsed) : commitment(parsed, word(salt));
    assert.equal(hex(made), entry);
    assert.equal(hex(leafHash(made)), leaf);
  }
  for (const { algorithm, value, error } of refused) assert.equal(reasonOf(() => parseDigest(algorithm, value)), error, value);
});

test("inclusion", () => {
  for (const { name, index, size, leaf, proof, root, error } of vectors("merkle.json").inclusion) {
    const act = () => verifyInclusion(BigInt(index), BigInt(size), word(leaf), proof.map((each) => word(each)), word(root));
    assert.equal(reasonOf(act), error, name);
  }
});

test("notes and checkpoints", () => {
  const { key, keys_refused: refused, notes, checkpoints } = vectors("note.json");
  const verifierKey = parseVerifierKey(key);
  for (const text of refused) assert.equal(reasonOf(() => parseVerifierKey(text)), "Unreadable", text);
  for (const { name, note, error } of notes) assert.equal(reasonOf(() => verifyNote(parseNote(note), verifierKey)), error, name);
  for (const { name, text, error } of checkpoints) assert.equal(reasonOf(() => parseCheckpoint(text)), error, name);
});

test("slots of anchors", () => {
  const { base_slot: slot, cases } = vectors("anchor-slots.json");
  for (const { origin, root_slot: root, position_slot: position } of cases) {
    assert.deepEqual(anchorSlots(BigInt(slot), origin).map(hex), [root, position]);
  }
});

test("Ed25519 where readings of it part", () => {
  for (const { name, key, signature, message, holds } of vectors("ed25519.json").cases) {
    assert.equal(holdsEd25519(word(signature), word(message), word(key)), holds, name);
  }
});

test("RLP", () => {
  const written = (item) => (Array.isArray(item) ? item.map(written) : `0x${hex(item)}`);
  for (const { name, rlp, item, error } of vectors("state-proof.json").rlp) {
    assert.equal(reasonOf(() => assert.deepEqual(written(decodeRlp(ethereum(rlp))), item)), error, name);
  }
});

test("slots, accounts and headers", () => {
  const { slots, accounts, headers } = vectors("state-proof.json");
  for (const { name, root, slot, proof, value, error } of slots) {
    const act = () => assert.equal(slotAt(ethereum(root), ethereum(slot), proof.map(ethereum)), BigInt(value));
    assert.equal(reasonOf(act), error, name);
  }
  for (const { name, root, address, proof, account, error } of accounts) {
    const act = () => {
      const found = accountAt(ethereum(root), ethereum(address), proof.map(ethereum));
      if (account === null) return assert.equal(found, null);
      assert.deepEqual([found.nonce, found.balance].map((each) => `0x${each.toString(16)}`), [account.nonce, account.balance]);
      return assert.deepEqual([found.storageHash, found.codeHash].map((each) => `0x${hex(each)}`), [account.storageHash, account.codeHash]);
    };
    assert.equal(reasonOf(act), error, name);
  }
  for (const { name, rlp, header, error } of headers) {
    const act = () => {
      const found = parseExecutionHeader(ethereum(rlp));
      assert.equal(`0x${hex(found.hash)}`, header.hash);
      assert.equal(`0x${hex(found.stateRoot)}`, header.stateRoot);
      assert.equal(`0x${found.number.toString(16)}`, header.number);
      assert.equal(`0x${found.timestamp.toString(16)}`, header.timestamp);
    };
    assert.equal(reasonOf(act), error, name);
  }
});

test("headers, votes, validators and commits of consensus", () => {
  const { headers, sign_bytes: votes, validator_sets: sets, commits } = vectors("consensus.json");
  for (const { name, header, hash } of headers) assert.equal(hex(headerHash(parseConsensusHeader(strict(header), ""))), hash, name);
  for (const { name, chain_id: chain, height, round, block_id: id, time, sign_bytes: bytes } of votes) {
    const blockId = { hash: bytesOfHex(id.hash, true), total: id.parts.total, partsHash: bytesOfHex(id.parts.hash, true) };
    const commit = { height: BigInt(height), round, blockId };
    assert.equal(hex(signBytes(chain, commit, parseTime(time), id.hash !== "")), bytes, name);
  }
  for (const { name, validators, hash, error } of sets) {
    const act = () => assert.equal(hex(parseValidators(strict(validators), "").hash), hash);
    assert.equal(reasonOf(act), error, name);
  }
  for (const { name, chain_id: chain, signed_header: signed, validators, error } of commits) {
    const act = () => {
      const { header, commit } = parseSignedHeader(strict(signed), "");
      const voters = parseValidators(strict(validators), "");
      verifyHeader(chain, { header, commit });
      verifyNamed(header, voters);
      verifyPower(chain, commit, voters, 2n, 3n);
    };
    assert.equal(reasonOf(act), error, name);
  }
});

test("light blocks that follow one another", () => {
  for (const { name, chain_id: chain, trusted, blocks, error } of vectors("light.json").cases) {
    const act = () => {
      let known = {
        height: BigInt(trusted.height),
        validators: parseValidators(strict(trusted.validators), ""),
        nextHash: trusted.next_validators_hash === null ? null : bytesOfHex(trusted.next_validators_hash, trusted.next_validators_hash.toUpperCase() === trusted.next_validators_hash),
      };
      for (const { header, commit, validators } of blocks) {
        known = follow(chain, known, {
          header: parseConsensusHeader(strict(header), ""),
          commit: parseCommit(strict(commit), ""),
          validators: parseValidators(strict(validators), ""),
        });
      }
    };
    assert.equal(reasonOf(act), error, name);
  }
});

for (const file of ["timestamp.json", "timestamp-openssl.json"]) {
  test(`tokens of ${file}`, () => {
    for (const { name, token, digest, authorities, time, error } of vectors(file).tokens) {
      const act = () => {
        const { seconds, nanoseconds } = verifyToken(parseToken(bytesOfBase64(token)), word(digest), authorities.map(bytesOfBase64));
        const expected = parseTime(time);
        assert.deepEqual([seconds, nanoseconds], [expected.seconds, expected.nanoseconds]);
      };
      assert.equal(reasonOf(act), error, name);
    }
  });
}

test("trust anchors", () => {
  const { anchors, cases } = vectors("trust.json");
  for (const each of Object.values(anchors)) parseAnchors(utf8(JSON.stringify(each)));
  for (const { name, patch, error } of cases) {
    assert.equal(reasonOf(() => parseAnchors(utf8(JSON.stringify(patched(anchors.main, patch))))), error, name);
  }
});

test("receipts", () => {
  const { file, bases, cases, texts } = vectors("receipt.json");
  const { anchors } = vectors("trust.json");
  const trusted = Object.fromEntries(Object.entries(anchors).map(([name, each]) => [name, parseAnchors(utf8(JSON.stringify(each)))]));
  for (const { name, base, patch = [], trust = "main", digest, result, step, error } of cases) {
    const document = patched(bases[base], patch);
    const { algorithm } = bases[base].digest;
    let given = { algorithm, value: DIGESTS[algorithm].hash(word(file)) };
    if (digest !== undefined) given = digest === null ? null : parseDigest(digest.algorithm, digest.value);
    let receipt;
    const refused = reasonOf(() => {
      receipt = parseReceipt(utf8(JSON.stringify(document)));
    });
    if (refused !== null) {
      assert.deepEqual([refused, null, "undecided"], [error, step, result], name);
      continue;
    }
    const report = verifyReceipt(receipt, trusted[trust], given);
    assert.equal(report.verdict, result, name);
    assert.equal(report.error?.reason ?? null, error, name);
    const failing = report.steps.find(({ state }) => state === "bad" || state === "unknown");
    assert.equal(failing?.number ?? null, step, name);
  }
  for (const { name, text, error } of texts) assert.equal(reasonOf(() => parseReceipt(utf8(text))), error, name);
});

for (const folder of ["example", "ledger"]) {
  test(`the receipt of vectors/${folder}`, () => {
    const receipt = parseReceipt(read(`${folder}/minutes.txt.receipt.json`));
    const digest = { algorithm: receipt.digest.algorithm, value: DIGESTS[receipt.digest.algorithm].hash(read(`${folder}/minutes.txt`)) };
    const anchors = parseAnchors(read(`${folder}/trust.json`));
    const report = verifyReceipt(receipt, anchors, digest);
    assert.equal(report.verdict, "valid", report.error?.message);
    const other = { ...digest, value: DIGESTS[digest.algorithm].hash(utf8("another")) };
    assert.equal(verifyReceipt(receipt, anchors, other).error.reason, "DigestMismatch");
  });
}

test("the proof and the commit of a real network", () => {
  const { proof, header, commit, validators, evm_header: evm, value } = vectors("network.json");
  const account = accountAt(ethereum(evm.stateRoot), ethereum(proof.address), proof.accountProof.map(ethereum));
  const [slot] = proof.storageProof;
  assert.equal(slotAt(account.storageHash, ethereum(slot.key), slot.proof.map(ethereum)), BigInt(value));
  const signed = parseSignedHeader(strict({ header, commit }), "");
  const voters = parseValidators(strict(validators), "");
  verifyHeader(header.chain_id, signed);
  verifyNamed(signed.header, voters);
  verifyPower(header.chain_id, signed.commit, voters, 2n, 3n);
});

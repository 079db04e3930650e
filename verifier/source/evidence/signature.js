// SPDX-License-Identifier: Apache-2.0
/**
 * Whether signatures hold. Curves are those of @noble/curves; what is decided here is which of the readings of a standard
 * applies, so that every browser, and the Python verifier, answers alike (docs/formats/).
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { compare, concat, numberOf, bytesOfNumber, same } from "./bytes.js";
import { sha512 } from "./hashing.js";

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const littleEndian = (bytes) => numberOf(Uint8Array.from(bytes).reverse());

/**
 * Ed25519 without the cofactor (RFC 8032 section 5.1.7, its last sentence): S is below the group's order, and the bytes of
 * [S]B − [k]A are those of R. A key is any 32 bytes that name a point, in its least form or not.
 */
export function holdsEd25519(signature, message, key) {
  if (signature.length !== 64 || key.length !== 32) return false;
  const commitment = signature.subarray(0, 32);
  const scalar = littleEndian(signature.subarray(32));
  if (scalar >= ORDER) return false;
  let point;
  try {
    point = Point.fromBytes(key, true);
  } catch {
    return false; // 32 bytes that name no point: no signature holds under them
  }
  const challenge = littleEndian(sha512(concat(commitment, key, message))) % ORDER;
  const expected = Point.BASE.multiplyUnsafe(scalar).add(point.negate().multiplyUnsafe(challenge));
  return same(expected.toBytes(), commitment);
}

/** The curves of ECDSA keys, by the dotted form of their object identifier (RFC 5480). */
export const CURVES = { "1.2.840.10045.3.1.7": p256, "1.3.132.0.34": p384, "1.3.132.0.35": p521 };

/** ECDSA over a digest: `r` and `s` as numbers, the key as an encoded point. High values of s are good: X9.62 allows them. */
export function holdsEcdsa(curve, r, s, digest, point) {
  const order = curve.Point.Fn.ORDER;
  if (r <= 0n || r >= order || s <= 0n || s >= order) return false;
  const { BYTES: length } = curve.Point.Fn;
  const signature = concat(bytesOfNumber(r, length), bytesOfNumber(s, length));
  return curve.verify(signature, digest, point, { prehash: false, lowS: false, format: "compact" });
}

/** DigestInfo of RFC 8017 appendix B.1 note 1, up to the digest. */
const DIGEST_INFO = {
  32: [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20],
  48: [0x30, 0x41, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 0x30],
  64: [0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40],
};

/**
 * RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2) over a digest of SHA-256, SHA-384 or SHA-512. The padding is made, not parsed:
 * what must come out of the signature is compared with what does, byte by byte.
 */
export function holdsRsa(modulus, exponent, signature, digest) {
  const length = Math.ceil(modulus.toString(16).length / 2);
  const tail = concat(DIGEST_INFO[digest.length], digest);
  if (signature.length !== length || length < tail.length + 11) return false;
  if (numberOf(signature) >= modulus) return false;
  const expected = concat([0, 1], new Uint8Array(length - tail.length - 3).fill(0xff), [0], tail);
  const opened = bytesOfNumber(power(numberOf(signature), exponent, modulus), length);
  return compare(opened, expected) === 0;
}

function power(base, exponent, modulus) {
  let result = 1n;
  for (const digit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (digit === "1") result = (result * base) % modulus;
  }
  return result;
}

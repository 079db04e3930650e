// SPDX-License-Identifier: Apache-2.0
/** What a time-stamp authority's certificate says (X.509, RFC 5280): its key, when it is valid, what it is for. */
import {
  BIT_STRING, BOOLEAN, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, UTC_TIME, Walk,
  ascii, bitString, context, dotted, element, elements, integerOf, isTrue,
} from "./der.js";
import { Unreadable } from "./errors.js";
import { parseGeneralizedTime, parseUtcTime } from "./instant.js";
import { CURVES } from "./signature.js";

const EXTENDED_KEY_USAGE = "2.5.29.37";
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";

/** `{key, from, until, stampsOnly}` of a certificate in DER. */
export function parseCertificate(der) {
  const outer = new Walk(element(der, SEQUENCE).body);
  const inner = new Walk(outer.take(SEQUENCE).body);
  outer.take(SEQUENCE);
  outer.take(BIT_STRING);
  outer.end();
  inner.perhaps(context(0)); // version
  inner.take(INTEGER); // serial number
  inner.take(SEQUENCE); // signature algorithm
  inner.take(SEQUENCE); // issuer
  const validity = new Walk(inner.take(SEQUENCE).body);
  const [from, until] = [validity.any(), validity.any()].map(timeOf);
  validity.end();
  inner.take(SEQUENCE); // subject
  const key = parseKey(inner.take(SEQUENCE).body);
  inner.perhaps(0x81); // issuerUniqueID
  inner.perhaps(0x82); // subjectUniqueID
  const wrapped = inner.perhaps(context(3));
  inner.end();
  const extensions = wrapped === null ? [] : elements(element(wrapped.body, SEQUENCE).body).map(parseExtension);
  const purposes = extensions.filter(({ name }) => name === EXTENDED_KEY_USAGE);
  if (purposes.length > 1) throw new Unreadable("der");
  return { key, from, until, stampsOnly: purposes.length === 1 && stampsOnly(purposes[0]) };
}

function timeOf(time) {
  if (time.tag === UTC_TIME) return parseUtcTime(ascii(time));
  if (time.tag === GENERALIZED_TIME) return parseGeneralizedTime(ascii(time));
  throw new Unreadable("der");
}

/** `{name, critical, value}` of an extension of a certificate or of a token. */
export function parseExtension({ tag, body }) {
  if (tag !== SEQUENCE) throw new Unreadable("der");
  const walk = new Walk(body);
  const name = dotted(walk.take(OBJECT_IDENTIFIER));
  const stated = walk.perhaps(BOOLEAN);
  const value = walk.take(OCTET_STRING).body;
  walk.end();
  return { name, critical: stated !== null && isTrue(stated), value };
}

/** RFC 3161 section 2.3: the purpose is there, critical, and alone. */
function stampsOnly({ critical, value }) {
  const purposes = elements(element(value, SEQUENCE).body).map((purpose) => {
    if (purpose.tag !== OBJECT_IDENTIFIER) throw new Unreadable("der");
    return dotted(purpose);
  });
  return critical && purposes.length === 1 && purposes[0] === TIME_STAMPING;
}

/** RSA moduli: below they can be factored, above a verification takes seconds. */
const MINIMUM_RSA = 2048;
const MAXIMUM_RSA = 16_384;

/** The key of a SubjectPublicKeyInfo, by its kind; `{kind: "unknown"}` where none of the signatures known here could be its. */
function parseKey(body) {
  const walk = new Walk(body);
  const algorithm = new Walk(walk.take(SEQUENCE).body);
  const bits = bitString(walk.take(BIT_STRING));
  walk.end();
  const name = dotted(algorithm.take(OBJECT_IDENTIFIER));
  if (name === "1.3.101.112") return { kind: "ed25519", point: bits };
  if (name === "1.2.840.10045.2.1") {
    const curve = algorithm.perhaps(OBJECT_IDENTIFIER);
    const found = curve && CURVES[dotted(curve)];
    return found ? { kind: "ecdsa", curve: found, point: bits } : { kind: "unknown" };
  }
  if (name === "1.2.840.113549.1.1.1") {
    const numbers = new Walk(element(bits, SEQUENCE).body);
    const [modulus, exponent] = [integerOf(numbers.take(INTEGER)), integerOf(numbers.take(INTEGER))];
    numbers.end();
    const size = modulus.toString(2).length;
    const fit = size >= MINIMUM_RSA && size <= MAXIMUM_RSA && exponent > 2n && exponent < 2n ** 64n && exponent & 1n;
    return fit ? { kind: "rsa", modulus, exponent } : { kind: "unknown" };
  }
  return { kind: "unknown" };
}

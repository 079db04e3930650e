// SPDX-License-Identifier: Apache-2.0
/** RFC 3161 tokens: read, and checked against certificates that are trusted themselves (docs/formats/timestamp.md). */
import { concat, hex, same } from "./bytes.js";
import {
  BOOLEAN, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, Walk,
  ascii, context, dotted, element, elements, integerOf, requireDer,
} from "./der.js";
import { parseCertificate, parseExtension } from "./certificate.js";
import { StampCertificateRefused, StampImprintMismatch, StampSignatureMismatch, UnknownAlgorithm, Unreadable } from "./errors.js";
import { sha256, sha384, sha512 } from "./hashing.js";
import { compareInstants, parseGeneralizedTime } from "./instant.js";
import { holdsEcdsa, holdsEd25519, holdsRsa } from "./signature.js";

/** Bytes of a token. */
export const MAXIMUM_TOKEN = 65_536;
const SIGNED_DATA = "1.2.840.113549.1.7.2";
const TST_INFO = "1.2.840.113549.1.9.16.1.4";
const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47";
/** SubjectKeyIdentifier, implicitly tagged. */
const KEY_IDENTIFIER = 0x80;
const SHA256 = "2.16.840.1.101.3.4.2.1";
const DIGESTS = { [SHA256]: sha256, "2.16.840.1.101.3.4.2.2": sha384, "2.16.840.1.101.3.4.2.3": sha512 };
/** By the identifier of a signature algorithm: the kind of key it needs and the hash, null for the signer's own. */
const SIGNATURES = {
  "1.2.840.10045.4.3.2": ["ecdsa", sha256],
  "1.2.840.10045.4.3.3": ["ecdsa", sha384],
  "1.2.840.10045.4.3.4": ["ecdsa", sha512],
  "1.2.840.113549.1.1.11": ["rsa", sha256],
  "1.2.840.113549.1.1.12": ["rsa", sha384],
  "1.2.840.113549.1.1.13": ["rsa", sha512],
  "1.2.840.113549.1.1.1": ["rsa", null],
  "1.3.101.112": ["ed25519", null],
};

/** The identifier of an algorithm; its parameters are not read. */
function algorithmOf({ body }) {
  const walk = new Walk(body);
  const name = dotted(walk.take(OBJECT_IDENTIFIER));
  if (walk.left.length > 1) throw new Unreadable("der");
  return name;
}

/** What a token says, nothing of it believed yet. */
export function parseToken(der) {
  if (der.length > MAXIMUM_TOKEN) throw new Unreadable("token-too-large", { expected: MAXIMUM_TOKEN, found: der.length });
  requireDer(der);
  const outer = new Walk(element(der, SEQUENCE).body);
  if (dotted(outer.take(OBJECT_IDENTIFIER)) !== SIGNED_DATA) throw new Unreadable("token-form");
  const signedData = new Walk(element(outer.take(context(0)).body, SEQUENCE).body);
  outer.end();
  signedData.take(INTEGER);
  signedData.take(SET);
  const content = new Walk(signedData.take(SEQUENCE).body);
  signedData.perhaps(context(0)); // certificates, not read
  signedData.perhaps(context(1)); // revocation lists, not read
  const signers = elements(signedData.take(SET).body);
  signedData.end();
  if (dotted(content.take(OBJECT_IDENTIFIER)) !== TST_INFO) throw new Unreadable("token-form");
  const stamped = element(content.take(context(0)).body, OCTET_STRING).body;
  content.end();
  if (signers.length !== 1 || signers[0].tag !== SEQUENCE) throw new Unreadable("token-signers", { expected: 1, found: signers.length });
  return { stamped, ...parseStamped(stamped), ...parseSigner(signers[0].body) };
}

function parseStamped(der) {
  requireDer(der);
  const walk = new Walk(element(der, SEQUENCE).body);
  walk.take(INTEGER); // version
  walk.take(OBJECT_IDENTIFIER); // policy
  const imprint = new Walk(walk.take(SEQUENCE).body);
  walk.take(INTEGER); // serial number
  const time = parseGeneralizedTime(ascii(walk.take(GENERALIZED_TIME)));
  walk.perhaps(SEQUENCE); // accuracy
  walk.perhaps(BOOLEAN); // ordering
  walk.perhaps(INTEGER); // nonce
  walk.perhaps(context(0)); // the authority's name
  const extensions = walk.perhaps(context(1));
  walk.end();
  const imprintAlgorithm = algorithmOf(imprint.take(SEQUENCE));
  const imprintDigest = imprint.take(OCTET_STRING).body;
  imprint.end();
  const critical = extensions !== null && elements(extensions.body).map(parseExtension).some((extension) => extension.critical);
  return { time, imprintAlgorithm, imprintDigest, critical };
}

function parseSigner(body) {
  const walk = new Walk(body);
  walk.take(INTEGER); // version
  // The signer's identifier proves nothing: the signing certificate does.
  if (walk.perhaps(SEQUENCE) === null) walk.take(KEY_IDENTIFIER);
  const digestAlgorithm = algorithmOf(walk.take(SEQUENCE));
  const attributes = walk.take(context(0));
  const signatureAlgorithm = algorithmOf(walk.take(SEQUENCE));
  const signature = walk.take(OCTET_STRING).body;
  walk.perhaps(context(1)); // unsigned attributes
  walk.end();
  const values = new Map();
  for (const { tag, body: attribute } of elements(attributes.body)) {
    if (tag !== SEQUENCE) throw new Unreadable("der");
    const parts = new Walk(attribute);
    const name = dotted(parts.take(OBJECT_IDENTIFIER));
    const held = elements(parts.take(SET).body);
    parts.end();
    if (values.has(name) || held.length !== 1) throw new Unreadable("attribute-twice", { found: name });
    values.set(name, held);
  }
  const only = (name, tag) => {
    const [held] = values.get(name) ?? [];
    if (held?.tag !== tag) throw new Unreadable("attribute-missing", { expected: name });
    return held;
  };
  return {
    digestAlgorithm,
    signatureAlgorithm,
    signature,
    contentType: dotted(only(CONTENT_TYPE, OBJECT_IDENTIFIER)),
    messageDigest: only(MESSAGE_DIGEST, OCTET_STRING).body,
    certificate: parseSigningCertificate(only(SIGNING_CERTIFICATE, SEQUENCE).body),
    // RFC 5652 section 5.4: what is signed has the tag of a set, whatever tag stands in the token.
    attributes: concat([SET], attributes.encoded.subarray(1)),
  };
}

/** ESSCertIDv2 (RFC 5816): the hash of the certificate that signed, the first of the list. */
function parseSigningCertificate(body) {
  const walk = new Walk(body);
  const [first] = elements(walk.take(SEQUENCE).body);
  walk.perhaps(SEQUENCE); // policies
  walk.end();
  if (first?.tag !== SEQUENCE) throw new Unreadable("der");
  const parts = new Walk(first.body);
  const stated = parts.perhaps(SEQUENCE);
  const hash = parts.take(OCTET_STRING).body;
  parts.perhaps(SEQUENCE); // issuer and serial number
  parts.end();
  return { algorithm: stated === null ? SHA256 : algorithmOf(stated), hash };
}

/** The token stamps a SHA-256 digest and one of the authorities (certificates in DER) signed it; answers the time stamped. */
export function verifyToken(token, digest, authorities) {
  if (token.critical) throw new UnknownAlgorithm("token-extension");
  if (token.imprintAlgorithm !== SHA256 || !same(token.imprintDigest, digest)) {
    throw new StampImprintMismatch("imprint", { expected: hex(digest), found: hex(token.imprintDigest) });
  }
  const digestBy = DIGESTS[token.digestAlgorithm];
  if (digestBy === undefined) throw new UnknownAlgorithm("stamp-digest", { found: token.digestAlgorithm });
  if (token.certificate.algorithm !== SHA256) throw new UnknownAlgorithm("stamp-certificate-hash", { found: token.certificate.algorithm });
  const content = digestBy(token.stamped);
  if (token.contentType !== TST_INFO || !same(content, token.messageDigest)) {
    throw new StampSignatureMismatch("stamp-content", { expected: hex(content), found: hex(token.messageDigest) });
  }
  const trusted = authorities.find((certificate) => same(sha256(certificate), token.certificate.hash));
  if (trusted === undefined) throw new StampCertificateRefused("stamp-stranger", { found: hex(token.certificate.hash) });
  const authority = parseCertificate(trusted);
  verifySignature(token, authority.key, digestBy);
  if (!authority.stampsOnly) throw new StampCertificateRefused("stamp-purpose");
  if (compareInstants(token.time, authority.from) < 0 || compareInstants(token.time, authority.until) > 0) {
    throw new StampCertificateRefused("stamp-validity");
  }
  return token.time;
}

function verifySignature({ signatureAlgorithm, signature, attributes }, key, digestBy) {
  const known = SIGNATURES[signatureAlgorithm];
  if (known === undefined) throw new UnknownAlgorithm("stamp-signature-algorithm", { found: signatureAlgorithm });
  const [kind, stated] = known;
  if (key.kind === "unknown") throw new UnknownAlgorithm("stamp-key-unknown");
  if (kind !== key.kind) throw new StampSignatureMismatch("stamp-key", { expected: kind, found: key.kind });
  const digest = (stated ?? digestBy)(attributes);
  const holds = {
    ed25519: () => holdsEd25519(signature, attributes, key.point),
    rsa: () => holdsRsa(key.modulus, key.exponent, signature, digest),
    ecdsa: () => {
      const pair = readPair(signature);
      return pair !== null && holdsEcdsa(key.curve, ...pair, digest, key.point);
    },
  }[kind]();
  if (!holds) throw new StampSignatureMismatch("stamp-signature");
}

/** The two numbers of an ECDSA signature; null where the octets are none. */
function readPair(der) {
  try {
    const walk = new Walk(element(der, SEQUENCE).body);
    const pair = [integerOf(walk.take(INTEGER)), integerOf(walk.take(INTEGER))];
    walk.end();
    return pair;
  } catch (error) {
    if (error instanceof Unreadable) return null; // a signature that cannot be one does not hold
    throw error;
  }
}

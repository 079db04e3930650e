/* Maillon: SHA-256 (FIPS 180-4) over a file, piece by piece, beside the page. Apache-2.0.
   The browser's own digest takes whole files into memory; this one takes a megabyte at a time. */
"use strict";
const K = new Uint32Array(64);
const START = new Uint32Array(8);
{
  /* The constants are the first bits of the fractional parts of roots of the first primes. */
  const fraction = (x) => Math.floor((x - Math.floor(x)) * 2 ** 32);
  let found = 0;
  for (let n = 2; found < 64; n += 1) {
    let prime = true;
    for (let d = 2; d * d <= n; d += 1) if (n % d === 0) { prime = false; break; }
    if (!prime) continue;
    if (found < 8) START[found] = fraction(Math.sqrt(n));
    K[found] = fraction(Math.cbrt(n));
    found += 1;
  }
}
class Sha256 {
  constructor() { this.h = START.slice(); this.w = new Int32Array(64); this.rest = new Uint8Array(64); this.held = 0; this.length = 0; }
  block(data, at) {
    const { h, w } = this;
    for (let i = 0; i < 16; i += 1, at += 4) w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15], y = w[i - 2];
      w[i] = (w[i - 16] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + w[i - 7] + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10)) | 0;
    }
    let a = h[0] | 0, b = h[1] | 0, c = h[2] | 0, d = h[3] | 0, e = h[4] | 0, f = h[5] | 0, g = h[6] | 0, q = h[7] | 0;
    for (let i = 0; i < 64; i += 1) {
      const t = (q + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + K[i] + w[i]) | 0;
      const u = (((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c)) | 0;
      q = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
    }
    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += q;
  }
  update(data) {
    let at = 0;
    this.length += data.length;
    if (this.held) {
      const taken = Math.min(64 - this.held, data.length);
      this.rest.set(data.subarray(0, taken), this.held);
      this.held += taken; at = taken;
      if (this.held < 64) return;
      this.block(this.rest, 0); this.held = 0;
    }
    for (; at + 64 <= data.length; at += 64) this.block(data, at);
    this.rest.set(data.subarray(at), 0);
    this.held = data.length - at;
  }
  hex() {
    const bits = this.length * 8;
    const tail = new Uint8Array((this.held < 56 ? 64 : 128) - this.held);
    tail[0] = 0x80;
    const view = new DataView(tail.buffer);
    view.setUint32(tail.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(tail.length - 4, bits >>> 0);
    this.update(tail);
    return Array.from(this.h, (word) => word.toString(16).padStart(8, "0")).join("");
  }
}
addEventListener("message", async (event) => {
  const { file, bytes } = event.data;
  try {
    const hash = new Sha256();
    if (bytes) hash.update(bytes);
    else {
      let done = 0;
      const step = 2 ** 20;
      while (done < file.size) {
        const piece = new Uint8Array(await file.slice(done, done + step).arrayBuffer());
        hash.update(piece);
        done += piece.length;
        postMessage({ done, size: file.size });
      }
    }
    postMessage({ digest: hash.hex() });
  } catch { postMessage({ failed: true }); }
});

/* Maillon: the document is hashed here; only the receipt and the digest fill the form that is sent. Apache-2.0. */
const form = document.querySelector("[data-verify]");
const words = form.dataset;
const tools = form.querySelector("[data-needs-script]");
const status = form.querySelector("[data-status]");
const input = tools.querySelector('input[type="file"]');
const MAXIMUM_RECEIPT = 1048576;
tools.hidden = false;
form.querySelector("[data-plain]").hidden = true;

const receiptIn = async (file) => {
  if (file.size > MAXIMUM_RECEIPT) return null;
  const text = await file.text();
  try { return JSON.parse(text).type === "maillon.receipt.v1" ? text : null; } catch { return null; }
};
const digestOf = async (file, algorithm) => {
  const whole = { "sha2-384": "SHA-384", "sha2-512": "SHA-512" }[algorithm];
  if (whole) {
    const value = await crypto.subtle.digest(whole, await file.arrayBuffer());
    return Array.from(new Uint8Array(value), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  return new Promise((resolve, reject) => {
    const worker = new Worker(words.worker);
    worker.onerror = reject;
    worker.onmessage = ({ data }) => {
      if (data.failed) reject(new Error("unreadable"));
      else if (data.digest) { worker.terminate(); resolve(data.digest); }
      else status.textContent = `${words.hashing}: ${Math.round(100 * data.done / data.size)} %`;
    };
    worker.postMessage({ file });
  });
};
let receipt = null;
let chosen = null;
input.addEventListener("change", async () => {
  try {
    const given = [...input.files];
    for (const file of given) {
      const text = await receiptIn(file);
      if (text) receipt = text; else chosen = file;
    }
    input.value = "";
    if (!receipt && given.length > 1) { status.textContent = words.none; chosen = null; return; }
    if (!receipt || !chosen) { status.textContent = `${words.chosen}: ${given.map((file) => file.name).join(", ")}. ${words.need}`; return; }
    status.textContent = words.hashing;
    form.elements.receipt.value = receipt;
    form.elements.digest.value = await digestOf(chosen, JSON.parse(receipt).digest?.algorithm);
    form.submit();
  } catch { status.textContent = words.unreadable; }
});

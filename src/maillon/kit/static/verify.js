/* Maillon: the document is hashed here; only the receipt and the digest fill the form that is sent. Apache-2.0. */
"use strict";
{
  const form = document.querySelector("[data-verify]");
  const words = form.dataset;
  const drop = form.querySelector("[data-drop]");
  const input = drop.querySelector("input");
  const status = form.querySelector("[data-status]");
  const tell = (text) => { status.hidden = false; status.textContent = text; };
  drop.hidden = false;
  form.querySelector("[data-by-hand]").open = false;
  const verdict = document.getElementById("verdict");
  if (verdict) verdict.focus();

  const asReceipt = async (file) => {
    if (file.size > 1048576) return null;
    const text = await file.text();
    try { return JSON.parse(text).type === "maillon.receipt.v1" ? text : null; } catch { return null; }
  };
  const digestOf = (file, algorithm) => {
    const other = { "sha2-384": "SHA-384", "sha2-512": "SHA-512" }[algorithm];
    if (other) return file.arrayBuffer().then((data) => crypto.subtle.digest(other, data)).then((value) => Array.from(new Uint8Array(value), (byte) => byte.toString(16).padStart(2, "0")).join(""));
    return new Promise((resolve, reject) => {
      const worker = new Worker(words.worker);
      worker.onerror = reject;
      worker.onmessage = ({ data }) => {
        if (data.failed) reject(new Error("unreadable"));
        if (data.size) tell(`${words.hashing}: ${Math.round(100 * data.done / data.size)} %`);
        if (data.digest) { worker.terminate(); resolve(data.digest); }
      };
      worker.postMessage({ file });
    });
  };
  let kept = null;
  input.addEventListener("change", async () => {
    try {
      const documents = [];
      for (const file of [...input.files]) {
        const text = await asReceipt(file);
        if (text) kept = text; else documents.push(file);
      }
      input.value = "";
      if (!kept || documents.length > 1) { tell(words.one); return; }
      form.elements.receipt.value = kept;
      if (!documents.length) { form.elements.digest.value = ""; form.querySelector("[data-by-hand]").open = true; tell(words.receiptOnly); return; }
      form.elements.digest.value = await digestOf(documents[0], JSON.parse(kept).digest?.algorithm);
      form.submit();
    } catch { tell(words.unreadable); }
  });
}

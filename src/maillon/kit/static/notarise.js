/* Maillon: notarise in the browser, and keep the receipts on this device. Apache-2.0.
   A file is only read here. What is sent is SHA-256(salt then digest). The salt is stored before anything is sent. */
"use strict";
{
  const root = document.querySelector("[data-notarise], [data-receipts]");
  const words = root ? root.dataset : {};
  const list = root && root.querySelector("[data-jobs]");
  const onReceipts = Boolean(root && "receipts" in words);

  const database = () => new Promise((resolve, reject) => {
    const opening = indexedDB.open("maillon", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("receipts", { keyPath: "key" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const inStore = async (mode, ask) => {
    const opened = await database();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = opened.transaction("receipts", mode);
        const asked = ask(transaction.objectStore("receipts"));
        transaction.oncomplete = () => resolve(asked.result);
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      });
    } finally { opened.close(); }
  };
  const keep = (item) => inStore("readwrite", (store) => store.put(item));
  const all = () => inStore("readonly", (store) => store.getAll());
  const forget = (key) => inStore("readwrite", (store) => store.delete(key));

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const bytesOf = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
  const hashed = (message, progress) => new Promise((resolve, reject) => {
    const worker = new Worker(words.worker);
    worker.onerror = () => { worker.terminate(); reject(new Error("worker")); };
    worker.onmessage = ({ data }) => {
      if (data.digest) { worker.terminate(); resolve(data.digest); }
      else if (data.failed) { worker.terminate(); reject(new Error("unreadable")); }
      else progress(data.done / data.size);
    };
    worker.postMessage(message);
  });

  const receiptText = (item) => `${JSON.stringify({
    type: item.half.type,
    digest: { algorithm: "sha2-256", value: item.digest },
    entry: { kind: "commitment", salt: item.salt, index: item.half.entry.index },
    inclusion: item.half.inclusion,
    checkpoint: item.half.checkpoint,
    anchor: item.half.anchor,
    timestamp: item.half.timestamp,
  })}\n`;

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  class Row {
    constructor(name) {
      this.item = element("li");
      const head = element("div", "", "row row--spread");
      this.badge = element("span", "", "badge");
      head.append(element("strong", name), this.badge);
      this.bar = element("progress");
      this.bar.max = 100;
      this.bar.hidden = true;
      this.bar.setAttribute("aria-label", `${words.hashing} ${name}`);
      this.note = element("p", "", "small quiet");
      this.note.hidden = true;
      this.actions = element("div", "", "row");
      this.item.append(head, this.bar, this.note, this.actions);
      list.prepend(this.item);
      const section = root.querySelector("[data-jobs-section]");
      if (section) section.hidden = false;
    }
    state(kind, text) { this.badge.dataset.s = kind; this.badge.textContent = text; }
    progress(part) { this.bar.hidden = false; this.bar.value = Math.round(part * 100); }
    fail(text) { this.bar.hidden = true; this.state("bad", words.failed); this.note.textContent = text; this.note.hidden = false; say(`${words.failed}. ${text}`); }
    link(text, href, download) {
      const made = element("a", text, "btn btn--small");
      made.href = href;
      if (download) made.download = download;
      this.actions.append(made);
      return made;
    }
  }

  const finished = (row, item) => {
    row.bar.hidden = true;
    row.note.hidden = true;
    row.state("ok", words.ready);
    row.actions.textContent = "";
    const file = new Blob([receiptText(item)], { type: "application/json" });
    row.link(words.download, URL.createObjectURL(file), `${item.name}.receipt.json`).dataset.download = "";
    row.link(`${words.entry} ${item.index}`, `/${document.documentElement.lang}/entries/${item.index}`);
    forgettable(row, item);
  };
  const forgettable = (row, item) => {
    if (!onReceipts) return;
    const button = element("button", words.forget, "btn btn--small btn--danger");
    button.type = "button";
    button.setAttribute("aria-label", `${words.forget} ${item.name}`);
    button.addEventListener("click", () => {
      const dialog = document.querySelector("[data-forget-dialog]");
      dialog.returnValue = "";
      dialog.addEventListener("close", async () => {
        if (dialog.returnValue !== "forget") return;
        await forget(item.key);
        row.item.remove();
        root.querySelector("[data-empty]").hidden = list.children.length > 0;
      }, { once: true });
      dialog.showModal();
    });
    row.actions.append(button);
  };

  /* From a stored item on: each step can be taken again after a reload, and none is taken twice. */
  const pursue = async (row, item) => {
    try {
      if (item.index === undefined) {
        row.state("wait", words.entering);
        const joined = new Uint8Array(64);
        joined.set(bytesOf(item.salt), 0);
        joined.set(bytesOf(item.digest), 32);
        const commitment = await hashed({ bytes: joined }, () => {});
        const answer = await fetch(words.post, {
          method: "POST",
          headers: { "Content-Type": "application/json", "Accept": "application/json", "Idempotency-Key": item.key },
          body: JSON.stringify({ commitment }),
        });
        const document_ = await answer.json();
        if (!answer.ok) { row.fail([document_.title, document_.detail].filter(Boolean).join(": ")); forgettable(row, item); return; }
        item.index = document_.index;
        await keep(item);
      }
      row.state("wait", words.anchoring);
      while (!item.half) {
        const answer = await fetch(`/v1/notary/entries/${item.index}/receipt?wait=20`);
        if (answer.status === 200) { item.half = await answer.json(); await keep(item); }
        else if (answer.status !== 202) { row.fail(words.unreachable); forgettable(row, item); return; }
        else await new Promise((done) => { setTimeout(done, 1000); });
      }
      finished(row, item);
      say(`${item.name}: ${words.ready}`);
    } catch { row.fail(words.unreachable); forgettable(row, item); }
  };

  const notarise = async (file) => {
    const row = new Row(file.name);
    row.state("wait", words.hashing);
    let digest;
    try { digest = await hashed({ file }, (part) => row.progress(part)); }
    catch { row.fail(words.unreadable); return; }
    row.bar.hidden = true;
    const item = { key: hex(crypto.getRandomValues(new Uint8Array(16))), name: file.name, size: file.size, digest, salt: hex(crypto.getRandomValues(new Uint8Array(32))), made: Date.now() };
    try { await keep(item); }
    catch { row.fail(words.nostore); return; }
    await pursue(row, item);
  };

  if (root) {
    root.hidden = false;
    const input = root.querySelector('input[type="file"]');
    /* One after the other: a hundred files dropped at once are read one at a time. */
    let queue = Promise.resolve();
    if (input) input.addEventListener("change", () => {
      for (const file of [...input.files]) queue = queue.then(() => notarise(file));
      input.value = "";
    });
    all().then((items) => {
      items.sort((one, other) => one.made - other.made);
      for (const item of items) {
        if (!onReceipts && item.half) continue;
        const row = new Row(item.name);
        if (item.half) finished(row, item);
        else pursue(row, item);
      }
      const empty = root.querySelector("[data-empty]");
      if (empty) empty.hidden = items.length > 0;
    }).catch(() => say(words.nostore));
  }
}

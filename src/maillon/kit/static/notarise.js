/* Maillon: notarise in the browser. Apache-2.0.
   A file is only read here. What is sent is SHA-256(salt then digest); the salt is stored before anything is sent, so
   that a reload, or a server that does not answer, loses no receipt. */
const root = document.querySelector("[data-notarise]");
const words = root.dataset;
const jobs = root.querySelector("[data-jobs]");

const inStore = (mode, ask) => new Promise((resolve, reject) => {
  const opening = indexedDB.open("maillon", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("receipts", { keyPath: "key" });
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const transaction = opening.result.transaction("receipts", mode);
    const asked = ask(transaction.objectStore("receipts"));
    transaction.oncomplete = () => { opening.result.close(); resolve(asked.result); };
    transaction.onabort = () => { opening.result.close(); reject(transaction.error); };
  };
});
const keep = (item) => inStore("readwrite", (store) => store.put(item));

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
const random = (length) => hex(crypto.getRandomValues(new Uint8Array(length)));
const hashed = (message, progress = () => {}) => new Promise((resolve, reject) => {
  const worker = new Worker(words.worker);
  const end = (finish, value) => { worker.terminate(); finish(value); };
  worker.onerror = () => end(reject, new Error("worker"));
  worker.onmessage = ({ data }) => {
    if (data.digest) end(resolve, data.digest);
    else if (data.failed) end(reject, new Error("unreadable"));
    else progress(data.done / data.size);
  };
  worker.postMessage(message);
});
const commitmentOf = (item) => hashed({ bytes: Uint8Array.from([...bytesOf(item.salt), ...bytesOf(item.digest)]) });

const element = (name, text = "", attributes = {}) => {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
const job = (name) => {
  const box = element("div", "", { class: "progress" });
  const top = element("div", "", { class: "progress__top" });
  const state = element("span");
  const bar = element("progress", "", { max: "100", "aria-label": `${words.hashing}: ${name}` });
  top.append(element("strong", name), state);
  box.append(top, bar);
  jobs.append(box);
  root.querySelector("[data-progress]").hidden = false;
  return {
    say: (text) => { state.textContent = text; },
    at: (part) => { bar.value = Math.round(part * 100); },
    fail: (text) => { bar.remove(); state.textContent = words.failed; box.append(element("p", text, { class: "error", role: "alert" })); },
    end: () => { box.remove(); root.querySelector("[data-progress]").hidden = jobs.children.length === 0; },
  };
};

const complete = (item, half) => `${JSON.stringify({
  type: half.type,
  digest: { algorithm: "sha2-256", value: item.digest },
  entry: { kind: "commitment", salt: item.salt, index: half.entry.index },
  inclusion: half.inclusion,
  checkpoint: half.checkpoint,
  anchor: half.anchor,
  timestamp: half.timestamp,
})}\n`;

const show = (item) => {
  root.querySelector("[data-finished]").hidden = false;
  const row = element("tr");
  const cell = (child, attributes = {}) => { const made = element("td", "", attributes); made.append(child); row.append(made); };
  row.append(element("th", item.name, { scope: "row" }));
  cell(element("a", item.index.toLocaleString(words.language), { class: "num", href: `/${words.language}/entries/${item.index}` }));
  cell(element("span", words.done, { class: "badge", "data-s": "ok" }));
  cell(element("a", words.download, {
    class: "btn btn--small", download: `${item.name}.receipt.json`, "aria-label": `${words.downloadOf} ${item.name}`,
    href: URL.createObjectURL(new Blob([item.receipt], { type: "application/json" })),
  }), { class: "end" });
  root.querySelector("[data-receipts]").append(row);
  document.querySelector("[data-say]").textContent = `${item.name}: ${words.done}`;
};

/* From a stored item on, each step can be taken again after a reload. */
const pursue = async (item, line) => {
  try {
    if (item.index === undefined) {
      line.say(words.entering);
      const answer = await fetch(`/${words.language}/notarise`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ commitments: [await commitmentOf(item)], deduplicate: true }),
      });
      const said = await answer.json();
      if (!answer.ok) { line.fail([said.title, said.detail].filter(Boolean).join(": ")); return; }
      item.index = said.indexes ? said.indexes[0] : said.first;
      await keep(item);
    }
    line.say(words.anchoring);
    while (!item.receipt) {
      const answer = await fetch(`/v1/notary/entries/${item.index}/receipt?wait=20`);
      if (answer.status === 200) { item.receipt = complete(item, await answer.json()); await keep(item); }
      else if (answer.status === 202) await new Promise((done) => { setTimeout(done, 1000); });
      else { line.fail(words.lost); return; }
    }
    line.end();
    show(item);
  } catch { line.fail(words.lost); }
};

const notarise = async (file) => {
  const line = job(file.name);
  line.say(words.hashing);
  let digest;
  try { digest = await hashed({ file }, line.at); } catch { line.fail(words.changed); return; }
  const item = { key: random(16), name: file.name, size: file.size, digest, salt: random(32), made: Date.now() };
  try { await keep(item); } catch { line.fail(words.lost); return; }
  await pursue(item, line);
};

for (const part of root.querySelectorAll("[data-needs-script]")) part.hidden = false;
const input = root.querySelector('input[type="file"]');
let queue = Promise.resolve();
if (input) input.addEventListener("change", () => {
  const files = [...input.files];
  input.value = "";
  if (files.length > Number(words.batch)) { job("").fail(`${words.many} ${words.batch}`); return; }
  /* One after the other: files dropped together are read one at a time. */
  for (const file of files) queue = queue.then(() => notarise(file));
});
inStore("readonly", (store) => store.getAll()).then((items) => {
  for (const item of items) if (!item.receipt) pursue(item, job(item.name));
}).catch(() => { /* This browser keeps nothing: the first file says so. */ });

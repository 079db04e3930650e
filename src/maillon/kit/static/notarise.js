/* Maillon: notarise in the browser. Apache-2.0.
   A file is only read here. What is sent is SHA-256(salt then digest); the salt is stored before anything is sent, so
   that a reload, or a server that does not answer, loses no receipt. */
const root = document.querySelector("[data-notarise]");
const words = root.dataset;
const jobs = root.querySelector("[data-jobs]");
const refusal = root.querySelector("[data-refusal]");
const { all, download, element, forget, keep, named } = await import(words.module);

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
const random = (length) => hex(crypto.getRandomValues(new Uint8Array(length)));
class Cancelled extends Error {}
const hashed = (message, progress = () => {}, signal = null) => new Promise((resolve, reject) => {
  const worker = new Worker(words.worker);
  const end = (finish, value) => { worker.terminate(); finish(value); };
  signal?.addEventListener("abort", () => end(reject, new Cancelled()));
  worker.onerror = () => end(reject, new Error("worker"));
  worker.onmessage = ({ data }) => {
    if (data.digest) end(resolve, data.digest);
    else if (data.failed) end(reject, new Error("unreadable"));
    else progress(data.done, data.size);
  };
  worker.postMessage(message);
});
const commitmentOf = (item) => hashed({ bytes: Uint8Array.from([...bytesOf(item.salt), ...bytesOf(item.digest)]) });

const percent = new Intl.NumberFormat(words.language, { style: "percent" });
const seconds = new Intl.NumberFormat(words.language, { style: "unit", unit: "second", unitDisplay: "long" });
const settle = () => { root.querySelector("[data-progress]").hidden = jobs.children.length === 0; };
const job = (name) => {
  const box = element("div", "", { class: "progress" });
  const top = element("div", "", { class: "progress__top" });
  const title = element("strong");
  title.append(named(name));
  const state = element("span");
  const bar = element("progress", "", { max: "100", "aria-label": `${words.hashing}: ${name}` });
  const cancel = element("button", words.cancel, { class: "btn btn--small", type: "button", "aria-label": `${words.cancel} ${name}` });
  const controller = new AbortController();
  const began = performance.now();
  top.append(title, state);
  box.append(top, bar, cancel);
  jobs.append(box);
  settle();
  cancel.addEventListener("click", () => {
    controller.abort();
    box.remove();
    settle();
    document.querySelector("[data-say]").textContent = `${name}: ${words.cancelled}`;
    root.querySelector("input[type=file]").focus();
  });
  return {
    signal: controller.signal,
    say: (text) => { state.textContent = text; },
    at: (done, size) => {
      bar.value = 100 * done / size;
      const elapsed = (performance.now() - began) / 1000;
      const left = Math.ceil(elapsed * (size - done) / done);
      /* The first second says nothing of the rest. */
      state.textContent = elapsed > 1 && left > 1 ? `${percent.format(done / size)}, ${words.left} ${seconds.format(left)}` : percent.format(done / size);
    },
    /* Once sent, nothing can be called back. */
    sent: () => { cancel.remove(); bar.removeAttribute("value"); },
    fail: (text) => { bar.remove(); cancel.remove(); state.textContent = words.failed; box.append(element("p", text, { class: "error", role: "alert" })); },
    end: () => { box.remove(); settle(); },
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
  const name = element("th", "", { scope: "row" });
  name.append(named(item.name));
  row.append(name);
  cell(element("a", item.index.toLocaleString(words.language), { class: "num", href: `/${words.language}/entries/${item.index}` }), { class: "end", "data-l": words.index });
  cell(element("span", item.known ? words.known : words.done, { class: "badge", "data-s": "ok" }), { "data-l": words.state });
  cell(download(item, words), { class: "end" });
  root.querySelector("[data-receipts]").append(row);
  document.querySelector("[data-say]").textContent = `${item.name}: ${words.done}`;
};

/* A browser that keeps nothing (a private window, a full disk) still notarises: it is said that the receipt must be taken now. */
const store = async (item) => {
  try { await keep(item); } catch { root.querySelector("[data-unkept]").hidden = false; }
};

/* From a stored item on, each step can be taken again after a reload. */
const pursue = async (item, line) => {
  line.sent();
  try {
    if (item.index === undefined) {
      line.say(words.entering);
      const answer = await fetch(`/${words.language}/notarise`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ commitments: [await commitmentOf(item)], deduplicate: true }),
      });
      const said = await answer.json();
      if (answer.status === 429 || answer.status === 503) {
        /* Ours to wait for: the item is kept, and sent again when there is room. */
        line.say(said.title);
        await new Promise((done) => { setTimeout(done, 1000 * Number(answer.headers.get("Retry-After") ?? 5)); });
        await pursue(item, line);
        return;
      }
      if (!answer.ok) { line.fail([said.title, said.detail].filter(Boolean).join(": ")); await forget(item.key).catch(() => {}); return; }
      item.index = said.indexes ? said.indexes[0] : said.first;
      await store(item);
    }
    line.say(words.anchoring);
    while (!item.receipt) {
      const answer = await fetch(`/v1/notary/entries/${item.index}/receipt?wait=20`);
      if (answer.status === 200) { item.receipt = complete(item, await answer.json()); await store(item); }
      else if (answer.status === 202 || answer.status === 503) await new Promise((done) => { setTimeout(done, 1000); });
      else { line.fail(words.lost); return; }
    }
    line.end();
    show(item);
  } catch { line.fail(item.index === undefined ? words.lost : words.late); }
};

const notarise = async (file, line) => {
  if (line.signal.aborted) return;
  line.say(words.hashing);
  let digest;
  try { digest = await hashed({ file }, line.at, line.signal); } catch (error) {
    if (!(error instanceof Cancelled)) line.fail(words.changed);
    return;
  }
  if (line.signal.aborted) return;
  /* The same content again: its receipt is here already, under the name it had. */
  const before = (await all().catch(() => [])).find((item) => item.digest === digest && item.receipt);
  if (before) { line.end(); show({ ...before, name: file.name, known: true }); return; }
  const item = { key: random(16), name: file.name, size: file.size, digest, salt: random(32), made: Date.now() };
  await store(item);
  await pursue(item, line);
};

for (const part of root.querySelectorAll("[data-needs-script]")) part.hidden = false;
const zone = root.querySelector(".drop");
const input = root.querySelector('input[type="file"]');
const most = Number(words.batch);
let queue = Promise.resolve();
const take = (files) => {
  refusal.hidden = files.length <= most;
  if (files.length > most) { refusal.focus(); return; }
  /* One after the other: files dropped together are read one at a time, and each can be cancelled while it waits. */
  for (const [file, line] of files.map((each) => [each, job(each.name)])) {
    line.say(words.queued);
    queue = queue.then(() => notarise(file, line));
  }
};
/* Folders are walked until there are more files than a page takes. */
const walk = async (entry, found) => {
  if (found.length > most) return;
  if (entry.isFile) {
    found.push(await new Promise((resolve, reject) => { entry.file(resolve, reject); }));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return;
    for (const each of some) await walk(each, found);
  }
};
input?.addEventListener("change", () => {
  const files = [...input.files];
  input.value = "";
  take(files);
});
zone?.addEventListener("drop", async (event) => {
  event.preventDefault();
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...event.dataTransfer.files];
  if (!entries.some((entry) => entry.isDirectory)) { take(plain); return; }
  const found = [];
  try { for (const entry of entries) await walk(entry, found); } catch { /* What cannot be read is left out by the browser. */ }
  take(found);
});
all().then((items) => {
  for (const item of items) if (!item.receipt) pursue(item, job(item.name));
}).catch(() => { /* This browser keeps nothing: the first file says so. */ });

// SPDX-License-Identifier: Apache-2.0
/**
 * The page: takes files, hashes the document in pieces, asks `Evidence` and shows its answer. Nothing is kept and nothing is
 * sent; whatever comes from a file enters the page as text, never as markup.
 */
import { WORDS } from "./words.js";

const { DIGESTS, Invalid, Undecided, bytesOfBase64, hex, parseAnchors, parseReceipt, verifyReceipt } = globalThis.Evidence;
const MAXIMUM_DOCUMENT = 1_048_576;
/** Bytes hashed at a time: about ten milliseconds, so that the page stays alive. */
const PIECE = 1_048_576;

const get = (id) => document.getElementById(id);
const embedded = get("anchors");
const state = { receipt: null, document: null, anchors: null, run: 0, shown: null };
let language = "en";
let words = WORDS.en;

/** A refusal of the page's own, beside those of the steps. */
class Unusable extends Error {
  constructor(reason, detail) {
    super(detail ?? reason);
    this.reason = reason;
    this.detail = detail;
  }
}

// Words.

const fill = (text, values = {}) => text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
const number = (value) => new Intl.NumberFormat(words.locale).format(value);

function moment(seconds) {
  const date = new Date(Number(seconds) * 1000);
  return `${new Intl.DateTimeFormat(words.locale, { dateStyle: "long", timeStyle: "medium", timeZone: "UTC" }).format(date)} UTC`;
}

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function say(text) {
  get("say").textContent = text;
}

// What is shown.

function hashCode(value) {
  const code = make("code", { class: "hash" });
  for (const group of value.match(/.{1,4}/g) ?? []) code.append(make("span", {}, group), make("wbr"));
  return code;
}

function hashBox(value) {
  const button = make("button", { class: "copy", type: "button" }, words.copy);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(value);
      button.textContent = words.copied;
      say(words.copied);
    } catch {
      // No clipboard from the disk in some browsers: select it instead.
      getSelection().selectAllChildren(button.previousSibling);
    }
  });
  return make("div", { class: "hash-box" }, hashCode(value), button);
}

/** A value that was compared: hashes in groups, all else as it is, at most a screenful of it. */
function compared(value) {
  const text = String(value);
  const digits = text.replace(/^0x/, "");
  return /^[0-9a-f]{40,128}$/.test(digits) ? hashCode(digits) : make("code", {}, text.slice(0, 600));
}

const fact = (name, ...values) => make("div", {}, make("dt", {}, name), make("dd", {}, ...values));

function explanation(error) {
  const known = words.detail[error.detail] ?? words.reason[error.reason] ?? words.reason.Defect;
  const facts = make("dl", { class: "facts" });
  if (error.where) facts.append(fact(words.place, make("code", {}, String(error.where))));
  if (error.expected !== undefined) facts.append(fact(words.expected, compared(error.expected)));
  if (error.found !== undefined) facts.append(fact(words.found, compared(error.found)));
  facts.append(fact(words.reasonName, make("code", {}, error.reason)));
  return [make("p", {}, known), facts];
}

/** The value of a step that is a hash, to be shown large. */
const SHOWN_HASH = { file: "digest", entry: "leaf", inclusion: "root", anchor: "root", block: "stateRoot", consensus: "appHash" };

function stepItem({ number: place, name, state: outcome, compared: values }, error) {
  const [title, sentence] = words.step[name];
  const missing = name === "file" && outcome === "skip" && values;
  const badge = missing ? words.badge.skipFile : words.badge[outcome];
  const head = make("div", { class: "chain__head" }, make("h3", {}, title), make("span", { class: "badge", "data-s": outcome }, badge));
  const item = make("li", { "data-state": outcome, "data-step": place }, head);
  if (missing) item.append(make("p", {}, words.notCompared), hashBox(values.stated));
  else if (values) {
    const readable = { ...values };
    for (const [key, value] of Object.entries(readable)) if (typeof value === "bigint" || typeof value === "number") readable[key] = number(value);
    if (values.time !== undefined) readable.time = moment(values.time);
    if (values.stamped !== undefined) readable.time = moment(values.stamped.seconds);
    if (values.kind !== undefined) readable.kind = words.kind[values.kind];
    item.append(make("p", {}, fill(sentence, readable)));
    if (SHOWN_HASH[name]) item.append(hashBox(values[SHOWN_HASH[name]]));
  }
  if (outcome === "bad" || outcome === "unknown") item.append(...explanation(error));
  return item;
}

function verdictBox(report) {
  const { verdict, error, fileCompared, time, steps } = report;
  const title = make("h2", { id: "verdict", tabindex: "-1" }, words.verdict[verdict === "valid" && !fileCompared ? "validAlone" : verdict]);
  const box = make("div", { class: "verdict", "data-verdict": verdict }, title);
  const failing = steps.find(({ state: outcome }) => outcome === "bad" || outcome === "unknown");
  if (verdict === "valid") {
    const name = state.document?.name ?? "";
    box.append(make("p", {}, fill(fileCompared ? words.validText : words.validAloneText, { name, time: moment(time) })));
  } else if (verdict === "invalid") {
    const advice = failing.number === 1 ? words.invalidFile : words.invalidOther;
    box.append(make("p", {}, `${fill(words.invalidText, { step: failing.number })} ${advice}`));
  } else {
    box.append(...(failing ? [make("p", {}, fill(words.undecidedAt, { step: failing.number }))] : explanation(error)));
  }
  return box;
}

function show() {
  const result = get("result");
  result.replaceChildren();
  result.hidden = state.shown === null;
  const drop = document.querySelector(".drop");
  drop.classList.toggle("drop--slim", state.shown !== null);
  get("drop-title").textContent = state.shown === null ? words.drop : words.dropAgain;
  get("again").hidden = state.shown === null && !state.receipt && !state.document;
  showGiven();
  if (state.shown === null) return;
  const { report } = state.shown;
  result.className = "stack";
  result.append(verdictBox(report));
  if (report.steps.length) {
    const steps = make("ol", { class: "chain" }, ...report.steps.map((step) => stepItem(step, report.error)));
    result.append(make("section", { class: "stack", "aria-labelledby": "steps" }, make("h2", { id: "steps" }, words.steps), steps));
  }
  const download = make("button", { class: "btn btn--small", type: "button" }, words.download);
  download.addEventListener("click", () => save(report));
  result.append(make("div", { class: "row" }, download));
}

function showGiven() {
  const row = (name, file, missing) => fact(words[name], file ? make("strong", {}, file.name) : missing, file ? ` · ${fill(words.bytes, { count: number(file.size) })}` : "");
  const anchors = state.anchors ? { name: state.anchors.name, size: state.anchors.bytes.length } : null;
  get("given").replaceChildren(
    row("document", state.document, state.receipt ? words.noDocument : words.none),
    row("receipt", state.receipt, words.none),
    row("anchors", anchors, usedAnchors() ? "✓" : words.none),
  );
  get("alone").hidden = !state.receipt || state.document !== null || state.shown !== null;
  const used = usedAnchors();
  const whose = get("whose");
  whose.replaceChildren();
  if (used === null) {
    whose.append(make("p", { class: "small" }, words.anchorsNone));
    return;
  }
  let network = "?";
  try {
    network = parseAnchors(used.bytes).network;
  } catch (error) {
    if (!(error instanceof Undecided)) throw error; // unreadable anchors are told when they are used
  }
  const sentence = used.own ? words.anchorsOwn : location.protocol === "file:" ? words.anchorsKept : words.anchorsServed;
  whose.append(make("p", { class: "small" }, fill(sentence, { network, name: used.name, from: used.from })));
  whose.append(make("dl", { class: "facts" }, fact(words.anchorsDigest, hashCode(hex(DIGESTS["sha2-256"].hash(used.bytes))))));
  if (!used.own) whose.append(make("p", { class: "small quiet" }, words.warnServed));
}

/** The report as `maillon verify --json` writes it, from what was shown. */
function save(report) {
  const { verdict, steps, error, time, stamped, fileCompared } = report;
  const plain = (key, value) => (typeof value === "bigint" ? value.toString() : value);
  const written = {
    verdict,
    time: time === null ? null : new Date(Number(time) * 1000).toISOString(),
    stamped: stamped ? new Date(Number(stamped.seconds) * 1000).toISOString() : null,
    file_compared: fileCompared,
    steps,
    error: error && { type: error.reason, detail: error.detail, where: error.where, expected: error.expected, found: error.found },
    receipt: state.receipt?.name ?? null,
    document: state.document?.name ?? null,
    trust_sha256: usedAnchors() && hex(DIGESTS["sha2-256"].hash(usedAnchors().bytes)),
  };
  const address = URL.createObjectURL(new Blob([`${JSON.stringify(written, plain, 1)}\n`], { type: "application/json" }));
  make("a", { href: address, download: `${state.receipt?.name ?? "receipt"}.report.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function speak(chosen) {
  language = chosen;
  words = WORDS[chosen];
  document.documentElement.lang = chosen;
  document.title = `${words.title} · Maillon`;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", words[element.dataset.label]);
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === chosen));
  get("source").textContent = fill(words.footer, { source: __SOURCE__ });
  show();
}

// What is asked.

/** The trust anchors in use: those given, else those put into this file when it was served; null when there are none. */
function usedAnchors() {
  if (state.anchors) return { ...state.anchors, own: true };
  const bytes = bytesOfBase64(embedded.textContent);
  return bytes?.length ? { bytes, own: false, name: "", from: embedded.dataset.from ?? "" } : null;
}

/** What kind of document of ours a file is, by its `type`; null for any other file. */
async function kindOf(file) {
  if (file.size > MAXIMUM_DOCUMENT) return null;
  try {
    const { type } = JSON.parse(await file.text());
    return /^maillon\.(receipt|trust)\./.exec(type)?.[1] ?? null;
  } catch {
    return file.name.endsWith(".receipt.json") ? "receipt" : null;
  }
}

/** Sort the files into their places. A notarised receipt is a document too: then names tell which is which. */
async function take(files) {
  const receipts = [];
  for (const file of files) {
    const kind = await kindOf(file);
    if (kind === "receipt") receipts.push(file);
    else if (kind === "trust") state.anchors = { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
    else state.document = file;
  }
  const of = (receipt) => receipts.find(({ name }) => receipt.name === `${name}.receipt.json`);
  const pair = receipts.find(of);
  if (pair) state.document = of(pair);
  if (receipts.length) state.receipt = pair ?? receipts.at(-1);
}

async function digestOf(file, algorithm, run) {
  const hash = DIGESTS[algorithm].hash.create();
  const bar = get("progress").querySelector("progress");
  get("progress").hidden = file.size < 32 * PIECE;
  try {
    for (let place = 0; place < file.size; place += PIECE) {
      const piece = new Uint8Array(await file.slice(place, place + PIECE).arrayBuffer());
      if (run !== state.run) return null;
      hash.update(piece);
      const percent = Math.floor((100 * (place + piece.length)) / file.size);
      if (percent !== bar.value) {
        bar.value = percent;
        get("progress-text").textContent = fill(words.hashing, { name: file.name, percent });
      }
    }
  } catch {
    throw new Unusable("FileChanged");
  } finally {
    // A later run shows its own.
    if (run === state.run) get("progress").hidden = true;
  }
  return { algorithm, value: hash.digest() };
}

async function judge(run) {
  if (!state.receipt) throw new Unusable("Unreadable", "not-a-receipt");
  const used = usedAnchors();
  if (used === null) throw new Unusable("MissingAnchor", "no-anchors");
  if (state.receipt.size > MAXIMUM_DOCUMENT) throw new Unusable("Unreadable", "document-too-large");
  const anchors = parseAnchors(used.bytes);
  const receipt = parseReceipt(new Uint8Array(await state.receipt.arrayBuffer()));
  const digest = state.document ? await digestOf(state.document, receipt.digest.algorithm, run) : null;
  return verifyReceipt(receipt, anchors, digest);
}

async function check() {
  state.run += 1;
  const { run } = state;
  let report;
  try {
    report = await judge(run);
  } catch (error) {
    const known = error instanceof Undecided || error instanceof Invalid || error instanceof Unusable;
    if (!known) console.error(error);
    const told = known ? error : new Unusable("Defect");
    report = { verdict: "undecided", steps: [], error: told, time: null, stamped: null, fileCompared: false };
  }
  if (run !== state.run) return; // other files came meanwhile
  state.shown = { report };
  show();
  get("verdict").focus();
  say(get("verdict").textContent);
}

get("files").addEventListener("change", async ({ target }) => {
  const files = [...target.files];
  target.value = "";
  if (state.shown) Object.assign(state, { receipt: null, document: null, shown: null });
  await take(files);
  show();
  // A receipt without its document waits for it, or for the reader's word that there is none.
  if ((state.receipt && state.document) || (!state.receipt && files.some(({ name }) => name.endsWith(".json")) && state.document)) await check();
});
get("alone").addEventListener("click", check);
get("again").addEventListener("click", () => {
  Object.assign(state, { receipt: null, document: null, anchors: null, shown: null, run: state.run + 1 });
  show();
  get("files").focus();
});
for (const button of document.querySelectorAll("[data-language]")) button.addEventListener("click", () => speak(button.dataset.language));
const drop = document.querySelector(".drop");
for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, () => drop.setAttribute("data-over", ""));
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.removeAttribute("data-over"));

const asked = location.hash.slice(1);
const spoken = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => Object.hasOwn(WORDS, tag));
speak(Object.hasOwn(WORDS, asked) ? asked : (spoken ?? "fr"));

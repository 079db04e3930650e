// SPDX-License-Identifier: Apache-2.0
/** Both languages say everything, with the same places for values, and every reason has its sentence. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { WORDS } from "../source/page/words.js";

const EVIDENCE = new URL("../source/evidence/", import.meta.url);
const read = (name) => readFileSync(new URL(name, EVIDENCE), "utf8");
const places = (text) => (text.match(/\{\w+\}/g) ?? []).sort();

function sentences(words, path = "") {
  if (typeof words === "string") return [[path, words]];
  return Object.entries(words).flatMap(([name, each]) => sentences(each, `${path}/${name}`));
}

test("the two languages have the same sentences with the same places", () => {
  const [english, french] = [WORDS.en, WORDS.fr].map((words) => new Map(sentences(words)));
  assert.deepEqual([...english.keys()].sort(), [...french.keys()].sort());
  for (const [path, text] of english) assert.deepEqual(places(text), places(french.get(path)), path);
});

test("French punctuation never hangs alone on a line", () => {
  for (const [path, text] of sentences(WORDS.fr)) assert.doesNotMatch(text, / [:;!?%]/, path);
});

test("every reason has its sentence", () => {
  const reasons = [...read("errors.js").matchAll(/static reason = "(\w+)"/g)].map(([, name]) => name);
  assert.ok(reasons.length > 20);
  assert.deepEqual([...reasons, "Defect", "FileChanged"].sort(), Object.keys(WORDS.en.reason).sort());
});

test("every detail with a sentence of its own exists", () => {
  const files = readdirSync(EVIDENCE).map(read);
  const page = readFileSync(new URL("../source/page/page.js", import.meta.url), "utf8");
  const sources = [...files, page].join("\n");
  for (const detail of Object.keys(WORDS.en.detail)) assert.ok(sources.includes(`"${detail}"`), detail);
});

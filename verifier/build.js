// SPDX-License-Identifier: Apache-2.0
/**
 * Makes the one HTML file, from `source/`, the tokens of the portal's style and the locked libraries: `node build.js`.
 *
 * `--check` writes nothing and fails when the committed file is another. The same sources give the same bytes.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { build, transform } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const KIT = join(HERE, "../src/maillon/kit/static");
const TARGET = join(KIT, "verifier.html");
const EXTERNAL = ["tokens.css", "fonts/commissioner-LICENSE.txt", "fonts/atkinson-hyperlegible-mono-LICENSE.txt"];

/** Every file the result depends on, in a fixed order; tests/verifier computes the same. */
function sources() {
  const own = readdirSync(join(HERE, "source"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const files = [...own, ...["build.js", "package.json", "package-lock.json"].map((name) => join(HERE, name)), ...EXTERNAL.map((name) => join(KIT, name))];
  return files.map((path) => [relative(join(HERE, ".."), path), path]).sort(([one], [other]) => (one < other ? -1 : 1));
}

function sourceHash() {
  const all = createHash("sha256");
  for (const [name, path] of sources()) all.update(`${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${name}\n`);
  return all.digest("hex");
}

const source = sourceHash();
const options = { bundle: true, write: false, minify: true, format: "iife", target: ["es2022"], charset: "utf8", legalComments: "none", absWorkingDir: HERE };

async function script(entry, more = {}) {
  const { outputFiles } = await build({ ...options, entryPoints: [entry], ...more });
  // Inside an element nothing may look like its end.
  return outputFiles[0].text.trim().replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
}

async function style() {
  // The portal's values, without its fonts: this file brings smaller ones.
  const tokens = readFileSync(join(KIT, "tokens.css"), "utf8").replace(/@font-face\s*\{[^}]*\}/g, "").replace("@layer tokens {", "").replace(/\}\s*$/, "");
  const { code } = await transform(tokens, { loader: "css", minify: true });
  const { outputFiles } = await build({ ...options, entryPoints: ["source/page/page.css"], loader: { ".woff2": "dataurl" } });
  return code.trim() + outputFiles[0].text.trim();
}

const licence = (...parts) => readFileSync(join(...parts), "utf8").replaceAll("\r", "").trim();
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const licences = escaped([
  "This file, but for what is named below: Copyright Maillon's authors, Apache License 2.0, http://www.apache.org/licenses/LICENSE-2.0",
  `@noble/hashes and @noble/curves:\n${licence(HERE, "node_modules/@noble/curves/LICENSE")}`,
  `Commissioner, reduced to the characters of this page:\n${licence(KIT, "fonts/commissioner-LICENSE.txt")}`,
  `Atkinson Hyperlegible Mono, reduced to the characters of this page:\n${licence(KIT, "fonts/atkinson-hyperlegible-mono-LICENSE.txt")}`,
].join("\n\n"));

const parts = {
  style: await style(),
  evidence: await script("source/evidence/index.js", { globalName: "Evidence" }),
  page: await script("source/page/page.js", { define: { __SOURCE__: JSON.stringify(source) } }),
};
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hash(parts.evidence)} ${hash(parts.page)}`,
  `style-src ${hash(parts.style)}`,
  "font-src data:",
  "img-src data:",
  "connect-src 'none'",
  "form-action 'none'",
  "base-uri 'none'",
].join("; ");

let html = readFileSync(join(HERE, "source/page/page.html"), "utf8");
for (const [name, text] of Object.entries({ ...parts, policy, source, licences })) html = html.replaceAll(`{{${name}}}`, () => text);

if (process.argv.includes("--check")) {
  if (!existsSync(TARGET) || readFileSync(TARGET, "utf8") !== html) {
    process.stderr.write("verifier.html is not what its sources make: run just verifier\n");
    process.exit(1);
  }
} else {
  writeFileSync(TARGET, html);
  const size = (text) => `${Math.round(Buffer.byteLength(text) / 1024)} kB`;
  process.stdout.write(`${relative(process.cwd(), TARGET)}: ${size(html)} (evidence ${size(parts.evidence)}, page ${size(parts.page)}, style and fonts ${size(parts.style)})\n`);
}

// SPDX-License-Identifier: Apache-2.0
/** The verifier as it is shipped: the script inside the committed HTML file, so that what is tested is what readers run. */
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

const page = readFileSync(new URL("../../src/maillon/kit/static/verifier.html", import.meta.url), "utf8");
const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, text]) => text);
export const Evidence = runInThisContext(`${scripts[0]};Evidence`);

/* Maillon: the little script every page shares. Apache-2.0. Every page works without it. */
"use strict";
const say = (text) => { const live = document.querySelector("[data-say]"); if (live) live.textContent = text; };

/* Copy: the exact value, never the grouped one. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    const before = button.textContent;
    button.textContent = button.dataset.done;
    say(button.dataset.done);
    setTimeout(() => { button.textContent = before; }, 2000);
  } catch { getSelection().selectAllChildren(button.parentElement.querySelector("code")); }
});

/* Drop zone: only says that a file hovers; the input does the rest. */
for (const zone of document.querySelectorAll(".drop")) {
  for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, () => zone.setAttribute("data-over", ""));
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.removeAttribute("data-over"));
}

/* Live chain: asks for the state, with the pause that moving content owes its reader. */
const run = document.querySelector("[data-run]");
if (run) {
  let paused = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const button = document.querySelector("[data-run-pause]");
  const height = document.querySelector("[data-run-height]");
  const time = document.querySelector("[data-run-time]");
  const language = run.dataset.language;
  const show = () => { button.textContent = paused ? button.dataset.resume : button.dataset.pause; };
  const format = (number) => number.toLocaleString(language);
  button.hidden = false;
  button.addEventListener("click", () => { paused = !paused; show(); });
  show();
  let last = Number(run.dataset.run);
  const refresh = async () => {
    const answer = await fetch("/v1/state");
    if (!answer.ok) return;
    const state = await answer.json();
    for (const block of state.newest) {
      if (block.number <= last) continue;
      last = block.number;
      const item = document.createElement("li");
      const link = document.createElement("a");
      item.className = "run__new";
      link.className = `run__link n${Math.min(12, block.transactions)}`;
      link.href = `/${language}/blocks/${block.number}`;
      link.textContent = block.number > 999 ? String(block.number).slice(-3) : String(block.number);
      link.setAttribute("aria-label", `${run.dataset.label} ${format(block.number)}`);
      if (block.anchors) link.dataset.anchor = "";
      item.append(link);
      run.append(item);
      if (run.children.length > 16) run.firstElementChild.remove();
      height.textContent = format(block.number);
      time.dateTime = block.time;
      const at = new Date(block.time);
      time.textContent = `${at.toLocaleString(language, { dateStyle: "long", timeStyle: "medium", timeZone: "Europe/Paris" })} (${language === "fr" ? "heure de Paris" : "Paris time"})`;
    }
  };
  setInterval(() => { if (!paused && !document.hidden) refresh().catch(() => { /* It asks again in three seconds. */ }); }, 3000);
}

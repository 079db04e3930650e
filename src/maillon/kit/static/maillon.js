/* Maillon: the little script that pages share. Apache-2.0. Every page works without it. */
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

/* Dialogs. */
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
});

/* Drop zone: only says that a file hovers; the input does the rest. */
for (const zone of document.querySelectorAll(".drop")) {
  for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, () => zone.setAttribute("data-over", ""));
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.removeAttribute("data-over"));
}

/* Living parts: the page is asked for again, and its parts of the same name take the place of ours. Someone who stands in
   one with the keyboard, or selects its text, is not interrupted; a hidden page asks nothing. */
const living = [...document.querySelectorAll("[data-live]")];
if (living.length) {
  const EVERY = 3000;
  const button = document.querySelector("[data-live-pause]");
  const lost = document.querySelector("[data-live-lost]");
  const words = { pause: button.textContent, resume: button.dataset.resume };
  let paused = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const busy = (part) => part.contains(document.activeElement) || (!getSelection().isCollapsed && getSelection().containsNode(part, true));
  const refresh = async () => {
    if (paused || document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(answer.statusText);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of living) {
        const other = fresh.getElementById(part.id);
        if (!other || busy(part) || other.innerHTML === part.innerHTML) continue;
        const state = (of) => of.querySelector(".badge")?.textContent;
        if (state(other) && state(other) !== state(part)) say(state(other));
        part.replaceChildren(...document.importNode(other, true).childNodes);
      }
      lost.hidden = true;
    } catch {
      if (lost.hidden) say(lost.textContent);
      lost.hidden = false;
    }
  };
  const show = () => { button.textContent = paused ? words.resume : words.pause; };
  button.hidden = false;
  button.addEventListener("click", () => { paused = !paused; show(); refresh(); });
  document.addEventListener("visibilitychange", refresh);
  const again = async () => { await refresh(); setTimeout(again, EVERY); };
  show();
  setTimeout(again, EVERY);
}

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

/* Filters start folded where the screen is narrow. */

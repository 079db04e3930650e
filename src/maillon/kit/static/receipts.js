/* Maillon: the receipts this browser keeps. Apache-2.0. To forget one is to erase its salt. */
const root = document.querySelector("[data-kept]");
const words = root.dataset;
const body = root.querySelector("[data-receipts]");
const every = root.querySelector("[data-every]");
const { all, download, element, forget, named } = await import(words.module);

let items = [];
const settle = () => {
  root.querySelector("[data-loading]").hidden = true;
  root.querySelector("[data-list]").hidden = items.length === 0;
  root.querySelector("[data-empty]").hidden = items.length > 0;
  every.hidden = items.filter((item) => item.receipt).length < 2;
};
// As the other pages say it: kit/page.py.
const moment = (made) => {
  const [time, locale] = [new Date(made), words.language === "fr" ? "fr-FR" : "en-GB"];
  const day = time.toLocaleDateString(locale, { dateStyle: "long", timeZone: "Europe/Paris" });
  const hour = time.toLocaleTimeString(locale, { timeStyle: "medium", timeZone: "Europe/Paris" });
  return `${words.language === "fr" ? day.replace(/^1 /, "1er ") : day}, ${hour} (${words.zone})`;
};
const show = (item) => {
  const row = element("tr");
  const cell = (label, attributes, ...children) => {
    const made = element("td", "", label ? { "data-l": label, ...attributes } : attributes);
    made.append(...children);
    row.append(made);
  };
  const name = element("th", "", { scope: "row" });
  name.append(named(item.name));
  row.append(name);
  cell(words.index, { class: "end" }, item.index === undefined ? "–" : element("a", item.index.toLocaleString(words.language), { class: "num", href: `/${words.language}/entries/${item.index}` }));
  cell(words.entered, {}, moment(item.made));
  cell(words.state, {}, element("span", item.receipt ? words.complete : words.waiting, { class: "badge", "data-s": item.receipt ? "ok" : "wait" }));
  const button = element("button", words.forget, { class: "btn btn--small", type: "button", "aria-label": `${words.forget} ${item.name}` });
  button.addEventListener("click", async () => {
    if (!confirm(words.question)) return;
    await forget(item.key);
    items = items.filter((other) => other !== item);
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    settle();
    (next?.querySelector("button") ?? root.querySelector("[data-empty] a")).focus();
    document.querySelector("[data-say]").textContent = `${item.name}: ${words.forgotten}`;
  });
  const actions = element("div", "", { class: "row row--end" });
  if (item.receipt) actions.append(download(item, words));
  actions.append(button);
  cell("", { class: "end" }, actions);
  body.append(row);
};
every.addEventListener("click", async () => {
  const { zip } = await import(words.zip);
  const files = items.filter((item) => item.receipt).map((item) => [`${item.name}.receipt.json`, item.receipt]);
  const link = element("a", "", { href: URL.createObjectURL(zip(files)), download: "receipts.zip" });
  link.click();
  URL.revokeObjectURL(link.href);
});
const waiting = setTimeout(() => { root.querySelector("[data-loading]").hidden = false; }, 300);
try {
  items = (await all()).sort((one, other) => other.made - one.made);
  items.forEach(show);
} catch {
  root.querySelector("[data-closed]").hidden = false;
}
clearTimeout(waiting);
settle();

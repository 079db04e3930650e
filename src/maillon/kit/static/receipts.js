/* Maillon: the receipts this browser keeps. Apache-2.0. To forget one is to erase its salt. */
const root = document.querySelector("[data-kept]");
const words = root.dataset;
const body = root.querySelector("[data-receipts]");

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
const element = (name, text = "", attributes = {}) => {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
const settle = () => {
  const any = body.children.length > 0;
  root.querySelector("[data-list]").hidden = !any;
  root.querySelector("[data-empty]").hidden = any;
};
const show = (item) => {
  const row = element("tr");
  const cell = (...children) => { const made = element("td"); made.append(...children); row.append(made); return made; };
  row.append(element("th", item.name, { scope: "row" }));
  cell(item.index === undefined ? "" : element("a", item.index.toLocaleString(words.language), { class: "num", href: `/${words.language}/entries/${item.index}` }));
  cell(new Date(item.made).toLocaleString(words.language, { dateStyle: "medium", timeStyle: "short" }));
  cell(element("span", item.receipt ? words.complete : words.waiting, { class: "badge", "data-s": item.receipt ? "ok" : "wait" }));
  const forget = element("button", words.forget, { class: "btn btn--small", type: "button", "aria-label": `${words.forget} ${item.name}` });
  forget.addEventListener("click", async () => {
    if (!confirm(words.question)) return;
    await inStore("readwrite", (store) => store.delete(item.key));
    row.remove();
    settle();
  });
  const actions = cell();
  actions.className = "end";
  if (item.receipt) actions.append(element("a", words.download, {
    class: "btn btn--small", download: `${item.name}.receipt.json`, "aria-label": `${words.download} ${item.name}`,
    href: URL.createObjectURL(new Blob([item.receipt], { type: "application/json" })),
  }), " ");
  actions.append(forget);
  body.append(row);
};
inStore("readonly", (store) => store.getAll()).then((items) => {
  for (const item of items.sort((one, other) => other.made - one.made)) show(item);
  settle();
}).catch(settle);

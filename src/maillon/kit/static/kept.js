/* Maillon: what this browser keeps of its receipts, shared by the pages that make and list them. Apache-2.0. */
const ask = (mode, question) => new Promise((resolve, reject) => {
  const opening = indexedDB.open("maillon", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("receipts", { keyPath: "key" });
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const transaction = opening.result.transaction("receipts", mode);
    const asked = question(transaction.objectStore("receipts"));
    transaction.oncomplete = () => { opening.result.close(); resolve(asked.result); };
    transaction.onabort = () => { opening.result.close(); reject(transaction.error); };
  };
});
export const keep = (item) => ask("readwrite", (store) => store.put(item));
export const forget = (key) => ask("readwrite", (store) => store.delete(key));
export const all = () => ask("readonly", (store) => store.getAll());

export const element = (name, text = "", attributes = {}) => {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
/* A file's name, which may be written in either direction, or pretend to be. */
export const named = (name) => element("bdi", name);
export const download = (item, words) => element("a", words.download, {
  class: "btn btn--small", download: `${item.name}.receipt.json`, "aria-label": `${words.downloadOf} ${item.name}`,
  href: URL.createObjectURL(new Blob([item.receipt], { type: "application/json" })),
});

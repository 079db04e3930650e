/* Maillon: codes that came after #, and passkeys. Apache-2.0. */

/* A code of a letter: into the form, and out of the address and its history. */
const code = document.querySelector("#code");
if (code && location.hash.length > 1) {
  code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}

const send = async (address, body) => {
  const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body) });
  const document_ = await answer.json();
  if (!answer.ok) throw new Error(document_.title);
  return document_;
};
const refused = document.querySelector("[data-passkey-refused]");
const attempt = async (button, work) => {
  refused.hidden = true;
  button.setAttribute("aria-busy", "true");
  try { await work(); } catch { refused.hidden = false; refused.scrollIntoView({ block: "center" }); } finally { button.removeAttribute("aria-busy"); }
};
const submit = (action, fields) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = action;
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    input.type = "hidden"; input.name = name; input.value = value;
    form.append(input);
  }
  document.body.append(form);
  form.submit();
};

if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  for (const part of document.querySelectorAll("[data-needs-passkeys]")) part.hidden = false;
  const create = async (options) => JSON.stringify((await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })).toJSON());

  document.querySelector("[data-passkey-log-in]")?.addEventListener("click", ({ currentTarget: button }) => attempt(button, async () => {
    const { options, step } = await send(button.dataset.options, {});
    const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    const done = await send(button.dataset.answer, { step, answer: JSON.stringify(credential.toJSON()), next: button.dataset.next });
    location.assign(done.location);
  }));

  document.querySelector("[data-passkey-join]")?.addEventListener("click", ({ currentTarget: button }) => attempt(button, async () => {
    const form = button.form;
    if (!form.reportValidity()) return;
    const { options, step } = await send(form.dataset.options, { code: form.elements.code.value, address: form.elements.address.value, name: form.elements.name.value });
    submit(form.dataset.answer, { step, answer: await create(options) });
  }));

  document.querySelector("[data-add-passkey]")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    attempt(event.submitter, async () => {
      const { options, step } = await send(form.dataset.options, {});
      submit(form.action, { step, answer: await create(options), label: form.elements.label.value });
    });
  });
}

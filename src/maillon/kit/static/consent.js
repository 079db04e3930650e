/* A wallet of the browser consents to act for an organisation (EIP-6963, EIP-712). Apache-2.0. It signs typed data that it
   shows member by member, sends nothing and pays nothing; the form of the page does the rest. */
"use strict";
const form = document.getElementById("wallet");
const outcome = form.querySelector("[data-outcome]");
const wallets = form.querySelector("[data-wallets]");
const tell = (text) => { outcome.textContent = text; };

const consent = async (provider, button) => {
  if (!form.reportValidity()) return;
  button.setAttribute("aria-busy", "true");
  try {
    const [account] = await provider.request({ method: "eth_requestAccounts" });
    const answer = await fetch(form.dataset.consents + account, { headers: { Accept: "application/json" } });
    const asked = await answer.json();
    if (!answer.ok) throw new Error(asked.detail);
    form.elements.consent.value = await provider.request({ method: "eth_signTypedData_v4", params: [account, JSON.stringify(asked.typed_data)] });
    form.elements.account.value = account;
    form.submit();
  } catch (error) {
    tell(`${form.dataset.refused} ${error && error.message ? error.message : ""}`);
  } finally { button.removeAttribute("aria-busy"); }
};

const known = new Set();
tell(form.dataset.none);
addEventListener("eip6963:announceProvider", (event) => {
  const { info, provider } = event.detail;
  if (known.has(info.uuid)) return;
  known.add(info.uuid);
  const button = document.createElement("button");
  button.type = "button";
  button.className = known.size === 1 ? "btn btn--main" : "btn";
  button.textContent = info.name;
  button.addEventListener("click", () => consent(provider, button));
  wallets.append(button);
  tell("");
});
dispatchEvent(new Event("eip6963:requestProvider"));

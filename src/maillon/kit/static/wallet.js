/* Signing with a wallet of the browser (EIP-6963, EIP-1193). Apache-2.0. The page says what is signed; this hands exactly
   the page's transaction to the wallet, or the typed data (EIP-712) whose signature a form of the page then carries, and
   nothing else. */
"use strict";
const place = document.getElementById("wallet");
const outcome = place.querySelector("[data-outcome]");
const wallets = place.querySelector("[data-wallets]");
const chain = "0x" + BigInt(place.dataset.chain).toString(16);
const tell = (text) => { outcome.textContent = text; };

/* The text is kept here once the chain names its digest; before that it is refused, so it is sent until it is taken. */
const keepText = async () => {
  if (!place.dataset.text) return;
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = await fetch("/v1/votes/texts", { method: "POST", headers: { "Content-Type": "text/plain; charset=utf-8" }, body: place.dataset.text });
    if (answer.ok) return;
    await new Promise((done) => setTimeout(done, 1500));
  }
};

/* An account acts for one organisation: what another signs would be done in the name of that one. */
const acting = async (accounts) => {
  if (!place.dataset.member) return accounts[0];
  for (const account of accounts) {
    const answer = await fetch(`/v1/accounts/${account}/member`, { headers: { Accept: "application/json" } });
    if (answer.ok && String((await answer.json()).member) === place.dataset.member) return account;
  }
  return null;
};

const send = async (provider, from) => {
  await provider.request({ method: "eth_sendTransaction", params: [{ from, to: place.dataset.to, data: place.dataset.data, value: "0x0" }] });
  tell(place.dataset.sent);
  await keepText();
  location.href = place.dataset.next;
};

/* What an account consents to depends on the account: it is asked for when the account is known. */
const consent = async (account) => {
  const answer = await fetch(place.dataset.consents + account, { headers: { Accept: "application/json" } });
  const asked = await answer.json();
  if (!answer.ok) throw new Error(asked.detail);
  place.elements.account.value = account;
  return JSON.stringify(asked.typed_data);
};

const give = async (provider, from) => {
  const typed = place.dataset.consents ? await consent(from) : place.dataset.typed;
  place.querySelector("[data-signed]").value = await provider.request({ method: "eth_signTypedData_v4", params: [from, typed] });
  place.submit();
};

const sign = async (provider, button) => {
  if (place.reportValidity && !place.reportValidity()) return;
  button.setAttribute("aria-busy", "true");
  try {
    const accounts = await provider.request({ method: "eth_requestAccounts" });
    if (await provider.request({ method: "eth_chainId" }) !== chain) {
      try {
        await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: chain }] });
      } catch { tell(place.dataset.wrong); return; }
    }
    const from = await acting(accounts);
    if (!from) { tell(place.dataset.other); return; }
    await (place.dataset.to ? send : give)(provider, from);
  } catch (error) {
    tell(`${place.dataset.refused} ${error && error.message ? error.message : ""}`);
  } finally { button.removeAttribute("aria-busy"); }
};

const known = new Set();
tell(place.dataset.none);
addEventListener("eip6963:announceProvider", (event) => {
  const { info, provider } = event.detail;
  if (known.has(info.uuid)) return;
  known.add(info.uuid);
  const button = document.createElement("button");
  button.type = "button";
  button.className = known.size === 1 ? "btn btn--main" : "btn";
  button.textContent = info.name;
  button.addEventListener("click", () => sign(provider, button));
  wallets.append(button);
  tell("");
});
dispatchEvent(new Event("eip6963:requestProvider"));

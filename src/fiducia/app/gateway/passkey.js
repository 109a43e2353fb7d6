// Signing in with a passkey, and making one; loaded by /sign-in and /sign-in/passkey/new. Bytes travel as 0x and hex.
"use strict";
const at = (id) => document.getElementById(id);
const tell = (words) => { at("told").textContent = words; };
const bytes = (text) => Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (buffer) => "0x" + Array.from(new Uint8Array(buffer ?? []), (b) => b.toString(16).padStart(2, "0")).join("");

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", body: JSON.stringify(body) });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.told ?? "It does not work just now. Try again in a minute.");
  return said;
}

async function signIn() {
  const { handle, challenge, host } = await post("/sign-in/passkey/ask", { purpose: at("purpose").value });
  const { rawId, response } = await navigator.credentials.get({
    publicKey: { challenge: bytes(challenge), rpId: host, userVerification: "required", timeout: 110000 },
  });
  return post("/sign-in/passkey", {
    handle,
    credential_id: hex(rawId),
    authenticator_data: hex(response.authenticatorData),
    client_data: hex(response.clientDataJSON),
    signature: hex(response.signature),
    user_handle: hex(response.userHandle),
  });
}

async function register() {
  const { handle, challenge, host, name, user } = await post("/sign-in/passkey/new/ask", { code: at("code").value });
  const { response } = await navigator.credentials.create({
    publicKey: {
      challenge: bytes(challenge),
      rp: { id: host, name: "fiducia" },
      user: { id: bytes(user), name, displayName: name },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }],
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      attestation: "none",
      timeout: 110000,
    },
  });
  return post("/sign-in/passkey/new", {
    handle,
    authenticator_data: hex(response.getAuthenticatorData()),
    client_data: hex(response.clientDataJSON),
  });
}

async function run(act) {
  tell("");
  try {
    location.assign((await act()).next);
  } catch (error) {
    // What a browser says of a passkey that was not used is for developers; what we say is for people.
    tell(error instanceof DOMException ? "No passkey was used. Try again, or sign in another way." : error.message);
  }
}

if (at("passkey") && window.PublicKeyCredential) {
  at("passkey").hidden = false;
  at("passkey").addEventListener("click", () => run(signIn));
}
at("new")?.addEventListener("submit", (event) => {
  event.preventDefault();
  run(register);
});

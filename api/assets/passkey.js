// Registers a passkey by the ceremony that the page describes and sends what the browser made of
// it with the form. Whether it is any good is judged by the server.
"use strict";

(() => {
  const form = document.getElementById("passkey");
  const failed = document.getElementById("failed");
  const button = form.querySelector("button");

  const octets = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");

  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    failed.hidden = true;
    const options = JSON.parse(form.dataset.options);
    options.challenge = octets(options.challenge);
    options.user.id = octets(options.user.id);
    try {
      const { response } = await navigator.credentials.create({ publicKey: options });
      form.elements.client_data.value = text(response.clientDataJSON);
      form.elements.attestation.value = text(response.attestationObject);
      form.elements.transports.value = (response.getTransports?.() ?? []).join(" ");
      form.submit();
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  });
})();

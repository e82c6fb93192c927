// /login#SECRET: take the secret out of the address bar and post it, so that no server log ever sees it.
const secret = location.hash.slice(1);
const form = document.querySelector("[data-login-link]");
if (secret && form) {
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.token.value = secret;
  form.requestSubmit();
}

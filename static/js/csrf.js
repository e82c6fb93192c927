// Every htmx request carries the CSRF token, which the page holds in a hidden field (the cookie is HttpOnly).
document.addEventListener("htmx:config:request", (event) => {
  const token = document.querySelector('input[name="csrfmiddlewaretoken"]');
  if (token) event.detail.ctx.request.headers["X-CSRFToken"] = token.value;
});

"""The live lane: a page and its updates from one function.

A page is a *compose* function, sync and pure but for reading the store's view::

    @live_page("service.html")
    def service(ask: Ask, svc: str) -> Screen:            # kwargs of the URL pattern
        return viewmodels.service.build(ask.view, svc, ask.query, ask.memo)

`live_page` makes the async Django view of it (first paint: `screen` in the template's context) and keeps the function
on the view, where the hub finds it by resolving the page's own URL. Raise `django.http.Http404` when the subject is
not there. A `Screen` (`lbdash.viewmodels.screen`) has

- `regions`: name -> `Html`; in the template `{{ screen.region("kpis") }}`;
- `tables`: name -> `Table(name, label, columns, rows)`; in the template `{{ screen.table("backends") }}`. Column
  widths belong in a stylesheet: `[data-table="backends"] .row { grid-template-columns: … }`. Build rows through
  `ask.memo.row(table, key, inputs, build)` so that unchanged rows cost nothing;
- binary frames: `@live_page("…", blob=heatmap_bytes)`, a function of the same arguments that returns bytes or None,
  asked once a second; the page hears `document` event "live:binary" with the ArrayBuffer as `detail`.
- `load`: an async function of (runtime, query) whose result is `ask.loaded`, for what the store does not hold; asked at
  the first paint and once a second while the page is watched.

The hub composes each distinct (page, query, may steer) once per tick for all its viewers, only while someone watches.
The browser acknowledges each message after it was painted; until then it is sent nothing, then the newest.
Query keys that only the browser uses (`q`, `problems`) do not make a page distinct.
"""

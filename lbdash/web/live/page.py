"""`live_page`: one compose function is a view, a first paint and a live feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import resolve

from lbdash.live.view import LiveView
from lbdash.viewmodels import header
from lbdash.viewmodels.screen import Memo, Screen
from lbdash.web import access
from lbdash.web.live.feed import Feed, Key
from lbdash.web.live.hub import Hub
from lbdash.web.live.steady import Steady
from lbdash.web.roles import Identity, Role

if TYPE_CHECKING:
    from lbdash.runtime import Runtime

BROWSER_ONLY = frozenset({"q", "problems"})  # query keys that only the page's JavaScript reads


@dataclass(frozen=True, slots=True)
class Ask:
    """What a compose function may look at. `may_steer`: the viewer's role allows commands."""

    runtime: Runtime
    view: LiveView
    query: Mapping[str, str]
    may_steer: bool
    memo: Memo
    hub: Hub
    loaded: object = None  # what the page's `load` brought


Load = Callable[["Runtime", Mapping[str, str]], Awaitable[object]]


def live_page(
    template: str, *, blob: Callable[..., bytes | None] | None = None, load: Load | None = None
) -> Callable[[Callable[..., Screen]], Any]:
    """See the package's docstring. `template` gets `screen`, `page` (viewmodels.header.Header) and `live_token`."""

    def decorate(compose: Callable[..., Screen]) -> Any:
        @access.viewer_required
        async def view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if request.method not in ("GET", "HEAD"):
                return HttpResponse(status=405, headers={"Allow": "GET"})
            return await _first_paint(request, template)

        view.live = Live(compose, blob, load)  # type: ignore[attr-defined]
        view.__name__ = getattr(compose, "__name__", "view")
        return view

    return decorate


@dataclass(frozen=True, slots=True)
class Live:
    """What a page's view carries for the hub."""

    compose: Callable[..., Screen]
    blob: Callable[..., bytes | None] | None
    load: Load | None

    def feed(self, key: Key, runtime: Runtime, hub: Hub, kwargs: Mapping[str, Any]) -> Feed:
        query, blob, load = dict(key.query), self.blob, self.load

        steady = Steady()

        def ask(memo: Memo, loaded: object, fresh: bool = True) -> Ask:
            view = steady.over(runtime.store.view(), fresh)
            return Ask(runtime, view, query, key.may_steer, memo, hub, loaded)

        def compose(memo: Memo, loaded: object, fresh: bool) -> Screen:
            asked = ask(memo, loaded, fresh)
            return _with_header(self.compose(asked, **kwargs), asked.view)

        return Feed(
            key,
            compose,
            (lambda memo, loaded: blob(ask(memo, loaded), **kwargs)) if blob else None,
            (lambda: load(runtime, query)) if load else None,
        )


def hub_of(scope: Mapping[str, Any]) -> Hub:
    """The runtime's hub, from the ASGI scope's state; made on first use."""
    state = scope["state"]
    if "hub" not in state:
        state["hub"] = Hub(state["runtime"])
    return cast(Hub, state["hub"])


def feed_of(scope: Mapping[str, Any], path: str, query: str, identity: Identity) -> Feed | None:
    """The feed of the page at `path` as `identity` may see it; None when no live page lives there."""
    match = resolve(path)  # raises Resolver404, an Http404
    live: Live | None = getattr(match.func, "live", None)
    if live is None or not identity.role.covers(access.needed(match.func, "GET") or Role.VIEWER):
        return None
    words = {str(name): str(value) for name, value in QueryDict(query).items() if name not in BROWSER_ONLY}
    key = Key(path, tuple(sorted(words.items())), identity.role.covers(Role.OPERATOR))
    hub = hub_of(scope)
    return hub.feed(key, lambda key: live.feed(key, scope["state"]["runtime"], hub, match.kwargs))


def _with_header(screen: Screen, view: LiveView) -> Screen:
    return replace(screen, regions={**header.regions(view.state, view.now), **screen.regions})


async def _first_paint(request: HttpRequest, template: str) -> HttpResponse:
    who = access.identity(request)
    scope = cast(Any, request).scope
    feed = feed_of(scope, request.path_info, request.META.get("QUERY_STRING", ""), who)
    assert feed is not None, "a live page's own URL resolves to it"
    await feed.reload()
    screen, token = feed.hand_out()
    context = {"screen": screen, "page": page_header(request, who), "live_token": token}
    return render(request, template, context)


def page_header(request: HttpRequest, who: Identity) -> header.Header:
    """For pages that extend `live.html` or include the top bar."""
    runtime = access.runtime(request)
    config = runtime.config
    return header.Header(
        config.name,
        config.colour,
        header.cluster_text(runtime.facts.cluster_id),
        who.name,
        who.role,
        config.read_only,
        header.nav(request.path_info),
    )

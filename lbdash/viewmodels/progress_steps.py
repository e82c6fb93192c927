"""A command on its way to effect, as steps: written, seen, effective, draining, safe to stop. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lbdash.control.progress import Progress
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.attention import minutes
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import drawer_link

FOLD = 3  # more commands than that are one line until somebody opens it
_NAMED = 3
_VERBS = {"drain": "Drain", "maint": "Maint", "ready": "Return to service"}


@dataclass(frozen=True, slots=True)
class Step:
    """`css`: "done" | "now" | "bad" | "" (not yet)."""

    name: str
    text: str
    css: str


def banners(active: Sequence[Progress], now: float, may_steer: bool) -> Html:
    """Those of one service, newest first; many are folded."""
    shown = [_banner(progress, now, may_steer) for progress in active]
    if len(shown) <= FOLD:
        return join(shown)
    drains = sum(progress.verb in ("drain", "maint") for progress in active)
    words = [fmt.plural(drains, "drain")] if drains else []
    if other := len(active) - drains:
        words.append(fmt.plural(other, "other command" if drains else "command"))
    waiting = sum(not _settled(progress) for progress in active)
    text = f"{', '.join(words)}; {f'{waiting} under way' if waiting else 'all settled'}"
    body = tag("div", join(shown), class_="stack")
    return tag("details", join((tag("summary", esc(text)), body)), class_="fold", id="drains")


def _settled(progress: Progress) -> bool:
    return all(step.css == "done" for step in steps(progress))


def _banner(progress: Progress, now: float, may_steer: bool) -> Html:
    cells = join(_step(step) for step in steps(progress))
    undo = drawer_link(progress.service, "Undo…", {"command": "undo", "of": progress.id}) if may_steer else EMPTY
    tint = {"maint": "is-maint", "drain": ""}.get(progress.verb, "is-idle")
    content = join((_lead(progress, now), cells, tag("div", undo), _names(progress)))
    return tag("section", content, class_=f"steps {tint}".rstrip(), data_key=progress.id, aria_label=_title(progress))


def _title(progress: Progress) -> str:
    targets, verb = list(progress.backends), _VERBS.get(progress.verb)
    if verb is None or not targets:
        return progress.text[:1].upper() + progress.text[1:] or progress.verb.capitalize()
    return f"{verb} {targets[0]}" + (f" and {len(targets) - 1} more" if len(targets) > 1 else "")


def _lead(progress: Progress, now: float) -> Html:
    words = [f"by {progress.by}"] if progress.by else []
    if progress.reason:
        words.append(f"“{progress.reason}”")
    if progress.expired:
        words.append("expired")
    elif (until := progress.returns_no_earlier_than) is not None:
        words.append(f"returns no earlier than in {minutes(max(0.0, until - now))}")
    return tag("div", join((tag("b", esc(_title(progress))), tag("small", esc(", ".join(words)), class_="sub"))))


def _step(step: Step) -> Html:
    said = {"done": "done", "now": "under way", "bad": "needs eyes"}.get(step.css, "not yet")
    name = join((tag("b", esc(step.name)), tag("span", esc(f" ({said}) "), class_="visually-hidden")))
    return tag("div", join((name, tag("small", esc(step.text)))), class_=f"step {step.css}".rstrip())


def _names(progress: Progress) -> Html:
    """The verdict where the steps cannot tell it; who has not followed, who cannot, whom nobody can ask: by name."""
    drains = progress.verb in ("drain", "maint")
    parts = [progress.verdict] if drains and progress.drained is None and progress.verdict else []
    if progress.stragglers:
        parts.append(f"Not yet: {_list([name for _, name in progress.stragglers])}.")
    if progress.cannot_obey:
        parts.append(f"Cannot follow: {_list([f'{name} ({why})' for _, name, why in progress.cannot_obey])}.")
    if progress.cannot_tell and progress.drained is not None:
        parts.append(f"Cannot tell of calls in flight: {_list(list(progress.cannot_tell))}.")
    return tag("p", esc(" ".join(parts)), class_="small names") if parts else EMPTY


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


# ---- the steps


def steps(progress: Progress) -> tuple[Step, ...]:
    return (_written(progress), _seen(progress), _effective(progress), *_draining(progress))


def _written(progress: Progress) -> Step:
    if progress.outcome == "applied":
        label = f"generation {progress.generation}" if progress.generation else f"revision {progress.revision}"
        return Step("written", label, "done")
    return Step("written", progress.outcome, "now" if progress.outcome == "unknown" else "bad")


def _all_seen(progress: Progress) -> bool:
    return progress.seen + progress.gone >= progress.clients_total


def _seen(progress: Progress) -> Step:
    if not progress.clients_total:
        return Step("seen", "no client that can tell", "")
    gone = f", {progress.gone} gone" if progress.gone else ""
    text = f"{progress.seen} of {fmt.plural(progress.clients_total, 'client')}{gone}"
    return Step("seen", text, "done" if _all_seen(progress) else "now")


def _effective(progress: Progress) -> Step:
    if progress.violations:
        return Step("effective", f"{fmt.plural(progress.violations, 'pick')} after it", "bad")
    if progress.effective_ms is not None:
        return Step("effective", _within(progress.effective_ms), "done")
    if progress.effective:
        return Step("effective", "time not measured", "done")
    return Step("effective", "waits for all" if progress.clients_total else "cannot be seen", "")


def _within(milliseconds: float) -> str:
    """A client may tell us before etcd has answered the command: less than can be measured, not nothing."""
    return "within 1 ms" if milliseconds < 1 else f"within {fmt.ms(milliseconds)} ms"


def _draining(progress: Progress) -> Iterable[Step]:
    if progress.verb not in ("drain", "maint"):
        return
    if progress.inflight is None:
        yield Step("draining", "calls in flight unknown", "")
    else:
        oldest = f", oldest {fmt.age(float(int(progress.oldest_s)))}" if progress.oldest_s else ""
        text = f"{fmt.count(progress.inflight)} in flight{oldest if progress.inflight else ''}"
        empty = progress.effective and not progress.inflight
        yield Step("draining", text, "done" if empty else "now" if progress.effective else "")
    yield Step("safe to stop", _SAFE[progress.drained], "done" if progress.drained else "")


_SAFE = {True: "nothing in flight", False: "not yet", None: "cannot be told"}

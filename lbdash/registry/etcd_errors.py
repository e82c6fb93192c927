"""gRPC's errors in the registry's words. Texts name what was asked and what to do, never a secret."""

from __future__ import annotations

import grpc

from lbdash.registry.kv import LeaseNotFound, PermissionDenied, RegistryError, RegistryUnavailable

_UNAVAILABLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
_TRANSPORT = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}  # how a reset connection may look
_VOID = ("invalid auth token", "revision of auth store is old", "user name is empty")
_HINTS = {
    "user name is empty": "this etcd wants a user and a password",
    "database space exceeded": "etcd is out of space: compact, defragment, then disarm the NOSPACE alarm",
    "authentication failed": "check user and password",
}


def translate(error: grpc.aio.AioRpcError, what: str) -> RegistryError:
    """The error to raise for `error`; `what` says what was asked, e.g. "put /svc/app"."""
    code, details = error.code(), error.details() or ""
    text = describe(what, details)
    if is_denied(details) or code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED):
        return PermissionDenied(text)
    if code is grpc.StatusCode.NOT_FOUND and "lease" in details:
        return LeaseNotFound(text)
    if code in _UNAVAILABLE or (code in _TRANSPORT and not details.startswith("etcdserver")):
        return RegistryUnavailable(text)
    return RegistryError(text)


def describe(what: str, details: str) -> str:
    hint = next((hint for part, hint in _HINTS.items() if part in details), "")
    text = f"{what}: {details.removeprefix('etcdserver: ') or 'no reason given'}"
    return f"{text} ({hint})" if hint else text


def is_denied(details: str) -> bool:
    return "permission denied" in details or "authentication failed" in details or is_void_token(details)


def is_void_token(details: str) -> bool:
    """True when etcd forgot our token (it expired, or etcd restarted): worth authenticating again."""
    return any(part in details for part in _VOID)


def is_too_large(error: RegistryError) -> bool:
    """True when the answer was larger than we receive: ask for less."""
    cause = error.__cause__
    return isinstance(cause, grpc.aio.AioRpcError) and cause.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def is_compacted(error: RegistryError) -> bool:
    return "required revision has been compacted" in str(error)

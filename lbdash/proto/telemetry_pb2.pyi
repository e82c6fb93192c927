from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClientReport(_message.Message):
    __slots__ = ("seq", "sent_at_us", "opens", "batches", "closes")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    OPENS_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    CLOSES_FIELD_NUMBER: _ClassVar[int]
    seq: int
    sent_at_us: int
    opens: _containers.RepeatedCompositeFieldContainer[Open]
    batches: _containers.RepeatedCompositeFieldContainer[Batch]
    closes: _containers.RepeatedCompositeFieldContainer[Close]
    def __init__(self, seq: _Optional[int] = ..., sent_at_us: _Optional[int] = ..., opens: _Optional[_Iterable[_Union[Open, _Mapping]]] = ..., batches: _Optional[_Iterable[_Union[Batch, _Mapping]]] = ..., closes: _Optional[_Iterable[_Union[Close, _Mapping]]] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("channel_id", "name", "service", "convention", "target", "policy", "process", "can_obey", "can_tell", "latency_scheme")
    CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    CONVENTION_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    CAN_OBEY_FIELD_NUMBER: _ClassVar[int]
    CAN_TELL_FIELD_NUMBER: _ClassVar[int]
    LATENCY_SCHEME_FIELD_NUMBER: _ClassVar[int]
    channel_id: bytes
    name: str
    service: str
    convention: str
    target: str
    policy: str
    process: Process
    can_obey: _containers.RepeatedScalarFieldContainer[str]
    can_tell: _containers.RepeatedScalarFieldContainer[str]
    latency_scheme: int
    def __init__(self, channel_id: _Optional[bytes] = ..., name: _Optional[str] = ..., service: _Optional[str] = ..., convention: _Optional[str] = ..., target: _Optional[str] = ..., policy: _Optional[str] = ..., process: _Optional[_Union[Process, _Mapping]] = ..., can_obey: _Optional[_Iterable[str]] = ..., can_tell: _Optional[_Iterable[str]] = ..., latency_scheme: _Optional[int] = ...) -> None: ...

class Process(_message.Message):
    __slots__ = ("host", "pid", "language", "library_version", "name")
    HOST_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    host: str
    pid: int
    language: str
    library_version: str
    name: str
    def __init__(self, host: _Optional[str] = ..., pid: _Optional[int] = ..., language: _Optional[str] = ..., library_version: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class Close(_message.Message):
    __slots__ = ("channel_id", "reason")
    CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    channel_id: bytes
    reason: str
    def __init__(self, channel_id: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("channel_id", "subconns", "gone", "transitions", "counters", "latency", "versions", "rule_hits", "override_ignored", "unplaced", "applied_revision", "list_epoch", "rejected", "control_denied", "resolver", "samples", "picker_build", "policy", "connectivity", "samples_dropped")
    CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    SUBCONNS_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    TRANSITIONS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    RULE_HITS_FIELD_NUMBER: _ClassVar[int]
    OVERRIDE_IGNORED_FIELD_NUMBER: _ClassVar[int]
    UNPLACED_FIELD_NUMBER: _ClassVar[int]
    APPLIED_REVISION_FIELD_NUMBER: _ClassVar[int]
    LIST_EPOCH_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    CONTROL_DENIED_FIELD_NUMBER: _ClassVar[int]
    RESOLVER_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    PICKER_BUILD_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CONNECTIVITY_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_DROPPED_FIELD_NUMBER: _ClassVar[int]
    channel_id: bytes
    subconns: _containers.RepeatedCompositeFieldContainer[SubConn]
    gone: _containers.RepeatedScalarFieldContainer[int]
    transitions: _containers.RepeatedCompositeFieldContainer[Transition]
    counters: Counters
    latency: Latency
    versions: _containers.RepeatedCompositeFieldContainer[VersionCount]
    rule_hits: _containers.RepeatedCompositeFieldContainer[RuleHits]
    override_ignored: int
    unplaced: int
    applied_revision: int
    list_epoch: int
    rejected: _containers.RepeatedCompositeFieldContainer[RejectedKey]
    control_denied: bool
    resolver: _containers.RepeatedCompositeFieldContainer[ResolverEvent]
    samples: _containers.RepeatedCompositeFieldContainer[PickSample]
    picker_build: int
    policy: str
    connectivity: int
    samples_dropped: int
    def __init__(self, channel_id: _Optional[bytes] = ..., subconns: _Optional[_Iterable[_Union[SubConn, _Mapping]]] = ..., gone: _Optional[_Iterable[int]] = ..., transitions: _Optional[_Iterable[_Union[Transition, _Mapping]]] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ..., latency: _Optional[_Union[Latency, _Mapping]] = ..., versions: _Optional[_Iterable[_Union[VersionCount, _Mapping]]] = ..., rule_hits: _Optional[_Iterable[_Union[RuleHits, _Mapping]]] = ..., override_ignored: _Optional[int] = ..., unplaced: _Optional[int] = ..., applied_revision: _Optional[int] = ..., list_epoch: _Optional[int] = ..., rejected: _Optional[_Iterable[_Union[RejectedKey, _Mapping]]] = ..., control_denied: bool = ..., resolver: _Optional[_Iterable[_Union[ResolverEvent, _Mapping]]] = ..., samples: _Optional[_Iterable[_Union[PickSample, _Mapping]]] = ..., picker_build: _Optional[int] = ..., policy: _Optional[str] = ..., connectivity: _Optional[int] = ..., samples_dropped: _Optional[int] = ...) -> None: ...

class SubConn(_message.Message):
    __slots__ = ("index", "address", "state", "state_age_us")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_AGE_US_FIELD_NUMBER: _ClassVar[int]
    index: int
    address: str
    state: int
    state_age_us: int
    def __init__(self, index: _Optional[int] = ..., address: _Optional[str] = ..., state: _Optional[int] = ..., state_age_us: _Optional[int] = ...) -> None: ...

class Transition(_message.Message):
    __slots__ = ("index", "state", "age_us", "error")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AGE_US_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    index: int
    state: int
    age_us: int
    error: str
    def __init__(self, index: _Optional[int] = ..., state: _Optional[int] = ..., age_us: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class Counters(_message.Message):
    __slots__ = ("index", "picks", "ok", "cancelled", "infrastructure", "application", "inflight", "oldest_us", "lag_us", "success", "load", "weight")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PICKS_FIELD_NUMBER: _ClassVar[int]
    OK_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    INFRASTRUCTURE_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    INFLIGHT_FIELD_NUMBER: _ClassVar[int]
    OLDEST_US_FIELD_NUMBER: _ClassVar[int]
    LAG_US_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    index: bytes
    picks: bytes
    ok: bytes
    cancelled: bytes
    infrastructure: bytes
    application: bytes
    inflight: bytes
    oldest_us: bytes
    lag_us: bytes
    success: bytes
    load: bytes
    weight: bytes
    def __init__(self, index: _Optional[bytes] = ..., picks: _Optional[bytes] = ..., ok: _Optional[bytes] = ..., cancelled: _Optional[bytes] = ..., infrastructure: _Optional[bytes] = ..., application: _Optional[bytes] = ..., inflight: _Optional[bytes] = ..., oldest_us: _Optional[bytes] = ..., lag_us: _Optional[bytes] = ..., success: _Optional[bytes] = ..., load: _Optional[bytes] = ..., weight: _Optional[bytes] = ...) -> None: ...

class Latency(_message.Message):
    __slots__ = ("latency_seq", "index", "bucket", "count")
    LATENCY_SEQ_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    latency_seq: int
    index: bytes
    bucket: bytes
    count: bytes
    def __init__(self, latency_seq: _Optional[int] = ..., index: _Optional[bytes] = ..., bucket: _Optional[bytes] = ..., count: _Optional[bytes] = ...) -> None: ...

class VersionCount(_message.Message):
    __slots__ = ("requested", "chosen", "reason", "count", "source")
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    requested: str
    chosen: str
    reason: str
    count: int
    source: str
    def __init__(self, requested: _Optional[str] = ..., chosen: _Optional[str] = ..., reason: _Optional[str] = ..., count: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...

class RuleHits(_message.Message):
    __slots__ = ("header", "exact", "version", "count")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    header: str
    exact: str
    version: str
    count: int
    def __init__(self, header: _Optional[str] = ..., exact: _Optional[str] = ..., version: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class RejectedKey(_message.Message):
    __slots__ = ("key", "reason")
    KEY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    key: str
    reason: str
    def __init__(self, key: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ResolverEvent(_message.Message):
    __slots__ = ("age_us", "kind", "added", "removed", "size", "text")
    AGE_US_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    age_us: int
    kind: str
    added: int
    removed: int
    size: int
    text: str
    def __init__(self, age_us: _Optional[int] = ..., kind: _Optional[str] = ..., added: _Optional[int] = ..., removed: _Optional[int] = ..., size: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class PickSample(_message.Message):
    __slots__ = ("age_us", "method", "requested_version", "result", "chosen", "reason", "candidates", "queued_us", "repicks", "policy", "picker_build", "ready", "total", "error", "traced", "detail", "chosen_version")
    class DetailEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AGE_US_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    QUEUED_US_FIELD_NUMBER: _ClassVar[int]
    REPICKS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PICKER_BUILD_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TRACED_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_VERSION_FIELD_NUMBER: _ClassVar[int]
    age_us: int
    method: str
    requested_version: str
    result: str
    chosen: str
    reason: str
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    queued_us: int
    repicks: int
    policy: str
    picker_build: int
    ready: int
    total: int
    error: str
    traced: bool
    detail: _containers.ScalarMap[str, str]
    chosen_version: str
    def __init__(self, age_us: _Optional[int] = ..., method: _Optional[str] = ..., requested_version: _Optional[str] = ..., result: _Optional[str] = ..., chosen: _Optional[str] = ..., reason: _Optional[str] = ..., candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., queued_us: _Optional[int] = ..., repicks: _Optional[int] = ..., policy: _Optional[str] = ..., picker_build: _Optional[int] = ..., ready: _Optional[int] = ..., total: _Optional[int] = ..., error: _Optional[str] = ..., traced: bool = ..., detail: _Optional[_Mapping[str, str]] = ..., chosen_version: _Optional[str] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("address", "load", "lag_us", "inflight", "success", "weight", "version")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    LAG_US_FIELD_NUMBER: _ClassVar[int]
    INFLIGHT_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    address: str
    load: float
    lag_us: float
    inflight: int
    success: float
    weight: float
    version: str
    def __init__(self, address: _Optional[str] = ..., load: _Optional[float] = ..., lag_us: _Optional[float] = ..., inflight: _Optional[int] = ..., success: _Optional[float] = ..., weight: _Optional[float] = ..., version: _Optional[str] = ...) -> None: ...

class Directive(_message.Message):
    __slots__ = ("ack", "interval_ms", "samples_per_second", "traces", "refusals")
    ACK_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    TRACES_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    ack: int
    interval_ms: int
    samples_per_second: float
    traces: _containers.RepeatedCompositeFieldContainer[Trace]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    def __init__(self, ack: _Optional[int] = ..., interval_ms: _Optional[int] = ..., samples_per_second: _Optional[float] = ..., traces: _Optional[_Iterable[_Union[Trace, _Mapping]]] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ...) -> None: ...

class Trace(_message.Message):
    __slots__ = ("channel_id", "for_ms")
    CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    FOR_MS_FIELD_NUMBER: _ClassVar[int]
    channel_id: bytes
    for_ms: int
    def __init__(self, channel_id: _Optional[bytes] = ..., for_ms: _Optional[int] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("channel_id", "reason")
    CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    channel_id: bytes
    reason: str
    def __init__(self, channel_id: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

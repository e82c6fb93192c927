from lbdash.cli.grants import grants


def test_registrations_are_read_and_only_our_own_keys_written() -> None:
    lines = list(grants("lbdash", ["/svc/", "it's/"]))
    dashboard = lines[: lines.index("etcdctl role add lbdash-client")]
    assert "etcdctl role grant-permission --prefix=true lbdash read /svc/" in dashboard
    assert [line for line in dashboard if "readwrite" in line] == [
        "etcdctl role grant-permission --prefix=true lbdash readwrite /lbdash/v1/"
    ]
    assert """etcdctl role grant-permission --prefix=true lbdash read 'it'"'"'s/'""" in lines


def test_a_dashboard_that_never_steers_writes_nothing() -> None:
    assert not any("readwrite" in line for line in grants("lbdash", ["/svc/"], read_only=True))

from lbdash.live.tally import PER_CLIENT, Tally


def test_a_client_that_makes_up_names_without_end_is_told_and_costs_no_memory() -> None:
    tally: Tally[str] = Tally(3, lambda name: "other")
    said: dict[str, int] = {}
    assert tally.fold(said, [("a", 1), *((f"made up {n}", 1) for n in range(PER_CLIENT - 1))], rated=True)
    assert not tally.fold(said, [("a", 5), *((f"another {n}", 1) for n in range(100))], rated=True)
    assert (len(said), said["a"]) == (PER_CLIENT, 5)
    assert tally.totals == {"a": 5, "made up 0": 1, "made up 1": 1, "other": PER_CLIENT - 3}

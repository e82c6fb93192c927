from lbdash.web.throttle import FREE, LIMIT_S, Throttle


def test_the_first_failures_cost_nothing_and_then_waits_grow_to_a_limit() -> None:
    now = [100.0]
    throttle = Throttle(lambda: now[0])
    waits = []
    for _ in range(FREE + 12):
        throttle.failed(["from 10.0.0.1", "as alice"])
        waits.append(throttle.wait_s(["from 10.0.0.1"]))
    assert waits[: FREE - 1] == [0] * (FREE - 1)
    assert waits[FREE - 1 : FREE + 3] == [1, 2, 4, 8]
    assert waits[-1] == LIMIT_S
    now[0] += LIMIT_S
    assert throttle.wait_s(["from 10.0.0.1"]) == 0


def test_a_guessed_name_waits_wherever_the_guesses_come_from() -> None:
    throttle = Throttle(lambda: 0.0)
    for number in range(FREE):
        throttle.failed([f"from 10.0.0.{number}", "as alice"])
    assert throttle.wait_s(["from 10.9.9.9", "as alice"]) > 0
    assert throttle.wait_s(["from 10.9.9.9", "as bob"]) == 0


def test_memory_is_bounded() -> None:
    throttle = Throttle(lambda: 0.0)
    for number in range(20_000):
        throttle.failed([f"from {number}"])
    assert len(throttle._failures) == 10_000

"""What a user of the reader writes: the verdicts of the bench file, and conditions that a budget cannot say."""


def test_verdict(verdict):
    assert verdict.passed, verdict.explain()


def test_exit_code(bench):
    assert bench.exit_code == 0
    assert bench.verdicts, "a bench without a budget or a baseline decides nothing"


def test_the_tick_is_1_khz(bench, run):
    mean = bench.value("period.mean", signal="tick", id=run["id"])
    assert abs(mean - 168_000) < 17, f"{mean} cycles are more than 100 ppm off 1 kHz"

"""Makes a test of each verdict in a result.ndjson, and gives your own tests the fixtures `bench` and `run`.

    pytest --tickscope=result.ndjson                 # all verdicts, and the tests of this folder
    pytest --tickscope=a.ndjson --tickscope=b.ndjson
"""

import pytest
import tickscope_results

RESULTS = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption(
        "--tickscope",
        action="append",
        default=[],
        metavar="NDJSON",
        help="result of `tickscope bench --ndjson` (again for more)",
    )


def pytest_configure(config):
    try:
        config.stash[RESULTS] = [tickscope_results.read(path) for path in config.getoption("--tickscope")]
    except (OSError, tickscope_results.ResultError) as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc):
    """`verdict`, `run` and `bench` as arguments of a test: one test for each in all results."""
    results = metafunc.config.stash[RESULTS]
    if "verdict" in metafunc.fixturenames:
        verdicts = [verdict for result in results for verdict in result.verdicts]
        metafunc.parametrize("verdict", verdicts, ids=[verdict.title for verdict in verdicts])
    if "run" in metafunc.fixturenames:
        runs = [(result, run) for result in results for run in result.runs]
        metafunc.parametrize(("bench", "run"), runs, ids=[run["id"] for _, run in runs])
    elif "bench" in metafunc.fixturenames:
        metafunc.parametrize("bench", results, ids=[result.name for result in results])

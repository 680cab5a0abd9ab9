from __future__ import annotations

import gc
import signal

from hypothesis import HealthCheck, settings

# Nothing of what is imported and collected is garbage: looking for some would take half of the time, in each worker.
gc.disable()
# Whoever starts the tests in the background may have Ctrl-C ignored, which every program they start would inherit.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# For every test. Nobody looks at a clock: how long an example takes, and how many come about in a while, tells of the
# machine alone. The examples are the same each time, and all those of a test share its folder.
settings.register_profile(
    "steady",
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,
    ],
)
settings.load_profile("steady")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()

"""What holds for all tests."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# How long an example takes says more about the machine than about the code: no test is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running until the session ends."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(autouse=True)
def logs_unfiltered() -> Iterator[None]:
    """A command that a test runs sets the process's logging up; the next test must not be deaf for it."""
    yield
    structlog.reset_defaults()

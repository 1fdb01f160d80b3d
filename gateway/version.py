"""Which release of swaptwin this is."""

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """The installed version, or that there is none."""
    try:
        return version("swaptwin")
    except PackageNotFoundError:
        return "0+source"  # started from a checkout that was not installed

"""Being cancelled for good: libraries sometimes keep a cancellation to themselves."""

import asyncio


def heed_cancelling() -> None:
    """Raise ``CancelledError`` if the running task was told to end but a library did not let it through.

    ``asyncio.wait_for``, with which asyncua connects (and pymodbus waits for answers), drops a cancellation that comes
    in the same turn of the loop as the answer (Python before 3.12). To be called after such calls, outside of any
    ``timeout`` around them: a time limit that has just run out is a cancellation too, until its block ends.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

"""Logging: one line a change of state, to standard error; libraries only when something is badly wrong."""

import logging
import sys

import structlog

NOISY = ("asyncua", "amqtt", "pymodbus", "transitions", "uvicorn", "websockets", "paho")
"""Libraries that log each failed attempt; our own adapters say the same once, with the device's name."""


def configure() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=True),
            structlog.processors.ExceptionRenderer(),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

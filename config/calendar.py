"""Holidays and events of a site: when demand is not what it is on ordinary days."""

from datetime import date as Date  # noqa: N812 - the key of the site file is 'date'
from datetime import datetime, time, timedelta
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from config.profile import Strict
from twin.calendar import Occasion


class CalendarEntry(Strict):
    """A whole day (``date``), or the time from ``from`` to ``to``, with its demand as a multiple of ordinary demand."""

    name: str = ""
    date: Date | None = None
    start: Annotated[datetime | None, Field(alias="from")] = None
    end: Annotated[datetime | None, Field(alias="to")] = None
    multiplier: Annotated[float, Field(ge=0.0, le=100.0)]

    @field_validator("start", mode="before")
    @classmethod
    def _start(cls, given: object) -> object:
        return _moment(given, last=False)

    @field_validator("end", mode="before")
    @classmethod
    def _end(cls, given: object) -> object:
        return _moment(given, last=True)

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if (self.date is None) == (self.start is None and self.end is None):
            raise ValueError("give either 'date', or 'from' and 'to'")
        if (self.start is None) != (self.end is None):
            raise ValueError("'from' and 'to' belong together")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"'to' {self.end:%Y-%m-%d %H:%M} is not after 'from' {self.start:%Y-%m-%d %H:%M}")
        return self

    def occasion(self) -> Occasion:
        """The entry in local time, as the model takes it."""
        if self.start is not None and self.end is not None:
            return Occasion(self.start, self.end, self.multiplier)
        assert self.date is not None  # noqa: S101 - the validator saw to it
        midnight = datetime.combine(self.date, time())
        return Occasion(midnight, midnight + timedelta(days=1), self.multiplier)


def _moment(given: object, *, last: bool) -> object:
    """Local time from ISO 8601 text. A date alone is its first moment, or the end of that day."""
    if not isinstance(given, str):
        raise ValueError("write a date such as 2026-12-24, or a local time such as 2026-12-24T18:00")
    try:
        moment = datetime.fromisoformat(given.strip())
    except ValueError:
        raise ValueError("write a date such as 2026-12-24, or a local time such as 2026-12-24T18:00") from None
    if moment.tzinfo is not None:
        raise ValueError("is the site's local time: leave out the zone")
    return moment + timedelta(days=1) if last and len(given.strip()) <= len("2026-12-24") else moment

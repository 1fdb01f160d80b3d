"""A list of lines whose cursor stays with its line, wherever that moves to."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class Rows(OptionList):
    """Each row has a key; what is shown anew in the same order is drawn in place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("enter", "select", "Open"),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, markup=False)
        self._wanted: dict[str, Content] = {}
        self._shown: dict[str, Content] = {}

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        option = self.highlighted_option
        return None if option is None else option.id

    def show(self, rows: Sequence[tuple[str, Content]]) -> None:
        """Show exactly these rows, by key."""
        keys = [key for key, _ in rows]
        if keys != list(self._shown):
            place, chosen = self.highlighted or 0, self.chosen
            self._wanted, self._shown = {}, {}
            self.set_options([Option("", id=key) for key in keys])
            if keys:
                self.highlighted = keys.index(chosen) if chosen in keys else min(place, len(keys) - 1)
        self._wanted = dict(rows)
        self._mark()

    def watch_highlighted(self, highlighted: int | None) -> None:
        super().watch_highlighted(highlighted)
        self._mark()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._mark()

    def _mark(self) -> None:
        """Draw the rows that changed; the cursor is a sign too, for terminals without colour."""
        chosen = self.chosen if self.has_focus else None
        for key, content in self._wanted.items():
            row = Content.assemble(("›" if key == chosen else " ", "bold"), content)
            if not row.is_same(self._shown.get(key, Content(""))):
                self._shown[key] = row
                self.replace_option_prompt(key, row)

"""A list of lines whose cursor stays with its line, wherever that moves to."""

from collections.abc import Sequence

from textual.binding import Binding
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class Rows(OptionList):
    """Each row has a key; what is shown anew in the same order is drawn in place."""

    BINDINGS = [Binding("j", "cursor_down", show=False), Binding("k", "cursor_up", show=False)]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, markup=False)
        self._shown: dict[str, Content] = {}

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        option = self.highlighted_option
        return None if option is None else option.id

    def show(self, rows: Sequence[tuple[str, Content]]) -> None:
        """Show exactly these rows, by key."""
        if [key for key, _ in rows] == list(self._shown):
            for key, content in rows:
                if not self._shown[key].is_same(content):
                    self.replace_option_prompt(key, content)
        else:
            place = self.highlighted or 0
            chosen = self.chosen
            offset = self.scroll_offset
            self.set_options([Option(content, id=key) for key, content in rows])
            keys = [key for key, _ in rows]
            self.highlighted = keys.index(chosen) if chosen in keys else min(place, len(keys) - 1) if keys else None
            if place == 0 and chosen in keys and keys.index(chosen) > 0 and not self.has_focus:
                self.scroll_to(y=offset.y, animate=False, immediate=True)
        self._shown = dict(rows)

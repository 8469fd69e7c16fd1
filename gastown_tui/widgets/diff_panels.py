"""The two panels of the diff view: the files, and the lines; the cursors keep to the same file."""

from __future__ import annotations

from gastown_tui.widgets.diff_text import LineKey, file_of, file_rows, patch_rows, totals
from gastown_tui.widgets.rows import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.state.diffs import Diff
    from gastown_tui.text import Pieces


class FilePanel(Rows):
    """The files of a diff, by section."""

    def __init__(self) -> None:
        super().__init__(id="files", number="1", title="Files")
        self.diff: Diff | None = None

    def show_diff(self, diff: Diff | None, empty: str) -> None:
        """Take a diff, or None with the reason why there is none."""
        is_new = diff is None or diff is not self.diff
        self.diff, self.empty_text = diff, empty
        self.summary = totals(diff) if diff is not None else ((empty, "dim"),)
        if is_new:
            self.remake()
        self.redraw()

    def remake(self) -> None:
        """Make the rows for the panel's width."""
        self.show_rows(file_rows(self.diff, max(20, self.size.width - 4)) if self.diff is not None else [])

    def note_pieces(self) -> Pieces:
        """The totals."""
        return totals(self.diff) if self.diff is not None and self.diff.files else super().note_pieces()


class PatchPanel(Rows):
    """The lines of a diff, file after file; ``subject`` names whose it is."""

    def __init__(self) -> None:
        super().__init__(id="patch", number="2", title="Diff")
        self.subject: Pieces = ()
        self._shown: Diff | None = None

    def show_diff(self, diff: Diff | None, subject: Pieces, empty: str) -> None:
        """Take a diff, or None with the reason why there is none."""
        self.subject, self.empty_text = subject, empty
        if diff is None or diff is not self._shown:
            self._shown = diff
            self.show_rows(patch_rows(diff) if diff is not None else [])
        self.summary = subject
        self.redraw()

    @property
    def line(self) -> LineKey | None:
        """The line under the cursor, None on a file's head."""
        return self.key if isinstance(self.key, LineKey) else None

    def title_pieces(self) -> Pieces:
        """The title and the subject."""
        return (*super().title_pieces(), ("  ", "text"), *self.subject)


def keep_together(moved: Rows, files: FilePanel, patch: PatchPanel) -> None:
    """Bring the other panel to the file of the one that moved."""
    mine = file_of(moved.key)
    other = patch if moved is files else files
    if mine is not None and file_of(other.key) != mine:
        other.select(mine)
        if other is patch:
            patch.scroll_rows(patch.cursor - patch.top)

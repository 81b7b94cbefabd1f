"""Tables on narrow screens."""

import pytest

from idiolect.cli import screen


@pytest.mark.parametrize(("width", "tables"), [(40, 1), (16, 2), (14, 3)])
def test_columns_without_room_follow_in_tables_of_their_own(monkeypatch, capsys, width, tables):
    monkeypatch.setattr(screen, "_PLAIN_WIDTH", width)
    rows = [["one", "1.0", "2.00", "3"], ["other", "1.5", "2.50", "4"]]
    screen.show_table(["name", "a", "b", "c"], rows, words=[])
    out = capsys.readouterr().out
    assert (out.count("name"), out.count("other")) == (tables, tables)
    assert all(cell in out for row in rows for cell in row)

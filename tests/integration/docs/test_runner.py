"""A tutorial that is not true fails: the runner of the tutorials, on pages made for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from .following import follow
from .page import PageError, Step, steps_of
from .terminal import looks_like

if TYPE_CHECKING:
    from pathlib import Path

    from .terminal import Server

linux = pytest.mark.skipif(sys.platform != "linux", reason="the pages' commands are for bash")

GOOD = """
# A page

<!-- test: given photos 2 -->

```sh
ls photos | wc -l
faceloop init faces
```

```text
2
Made the project ...: scheme face70, 70 points.
...
```

<!-- test: file greeting.txt -->

```toml
hello
```

```{note}
Nothing to run.
```

<!-- test: skip it opens a window -->

```sh
faceloop open faces
```

```python
from pathlib import Path

print(Path("greeting.txt").read_text().strip(), "again")
```

Between them may be words.

```text
hello   again
```
"""


def written(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


def test_the_steps_of_a_page(tmp_path: Path) -> None:
    first, second, third, last = steps_of(written(tmp_path, GOOD))
    assert first == Step("given", "photos 2", 4)
    assert (second.verb, second.what, second.line) == ("run", "sh", 6)
    assert second.text == "ls photos | wc -l\nfaceloop init faces\n"
    assert second.seen is not None
    assert third == Step("file", "greeting.txt", 19, "hello\n")
    assert (last.what, last.seen) == ("python", "hello   again\n")


@linux
def test_a_page_that_is_true(tmp_path: Path, server: Server) -> None:
    (tmp_path / "reader").mkdir()
    follow(written(tmp_path, GOOD), tmp_path / "reader", server)


@linux
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("\n2\nMade", "\n3\nMade", "page.md:6 shows\n2\nMade"),
        ("scheme face70", "scheme face71", "the page says"),
        ("hello   again", "hello", "page.md:33 shows\nhello again"),
        ("\n...\n", "\n", "page.md:6 shows"),
        ("init faces", "init photos/nobody.jpg --scheme none", "page.md:6 ended with 1:"),
        ("faceloop init faces", "false\nfaceloop init faces", "page.md:6 ended with 1:"),
        ("print(Path", "raise SystemExit(3)\nprint(Path", "page.md:33 ended with 3:"),
        ("greeting.txt -->", "other.txt -->", "FileNotFoundError"),
        ("given photos 2", "given nothing", "has no function nothing"),
        ("given photos 2", "given _hidden", "has no function _hidden"),
    ],
)
def test_a_page_that_is_not_true(
    tmp_path: Path, server: Server, right: str, wrong: str, said: str
) -> None:
    (tmp_path / "reader").mkdir()
    with pytest.raises(PageError) as error:
        follow(written(tmp_path, GOOD.replace(right, wrong, 1)), tmp_path / "reader", server)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Words alone\n", "no block of sh or python"),
        ("```sh\nls\n", "page.md:1: the block has no end"),
        ("```sh\nls\n```\n```json\n{}\n```\n", "page.md:4: nothing says what to do with"),
        ("```\nls\n```\n", "a block of nothing"),
        ("```text\n1\n```\n```sh\nls\n```\n", "page.md:1: this text follows no block"),
        ("```sh\nls\n```\n```text\n1\n```\n```text\n2\n```\n", "page.md:7: this text"),
        ("```sh\nls\n```\n<!-- test: skip it is long -->\n", "after test: skip there is no block"),
        ("<!-- test: file a -->\n<!-- test: file b -->\n", "page.md:2: after test: file"),
        ("<!-- test: pretend it works -->\n", "page.md:1: found test: pretend"),
        ("<!-- test: skip -->\n```sh\nls\n```\n", "page.md:1: found test: skip"),
        ("```{code-block} sh\nls\n```\n", "page.md:1: nothing says"),
    ],
)
def test_a_page_that_would_go_untested(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PageError, match=said):
        steps_of(written(tmp_path, text))


@pytest.mark.parametrize(
    ("shown", "expected", "same"),
    [
        ("a  b\n", "a b", True),
        ("a 0.123 c\n", "a 0... c", True),
        ("a 0.123 c\n", "a 1... c", False),
        ("a 0.123\n", "a 0....", True),
        ("a 0,123\n", "a 0....", False),
        ("first\nsecond\nlast\n", "first\n...\nlast", True),
        ("first\nlast\n", "first\n...\nlast", True),
        ("first\nsecond\n", "first\n...\nlast", False),
        ("first\nsecond\n", "first", False),
        ("a.c\n", "abc", False),
        ("", "", True),
    ],
)
def test_dots_stand_for_anything(shown: str, expected: str, same: bool) -> None:
    assert looks_like(shown, expected) is same

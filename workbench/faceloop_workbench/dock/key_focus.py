"""Where the keyboard is, and whether it came there by keys: then it is shown, and Space presses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QFocusEvent

_BY_KEYS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
_BACK = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
_SHOWN = "keyFocus"  # a property that the style sheet asks for
_ON_DARK, _ON_LIGHT = "#ffd54f", "#0b57d0"  # at least 4.5 : 1 against napari's themes


class KeyFocus:
    """Remembers how the keyboard came to where it is.

    A button that was clicked keeps Qt's focus, and Space would press it again instead of being
    the key of a command. So it counts only where somebody has gone by Tab, and only that is framed.

    Attributes
    ----------
    by_keys : bool
        Whether the focus was moved by keys.
    """

    def __init__(self) -> None:
        self.by_keys = False

    def moved(self, widget: QWidget, event: QFocusEvent) -> None:
        """Hear that a widget has the focus, or has it no more.

        A list that opens over the window moves nothing: who went to its box by keys is there still.
        """
        window = widget.window() or widget
        in_list = window.windowType() == Qt.WindowType.Popup
        if event.gotFocus() and not in_list and event.reason() not in _BACK:
            self.by_keys = event.reason() in _BY_KEYS
        framed = event.gotFocus() and self.by_keys and not widget.isWindow()
        if bool(widget.property(_SHOWN)) != framed:
            widget.setProperty(_SHOWN, framed)
            style = widget.style()
            if style is not None:  # so that the style sheet is asked again
                style.unpolish(widget)
                style.polish(widget)


def focus_style(*, dark: bool) -> str:
    """Style sheet that frames what has the focus, on a dark or a light theme.

    napari's own gives buttons a padding of 4 pixels and no border: the frame takes the place of two
    of them, so that nothing moves.
    """
    colour = _ON_DARK if dark else _ON_LIGHT
    on = f'[{_SHOWN}="true"]'
    thin = ("QAbstractSpinBox", "QLineEdit", "QAbstractScrollArea", "QCheckBox", "QRadioButton")
    return (
        f"QPushButton{on}, QToolButton{on} {{ border: 2px solid {colour}; padding: 2px; }}"
        f"QComboBox{on} {{ border: 2px solid {colour}; padding: 1px 8px 1px 6px; }}"
        f"QSlider{on}, QLabel{on}, QWidget{on} {{ border: 1px solid {colour}; }}"
        + "".join(f"{kind}{on} {{ border: 1px solid {colour}; }}" for kind in thin)
        + f"QTabBar{on}::tab:selected {{ border: 2px solid {colour}; }}"
    )

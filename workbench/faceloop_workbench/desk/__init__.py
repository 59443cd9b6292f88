"""The dock in napari: tabs, status line, keys, and the picture that the tabs share.

Qt lives here and in the tabs' ``panel``, ``dialog`` and ``canvas`` modules.
"""

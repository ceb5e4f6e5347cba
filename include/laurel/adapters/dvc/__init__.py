"""DVC: the data plane (objects by content) and the workspaces in which its stages run."""

from __future__ import annotations

from laurel.adapters.dvc import quiet  # noqa: F401  before any part of DVC is imported
from laurel.adapters.dvc.plane import DataPlane
from laurel.adapters.dvc.workspace import Output, Workspace

__all__ = ["DataPlane", "Output", "Workspace"]

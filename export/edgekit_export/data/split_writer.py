"""Where a split is written to, found out before the long work, and the writing."""

from __future__ import annotations

from pathlib import Path

from edgekit.atomic import check_writable, write_whole
from edgekit_export.data.dataset import MANIFEST_NAME, DataSet
from edgekit_export.data.dealing import Divided
from edgekit_export.data.layout import check_folder, split_manifest, write_folders
from edgekit_export.progress import Progress


class SplitWriter:
    """Writes a manifest, folders, or both.

    Args:
        dataset: The photos that are split.
        output: The manifest to write; without it, `manifest.csv` beside them, or none where there are `folders`.
        folders: The folder to make.
        overwrite: A manifest that is there is replaced.

    Attributes:
        written: What was written, by what it is: "manifest", "folders".

    Raises:
        OSError: something cannot be written.
        PhotosError: the folders would be inside the data set.
    """

    def __init__(self, dataset: DataSet, *, output: str | None, folders: str | None, overwrite: bool) -> None:
        self._folders = Path(folders) if folders else None
        self._manifest = Path(output) if output else None if folders else dataset.root / MANIFEST_NAME
        self._overwrite = overwrite
        self.written: dict[str, str] = {}
        if self._manifest is not None:
            check_writable(self._manifest, overwrite=overwrite)
        if self._folders is not None:
            check_folder(dataset, self._folders)

    def write(self, divided: Divided, progress: Progress) -> None:
        """Write the split; the manifest last, so that nothing names what is not there."""
        text = split_manifest(divided.dataset, divided.groups) if self._manifest else ""
        if self._folders is not None:
            write_folders(divided.dataset, divided.groups, self._folders, progress=progress)
            self.written["folders"] = str(self._folders)
        if self._manifest is not None:
            write_whole(self._manifest, text.encode(), overwrite=self._overwrite)
            self.written["manifest"] = str(self._manifest)

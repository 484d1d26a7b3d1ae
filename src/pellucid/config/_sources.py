"""Where configuration is: a folder, an archive, or anything that fsspec can list and read."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from pellucid.exceptions import BadConfigException, MissingConfigException

if TYPE_CHECKING:
    from collections.abc import Iterable

CLOUD_PROTOCOLS = ("abfs", "abfss", "adl", "gcs", "gdrive", "gs", "oci", "oss", "s3", "s3a", "s3n")
HTTP_PROTOCOLS = ("http", "https")
SUFFIXES = (".yml", ".yaml", ".json")

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)(?:://|::)")


class Source(Protocol):
    """Folders with configuration files. Paths are relative to the source, with ``/``; "" is the source itself."""

    def has_folder(self, folder: str) -> bool:
        """Tell whether the folder is there."""
        ...

    def folders(self) -> list[str]:
        """Return the names of the folders at the top."""
        ...

    def files(self, folder: str) -> list[str]:
        """Return the paths of the YAML and JSON files at any depth, relative to ``folder``, sorted."""
        ...

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        ...

    def label(self, path: str) -> str:
        """Return how the user would name a file or folder."""
        ...


def protocol_of(location: str) -> str:
    """Return the protocol of a URL in lower case, or "" for a path."""
    match = _URL.match(location)
    return match.group(1).lower() if match else ""


def check_protocol(location: str, *, allow_http: bool) -> None:
    """Refuse ``http`` and ``https``, also inside of a chained URL, unless they are allowed.

    Raises:
        BadConfigException: they are not.
    """
    for part in location.split("::"):
        if protocol_of(part + "::" if "://" not in part else part) in HTTP_PROTOCOLS and not allow_http:
            raise BadConfigException(
                f"Configuration is not read from {without_secrets(location)} unless the settings allow it: "
                "CONFIG_LOADER_ARGS = {'allow_http': True}."
            )


def open_source(location: str, base_env: str) -> Source:
    """Return the source at a path or URL; ``base_env`` tells the folder of an archive that holds environments.

    Raises:
        MissingConfigException: nothing is there.
        BadConfigException: it is there, and cannot be read.
    """
    protocol = protocol_of(location)
    if protocol and protocol not in ("file", "local"):
        return _open_url(location, base_env)
    path = Path(location[location.index("://") + 3 :] if protocol else location).expanduser()
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise MissingConfigException(f"There is no configuration at {location}: no such folder or archive.")
    try:
        return ArchiveSource(path.read_bytes(), str(path), base_env)
    except OSError as error:
        raise BadConfigException(
            f"The configuration at {location} cannot be read: {error.strerror or error}"
        ) from error


def without_secrets(url: str) -> str:
    """Leave out what may be a secret in a URL: user information and query."""
    return re.sub(r"://[^/@]*@", "://", url).split("?", 1)[0]


def _open_url(location: str, base_env: str) -> Source:
    """Open a location of which fsspec knows the protocol."""
    shown = without_secrets(location)
    try:
        import fsspec

        filesystem, root = fsspec.core.url_to_fs(location)
        if filesystem.isdir(root):
            return RemoteSource(filesystem, root, shown)
        content = filesystem.cat_file(root) if root.lower().endswith(_ARCHIVES) else None
    except FileNotFoundError:
        content = None
    except Exception as error:  # each file system has exceptions of its own
        raise BadConfigException(
            f"The configuration at {shown} cannot be read: {without_secrets(str(error))}"
        ) from error
    if content is None:
        raise MissingConfigException(f"There is no configuration at {shown}: no such folder or archive.")
    return ArchiveSource(content, shown, base_env)


class FolderSource:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def has_folder(self, folder: str) -> bool:
        return (self._root / folder).is_dir()

    def folders(self) -> list[str]:
        return sorted(entry.name for entry in os.scandir(self._root) if entry.is_dir())

    def files(self, folder: str) -> list[str]:
        top = self._root / folder
        found: list[str] = []
        seen: set[str] = set()
        for parent, names, files in os.walk(top, followlinks=True):
            real = str(Path(parent).resolve())
            if real in seen:  # a link to a folder that was read already, or to one above
                names.clear()
                continue
            seen.add(real)
            within = Path(parent).relative_to(top).as_posix()
            prefix = "" if within == "." else f"{within}/"
            found.extend(prefix + name for name in files if name.endswith(SUFFIXES))
        return sorted(found)

    def read(self, path: str) -> bytes:
        return (self._root / path).read_bytes()

    def label(self, path: str) -> str:
        return str(self._root / path)


class _Listing:
    """Files that are known by their whole paths."""

    def __init__(self, paths: Iterable[str], folders: Iterable[str]) -> None:
        self.files = sorted(path for path in paths if path.endswith(SUFFIXES))
        self.folders = set(folders)
        for path in paths:
            self.folders.update(str(parent) for parent in PurePosixPath(path).parents)
        self.folders.discard(".")

    def below(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder else ""
        return [path[len(prefix) :] for path in self.files if path.startswith(prefix)]

    def tops(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder else ""
        return sorted({name[len(prefix) :].split("/", 1)[0] for name in self.folders if name.startswith(prefix)})


def _join(*parts: str) -> str:
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


class ArchiveSource:
    """A zip or tar archive. Its configuration files are read into memory; nothing is written anywhere.

    Environments may be at the top, or in the single folder at the top.
    """

    def __init__(self, content: bytes, name: str, base_env: str) -> None:
        self._name = name
        self._contents, folders = _read_archive(content, name)
        self._listing = _Listing(self._contents, folders)
        tops = self._listing.tops("")
        self._top = tops[0] if len(tops) == 1 and base_env and tops != [base_env.split("/", 1)[0]] else ""

    def has_folder(self, folder: str) -> bool:
        return not folder or _join(self._top, folder) in self._listing.folders

    def folders(self) -> list[str]:
        return self._listing.tops(self._top)

    def files(self, folder: str) -> list[str]:
        return self._listing.below(_join(self._top, folder))

    def read(self, path: str) -> bytes:
        return self._contents[_join(self._top, path)]

    def label(self, path: str) -> str:
        return _join_label(self._name, _join(self._top, path))


def _join_label(root: str, path: str) -> str:
    return f"{root.rstrip('/')}/{path}" if path else root


def _read_archive(content: bytes, name: str) -> tuple[dict[str, bytes], list[str]]:
    """Return the configuration files of an archive, and the folders that it lists."""
    import io
    import tarfile
    import zipfile

    stream = io.BytesIO(content)
    try:
        if zipfile.is_zipfile(stream):
            with zipfile.ZipFile(stream) as archive:
                members = [(each.filename, each.is_dir(), each) for each in archive.infolist()]
                return _select_members(members, archive.read)
        stream.seek(0)
        with tarfile.open(fileobj=stream) as tar:
            entries = [(each.name, each.isdir(), each) for each in tar.getmembers() if each.isdir() or each.isfile()]
            return _select_members(entries, lambda each: _content_of(tar, each))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        raise BadConfigException(f"{name} is no folder, and no zip or tar archive that can be read: {error}") from error


def _content_of(tar: Any, member: Any) -> bytes:
    stream = tar.extractfile(member)
    return b"" if stream is None else bytes(stream.read())


def _select_members(members: list[tuple[str, bool, Any]], read: Any) -> tuple[dict[str, bytes], list[str]]:
    contents: dict[str, bytes] = {}
    folders: list[str] = []
    for raw, is_folder, member in members:
        path = str(PurePosixPath(raw)).strip("/")
        if ".." in path.split("/"):
            continue
        if is_folder:
            folders.append(path)
        elif path.endswith(SUFFIXES):
            contents[path] = read(member)
        else:
            folders.append(str(PurePosixPath(path).parent))
    return contents, folders


class RemoteSource:
    """A folder of a file system that fsspec knows."""

    def __init__(self, filesystem: Any, root: str, name: str) -> None:
        self._filesystem, self._root, self._name = filesystem, root.rstrip("/"), name

    def _at(self, path: str) -> str:
        return "/".join(part for part in (self._root, path) if part)

    def has_folder(self, folder: str) -> bool:
        return bool(self._filesystem.isdir(self._at(folder)))

    def folders(self) -> list[str]:
        entries = self._filesystem.ls(self._at(""), detail=True)
        return sorted(each["name"].rstrip("/").rsplit("/", 1)[-1] for each in entries if each["type"] == "directory")

    def files(self, folder: str) -> list[str]:
        top = self._at(folder)
        # Some file systems list paths with a leading slash, whether or not they were asked with one.
        prefix = f"{top.strip('/')}/".lstrip("/")
        paths = [path.lstrip("/") for path in self._filesystem.find(top)]
        return sorted(path[len(prefix) :] for path in paths if path.startswith(prefix) and path.endswith(SUFFIXES))

    def read(self, path: str) -> bytes:
        return bytes(self._filesystem.cat_file(self._at(path)))

    def label(self, path: str) -> str:
        return _join_label(self._name, path)

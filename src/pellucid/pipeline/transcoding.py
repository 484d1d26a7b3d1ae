"""Names of transcoded datasets."""

from __future__ import annotations

from pellucid.pipeline._transcoding import TRANSCODING_SEPARATOR, _strip_transcoding, _transcode_split

__all__ = ["TRANSCODING_SEPARATOR", "_strip_transcoding", "_transcode_split"]

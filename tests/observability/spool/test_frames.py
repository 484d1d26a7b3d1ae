"""Frames are read back whole, whatever happened to the others."""

from __future__ import annotations

import io
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.observability.spool import Frame, FrameKind
from pellucid.observability.spool._frames import HEAD_BYTES, MARK, MAX_PAYLOAD_BYTES, FrameReader, encode

_FRAMES = [
    Frame(FrameKind.HEADER, 1, b"pellucid", 1, b'{"v":1}'),
    Frame(FrameKind.START, 1, b"\x00" * 8, 2, b"start"),
    Frame(FrameKind.END, 3, b"\xff" * 8, 3, b""),
    Frame(FrameKind.END, 1, b"\x00" * 8, (1 << 64) - 1, MARK * 3),
    Frame(FrameKind.CLOSED, 0, b"pellucid", 5, b""),
]
_ENCODED = [encode(*frame) for frame in _FRAMES]
_DATA = b"".join(_ENCODED)


def _read(data: bytes) -> tuple[list[Frame], FrameReader]:
    reader = FrameReader(io.BytesIO(data))
    return list(reader), reader


def _hit(position: int) -> int:
    """Return which frame a byte is in."""
    end = 0
    for number, encoded in enumerate(_ENCODED):
        end += len(encoded)
        if position < end:
            return number
    raise AssertionError


def test_what_is_written_is_read() -> None:
    frames, reader = _read(_DATA)
    assert frames == _FRAMES
    assert (reader.damaged_bytes, reader.torn_bytes, reader.whole_bytes) == (0, 0, len(_DATA))


@pytest.mark.parametrize("value", [0x00, 0xFF, 0x55])
def test_one_damaged_byte_costs_one_frame_wherever_it_is(value: int) -> None:
    for position in range(len(_DATA)):
        data = bytearray(_DATA)
        data[position] ^= value or 1
        frames, reader = _read(bytes(data))
        hit = _hit(position)
        assert frames == _FRAMES[:hit] + _FRAMES[hit + 1 :]
        assert reader.damaged_bytes + reader.torn_bytes == len(_ENCODED[hit])


def test_a_file_that_ends_anywhere_has_all_whole_frames_and_a_torn_one() -> None:
    for size in range(len(_DATA)):
        frames, reader = _read(_DATA[:size])
        assert frames == _FRAMES[: _hit(size)]
        assert reader.damaged_bytes == 0
        assert reader.whole_bytes + reader.torn_bytes == size


@given(st.integers(0, len(_DATA)), st.binary(max_size=200), st.integers(0, len(_DATA)))
def test_frames_before_and_behind_foreign_bytes_are_read(at: int, foreign: bytes, removed: int) -> None:
    data = _DATA[:at] + foreign + _DATA[at + removed :]
    frames, reader = _read(data)
    before = _hit(at) if at < len(_DATA) else len(_FRAMES)
    assert frames[:before] == _FRAMES[:before]
    if removed == 0 and MARK not in foreign:
        assert [frame for frame in frames if frame in _FRAMES[before + 1 :]] == _FRAMES[before + 1 :]
    assert reader.whole_bytes + reader.torn_bytes <= len(data)
    assert sum(HEAD_BYTES + len(f.payload) for f in frames) + reader.damaged_bytes + reader.torn_bytes == len(data)


@given(st.lists(st.binary(max_size=300_000), max_size=4), st.binary(max_size=50))
def test_frames_larger_than_the_pieces_that_are_read(payloads: list[bytes], foreign: bytes) -> None:
    data = foreign.replace(MARK, b"").join([b"", *(encode(3, 1, b"k" * 8, 1, payload) for payload in payloads)])
    assert [frame.payload for frame in _read(data)[0]] == payloads


def test_an_absurd_length_takes_no_memory() -> None:
    data = _ENCODED[0] + struct.pack("<4sIIBB8sQ", MARK, 0, 0xFFFFFFFF, 3, 1, b"k" * 8, 0) + _ENCODED[1]
    tracemalloc.start()
    try:
        frames, _ = _read(data)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert frames == _FRAMES[:2]


def test_a_mark_across_two_pieces_is_found() -> None:
    for gap in range(256 * 1024 - 8, 256 * 1024 + 8):
        frames, _ = _read(b"x" * gap + _ENCODED[1])
        assert frames == [_FRAMES[1]]


def test_a_file_made_to_be_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.observability.spool._frames._MOST_WASTED_BYTES", 10_000)
    false = struct.pack("<4sIIBB8sQ", MARK, 0, 1000, 3, 1, b"k" * 8, 0)
    data = _ENCODED[0] + false * 200
    frames, reader = _read(data)
    assert frames == _FRAMES[:1]
    assert reader.damaged_bytes == len(false) * 200


def test_a_frame_of_a_later_version_is_no_damage() -> None:
    frames, reader = _read(_ENCODED[0] + encode(9, 1, b"k" * 8, 1, b"later") + _ENCODED[1])
    assert frames == _FRAMES[:2]
    assert reader.damaged_bytes == 0


def test_a_payload_has_a_limit() -> None:
    with pytest.raises(ValueError, match="too large"):
        encode(3, 1, b"k" * 8, 1, bytes(MAX_PAYLOAD_BYTES + 1))

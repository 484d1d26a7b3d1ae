"""The writers and the folder against a list of what was said."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from tests.support.spool import HEADER, ends, key, seal

from pellucid.observability.spool import Limits, Segment, SegmentWriter, SpoolFolder

_STREAMS = st.integers(1, 3)
_PAYLOADS = st.integers(0, 300).map(bytes)


class SpoolMachine(RuleBasedStateMachine):
    """Whatever is done in whatever order, each thing that started or ended comes out once."""

    writers = Bundle("writers")

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.linked: set[str] = set()
        self.folder = SpoolFolder(self.place, Limits())
        self.live: dict[SegmentWriter, set[tuple[int, bytes]]] = {}
        self.expected: Counter[tuple[int, bytes]] = Counter()
        self.found: Counter[tuple[int, bytes]] = Counter()
        self.number = 0

    @rule(target=writers, segment_bytes=st.sampled_from([200, 1000, 1 << 20]), at_once=st.booleans())
    def writer(self, segment_bytes: int, at_once: bool) -> SegmentWriter:
        limits = Limits(segment_bytes=segment_bytes, roll_seconds=0.0 if at_once else 1000.0)
        writer = SegmentWriter(self.folder.path, HEADER, limits=limits)
        self.live[writer] = set()
        return writer

    @rule(writer=writers, stream=_STREAMS, payload=_PAYLOADS)
    def start(self, writer: SegmentWriter, stream: int, payload: bytes) -> None:
        if writer in self.live:
            self.number += 1
            writer.start(stream, key(self.number), payload)
            self.live[writer].add((stream, key(self.number)))

    @rule(writer=writers, payload=_PAYLOADS)
    def end(self, writer: SegmentWriter, payload: bytes) -> None:
        if self.live.get(writer):
            stream, name = self.live[writer].pop()
            writer.end(stream, name, payload)
            self.expected[stream, name] += 1

    @rule(writer=writers, stream=_STREAMS, payload=_PAYLOADS)
    def point(self, writer: SegmentWriter, stream: int, payload: bytes) -> None:
        if writer in self.live:
            self.number += 1
            writer.end(stream, key(self.number), payload)
            self.expected[stream, key(self.number)] += 1

    @rule(writer=writers)
    def roll(self, writer: SegmentWriter) -> None:
        writer.roll()

    @rule(writer=writers)
    def close(self, writer: SegmentWriter) -> None:
        writer.close()
        self.expected.update(self.live.pop(writer, set()))

    @rule(deliver=st.booleans())
    def collect(self, deliver: bool) -> None:
        for segment in self.folder.finished(seal):
            if deliver:
                segment.link_to("traces")
            elif segment.name not in self.linked:
                self._see(segment)
            segment.remove()

    @rule()
    def collect_in_vain(self) -> None:
        for segment in self.folder.finished(seal):
            segment.link_to("traces")
            self.linked.add(segment.name)

    @rule()
    def deliver(self) -> None:
        queue = self.folder.outbox("traces")
        for item in queue:
            self._see(item)
            queue.remove(item)

    @invariant()
    def nothing_is_seen_twice(self) -> None:
        assert not self.found - self.expected

    @invariant()
    def all_that_ended_is_written(self) -> None:
        for writer in self.live:
            assert writer.dropped == {}

    def teardown(self) -> None:
        try:
            for writer in list(self.live):
                self.close(writer)
            self.collect(deliver=False)
            self.deliver()
            assert self.found == self.expected
            assert self.folder.status().total_bytes == 0
        finally:
            shutil.rmtree(self.place)

    def _see(self, segment: Segment) -> None:
        assert segment.damaged_bytes == 0
        self.found.update((stream, name) for stream, name, _ in ends(segment.frames()))


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

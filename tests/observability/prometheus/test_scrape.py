from __future__ import annotations

import contextlib
import gzip
import os
import resource
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.external import eventually, fetch
from tests.support.scrape import TEXT, client, demo_page, read_answers, read_to_end, simple

from pellucid.observability.export.prometheus import ScrapeAddressError, ScrapeLimits, ScrapeServer

if TYPE_CHECKING:
    from collections.abc import Iterator

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
QUICK = ScrapeLimits(header_seconds=0.2, idle_seconds=0.2, page_seconds=0.2, write_seconds=0.2, linger_seconds=0.2)


@pytest.fixture
def server() -> Iterator[ScrapeServer]:
    with ScrapeServer(demo_page(), port=0) as server:
        yield server


OPEN = Path("/proc/self/fd")


def descriptors() -> int:
    return sum(1 for _ in OPEN.iterdir())


def sockets() -> int:
    count = 0
    for each in OPEN.iterdir():
        with contextlib.suppress(OSError):
            count += str(each.readlink()).startswith("socket:")
    return count


class Gate:
    """A page that takes as long as a test likes."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Semaphore(0), threading.Semaphore(0)

    def page(self, accept: str) -> tuple[bytes, str]:
        self.entered.release()
        self.opened.acquire(timeout=60)
        return simple(accept)


# --------------------------------------------------------------------------- what is served


def test_the_page_is_served_in_the_text_format(server: ScrapeServer) -> None:
    reply = fetch(server.port, "/metrics?name[]=demo")
    assert reply.status == 200
    assert reply.fields["content-type"].startswith("text/plain; version=")
    assert b'demo_runs_total{pipeline="a \\"quoted\\" pipe}",result="success"} 41.0\n' in reply.body
    assert b"trace_id" not in reply.body


def test_the_page_is_served_as_openmetrics_to_those_who_accept_it(server: ScrapeServer) -> None:
    reply = fetch(server.port, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert reply.fields["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert reply.body.endswith(b"# EOF\n")
    assert b'# {trace_id="' in reply.body


def test_head_gives_the_header_of_the_page_alone(server: ScrapeServer) -> None:
    reply, page = fetch(server.port, "/metrics", method="HEAD"), fetch(server.port, "/metrics")
    assert reply.status == 200
    assert reply.body == b""
    assert reply.fields["content-length"] == str(len(page.body))


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "deflate, x-gzip"])
def test_the_page_is_compressed_for_those_who_accept_it(server: ScrapeServer, accepted: str) -> None:
    reply = fetch(server.port, "/metrics", Accept_Encoding=accepted)
    assert reply.fields["content-encoding"] == "gzip"
    assert gzip.decompress(reply.body) == fetch(server.port, "/metrics").body


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.000"])
def test_the_page_is_not_compressed_for_others(server: ScrapeServer, accepted: str) -> None:
    assert "content-encoding" not in fetch(server.port, "/metrics", Accept_Encoding=accepted).fields


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/metrics/x", 404),
        ("POST", "/other", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/", 405),
    ],
)
def test_other_paths_and_methods(server: ScrapeServer, method: str, path: str, status: int) -> None:
    reply = fetch(server.port, path, method=method)
    assert reply.status == status
    assert ("allow" in reply.fields) == (status == 405)
    assert (b"/metrics" in reply.body) == (status != 405)


def test_only_the_loopback_is_bound_unless_told_otherwise(server: ScrapeServer) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}/metrics"
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", server.port))


def test_an_ipv6_address_can_be_bound() -> None:
    server = ScrapeServer(simple, "::1", 0)
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:  # a machine without IPv6
        with pytest.raises(ScrapeAddressError, match="::1"):
            server.start()
        return
    with server:
        assert server.url == f"http://[::1]:{server.port}/metrics"


# --------------------------------------------------------------------------- the address


def test_a_port_that_is_taken_is_named_with_what_to_set(server: ScrapeServer) -> None:
    before = descriptors()
    with pytest.raises(ScrapeAddressError) as caught:
        ScrapeServer(simple, port=server.port).start()
    for part in ("127.0.0.1", str(server.port), "scrape_port", "scrape_host", "in use"):
        assert part in str(caught.value)
    assert isinstance(caught.value, OSError)
    assert descriptors() == before


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("", 0), ("127.0.0.1", 70000), ("a" * 300, 0)])
def test_an_address_that_cannot_be_bound_is_one_clear_error(host: str, port: int) -> None:
    with pytest.raises(ScrapeAddressError, match="Metrics cannot be served"):
        ScrapeServer(simple, host, port).start()


def test_closing_frees_the_port_the_threads_and_all_descriptors() -> None:
    before, threads = descriptors(), threading.active_count()
    first = ScrapeServer(simple, port=0).start()
    with client(first.port) as idle:
        idle.sendall(GET)
        read_answers(idle, 1)
        first.close()
        assert read_to_end(idle) == b""
    assert descriptors() == before
    assert threading.active_count() == threads
    with ScrapeServer(simple, port=first.port) as second:
        assert fetch(second.port, "/metrics").status == 200
    first.close()


def test_a_server_that_was_never_started_can_be_closed() -> None:
    server = ScrapeServer(simple)
    server.close()
    assert (server.failures, server.late, server.port) == (0, 0, 9464)


def test_closing_does_not_wait_for_a_page_that_takes_for_ever() -> None:
    gate = Gate()
    server = ScrapeServer(gate.page, port=0).start()
    with client(server.port) as sock:
        sock.sendall(GET)
        gate.entered.acquire(timeout=60)
        server.close(timeout_seconds=0.4)
        assert read_to_end(sock) == b""
    gate.opened.release()


def test_no_threads_are_left_where_none_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    before = descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            ScrapeServer(simple, port=0).start()
    assert descriptors() == before


# --------------------------------------------------------------------------- pages that fail, or take long


def test_a_page_that_raises_gives_the_last_good_one_and_says_so() -> None:
    pages = iter([(b"jobs_total 1\n", TEXT)])
    faults: list[BaseException] = []
    with ScrapeServer(lambda accept: next(pages), port=0, on_fault=faults.append) as server:
        assert fetch(server.port, "/metrics").body == b"jobs_total 1\n"
        stale = fetch(server.port, "/metrics", Accept_Encoding="gzip")
        assert stale.status == 200
        assert stale.body.startswith(b"jobs_total 1\n# pellucid: this page is ")
        assert b"StopIteration" in stale.body
        assert "StopIteration" in stale.fields["x-pellucid-stale"]
        assert server.failures == 1
    assert [type(fault) for fault in faults] == [StopIteration]


def test_a_last_good_page_of_openmetrics_gets_no_comment_for_that_has_none() -> None:
    pages = iter([(b"# EOF\n", "application/openmetrics-text; version=1.0.0; charset=utf-8")])
    with ScrapeServer(lambda accept: next(pages), port=0) as server:
        assert fetch(server.port, "/metrics").body == b"# EOF\n"
        stale = fetch(server.port, "/metrics")
        assert stale.body == b"# EOF\n"
        assert "x-pellucid-stale" in stale.fields


@pytest.mark.parametrize(
    "made",
    [
        KeyboardInterrupt(),
        MemoryError(),
        None,
        (b"", None),
        ("text", TEXT),
        (b"", "text/plain\r\nSet-Cookie: x"),
    ],
)
def test_a_page_that_was_never_good_is_an_empty_one(made: Any) -> None:
    def page(accept: str) -> Any:
        if isinstance(made, BaseException):
            raise made
        return made

    def refuse(error: BaseException) -> None:
        raise RuntimeError("the one who is told has a fault, too")

    with ScrapeServer(page, port=0, on_fault=refuse) as server:
        for count in (1, 2):
            reply = fetch(server.port, "/metrics")
            assert reply.status == 200
            assert reply.body.startswith(b"# pellucid: no page could be made (")
            assert reply.body.count(b"\n") == 1
            assert reply.fields["content-type"] == TEXT
            assert "set-cookie" not in reply.fields
            assert server.failures == count


def test_a_page_that_takes_long_delays_nobody_else_and_is_answered_in_time() -> None:
    gate = Gate()
    with ScrapeServer(gate.page, port=0, limits=ScrapeLimits(page_seconds=0.2)) as server:
        gate.opened.release()
        assert fetch(server.port, "/metrics").body == b"jobs_total 1\n"
        with client(server.port) as waiting:
            waiting.sendall(GET)
            gate.entered.acquire(timeout=60)
            gate.entered.acquire(timeout=60)
            assert fetch(server.port, "/").status == 200
            [body] = read_answers(waiting, 1)
        assert body.startswith(b"jobs_total 1\n# pellucid: this page is ")
        assert b"too long" in body
        assert server.late == 1
        gate.opened.release()


def test_those_who_want_the_same_page_at_once_get_one_rendering() -> None:
    gate = Gate()
    with ScrapeServer(gate.page, port=0) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(client(server.port)) for _ in range(10)]
        for each in clients:
            each.sendall(GET)
        gate.entered.acquire(timeout=60)
        assert fetch(server.port, "/").status == 200  # by now all ten have been read
        gate.opened.release()
        assert [read_answers(each, 1) for each in clients] == [[b"jobs_total 1\n"]] * 10
        assert not gate.entered.acquire(blocking=False)


def test_what_is_asked_for_while_a_page_hangs_does_not_pile_up() -> None:
    gate = Gate()
    with ScrapeServer(gate.page, port=0) as server, contextlib.ExitStack() as stack:
        for number in range(8):
            each = stack.enter_context(client(server.port))
            each.sendall(b"GET /metrics HTTP/1.1\r\nAccept: text/%d\r\n\r\n" % number)
        gate.entered.acquire(timeout=60)
        reply = fetch(server.port, "/metrics", Accept="text/9")
        assert b"too many" in reply.body
        assert server.late == 1
        for _ in range(8):
            gate.opened.release()


def test_few_pages_are_kept_for_clients_that_change_what_they_accept() -> None:
    with ScrapeServer(simple, port=0) as server:
        for number in range(20):
            assert fetch(server.port, "/metrics", Accept=f"text/{number}").status == 200
        assert server._loop is not None
        assert len(server._loop.pages._kept) == 4


# --------------------------------------------------------------------------- clients that misbehave


def test_500_idle_connections_take_a_bounded_number_of_threads_and_descriptors() -> None:
    before, threads = descriptors(), threading.active_count()
    with ScrapeServer(demo_page(), port=0) as server, contextlib.ExitStack() as stack:
        with client(server.port) as oldest:
            for _ in range(500):
                stack.enter_context(client(server.port))
            assert read_to_end(oldest) == b""
        assert fetch(server.port, "/metrics").status == 200
        assert threading.active_count() == threads + 2
        served = descriptors() - before - 500
        assert served <= ScrapeLimits().connections + 8
    assert descriptors() == before


def test_one_who_waits_for_a_page_is_not_closed_for_idle_ones() -> None:
    gate = Gate()
    limits = ScrapeLimits(connections=3)
    with ScrapeServer(gate.page, port=0, limits=limits) as server, contextlib.ExitStack() as stack:
        waiting = stack.enter_context(client(server.port))
        waiting.sendall(GET)
        gate.entered.acquire(timeout=60)
        for _ in range(10):
            stack.enter_context(client(server.port))
        assert fetch(server.port, "/").status == 200
        gate.opened.release()
        assert read_answers(waiting, 1) == [b"jobs_total 1\n"]


def test_the_oldest_is_closed_where_all_wait() -> None:
    gate = Gate()
    limits = ScrapeLimits(connections=2)
    with ScrapeServer(gate.page, port=0, limits=limits) as server, contextlib.ExitStack() as stack:
        first, second, third = (stack.enter_context(client(server.port)) for _ in range(3))
        first.sendall(GET)
        second.sendall(GET)
        gate.entered.acquire(timeout=60)
        third.sendall(GET)
        assert read_to_end(first) == b""
        gate.opened.release()
        (page,) = read_answers(third, 1)
        assert page.startswith(b"jobs_total 1\n")  # and maybe that it is old, where all of this takes long


def test_a_request_that_comes_by_drips_is_given_up() -> None:
    with ScrapeServer(simple, port=0, limits=QUICK) as server, client(server.port) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
        assert read_to_end(slow).startswith(b"HTTP/1.1 408 ")


def test_a_connection_on_which_nothing_comes_is_closed() -> None:
    with ScrapeServer(simple, port=0, limits=QUICK) as server:
        with client(server.port) as silent:
            assert read_to_end(silent) == b""
        with client(server.port) as done:
            done.sendall(GET)
            assert read_answers(done, 1) == [b"jobs_total 1\n"]
            assert read_to_end(done) == b""


def test_a_header_that_is_too_long_is_refused() -> None:
    limits = ScrapeLimits(linger_seconds=30)
    with ScrapeServer(simple, port=0, limits=limits) as server, client(server.port) as sock:
        # The connection is not reset under the client that is still sending.
        sock.sendall(b"GET /metrics HTTP/1.1\r\nX-Long: " + b"a" * 20_000_000)
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET /metrics\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\n x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(sent: bytes) -> None:
    with ScrapeServer(simple, port=0) as server, client(server.port) as sock:
        sock.sendall(sent)
        assert read_to_end(sock).startswith(b"HTTP/1.1 400 ")


def test_a_half_closed_connection_gets_its_answers(server: ScrapeServer) -> None:
    with client(server.port) as sock:
        sock.sendall(GET + GET)
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock).count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize("sent", [b"", b"GET /met"])
def test_a_connection_that_ends_before_its_request_is_closed(server: ScrapeServer, sent: bytes) -> None:
    with client(server.port) as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b""


def test_requests_on_one_connection_are_answered_in_order(server: ScrapeServer) -> None:
    with client(server.port) as sock:
        sock.sendall(b"\r\nGET / HTTP/1.1\n\n" + GET + b"GET /x HTTP/1.1\r\n\r\n")
        pointer, page, missing = read_answers(sock, 3)
        assert (pointer, missing) == (b"Metrics are at /metrics\n", b"Metrics are at /metrics\n")
        assert b"demo_runs_total" in page
        sock.sendall(b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n" + GET)
        assert read_to_end(sock).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ],
)
def test_a_body_is_never_taken_for_a_request(server: ScrapeServer, sent: bytes) -> None:
    with client(server.port) as sock:
        sock.sendall(sent)
        assert read_to_end(sock).count(b"HTTP/1.1 ") == 1


def test_one_who_does_not_read_is_closed_and_others_are_served() -> None:
    def page(accept: str) -> tuple[bytes, str]:
        return b"# a long comment\n" * 1_000_000, TEXT

    with ScrapeServer(page, port=0, limits=ScrapeLimits(write_seconds=2)) as server, client(server.port) as deaf:
        deaf.sendall(GET)
        assert fetch(server.port, "/metrics").body == b"# a long comment\n" * 1_000_000
        assert server._loop is not None
        loop = server._loop
        eventually(lambda: not loop._connections, "the one who does not read is closed")
        assert len(read_to_end(deaf)) < 17_000_000


def test_a_connection_that_is_reset_is_forgotten(server: ScrapeServer) -> None:
    for sent in (b"", GET, GET * 100):
        with client(server.port) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            sock.sendall(sent)
    assert fetch(server.port, "/metrics").status == 200
    assert server._loop is not None
    loop = server._loop
    eventually(lambda: not loop._connections, "the connections are forgotten")


@pytest.mark.processes
def test_a_process_without_descriptors_serves_again_when_it_has_some() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ScrapeServer(simple, port=0) as server, contextlib.ExitStack() as stack:
        clients = [socket.socket() for _ in range(5)]
        for each in clients:
            stack.enter_context(each)
        highest = max(int(each.name) for each in OPEN.iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, before[1]))
        try:
            fillers = []
            with contextlib.suppress(OSError):
                while True:
                    fillers.append(os.open(os.devnull, os.O_RDONLY))
            for each in clients:
                each.connect(("127.0.0.1", server.port))
            loop = server._loop
            assert loop is not None
            eventually(lambda: loop._resting_until is not None, "nobody is accepted")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for filler in fillers:
                os.close(filler)
        for each in clients:
            each.settimeout(30)
            each.sendall(GET)
            assert read_answers(each, 1) == [b"jobs_total 1\n"]
        eventually(lambda: loop._resting_until is None, "the rest is over")
        assert fetch(server.port, "/metrics").status == 200


def test_a_fault_of_the_loop_itself_is_told_and_closes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[BaseException] = []
    server = ScrapeServer(simple, port=0, on_fault=faults.append).start()
    assert server._loop is not None

    def fail(timeout: float | None) -> None:
        raise ValueError("planted")

    with client(server.port) as sock:
        monkeypatch.setattr(server._loop._selector, "select", fail)
        sock.sendall(GET)
        read_to_end(sock)
    server.close()
    assert [str(fault) for fault in faults] == ["planted"]
    with pytest.raises(ConnectionRefusedError):
        fetch(server.port, "/")


def test_a_fault_with_one_client_closes_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[BaseException] = []
    with ScrapeServer(simple, port=0, on_fault=faults.append) as server:
        with monkeypatch.context() as patch:
            patch.setattr("pellucid.observability.export.prometheus._loop.taken", lambda *args: 1 / 0)
            with client(server.port) as sock:
                sock.sendall(GET)
                assert read_to_end(sock) == b""
        assert fetch(server.port, "/metrics").status == 200
    assert [type(fault) for fault in faults] == [ZeroDivisionError]


# --------------------------------------------------------------------------- forks


@pytest.mark.processes
def test_a_forked_child_neither_serves_nor_holds_the_port(server: ScrapeServer) -> None:
    with client(server.port) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\n\r\n")
        read_answers(kept, 1)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            server.close()
            os.write(write_end, b"%d" % sockets())
            signal.pause()
        try:
            # The child has lost the listener, the connection, and the two by which the loop is woken.
            assert int(os.read(read_end, 100)) <= sockets() - 4
            assert fetch(server.port, "/metrics").status == 200  # the parent serves on
            server.close()
            assert read_to_end(kept) == b""  # while the child lives
            with ScrapeServer(simple, port=server.port) as again:
                assert fetch(again.port, "/metrics").body == b"jobs_total 1\n"
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(read_end)
            os.close(write_end)

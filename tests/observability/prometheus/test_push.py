from __future__ import annotations

import base64
import contextlib
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.external import eventually
from tests.support.scrape import TEXT

from pellucid.observability.export.prometheus import PushError, push

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = b"jobs_total 1\n"
SLACK_SECONDS = 5.0


class Gateway:
    """Answers every request with one answer, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.answer, self.fields = 200, b"", {}  # type: int, bytes, dict[str, str]
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        gateway = self

        class Answering(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.requests.append((self.command, self.path, dict(self.headers), body))
                self.send_response(gateway.status)
                for name, value in gateway.fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(gateway.answer)))
                self.end_headers()
                self.wfile.write(gateway.answer)

            def do_GET(self) -> None:
                self.do_PUT()

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    thread = threading.Thread(target=gateway.server.serve_forever, args=(0.05,))
    thread.start()
    yield gateway
    gateway.server.shutdown()
    gateway.server.server_close()
    thread.join(30)


@contextlib.contextmanager
def accepting(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept one connection, and do with it what ``serve`` does until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                sock, _ = listener.accept()
                with sock:
                    serve(sock)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(30)
        assert not thread.is_alive()


def test_a_page_is_put_in_its_group(gateway: Gateway) -> None:
    push(f"{gateway.url}/base/", "etl", {"instance": "a.b-c_1", "env": "prod"}, PAGE, TEXT, 30)
    [(method, path, fields, body)] = gateway.requests
    assert (method, path, body) == ("PUT", "/base/metrics/job/etl/instance/a.b-c_1/env/prod", PAGE)
    assert fields["Content-Type"] == TEXT
    assert "Authorization" not in fields


@pytest.mark.parametrize("odd", ["a/b", "..", ".", "", "ä ö", "a b", "%2F", "x?y#z", "line\nbreak"])
def test_odd_values_go_as_base64(gateway: Gateway, odd: str) -> None:
    push(gateway.url, odd or "job", {"path": odd}, PAGE, TEXT, 30)
    [(_, path, _, _)] = gateway.requests
    found = re.fullmatch(r"/metrics/(?:job@base64/[\w=-]+|job/job)/path@base64/([\w=-]+)", path)
    assert found is not None
    assert (found[1] == "=") == (odd == "")
    assert odd == "" or base64.urlsafe_b64decode(found[1]).decode() == odd


def test_user_and_password_of_the_url_are_sent_and_never_shown(gateway: Gateway) -> None:
    token = base64.b64encode(b"us er:p@ss/word").decode()
    gateway.status, gateway.answer = 401, f"no: p@ss/word {token}\x1b[31m".encode()
    url = f"http://us%20er:p%40ss%2Fword@127.0.0.1:{gateway.port}"
    with pytest.raises(PushError) as caught:
        push(url, "etl", {}, PAGE, TEXT, 30)
    assert gateway.requests[0][2]["Authorization"] == f"Basic {token}"
    assert str(caught.value) == (
        f"Metrics were not pushed to http://127.0.0.1:{gateway.port}: it answered 401: no: *** ***?[31m"
    )


def test_a_user_without_password_is_sent(gateway: Gateway) -> None:
    push(f"http://user@127.0.0.1:{gateway.port}", "etl", {}, PAGE, TEXT, 30)
    assert gateway.requests[0][2]["Authorization"] == f"Basic {base64.b64encode(b'user:').decode()}"


@pytest.mark.parametrize("status", [200, 202])
def test_what_is_taken_is_no_error(gateway: Gateway, status: int) -> None:
    gateway.status = status
    push(gateway.url, "etl", {}, PAGE, TEXT, 30)


@pytest.mark.parametrize("status", [302, 400, 404, 503])
def test_what_is_not_taken_is_an_error_with_status_and_a_bounded_text(gateway: Gateway, status: int) -> None:
    gateway.status, gateway.answer, gateway.fields = status, b"why not \n" * 100_000, {"Location": gateway.url + "/x"}
    with pytest.raises(PushError, match="why not why not") as caught:
        push(gateway.url, "etl", {}, PAGE, TEXT, 30)
    assert caught.value.status == status
    assert len(str(caught.value)) < 500
    assert len(gateway.requests) == 1
    assert isinstance(caught.value, OSError)


def test_an_empty_answer_is_told_as_such(gateway: Gateway) -> None:
    gateway.status = 500
    with pytest.raises(PushError, match=r"500: \(nothing\)"):
        push(gateway.url, "etl", {}, PAGE, TEXT, 30)


@pytest.mark.parametrize(
    "url",
    [
        "gateway:9091",
        "ftp://s3cret@gateway",
        "http://",
        "http://u:s3cret@gateway:99999",
        "http://u:s3cret@[::1",
        "http://gateway/?token=s3cret",
        "http://gateway/#s3cret",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(PushError, match="its URL") as caught:
        push(url, "etl", {}, PAGE, TEXT, 30)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.status is None


@pytest.mark.parametrize(("job", "grouping"), [("", {}), ("j", {"job": "x"}), ("j", {"a-b": "x"}), ("j", {"__x": "x"})])
def test_a_group_that_cannot_be_is_refused(job: str, grouping: dict[str, str]) -> None:
    with pytest.raises(PushError, match=r"has no name|cannot be a label"):
        push("http://127.0.0.1:9", job, grouping, PAGE, TEXT, 30)


def test_a_gateway_that_refuses_connections_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    before = time.monotonic()
    with pytest.raises(PushError, match=f"http://127.0.0.1:{port}: ConnectionRefusedError"):
        push(f"http://127.0.0.1:{port}", "etl", {}, PAGE, TEXT, 30)
    assert time.monotonic() - before < SLACK_SECONDS


def test_a_name_that_nobody_has_is_an_error() -> None:
    with pytest.raises(PushError, match=r"not pushed to http://nobody\.invalid:80"):
        push("http://nobody.invalid", "etl", {}, PAGE, TEXT, 0.5)


def test_a_content_type_that_cannot_be_sent_is_an_error(gateway: Gateway) -> None:
    with pytest.raises(PushError, match="ValueError"):
        push(gateway.url, "etl", {}, PAGE, "text/plain\r\nX-Evil: 1", 30)
    assert not gateway.requests


def timed_out(url: str, body: bytes = PAGE) -> None:
    """Push, and see that it ends when its time is over, its thread too."""
    threads, before = threading.active_count(), time.monotonic()
    with pytest.raises(PushError, match=r"no answer within 0\.3 s"):
        push(url, "etl", {}, body, TEXT, 0.3)
    assert 0.25 < time.monotonic() - before < 0.3 + SLACK_SECONDS
    eventually(lambda: threading.active_count() <= threads, "the thread ends")


def test_a_gateway_that_takes_connections_and_never_answers_is_given_up() -> None:
    # The kernel accepts for the one who listens.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        timed_out(f"http://127.0.0.1:{listener.getsockname()[1]}")
        timed_out(f"http://127.0.0.1:{listener.getsockname()[1]}", body=b"# a long comment\n" * 1_000_000)


def test_a_gateway_that_does_not_finish_the_handshake_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        timed_out(f"https://127.0.0.1:{listener.getsockname()[1]}")


def drip(first: bytes) -> Callable[[socket.socket], None]:
    def serve(sock: socket.socket) -> None:
        """Send a byte every now and then: no single wait is a long one."""
        sock.sendall(first)
        sock.settimeout(0.05)
        while True:
            with contextlib.suppress(TimeoutError, socket.timeout):
                if not sock.recv(65536):
                    return
            sock.sendall(b"x")

    return serve


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
def test_an_answer_that_comes_by_drips_is_given_up(first: bytes) -> None:
    with accepting(drip(first)) as port:
        timed_out(f"http://127.0.0.1:{port}")


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    def flood(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        while True:
            sock.sendall(b"no " * 10_000)

    with accepting(flood) as port, pytest.raises(PushError, match="400: no no"):
        push(f"http://127.0.0.1:{port}", "etl", {}, PAGE, TEXT, 30)


def test_what_is_no_http_is_an_error() -> None:
    def serve(sock: socket.socket) -> None:
        received = b""
        while not received.endswith(PAGE):
            received += sock.recv(65536)
        sock.sendall(b"SSH-2.0-x\r\n")

    with accepting(serve) as port, pytest.raises(PushError, match="BadStatusLine"):
        push(f"http://127.0.0.1:{port}", "etl", {}, PAGE, TEXT, 30)


def test_a_gateway_of_plain_http_is_no_secure_one(gateway: Gateway) -> None:
    with pytest.raises(PushError, match="SSL"):
        push(f"https://127.0.0.1:{gateway.port}", "etl", {}, PAGE, TEXT, 30)


def test_a_process_that_can_start_no_thread_gets_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(PushError, match="can't start new thread"):
            push("http://127.0.0.1:9", "etl", {}, PAGE, TEXT, 30)


def test_a_connection_made_after_its_time_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name service takes its time, and then it is too late."""
    import http.client

    connect, late = http.client.HTTPConnection.connect, threading.Event()

    def slow(self: http.client.HTTPConnection) -> None:
        late.wait(60)
        connect(self)

    received: list[bytes] = []
    with accepting(lambda sock: received.append(sock.recv(100))) as port:
        threads = threading.active_count()
        with monkeypatch.context() as patch:
            patch.setattr(http.client.HTTPConnection, "connect", slow)
            with pytest.raises(PushError, match="no answer within"):
                push(f"http://127.0.0.1:{port}", "etl", {}, PAGE, TEXT, 0.3)
            late.set()
            eventually(lambda: threading.active_count() < threads + 1, "the thread ends")
    assert received == [b""]

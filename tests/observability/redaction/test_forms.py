"""Secrets are known by their form in any text, and ordinary texts stay as they are."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.observability.options import RedactionOptions
from pellucid.observability.redaction import Redactor

HIDDEN = "<redacted>"
PLANTED = "Zq9secretX7"
CODED = base64.b64encode(f"user:{PLANTED}".encode()).decode()

TEXTS = (
    # assigned to a name
    *("pw={}", "pw: {}", "db_pw={}", "db.pwd={}", "bearer={}", '"bearer": "{}"', "pat={}", "'pat': '{}'", "otp={}"),
    *("otp: {}", "license_key={}", "licence-key: {}", "salt={}", '"salt":"{}"', "pin_code={}", "pin_code: {}"),
    *(
        "PGPASSWORD={} psql",
        "Server=x;Pwd={};Uid=me",
        "AccountKey={}==;EndpointSuffix=x",
        "Password:{}",
        "password : {}",
    ),
    *("password == '{}'", "password => {}", "password := {}", 'password = """{}"""', "password = f'{}'", "secret='{}"),
    *("os.environ['API_TOKEN'] = '{}'", '{{\\"token\\": \\"{}\\"}}', "auth=('me', '{}')", "passwords=['a', '{}']"),
    *("token: Bearer {}.abc", "x-api-key: {}", "Cookie: id={}; b={}", 'params={{"db": {{"password": "{}"}}}}'),
    # flags and logins of commands, as they are typed and as a list shows them
    *("--password {}", "--http-password {} x", "['tool', '--token', '{}']", "--params=client_secret={},x=1"),
    *("--params client_secret:{},x=1", "curl -u user:{} https://x/y", "curl -s -XPOST --user user:{} https://x/y"),
    *(
        "['curl', '-u', 'user:{}', 'https://x']",
        "curl -uuser:{} x",
        "curl -u c:d --proxy-user b:{}",
        "http -a user:{} x",
        "smbclient //h -U me%{}",
    ),
    *("mysql -uroot -p{} db", "['mysql', '-uroot', '-p{}']", "mysqldump --all -p{}", "sshpass -p {} ssh h"),
    *("redis-cli -a {} ping", "docker login -u me -p {} reg", "sqlcmd -U sa -P {}", "ldapsearch -w {} -x"),
    # in URLs, and in what is similar
    *("jdbc:oracle:thin:scott/{}@host:1521:x", "jdbc:oracle:oci:scott/{}@//host/x", "sqlplus scott/{}@db"),
    *("s3://AKIAIOSFODNN7EXAMPLE:{}/ab+c@bucket/x", "container/blob?sv=1&sig={}", "/path?X-Amz-Signature={}"),
    *("https://b.example.com/k?X-Amz-Signature={}&X-Amz-Date=1", "jdbc:sqlserver://h:1433;user=sa;password={}"),
    *("hooks.slack.com/services/T0/B0/{}", "https://u:{}@h/x?y=z", "https://x/y#access_token={}"),
    # with a scheme
    *("got Bearer {}.abc", "a token {}9944b09199c62bcf9418ad846dd used"),
)
TOKENS = (
    *("sk_live_" + "a1" * 12, "rk_test_" + "a1" * 12, "sk-" + "a1" * 20, "sk-proj-" + "a1-_" * 10, "hf_" + "a1" * 15),
    *("npm_" + "a1" * 18, "pypi-" + "a1" * 25, "SG." + "a1" * 10 + "." + "b2" * 20, "dapi" + "0a" * 16),
    *("hvs." + "a1" * 15, "xoxb-12345-67890-abcDEF", "xapp-1-A0-12345678901234567890", "glpat-" + "a1" * 10),
    *("ghs_" + "a1" * 18, "github_pat_" + "a1_" * 10, "AIza" + "a1" * 18, "ya29." + "a1" * 20, "GOCSPX-" + "a1" * 14),
    *("whsec_" + "a1" * 16, "shpat_" + "0a" * 16, "dop_v1_" + "0a" * 32, "glsa_" + "a1" * 16, "ASIAIOSFODNN7EXAMPLE"),
    *("AGE-SECRET-KEY-1" + "A1" * 20, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1"),
    "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
)
READABLE = (
    *("commit 0123456789abcdef0123456789abcdef01234567", "d41d8cd98f00b204e9800998ecf8427e", "sha256:" + "ab" * 32),
    *("tokenizer: bert", "author: me", "authors=5", "passenger_count: 3", "monkey=1", "keyboard: us", "secretary: Ann"),
    *("date=2024-05-06", "version: 1.2.3", "compass=5", "bypass: no", "primary_key: id", "key=lambda x: x", "con: x"),
    *(
        "sort(key=len)",
        "max_tokens=512",
        "token_count: 17",
        "tokens: 5",
        "password=None",
        "use_token=True",
        "salted: no",
    ),
    *("Basic information: ok", "Basic authentication failed", "Basic configuration-of-everything", "Bearer of news"),
    *("use --token to pass", "The option --password is missing", "token is missing", "a token of appreciation"),
    *("mapping: a -> b", "path=/a/b", "pattern: x", "pinned: 3", "spin=2", "pass: 5 fail: 2", "auth: failed"),
    *(
        "companies#csv",
        "params:alpha",
        "s3://bucket/key.csv",
        "http://host:4318/v1/traces",
        "2026-01-02T03:04:05+00:00",
    ),
    *("sk-learn-model-version-2024", "x_hf_y", "dapi", "a/b@c", "me@example.com wrote", "http -> x", "docker ps"),
    *("curl failed with -1", "mysql error -5", "uuid 123e4567-e89b-12d3-a456-426614174000", "connect(host='h')"),
    *(
        "preprocess_companies_node",
        "Loading data from companies (CSVDataset)...",
        "\U0001f469\u200d\U0001f4bb \u0645\u06cc\u200c\u062e\u0648",
    ),
)


def redactor() -> Redactor:
    return Redactor(RedactionOptions())


@pytest.mark.parametrize(
    "text", [*(each.replace("{}", PLANTED).replace("{{", "{").replace("}}", "}") for each in TEXTS)]
)
@pytest.mark.parametrize("around", ["{}", "It failed: {}", "x\n{}\ny", "{} " + "and more " * 60])
def test_a_planted_secret_is_hidden(text: str, around: str) -> None:
    made = redactor()
    shown = made.text(around.replace("{}", text))
    assert PLANTED not in shown
    assert HIDDEN in shown
    assert made.text(shown) == shown


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_of_services_are_hidden(token: str) -> None:
    assert redactor().text(f"got {token} here") == f"got {HIDDEN} here"
    assert redactor().text(f"key='{token}'") == f"key='{HIDDEN}'"


@pytest.mark.parametrize("before", ["Basic ", "sent Basic ", "basic  ", "Authorization=Basic "])
def test_users_of_basic_authentication_are_hidden(before: str) -> None:
    assert CODED not in redactor().text(f"{before}{CODED} to it")
    assert HIDDEN in redactor().text(f"{before}{CODED} to it")


def test_a_private_key_of_many_lines_is_hidden_in_a_traceback() -> None:
    body = "\n".join(base64.b64encode(bytes([each] * 48)).decode() for each in range(20))
    text = f"before\n-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\nafter"
    assert redactor().lines(text) == f"before\n{HIDDEN}\nafter"
    assert redactor().text(text) == rf"before\n{HIDDEN}\nafter"


@pytest.mark.parametrize("text", READABLE)
def test_ordinary_texts_stay_readable(text: str) -> None:
    assert redactor().text(text) == text
    assert redactor().text(f"{text} {'and more ' * 60}") == f"{text} {'and more ' * 60}"


@pytest.mark.parametrize(
    "key",
    [
        *("pw", "db_pw", "bearer", "pat", "github_pat", "otp", "license_key", "salt", "pin_code", "pin", "jwt", "sig"),
        *("api.key", "http_auth", "x-amz-signature", "PASSWORD", "client_secret", "pass", "dbpass", "ssh_key"),
    ],
)
def test_values_of_secret_keys_are_hidden(key: str) -> None:
    assert redactor().value(key, "x") == HIDDEN
    assert redactor().attribute(key, ["x"]) == HIDDEN


@pytest.mark.parametrize(
    "key",
    [
        *(
            "tokenizer",
            "author",
            "passenger_count",
            "monkey",
            "keyboard",
            "secretary",
            "compass",
            "bypass",
            "primary_key",
        ),
        *(
            "pattern",
            "path",
            "spin",
            "opinion",
            "basalt",
            "date",
            "version",
            "commit",
            "session.id",
            "authored",
            "signal",
        ),
    ],
)
def test_values_of_other_keys_are_shown(key: str) -> None:
    assert redactor().value(key, "x") == "x"


def test_configured_keys_count_in_texts_as_well() -> None:
    made = Redactor(RedactionOptions(keys=("^customer",)))
    assert made.text("{'customer_name': 'Ann', 'rate': 3}") == f"{{'customer_name': '{HIDDEN}', 'rate': 3}}"


@pytest.mark.parametrize(
    "part", ["://", "http://a:b", "curl -u ", "password: [", "token='", "a:", "--a-", '\\"', "eyJ", "-p "]
)
def test_no_text_takes_long(part: str) -> None:
    """The time is that of the length, not of its square, which would be minutes."""
    made = Redactor(RedactionOptions(value_length=400_000))
    text = part * (400_000 // len(part))
    started = time.process_time()
    made.text(text)
    assert time.process_time() - started < 30


@given(
    st.lists(
        st.sampled_from([*TEXTS, *TOKENS, *READABLE, "\n", " ", "{", "'", '"', "=", ":", ",", "\\", "@", "?"]),
        max_size=8,
    )
)
def test_what_was_hidden_stays_as_it_is(parts: list[str]) -> None:
    made = redactor()
    shown = made.text("".join(parts).replace("{}", PLANTED))
    assert made.text(shown) == shown

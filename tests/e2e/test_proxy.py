"""Proxies, as the environment of other tools names them. The proxy is a small real one on loopback; names
under .test are known to it alone, so what arrives was not looked up here. 0.0.0.0 is this machine as
well, but, unlike 127.0.0.1, no address that never takes a proxy."""

import shutil
import sys
from pathlib import Path

import pytest

import hub_server
import net_servers
import qdrant
import server as server_harness
from server import Server
from test_s3 import Bucket, gateway  # noqa: F401 (a fixture)
from test_webhooks import Receiver, webhook_of
from video_server import Videos

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "s3"))

USER, PASSWORD = "somebody", "hunter2:/@ %"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture
def proxy(server):
    with net_servers.Proxy({"api.test": server.port, "0.0.0.0": server.port}) as running:
        yield running


def list_jobs(oriane, url, *options, **settings):
    return oriane("jobs", "list", "--json", "--timeout=8", "--server", url, *options,
                  settings={"API_KEY": server_harness.KEY, **settings})


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_http_goes_through_it(oriane, server, proxy, variable):
    url = f"http://0.0.0.0:{server.port}"
    result = list_jobs(oriane, url, **{variable: proxy.url})
    assert result.code == 0, result
    assert proxy.asked == [f"GET {url}/jobs"] or proxy.asked[0].startswith(f"GET {url}/jobs?")


def test_a_proxy_without_a_scheme_speaks_http(oriane, server, proxy):
    url = f"http://0.0.0.0:{server.port}"
    assert list_jobs(oriane, url, HTTP_PROXY=f"127.0.0.1:{proxy.port}").code == 0
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("exempt", ["0.0.0.0", "*", "a.test, 0.0.0.0/8"])
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_no_proxy_is_honoured(oriane, server, proxy, variable, exempt):
    url = f"http://0.0.0.0:{server.port}"
    result = list_jobs(oriane, url, HTTP_PROXY=proxy.url, **{variable: exempt})
    assert result.code == 0 and proxy.opened == 0, result
    assert list_jobs(oriane, url, HTTP_PROXY=proxy.url, NO_PROXY="1.0.0.0/8,b.test").code == 0
    assert len(proxy.asked) == 1


def test_this_machine_is_never_behind_a_proxy(oriane, server, proxy):
    for host in ("127.0.0.1", "localhost", "127.1"):
        result = list_jobs(oriane, f"http://{host}:{server.port}", HTTP_PROXY=proxy.url)
        assert proxy.opened == 0, result


def test_names_are_left_to_the_proxy(oriane, proxy):
    """The server itself refuses the strange Host: what matters is who was asked."""
    list_jobs(oriane, "http://api.test", HTTP_PROXY=proxy.url)
    assert proxy.asked[0].startswith("GET http://api.test/jobs")
    result = list_jobs(oriane, "http://unknown.test", HTTP_PROXY=proxy.url)
    assert result.code != 0


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_https_is_tunnelled_and_verified_to_its_end(oriane, server, tmp_path):
    certificates = net_servers.Certificates(tmp_path / "certificates")
    pair = certificates.make("front", "IP:0.0.0.0,DNS:api.test")
    with net_servers.TlsFront(server.port, pair) as front, \
            net_servers.Proxy({"0.0.0.0": front.port, "other.test": front.port}) as proxy:
        url = f"https://0.0.0.0:{front.port}"
        for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            proxy.asked.clear()
            result = list_jobs(oriane, url, SSL_CERT_FILE=certificates.ca, **{variable: proxy.url})
            assert result.code == 0, result
            assert proxy.asked == [f"CONNECT 0.0.0.0:{front.port}"]
        result = list_jobs(oriane, url, HTTPS_PROXY=proxy.url)
        assert result.code != 0 and "SSL_CERT_FILE" in result.err, result
        result = list_jobs(oriane, "https://other.test", HTTPS_PROXY=proxy.url,
                           SSL_CERT_FILE=certificates.ca)
        assert result.code != 0 and "another host's" in result.err, result
        proxy.asked.clear()
        assert list_jobs(oriane, url, HTTP_PROXY=proxy.url, SSL_CERT_FILE=certificates.ca).code == 0
        assert proxy.asked == [], "HTTP_PROXY is for http"


# --- a proxy that asks for a user -------------------------------------------------------------------------

@pytest.mark.parametrize("scheme, variable", [("http", "HTTP_PROXY"), ("https", "HTTPS_PROXY")])
def test_its_password_is_used_and_never_shown(oriane, server, scheme, variable):
    names = {"0.0.0.0": server.port}
    with net_servers.Proxy(names, user=f"{USER}:{PASSWORD}") as proxy:
        url = f"{scheme}://0.0.0.0:{server.port}"
        told = list_jobs(oriane, url, **{variable: proxy.url})
        assert told.code != 0 and "asks for a user and a password" in told.err, told
        wrong = list_jobs(oriane, url, LOG_LEVEL="trace",
                          **{variable: proxy.url_with(f"{USER}:hunter2wrong")})
        assert wrong.code != 0 and "asks for a user" in wrong.err, wrong
        right = list_jobs(oriane, url, LOG_LEVEL="trace",
                          **{variable: proxy.url_with(f"{USER}:{PASSWORD}")})
        assert (right.code == 0) == (scheme == "http"), right  # there is no TLS behind the tunnel
        for result in (wrong, right):
            assert "net.curl" in result.err
            assert "hunter2" not in result.err and USER not in result.err, result.err
            assert "Basic " not in result.err, result.err


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_the_proxy_refuses(oriane, server, scheme):
    with net_servers.Proxy({"0.0.0.0": server.port}, refuses=403) as proxy:
        result = list_jobs(oriane, f"{scheme}://0.0.0.0:{server.port}", ALL_PROXY=proxy.url)
        assert result.code != 0 and "403" in result.err, result
        assert len(proxy.asked) == 1, "it was not asked again"


def test_a_proxy_that_is_silent_or_away(oriane):
    with net_servers.Proxy(silent=True) as proxy:
        result = list_jobs(oriane, "https://0.0.0.0:1", "--timeout=1", ALL_PROXY=proxy.url)
        assert result.code != 0 and "did not answer in time" in result.err, result
    with hub_server.port_nobody_listens_on() as port:
        result = list_jobs(oriane, "http://0.0.0.0:1", ALL_PROXY=f"http://127.0.0.1:{port}")
        assert result.code != 0 and "through the proxy" in result.err, result


@pytest.mark.parametrize("value", ["ftp://u:hunter2@p", "http://u:hunter2@p/path", "http://p:hunter2"])
def test_what_is_no_proxy_stops_the_start(tmp_path, oriane, value):
    server = Server(tmp_path / "s", env={"HTTPS_PROXY": value}, starts=False)
    assert server.spawn().wait(60) != 0
    assert "HTTPS_PROXY" in server.log_text() and "hunter2" not in server.log_text()
    result = list_jobs(oriane, "http://127.0.0.1:9", HTTP_PROXY=value)
    assert result.code == 2 and "HTTP_PROXY" in result.err and "hunter2" not in result.err, result


def test_settings_show_it_without_its_password(tmp_path, oriane):
    env = {name: f"http://{USER}:hunter2@127.0.0.1:9" for name in VARIABLES}
    with Server(tmp_path / "s", env=env) as server:
        config = server.get("/config")
        assert "hunter2" not in config.text
        assert config.json["http_proxy"] == f"http://{USER}:***@127.0.0.1:9"
        assert "hunter2" not in server.log_text()
    for options in ([], ["--json"]):
        shown = oriane("config", *options, settings={**env, "ALL_PROXY": "u:hunter2@p:3"})
        assert shown.code == 0 and "hunter2" not in shown.out and ":***@" in shown.out, shown


# --- who goes through it ----------------------------------------------------------------------------------

def test_models_are_pulled_through_it(oriane):
    hub = hub_server.Hub()
    try:
        hub.add("org/model")
        names = {"hub.test": hub.port, "cdn.test": hub.cdn.port}
        hub.cdn.host = "cdn.test"
        with net_servers.Proxy(names) as proxy:
            result = oriane("model", "pull", "org/model", settings={
                "HF_ENDPOINT": f"http://hub.test:{hub.port}", "HF_HOME": oriane.folder / "hf",
                "HTTP_PROXY": proxy.url})
            assert result.code == 0, result
            assert any("http://cdn.test:" in line for line in proxy.asked)
            assert len(proxy.asked) >= len(hub.requests) + len(hub.cdn.requests) > 0
    finally:
        hub.stop()


def finished(server, url):
    """A job without work, and what became of its webhook."""
    answer = server.post("/process", {"items": [{"platform": "p", "code": "c"}], "webhook_url": url})
    return answer, answer.json.get("jobId")


def test_webhooks_take_none_unless_it_is_trusted(tmp_path):
    with Receiver() as receiver, net_servers.Proxy({"0.0.0.0": receiver.http.server_port,
                                                    "hook.test": receiver.http.server_port}) as proxy:
        url = f"http://0.0.0.0:{receiver.http.server_port}/hook"
        env = {"HTTP_PROXY": proxy.url, "URL_ALLOW_PRIVATE": "0.0.0.0/32"}
        with Server(tmp_path / "guarded", env=env) as server:
            _, job = finished(server, url)
            webhook_of(server, job, "delivered")
            assert proxy.opened == 0 and len(receiver.got) == 1
        with Server(tmp_path / "trusted", env={**env, "URL_ALLOW_PROXY": 1}) as server:
            _, job = finished(server, "http://hook.test/hook")
            webhook_of(server, job, "delivered")
            assert proxy.asked == ["POST http://hook.test/hook"] and len(receiver.got) == 2
            answer, _ = finished(server, "http://10.0.0.1/")  # an address is judged here all the same
            assert answer.status == 422 and len(proxy.asked) == 1, answer


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_videos_by_url_take_none_unless_it_is_trusted(tmp_path, clip):
    certificates = net_servers.Certificates(tmp_path / "certificates")
    pair = certificates.make("web", "IP:0.0.0.0,DNS:video.test")
    with Videos() as web, net_servers.TlsFront(web.port, pair) as front, \
            net_servers.Proxy({"0.0.0.0": front.port, "video.test": front.port}) as proxy:
        web.add("/film.mp4", clip("cuts").path.read_bytes())
        env = {"ALL_PROXY": proxy.url, "SSL_CERT_FILE": certificates.ca,
               "URL_ALLOW_PRIVATE": "0.0.0.0/32"}

        def run(server, url):
            return server.run([{"platform": "p", "code": "v", "url": url}])["status"]
        with Server(tmp_path / "guarded", env=env) as server:
            assert run(server, f"https://0.0.0.0:{front.port}/film.mp4") == "completed"
            assert proxy.opened == 0 and front.opened > 0
        with Server(tmp_path / "trusted", env={**env, "URL_ALLOW_PROXY": 1}) as server:
            assert run(server, "https://video.test/film.mp4") == "completed"
            assert set(proxy.asked) == {"CONNECT video.test:443"}
            # plain http is for listed addresses alone, which nobody can see through a proxy
            proxy.asked.clear()
            assert run(server, f"http://0.0.0.0:{web.port}/film.mp4") == "completed"
            assert proxy.asked == []


def test_s3_and_qdrant_through_one_that_asks_for_a_user(tmp_path, gateway, clip):  # noqa: F811
    try:
        store = qdrant.Qdrant()
    except qdrant.Missing as reason:
        pytest.skip(str(reason))
    bucket = Bucket(gateway)  # a name that is not the gateway's own it would take for a bucket
    with store, net_servers.Proxy({"0.0.0.0": int(gateway.endpoint.rsplit(":", 1)[1]),
                                   "qdrant.test": store.port}, user=f"{USER}:{PASSWORD}") as proxy:
        env = bucket.settings(AWS_ENDPOINT_URL="http://0.0.0.0:7480", QDRANT_KEY=qdrant.KEY,
                              QDRANT_URL="http://qdrant.test:6333", LOG_LEVEL="trace",
                              HTTP_PROXY=proxy.url_with(f"{USER}:{PASSWORD}"))
        with Server(tmp_path, env=env) as server:
            server.wait_ready()
            item = server.add_video("p", "v", clip("cuts").path)
            assert server.run([item])["status"] == "completed"
            frames = server.frames(item)
            found = server.post("/search-by/frame", {"id": frames[0]["id"]})
            assert found.status == 200, found
            assert len(store.points()) == len(frames)
            assert set(bucket.s3.keys(bucket.name, "p/v/")) > {frame["path"] for frame in frames}
            for start in (f"PUT http://0.0.0.0:7480/{bucket.name}/p/v/", "PUT http://qdrant.test:6333/"):
                assert any(line.startswith(start) for line in proxy.asked), start
            log = server.log_text()
            for secret in ("hunter2", "Basic ", f"'{USER}'"):
                assert secret not in log

"""S3 and Qdrant over https: real servers behind a front that speaks TLS, and behind one that speaks
HTTP/2; certificates of an authority that only a setting names. The gateway is called by its address: a
name that is not its own it would take for a bucket."""

import shutil

import pytest

import net_servers
import qdrant
from server import Server
from test_s3 import Bucket, gateway  # noqa: F401 (a fixture)

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return net_servers.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def store():
    try:
        with qdrant.Qdrant() as running:
            yield running
    except qdrant.Missing as reason:
        pytest.skip(str(reason))


def port_of(url):
    return int(url.rsplit(":", 1)[1])


def run_and_find(server, clip, name):
    """A video to frames in the bucket and points, and found again; its frames."""
    item = server.add_video("p", name, clip("cuts").path)
    assert server.run([item])["status"] == "completed"
    frames = server.frames(item)
    found = server.post("/search-by/frame", {"id": frames[0]["id"]})
    assert found.status == 200 and frames, found
    assert server.get(frames[0]["url"]).status == 200
    return frames


def test_both_over_tls(tmp_path, gateway, store, certificates, clip):  # noqa: F811
    bucket = Bucket(gateway)
    pair = certificates.make("stores")
    with net_servers.TlsFront(port_of(gateway.endpoint), pair, "127.0.0.1") as s3, \
            net_servers.TlsFront(store.port, pair) as points:
        env = bucket.settings(AWS_ENDPOINT_URL=s3.url, QDRANT_URL=points.url, QDRANT_KEY=qdrant.KEY,
                              QDRANT_COLLECTION="over_tls")
        with Server(tmp_path / "none", env=env) as server:
            answer = server.wait_not_ready("nobody that is believed here has signed it")
            assert "SSL_CERT_FILE" in answer.json["detail"]
        # each side by its own setting
        env["AWS_CA_BUNDLE"] = certificates.ca
        with Server(tmp_path / "s3", env=env) as server:
            server.wait_not_ready("SSL_CERT_FILE")
        env["SSL_CERT_FILE"] = certificates.ca
        with Server(tmp_path / "both", env=env) as server:
            server.wait_ready()
            frames = run_and_find(server, clip, "v")
            assert set(bucket.s3.keys(bucket.name, "p/v/")) > {frame["path"] for frame in frames}
            assert len(store.points("over_tls")) == len(frames)
        assert s3.open_max <= 20 and points.open_max <= 10
        env["AWS_CA_BUNDLE"] = "/etc/hostname"
        with Server(tmp_path / "wrong", env=env) as server:
            server.wait_not_ready("AWS_CA_BUNDLE=/etc/hostname: no certificates can be read there")


def test_both_over_http2_and_its_front_started_anew(tmp_path, gateway, store, certificates,  # noqa: F811
                                                    clip):
    if not net_servers.NGHTTPX:
        pytest.skip("nghttpx (nghttp2-proxy) is not installed")
    bucket = Bucket(gateway)
    pair = certificates.make("http2")
    with net_servers.Nghttpx(tmp_path / "f1", port_of(gateway.endpoint), pair) as s3, \
            net_servers.Nghttpx(tmp_path / "f2", store.port, pair) as points:
        env = bucket.settings(AWS_ENDPOINT_URL=s3.url.replace("localhost", "127.0.0.1"),
                              QDRANT_URL=points.url, QDRANT_KEY=qdrant.KEY,
                              QDRANT_COLLECTION="over_http2", SSL_CERT_FILE=certificates.ca,
                              AWS_MAX_POOL_CONNECTIONS=3)
        with Server(tmp_path / "server", env=env) as server:
            server.wait_ready()
            run_and_find(server, clip, "one")
            for front in (s3, points):
                front.stop()
                assert any(" HTTP/2 2" in line for line in front.lines())
                assert all(" HTTP/2 " in line for line in front.lines()), front.lines()
                front.start()
            frames = run_and_find(server, clip, "two")
            assert set(bucket.s3.keys(bucket.name, "p/two/")) > {frame["path"] for frame in frames}

"""TLS of every request that leaves: always verified, by the system's authorities or by a file of one's
own. The client is `oriane jobs`, the server a real `oriane serve` behind a front that speaks TLS."""

import shutil

import pytest

import net_servers
import server as server_harness

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return net_servers.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def front(server, certificates):
    with net_servers.TlsFront(server.port, certificates.make("good")) as running:
        yield running


def list_jobs(oriane, url, **settings):
    return oriane("jobs", "list", "--json", "--timeout=8", "--server", url,
                  settings={"API_KEY": server_harness.KEY, **settings})


def refused(oriane, url, *words, **settings):
    result = list_jobs(oriane, url, **settings)
    assert result.code != 0 and not result.out, result
    for word in words:
        assert word in result.err, result
    return result


def test_refused_without_its_authority_and_told_what_to_do(oriane, front):
    refused(oriane, front.url, "certificate", "nobody that is believed here has signed it",
            "name the file with its authority's certificate by SSL_CERT_FILE")
    assert front.refused, "it had come to a handshake"


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_accepted_with_it(oriane, front, certificates, variable):
    result = list_jobs(oriane, front.url, **{variable: certificates.ca})
    assert result.code == 0 and "jobs" in result.json, result
    assert front.versions[-1] == "TLSv1.3"


def test_the_address_in_the_certificate_is_as_good_as_the_name(oriane, front, certificates):
    url = f"https://127.0.0.1:{front.port}"
    assert list_jobs(oriane, url, SSL_CERT_FILE=certificates.ca).code == 0


def test_the_bundle_of_s3_is_for_s3_alone(oriane, front, certificates):
    refused(oriane, front.url, "SSL_CERT_FILE", AWS_CA_BUNDLE=certificates.ca)


def test_another_hosts_certificate_is_refused(oriane, server, certificates):
    other = certificates.make("other", "DNS:other.test,IP:127.0.0.2")
    with net_servers.TlsFront(server.port, other) as front:
        for url in (front.url, f"https://127.0.0.1:{front.port}"):
            refused(oriane, url, "the certificate is another host's", SSL_CERT_FILE=certificates.ca)


@pytest.mark.parametrize("dated, words", [
    (("200101000000Z", "200201000000Z"), "has expired"),
    (("400101000000Z", "400201000000Z"), "not yet valid")])
def test_one_out_of_its_time_is_refused(oriane, server, certificates, dated, words):
    old = certificates.make("old", dated=dated)
    with net_servers.TlsFront(server.port, old) as front:
        refused(oriane, front.url, words, "renew it, or set this machine's clock",
                SSL_CERT_FILE=certificates.ca)


def test_one_that_signed_itself_is_refused(oriane, server, tmp_path):
    own = net_servers.Certificates(tmp_path / "own")
    own.make("leaf")
    with net_servers.TlsFront(server.port, (own.ca, own.folder / "ca.key"), "localhost") as front:
        refused(oriane, front.url, "SSL_CERT_FILE")


def test_files_that_hold_no_certificates(oriane, front, tmp_path):
    refused(oriane, front.url, "SSL_CERT_FILE=/nonexistent/ca.pem: expected a file of certificates",
            SSL_CERT_FILE="/nonexistent/ca.pem")
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate\n")
    refused(oriane, front.url, f"SSL_CERT_FILE={wrong}: no certificates can be read there",
            SSL_CERT_FILE=wrong)


def test_no_start_with_a_file_that_is_not_there(tmp_path):
    for variable in ("SSL_CERT_FILE", "AWS_CA_BUNDLE"):
        server = server_harness.Server(tmp_path / variable, env={variable: "/nonexistent/ca.pem"},
                                       starts=False)
        assert server.spawn().wait(60) != 0
        assert f"{variable}=/nonexistent/ca.pem: expected" in server.log_text()


def test_tls_asked_of_a_server_that_speaks_none(oriane, server):
    refused(oriane, f"https://localhost:{server.port}", "curl 35")


def test_a_handshake_that_does_not_come_is_not_waited_for(oriane):
    with net_servers.Silence() as silence:
        result = oriane("jobs", "list", "--timeout=1", "--server",
                        f"https://localhost:{silence.port}")
        assert result.code != 0 and "did not answer in time" in result.err, result

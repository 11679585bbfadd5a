"""A few lines of S3, independent of the program under test: what it wrote is read by somebody else."""

import datetime
import hashlib
import hmac
import http.client
import re
import urllib.parse
from html import unescape

REGION = "us-east-1"


def quote(text, safe="-_.~"):
    return urllib.parse.quote(text, safe=safe)


class S3:
    def __init__(self, endpoint, access, secret):
        self.host = endpoint.split("://", 1)[1]
        self.access, self.secret = access, secret

    def request(self, method, path, query=None, body=b"", headers=None):
        """Signature Version 4; (status, headers, body)."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        digest = hashlib.sha256(body).hexdigest()
        signed = {"host": self.host, "x-amz-content-sha256": digest, "x-amz-date": now}
        target = quote(path, "/-_.~")
        words = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted((query or {}).items()))
        canonical = "\n".join([method, target, words, *(f"{k}:{v}" for k, v in signed.items()), "",
                               ";".join(signed), digest])
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + self.secret.encode()
        for part in (now[:8], REGION, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        signed["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access}/{scope}, "
                                   f"SignedHeaders={';'.join(k for k in signed)}, "
                                   f"Signature={signature}")
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, target + ("?" + words if words else ""), body=body,
                               headers={**signed, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def make_bucket(self, bucket):
        status, _, body = self.request("PUT", f"/{bucket}")
        assert status == 200, body

    def put(self, bucket, key, data, content_type="application/octet-stream"):
        status, _, body = self.request("PUT", f"/{bucket}/{key}", body=data,
                                       headers={"Content-Type": content_type})
        assert status == 200, body

    def get(self, bucket, key):
        status, headers, body = self.request("GET", f"/{bucket}/{key}")
        assert status == 200, (status, body)
        return headers, body

    def keys(self, bucket, prefix=""):
        found, token = [], None
        while True:
            query = {"list-type": "2", "prefix": prefix}
            if token:
                query["continuation-token"] = token
            status, _, body = self.request("GET", f"/{bucket}", query)
            assert status == 200, body
            text = body.decode()
            found += [unescape(k) for k in re.findall(r"<Key>(.*?)</Key>", text)]
            more = re.search(r"<NextContinuationToken>(.*?)</NextContinuationToken>", text)
            if not more:
                return found
            token = unescape(more.group(1))

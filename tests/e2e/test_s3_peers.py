"""What others wrote to S3 is read, and others read what we wrote: objects in parts, a public bucket without
keys, and how little a broken file costs."""

import os
import subprocess

import pytest

import harness
from server import Server
from test_s3 import AWS, Bucket, aws, bucket, failed_item, gateway, local_tree, pictures  # noqa: F401

MEBI = 1 << 20
needs_aws = pytest.mark.skipif(not AWS.exists(), reason="awscli is not installed")


def noise(path, size, seconds, *options):
    """Nothing compresses it: a second of 640x360 is some 3 MB."""
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-vf",
                    "noise=alls=90:allf=t+u", "-t", str(seconds), "-c:v", "libx264", "-preset",
                    "ultrafast", "-qp", "12", "-pix_fmt", "yuv420p", *options, path], check=True)
    return path


@needs_aws
@pytest.mark.parametrize("extension", ["mp4", "mkv"])
def test_a_video_that_awscli_sent_in_parts(tmp_path, bucket, extension):  # noqa: F811
    """Its etag is no hash of its bytes; moov, and the cues of Matroska, are at its end."""
    video = noise(tmp_path / f"video.{extension}", "640x360", 5)
    assert video.stat().st_size > 10 * MEBI
    with Server(tmp_path / "local") as server:
        server.add_video("p", "v", video)
        assert server.run(["p/v"])["status"] == "completed"
        expected = pictures(harness.tree(server.out / "frames"))
    aws(bucket, "cp", str(video), f"s3://{bucket.name}/in/video.{extension}")
    _, headers, _ = bucket.s3.request("HEAD", f"/{bucket.name}/in/video.{extension}")
    assert "-" in headers["ETag"], headers["ETag"]
    with Server(tmp_path / "s3", env=bucket.settings(LOG_LEVEL="debug")) as server:
        url = f"s3://{bucket.name}/in/video.{extension}"
        assert server.run([{"platform": "p", "code": "v", "url": url}])["status"] == "completed"
        assert pictures(bucket.tree("p/v/")) == expected
        fetched = server.wait_event("medium.fetched")
        assert fetched["bytes"] <= fetched["of"] == video.stat().st_size


@needs_aws
def test_awscli_reads_a_still_that_was_sent_in_parts(tmp_path, bucket):  # noqa: F811
    video = noise(tmp_path / "video.mp4", "2880x1620", 0.12)
    settings = bucket.settings(AWS_MULTIPART_THRESHOLD=5242880, VP_MIN_FRAMES=1)
    with Server(tmp_path / "s3", env=settings) as server:
        server.add_video("p", "v", video)
        assert server.run(["p/v"])["status"] == "completed"
    aws(bucket, "cp", "--recursive", f"s3://{bucket.name}", str(tmp_path / "copy"))
    copy = harness.tree(tmp_path / "copy")
    assert copy == bucket.tree()
    stills = [p for p in (tmp_path / "copy").rglob("*.png")]
    assert stills and all(p.stat().st_size > 8 * MEBI for p in stills)
    for still in stills:
        _, headers, _ = bucket.s3.request("HEAD", f"/{bucket.name}/p/v/{still.name}")
        assert "-" in headers["ETag"] and headers["Content-Type"] == "image/png"


def test_a_public_bucket_without_keys(tmp_path, gateway, clip):  # noqa: F811
    """S3_UNSIGNED=1 where anybody may read and write."""
    expected = local_tree(tmp_path, clip("cuts"))
    public = Bucket(gateway)
    code, _, body = public.s3.request("PUT", f"/{public.name}", {"acl": ""}, ACL)
    assert code == 200, body
    env = public.settings(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, S3_UNSIGNED=1)
    with Server(tmp_path / "s3", env=env) as server:
        server.add_video("p", "v", clip("cuts").path)
        assert server.run(["p/v"])["status"] == "completed"
        assert server.wait_event("stores.remote")["credentials"] == "none"
    listed = public.s3.keys(public.name)
    assert sorted(listed) == sorted(expected)


ACL = b"""<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>test</ID></Owner>
<AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">
<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>FULL_CONTROL</Permission>
</Grant><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">
<ID>test</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>
</AccessControlPolicy>"""


def damaged_moov(data):
    at = data.rindex(b"moov")
    return data[:at + 4] + bytes(len(data) - at - 4)


@pytest.mark.parametrize("how, options, damage", [
    ("a moov of zeros at the end", (), damaged_moov),
    ("cut off before its moov", (), lambda data: data[:len(data) * 3 // 4]),
    ("a moov of zeros at the start", ("-movflags", "+faststart"),
     lambda data: data[:64] + bytes(200000) + data[200064:]),
    ("zeros", (), lambda data: bytes(len(data))),
    ("noise", (), lambda data: os.urandom(len(data))),
])
def test_a_broken_file_costs_little(tmp_path, bucket, how, options, damage):  # noqa: F811
    """Of 12 MB or more; what it takes to see that it is broken is a small part of it."""
    data = damage(noise(tmp_path / "video.mp4", "640x360", 6, *options).read_bytes())
    bucket.s3.put(bucket.name, "p/v/video.mp4", data)
    env = bucket.settings(S3_VIDEOS_BUCKET=bucket.name, SKIP_UPLOAD=1, LOG_LEVEL="debug")
    with Server(tmp_path / "s3", env=env) as server:
        error = failed_item(server.run(["p/v"]))
        fetched = server.wait_event("medium.fetched")
        assert fetched["of"] == len(data) and fetched["bytes"] < 2 * MEBI, (how, error, fetched)

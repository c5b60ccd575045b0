"""Versions of objects, with their locks, as a store tells them. A part of `check_bucket`."""

import boto3
import botocore.config
import botocore.exceptions


class LockSeen:
    """`mode` is None without a lock; `until` and `stored` in milliseconds, 0 without a lock."""

    def __init__(self, mode, until, hold, stored=None):
        self.mode, self.until, self.hold, self.stored = mode, until, hold, stored

    def __repr__(self):
        return f"{self.mode} until {self.until}{', held' if self.hold else ''}"


class Version:
    """One version of one object, or a delete marker; the key is below the prefix."""

    def __init__(self, source, key, version, size, is_latest, is_marker=False):
        self.source, self.key, self.version, self.size = source, key, version, size
        self.is_latest, self.is_marker = is_latest, is_marker

    def head(self):
        return self.source.head(self.key, self.version)

    def read(self):
        return self.source.read(self.key, self.version)


class BucketSource:
    """A prefix of a bucket, through boto3."""

    errors = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)

    def __init__(self, client, bucket, prefix=""):
        self.client, self.bucket, self.prefix = client, bucket, prefix

    @classmethod
    def open(cls, endpoint, region, bucket, prefix="", **credentials):
        return cls(client(endpoint, region, **credentials), bucket, prefix)

    def versions(self, folder=""):
        """Level by level: SeaweedFS lists directories, and loses keys between two pages of all."""
        markers = {}
        while True:
            page = self.client.list_object_versions(
                Bucket=self.bucket, Prefix=self.prefix + folder, Delimiter="/", **markers
            )
            for row in page.get("Versions", []):
                yield Version(
                    self, self.below(row["Key"]), row["VersionId"], row["Size"], row["IsLatest"]
                )
            for row in page.get("DeleteMarkers", []):
                key = self.below(row["Key"])
                yield Version(self, key, row["VersionId"], 0, row["IsLatest"], is_marker=True)
            for row in page.get("CommonPrefixes", []):
                yield from self.versions(self.below(row["Prefix"]))
            if not page.get("IsTruncated"):
                return
            markers = {
                name: page["Next" + name]
                for name in ("KeyMarker", "VersionIdMarker")
                if page.get("Next" + name)
            }

    def below(self, key):
        return key.removeprefix(self.prefix)

    def head(self, key, version):
        reply = self.client.head_object(
            Bucket=self.bucket, Key=self.prefix + key, VersionId=version
        )
        until = reply.get("ObjectLockRetainUntilDate")
        return LockSeen(
            reply.get("ObjectLockMode"),
            round(until.timestamp() * 1000) if until else 0,
            reply.get("ObjectLockLegalHoldStatus") == "ON",
            round(reply["LastModified"].timestamp() * 1000),
        )

    def read(self, key, version):
        reply = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key, VersionId=version)
        return reply["Body"].read()


def client(endpoint, region, access_key=None, secret_key=None):
    """A client with path-style addresses and few attempts."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=botocore.config.Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 3},
            max_pool_connections=16,
        ),
    )

"""Beam's file system of `s3://`, over a storage in this process: it has no folders, and renames by
copying."""

from __future__ import annotations

from apache_beam.io.aws.clients.s3.fake_client import FakeS3Client


class Storage(FakeS3Client):
    """Beam's own fake, asked as often as one likes: each question makes another client of it."""

    def __init__(self):
        super().__init__()
        self.failure: Exception | None = None

    def create_multipart_upload(self, request):
        """As the fake, unless nothing may be written."""
        if self.failure:
            raise self.failure
        return super().create_multipart_upload(request)

    def addresses(self) -> list[str]:
        """The addresses of all objects, sorted."""
        return sorted(f"s3://{bucket}/{key}" for bucket, key in self.files)

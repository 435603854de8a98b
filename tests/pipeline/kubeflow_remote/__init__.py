"""`artist-sim kubeflow` as a person types it, against a server that keeps what it is told.

Where the real data are, each request and each answer of that server is held against the public
description of the interface.
"""

"""TF Serving's protocols, held against a server of a pushed model, the embedded or a real one.

TF_SERVING_ADDRESS and TF_SERVING_MODEL (see tests/serving/conftest.py) name a real one.
"""

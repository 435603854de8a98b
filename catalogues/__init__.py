"""Catalogues of artists: what they look like, and how to read, import, generate and check one.

A catalogue is a folder with a ``catalogue.yaml`` (which tables, which columns) and tables in
CSV, Parquet or JSON Lines. ``docs/catalogue.md`` describes it for a person who brings their own.
Nothing here imports TensorFlow, TFX or Beam, so the command line stays quick.
"""

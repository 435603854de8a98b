"""Asks SavedModels in a process that knows nothing but TensorFlow.

Called by its path as `python served_probe.py QUESTIONS ANSWERS`: two pickles, of
[(model path, signature, {name: array}), ...] and of {"modules": ..., "answers": [{name: array}]}.
"""

import pickle
import sys

import tensorflow as tf

with open(sys.argv[1], "rb") as file:
    questions = pickle.load(file)
models = {}
answers = []
for path, signature, inputs in questions:
    if path not in models:
        models[path] = tf.saved_model.load(path)
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    found = models[path].signatures[signature](**tensors)
    answers.append({name: value.numpy() for name, value in found.items()})
modules = sorted({name.partition(".")[0] for name in sys.modules})
with open(sys.argv[2], "wb") as file:
    pickle.dump({"modules": modules, "answers": answers}, file)

"""A server of pushed models that speaks TF Serving's protocol, for laptops and tests."""

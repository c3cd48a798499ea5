"""TensorRT engines: building, checking and running them."""

"""Models of PyTorch and ONNX: imported as designs, and written again."""

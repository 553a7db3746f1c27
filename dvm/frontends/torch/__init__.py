"""PyTorch: `backend` is that of `torch.compile`, `lazy` is run-time fusion in eager mode, `explanation` tells what DVM takes."""

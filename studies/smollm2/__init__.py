"""SmolLM2-135M on the responses of arXiv 2402.11192: which of its statements hold on it."""

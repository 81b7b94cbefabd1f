"""SmolLM2-135M trained on four datasets of the same prompts: which one moves it the least."""

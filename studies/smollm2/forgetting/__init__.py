"""SmolLM2-135M trained on five datasets of the same prompts: which one moves it the least."""

"""Pictures painted step by step through a frozen network: another picture's style (gatys), and dreams (dream)."""

"""Embeds whole catalogues on Beam, some thousand artists at a time."""

"""Manifests of recordings to shards of tokens: resumable, on one machine or on a Ray cluster."""

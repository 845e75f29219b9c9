"""How a speaker sounds: the voice code, and the measurements that encoder and decoder share."""

"""From continuous tokens to a finite alphabet: codebooks that follow the encoder, and FSQ, which has none."""

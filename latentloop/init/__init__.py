"""`latentloop init`: looks at somebody's pictures and writes the settings that fit them."""

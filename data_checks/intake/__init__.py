"""Image intake: from the bytes of any file that a camera, a phone, a shop or a scanner makes to pixels."""

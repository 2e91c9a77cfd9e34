"""From what was seen to the settings that are proposed. Pure."""

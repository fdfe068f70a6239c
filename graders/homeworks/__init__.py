"""One TOML and one binding per homework."""

"""The web page of colorflow: choose among variants, edit them, take them home."""

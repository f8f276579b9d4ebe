"""This library inside other programs; each module needs the extra that is named after it."""

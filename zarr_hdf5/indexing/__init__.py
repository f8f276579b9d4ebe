"""Selections and the chunks they touch: pure arithmetic. Knows shapes and chunk lengths; reads nothing."""

"""Arrays: composed of metadata, a chunk source, codecs and indexing; they know no file format."""

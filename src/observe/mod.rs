//! Log, counters, status: what the adapter tells about itself.
